/* The structured parts of the configuration: listeners, upstreams, toolsets. Each reader is named
 * by a row of config_tables.c and uses a table of its own for what lies inside. */
#include "gateway/config_parts.h"

#include <stdio.h>

#include "base/limits.h"
#include "gateway/config.h"
#include "gateway/config_tables.h"
#include "http/client.h"

static enum err complain(struct conf_reading *reading, const struct conf_node *node, const char *what)
{
	conf_problem(&reading->problems, node, "%s", what);
	return ERR_CONFIG;
}

/* ---- listeners ------------------------------------------------------------------- */

enum err config_read_address(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct config_listen *listen = object;

	if (node->kind != CONF_SCALAR || address_parse(node->text, &listen->address) != OK)
		return complain(reading, node, "listen: must be HOST:PORT with a literal address, :PORT or unix:PATH");
	listen->text = node->text;
	return OK;
}

static enum err read_one_listener(struct conf_reading *reading, const struct conf_node *node,
				  struct config_listen *listen)
{
	size_t before = reading->problems.count;

	if (node->kind == CONF_SCALAR)
		return config_read_address(reading, node, listen);
	conf_defaults(reading, &config_listen_table, listen);
	conf_read(reading, &config_listen_table, node, listen);
	if (reading->problems.count == before && listen->text.p == NULL)
		return complain(reading, node, "listen: needs an `address`");
	if ((listen->cert_file.n == 0) != (listen->key_file.n == 0))
		return complain(reading, node, "tls: needs both `cert` and `key`");
	return reading->problems.count == before ? OK : ERR_CONFIG;
}

enum err config_read_listen(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct config *config = object;
	size_t count = node->kind == CONF_LIST ? node->count : 1;
	struct config_listen *listen = arena_zalloc(reading->arena, (count + 1) * sizeof(*listen));

	if (count == 0)
		return complain(reading, node, "listen: at least one address is needed");
	for (size_t i = 0; i < count; i++)
		TRY(read_one_listener(reading, node->kind == CONF_LIST ? node->entries[i].value : node, &listen[i]));
	config->listen = listen;
	config->listen_count = count;
	return OK;
}

enum err config_read_proxies(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct config *config = object;
	struct prefix *prefixes = arena_zalloc(reading->arena, (node->count + 1) * sizeof(*prefixes));

	if (node->kind != CONF_LIST)
		return complain(reading, node, "trusted_proxies: must be a list of networks");
	for (size_t i = 0; i < node->count; i++)
		if (node->entries[i].value->kind != CONF_SCALAR ||
		    prefix_parse(node->entries[i].value->text, &prefixes[i]) != OK)
			return complain(reading, node->entries[i].value,
					"trusted_proxies: must be networks such as 10.0.0.0/8 or 2001:db8::/32");
	config->trusted_proxies = prefixes;
	config->trusted_count = node->count;
	return OK;
}

enum err config_read_fleet(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct config *config = object;
	struct str text = STR("");
	struct url url;

	/* One file for all replicas: what they differ in is in the environment. */
	if (node->kind == CONF_SCALAR)
		TRY(conf_expand(reading, node, &text));
	if (text.n == 0 || text.n > STATE_MEMBER_BYTES_MAX || url_parse(text, &url) != OK ||
	    !str_eq(url.path, STR("/")))
		return complain(reading, node,
				"fleet: `address` must be the origin of a listener of this process, such as "
				"http://10.0.0.5:8080, without a path");
	config->fleet.address = text;
	return OK;
}

enum err config_read_auth(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct config *config = object;

	config->auth_required = true;
	if (node->kind == CONF_SCALAR && str_eq(node->text, STR("required")))
		return OK;
	if (node->kind != CONF_SCALAR || !str_eq(node->text, STR("none")))
		return complain(reading, node, "auth: must be `required` or `none`");
	config->auth_required = false;
	return OK;
}

/* ---- upstreams ------------------------------------------------------------------- */

/* Names become part of tool names, labels and globs. */
bool config_name_is_good(struct str name)
{
	if (name.n == 0 || name.n > NAME_BYTES_MAX)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
		      c == '_'))
			return false;
	}
	return true;
}

bool config_name_fits_path(struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
			return false;
	}
	return name.n > 0 && name.n <= NAME_BYTES_MAX;
}

/* A URL that spells out a private address, or localhost, means it. A name that only resolves to
 * one may have been made to: that needs `allow_private`. */
bool config_names_private_address(struct str text)
{
	const struct address_guard strict = {.allow_private = false};
	char literal[ADDRESS_TEXT_MAX];
	struct address address;
	struct url url;

	if (url_parse(text, &url) != OK || url.host.n > 64)
		return false;
	if (str_eq_nocase(url.host, STR("localhost")))
		return true;
	snprintf(literal, sizeof(literal), memchr(url.host.p, ':', url.host.n) != NULL ? "[%.*s]:1" : "%.*s:1",
		 STR_ARG(url.host));
	return address_parse(str_of(literal), &address) == OK && address_guard_check(&strict, &address) != OK;
}

static enum err finish_http(struct conf_reading *reading, const struct conf_node *node, struct upstream_spec *spec)
{
	bool sse = spec->kind == UPSTREAM_SSE;
	struct url url;

	if (spec->url.n == 0)
		return complain(reading, node, sse ? "sse: needs a `url`" : "http: needs a `url`");
	if (url_parse(spec->url, &url) != OK)
		return complain(
			reading, node,
			sse ? "sse: the url must be http://HOST[:PORT]/PATH or https://..., without user or #"
			    : "http: the url must be http://HOST[:PORT]/PATH or https://..., without user or #");
	spec->allow_private = spec->allow_private || config_names_private_address(spec->url);
	return OK;
}

/* "http: URL" is short for "http: { url: URL }"; so it is for sse. */
static enum err read_url(struct conf_reading *reading, const struct conf_node *node, struct upstream_spec *spec)
{
	if (node->kind == CONF_SCALAR) {
		TRY(conf_expand(reading, node, &spec->url));
		return finish_http(reading, node, spec);
	}
	conf_defaults(reading, &config_http_table, spec);
	conf_read(reading, &config_http_table, node, spec);
	return finish_http(reading, node, spec);
}

enum err config_read_http(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct upstream_spec *spec = object;

	spec->kind = UPSTREAM_HTTP;
	return read_url(reading, node, spec);
}

enum err config_read_sse(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct upstream_spec *spec = object;

	spec->kind = UPSTREAM_SSE;
	return read_url(reading, node, spec);
}

enum err config_read_stdio(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct upstream_spec *spec = object;

	spec->kind = UPSTREAM_STDIO;
	conf_defaults(reading, &config_stdio_table, spec);
	conf_read(reading, &config_stdio_table, node, spec);
	if (spec->command.n == 0)
		return complain(reading, node, "stdio: needs a `command`");
	return OK;
}

enum err config_read_revision(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct upstream_spec *spec = object;

	spec->revision = node->kind == CONF_SCALAR ? mcp_revision_of(node->text) : MCP_UNKNOWN;
	return spec->revision != MCP_UNKNOWN
		       ? OK
		       : complain(reading, node,
				  "revision: must be a protocol revision such as 2025-11-25 or 2026-07-28");
}

enum err config_read_upstream(struct conf_reading *reading, const struct conf_node *key, const struct conf_node *node,
			      struct upstream_spec *spec)
{
	const struct conf_node *connector = conf_get(node, "connector");
	int kinds = (conf_get(node, "http") != NULL) + (conf_get(node, "stdio") != NULL) +
		    (conf_get(node, "sse") != NULL) + (connector != NULL);

	spec->name = key->text;
	if (!config_name_is_good(spec->name))
		return complain(reading, key, "an upstream's name has 1 to 32 of A-Z a-z 0-9 - _");
	if (kinds != 1)
		return complain(reading, key, "an upstream needs one of `http`, `stdio`, `sse` and `connector`");
	conf_defaults(reading, &config_upstream_table, spec);
	if (connector != NULL) /* first: `auth` begins with what its file says */
		TRY(config_read_connector(reading, connector, spec));
	conf_read(reading, &config_upstream_table, node, spec);
	return config_finish_auth(reading, node, spec);
}

enum err config_read_upstreams(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct config *config = object;
	struct upstream_spec *specs;

	if (node->kind == CONF_SCALAR && node->text.n == 0)
		return OK; /* `upstreams:` with nothing below */
	if (node->kind != CONF_MAP)
		return complain(reading, node, "upstreams: must be a map of names and servers");
	if (node->count > UPSTREAMS_MAX)
		return complain(reading, node, "upstreams: too many");
	specs = arena_zalloc(reading->arena, (node->count + 1) * sizeof(*specs));
	for (size_t i = 0; i < node->count; i++)
		if (config_read_upstream(reading, node->entries[i].key, node->entries[i].value,
					 &specs[config->upstream_count]) == OK)
			config->upstream_count++;
	config->upstreams = specs;
	return OK;
}

/* ---- toolsets -------------------------------------------------------------------- */

enum err config_read_names(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct toolset_spec *toolset = object;

	toolset->plain = node->kind == CONF_SCALAR && str_eq(node->text, STR("plain"));
	if (toolset->plain || (node->kind == CONF_SCALAR && str_eq(node->text, STR("prefixed"))))
		return OK;
	return complain(reading, node, "names: must be `prefixed` or `plain`");
}

enum err config_read_toolset(struct conf_reading *reading, const struct conf_node *key, const struct conf_node *node,
			     struct toolset_spec *toolset)
{
	if (!config_name_is_good(key->text))
		return complain(reading, key, "a toolset's name has 1 to 32 of A-Z a-z 0-9 - _");
	toolset->name = key->text;
	conf_read(reading, &config_toolset_table, node, toolset);
	return OK;
}

enum err config_read_toolsets(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct config *config = object;
	struct toolset_spec *toolsets;

	if (node->kind == CONF_SCALAR && node->text.n == 0)
		return OK;
	if (node->kind != CONF_MAP)
		return complain(reading, node, "toolsets: must be a map of names and selections");
	toolsets = arena_zalloc(reading->arena, (node->count + 1) * sizeof(*toolsets));
	for (size_t i = 0; i < node->count; i++)
		TRY(config_read_toolset(reading, node->entries[i].key, node->entries[i].value, &toolsets[i]));
	config->toolsets = toolsets;
	config->toolset_count = node->count;
	return OK;
}
