/* A YAML (or JSON) document as a tree that remembers where each value stood. */
#ifndef GATEHOUSE_YAML_CONF_NODE_H
#define GATEHOUSE_YAML_CONF_NODE_H

#include "base/arena.h"

enum conf_kind { CONF_SCALAR, CONF_LIST, CONF_MAP };

struct conf_node {
	enum conf_kind kind;
	unsigned line, column; /* from 1 */
	bool plain;	       /* a scalar without quotes: may be a number, boolean or null */
	struct str text;       /* scalar; NUL-terminated */
	struct conf_entry *entries;
	size_t count;
};

struct conf_entry {
	struct conf_node *key; /* NULL in a list */
	struct conf_node *value;
};

/* Problems are collected, one per line, "file:line:column: text". */
struct conf_problems {
	struct str file;
	const struct conf_node
		*pointer_root; /* places are told as JSON pointers from here: "/http/url: text"; NULL no */
	struct buf *out;       /* may be NULL */
	size_t count;
};

/* Say what is wrong at a node (NULL: about the file as a whole). */
void conf_problem(struct conf_problems *problems, const struct conf_node *at, const char *fmt, ...) PRINTF(3, 4);

/* Parse one document. Aliases and anchors, tags, several documents, duplicate keys, more than
 * 64 levels and more than 100,000 nodes are refused.
 *   ret_root   in `arena`; NULL for an empty document
 *   Errors     ERR_CONFIG, with the place in `problems` */
NODISCARD enum err conf_parse(struct arena *arena, struct str text, struct conf_problems *problems,
			      struct conf_node **ret_root);

/* The same for documents that are larger by nature: as many nodes as are named. */
NODISCARD enum err conf_parse_large(struct arena *arena, struct str text, size_t nodes_max,
				    struct conf_problems *problems, struct conf_node **ret_root);

/* Append a tree as JSON. What a scalar means is the caller's: documents differ in which plain words are numbers.
 *   node       NULL: null */
void conf_put_json(const struct conf_node *node, struct buf *out,
		   void (*put_scalar)(void *arg, const struct conf_node *scalar, struct buf *out), void *arg);

/* The value under `key` of a map; NULL when absent. */
struct conf_node *conf_get(const struct conf_node *map, const char *key);

#endif
