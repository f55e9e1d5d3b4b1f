/* Readers of the settings that are more than one value; named in the tables. */
#ifndef GATEHOUSE_GATEWAY_CONFIG_PARTS_H
#define GATEHOUSE_GATEWAY_CONFIG_PARTS_H

#include "catalog/catalog.h"
#include "gateway/conf_table.h"

/* Each reads one node into the struct its table fills, and reports what is wrong at its place.
 *   Errors     ERR_CONFIG (already reported) */
NODISCARD enum err config_read_address(struct conf_reading *reading, const struct conf_node *node, void *object);
NODISCARD enum err config_read_http(struct conf_reading *reading, const struct conf_node *node, void *object);
NODISCARD enum err config_read_sse(struct conf_reading *reading, const struct conf_node *node, void *object);
NODISCARD enum err config_read_stdio(struct conf_reading *reading, const struct conf_node *node, void *object);
NODISCARD enum err config_read_connector(struct conf_reading *reading, const struct conf_node *node, void *object);
NODISCARD enum err config_read_settings(struct conf_reading *reading, const struct conf_node *node, void *object);
NODISCARD enum err config_read_accounts(struct conf_reading *reading, const struct conf_node *node, void *object);
NODISCARD enum err config_read_upstream_auth(struct conf_reading *reading, const struct conf_node *node, void *object);
NODISCARD enum err config_read_client_document(struct conf_reading *reading, const struct conf_node *node,
					       void *object);
NODISCARD enum err config_read_revision(struct conf_reading *reading, const struct conf_node *node, void *object);
NODISCARD enum err config_read_names(struct conf_reading *reading, const struct conf_node *node, void *object);
NODISCARD enum err config_read_listen(struct conf_reading *reading, const struct conf_node *node, void *object);
NODISCARD enum err config_read_fleet(struct conf_reading *reading, const struct conf_node *node, void *object);
NODISCARD enum err config_read_state(struct conf_reading *reading, const struct conf_node *node, void *object);
NODISCARD enum err config_read_state_place(struct conf_reading *reading, const struct conf_node *node, void *object);
NODISCARD enum err config_read_database(struct conf_reading *reading, const struct conf_node *node, void *object);
NODISCARD enum err config_read_database_place(struct conf_reading *reading, const struct conf_node *node, void *object);
NODISCARD enum err config_read_secrets(struct conf_reading *reading, const struct conf_node *node, void *object);
NODISCARD enum err config_read_auth(struct conf_reading *reading, const struct conf_node *node, void *object);
NODISCARD enum err config_read_public_url(struct conf_reading *reading, const struct conf_node *node, void *object);
NODISCARD enum err config_read_policy(struct conf_reading *reading, const struct conf_node *node, void *object);
NODISCARD enum err config_read_proxies(struct conf_reading *reading, const struct conf_node *node, void *object);
NODISCARD enum err config_read_upstreams(struct conf_reading *reading, const struct conf_node *node, void *object);
NODISCARD enum err config_read_toolsets(struct conf_reading *reading, const struct conf_node *node, void *object);
NODISCARD enum err config_read_domains(struct conf_reading *reading, const struct conf_node *node, void *object);
NODISCARD enum err config_read_roles(struct conf_reading *reading, const struct conf_node *node, void *object);
NODISCARD enum err config_read_issuers(struct conf_reading *reading, const struct conf_node *node, void *object);
NODISCARD enum err config_read_algorithms(struct conf_reading *reading, const struct conf_node *node, void *object);
NODISCARD enum err config_read_providers(struct conf_reading *reading, const struct conf_node *node, void *object);
NODISCARD enum err config_read_bridges(struct conf_reading *reading, const struct conf_node *node, void *object);
NODISCARD enum err config_read_inngest(struct conf_reading *reading, const struct conf_node *node, void *object);
NODISCARD enum err config_read_bridge_scopes(struct conf_reading *reading, const struct conf_node *node, void *object);

/* Whether a name can stand in a path, as those of sign-in providers and bridges do: 1 to 32 of a-z 0-9 -. */
bool config_name_fits_path(struct str name);

#define NAME_BYTES_MAX 32 /* of upstreams: leaves half of a tool name's 64 for the tool */

/* Names become part of tool names, labels, headers and globs. */
bool config_name_is_good(struct str name);

/* Whether a URL spells out a private address, or localhost: then it is meant. */
bool config_names_private_address(struct str url);

/* What the `auth` of a connector's upstream is laid over: the way of its file that has the same type.
 *   node       the upstream's `auth`; NULL: it has none
 *   ret_base   NULL: there is nothing to begin with */
NODISCARD enum err config_connector_auth(struct conf_reading *reading, const struct conf_node *node,
					 const struct upstream_spec *spec, const struct conf_node **ret_base);

/* What `auth` asks of the rest of its upstream. */
NODISCARD enum err config_finish_auth(struct conf_reading *reading, const struct conf_node *node,
				      struct upstream_spec *spec);

/* Whether a reload may keep the upstream running. */
bool config_same_auth(const struct upstream_auth *a, const struct upstream_auth *b);

/* What holds without a `state` in the file. */
struct config;
void config_state_defaults(struct conf_reading *reading, struct config *config);

/* What holds without a `database` in the file. */
void config_database_defaults(struct conf_reading *reading, struct config *config);

/* One upstream under its name; one toolset. What is wrong is in the reading's problems. */
NODISCARD enum err config_read_upstream(struct conf_reading *reading, const struct conf_node *key,
					const struct conf_node *node, struct upstream_spec *spec);
NODISCARD enum err config_read_toolset(struct conf_reading *reading, const struct conf_node *key,
				       const struct conf_node *node, struct toolset_spec *toolset);

#endif
