/* The tables behind the configuration file, shared by its reader and its reference. */
#ifndef GATEHOUSE_GATEWAY_CONFIG_TABLES_H
#define GATEHOUSE_GATEWAY_CONFIG_TABLES_H

#include "gateway/conf_table.h"

extern const struct conf_table config_connector_table;
extern const struct conf_table config_root_table, config_database_table, config_limits_table, config_listen_table,
	config_tls_table, config_state_table, config_upstream_table, config_upstream_auth_table, config_http_table,
	config_stdio_table, config_toolset_table, config_oauth_table, config_issuer_table, config_keys_table,
	config_sign_in_table, config_provider_table, config_claims_table, config_secrets_table, config_vault_table,
	config_azure_table, config_connect_table, config_bridge_table, config_inngest_table, config_ads_table;

#endif
