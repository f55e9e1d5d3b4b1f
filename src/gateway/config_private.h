/* What the files share that turn a text into a configuration: config.c and config_load.c. */
#ifndef GATEHOUSE_GATEWAY_CONFIG_PRIVATE_H
#define GATEHOUSE_GATEWAY_CONFIG_PRIVATE_H

#include "gateway/conf_table.h"
#include "gateway/config_secrets.h"

/* An empty one, with one reference. */
struct config *config_new(void);

/* Fill it with the defaults and what `node` says, without looking at the whole.
 *   Errors     ERR_CONFIG, with the places in `problems` */
NODISCARD enum err config_read_some(struct config *config, const struct conf_node *node,
				    struct conf_problems *problems);

/* As config_parse, with the values of the secrets that the text names; the snapshot keeps references of its own. */
NODISCARD enum err config_parse_with(struct str text, struct str file, const struct config_secret *secrets,
				     size_t secret_count, struct buf *problem, struct config **ret_config);

#endif
