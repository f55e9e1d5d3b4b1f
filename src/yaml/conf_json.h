/* Documents of rows: JSON as the tree that the tables read, and places in it as JSON pointers. */
#ifndef GATEHOUSE_YAML_CONF_JSON_H
#define GATEHOUSE_YAML_CONF_JSON_H

#include "yaml/conf_node.h"

/* A document as conf_parse would give it (its lines and columns stay 0). Texts with control characters are refused.
 *   ret_root   in `arena`; the problems' pointer_root (not NULL before either) from now on
 *   Errors     ERR_CONFIG, told in `problems` */
NODISCARD enum err conf_from_json(struct arena *arena, struct str text, struct conf_problems *problems,
				  struct conf_node **ret_root);

/* Append the pointer that leads from the root to a key or value of its tree (RFC 6901); nothing for one that is not
 * in it. Walks the tree. */
void conf_pointer_put(const struct conf_node *root, const struct conf_node *at, struct buf *out);

#endif
