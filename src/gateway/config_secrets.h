/* `secrets` and `${secret:NAME}` in the configuration file. */
#ifndef GATEHOUSE_GATEWAY_CONFIG_SECRETS_H
#define GATEHOUSE_GATEWAY_CONFIG_SECRETS_H

#include "gateway/conf_table.h"
#include "gateway/config.h"

#define CONFIG_SECRETS_MAX 200 /* different names in one file: below what may be watched */

/* A secret that the file names: where first, and its value once it is known. */
struct config_secret {
	struct str name;
	const struct conf_node *at;
	struct secret_text *text; /* NULL: not asked for yet */
};

/* Every `${secret:NAME}` below `node`, each name once. A name that cannot be one is a problem.
 *   secrets    room for CONFIG_SECRETS_MAX; *count are there already
 *   Errors     ERR_CONFIG (already reported) */
NODISCARD enum err config_secrets_find(struct conf_problems *problems, const struct conf_node *node,
				       struct config_secret *secrets, size_t *count);

/* The value of a name.
 *   ret_text   borrowed
 *   Errors     ERR_CONFIG, reported at `at`: not known here, or not a text */
NODISCARD enum err config_secret_text(struct conf_reading *reading, const struct conf_node *at, struct str name,
				      struct str *ret_text);

/* What holds without `secrets` in the file; and what is made of it and of other settings. */
void config_secrets_defaults(struct conf_reading *reading, struct config *config);
void config_secrets_place(struct config *config);

#endif
