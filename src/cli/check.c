/* `gatehouse check`: reads the configuration as `serve` would and says what it sets up. Nothing is
 * started, connected or written; certificates are loaded, since a bad one would stop `serve`. */
#include <stdio.h>

#include "cli/command.h"
#include "connector/connector.h"
#include "gateway/local.h"
#include "gateway/serve.h"

static void print_problems(const struct invocation *invocation, struct str problems)
{
	AUTO_BUF out = {0};
	struct str line;

	fprintf(stderr, "%.*s%s", STR_ARG(problems), str_ends(problems, STR("\n")) ? "" : "\n");
	if (!invocation->json)
		return;
	buf_put(&out, STR("{\"ok\":false,\"problems\":["));
	for (bool first = true; problems.n > 0; first = false) {
		str_cut(problems, '\n', &line, &problems);
		if (!first)
			buf_put_byte(&out, ',');
		buf_put_json(&out, line);
	}
	buf_put(&out, STR("]}\n"));
	command_print(&out);
}

/* A URL may hold a token. */
static void put_upstream(struct buf *out, const struct upstream_spec *spec)
{
	buf_put_fmt(out, "  upstream  %-16.*s ", STR_ARG(spec->name));
	if (spec->kind == UPSTREAM_LOCAL)
		buf_put_fmt(out, "connector %.*s", STR_ARG(connector_name(local_connector(spec->local))));
	else
		log_redact(out, spec->kind == UPSTREAM_STDIO ? spec->command : spec->url);
	buf_put_byte(out, '\n');
}

static void put_json(struct buf *out, const struct config *config)
{
	buf_put(out, STR("{\"ok\":true,\"file\":"));
	buf_put_json(out, config->file);
	buf_put(out, STR(",\"data\":"));
	buf_put_json(out, config->data);
	buf_put_fmt(out, ",\"auth_required\":%s,\"listen\":[", config->auth_required ? "true" : "false");
	for (size_t i = 0; i < config->listen_count; i++) {
		buf_put(out, i == 0 ? STR("") : STR(","));
		buf_put_json(out, config->listen[i].text);
	}
	buf_put(out, STR("],\"upstreams\":["));
	for (size_t i = 0; i < config->upstream_count; i++) {
		buf_put(out, i == 0 ? STR("") : STR(","));
		buf_put_json(out, config->upstreams[i].name);
	}
	buf_put(out, STR("],\"toolsets\":["));
	for (size_t i = 0; i < config->toolset_count; i++) {
		buf_put(out, i == 0 ? STR("") : STR(","));
		buf_put_json(out, config->toolsets[i].name);
	}
	buf_put(out, STR("]}\n"));
}

static void put_text(struct buf *out, const struct config *config)
{
	if (config->file.n == 0)
		buf_put(out, STR("no configuration file: the built-in defaults are used\n"));
	else
		buf_put_fmt(out, "%.*s is valid\n", STR_ARG(config->file));
	for (size_t i = 0; i < config->listen_count; i++)
		buf_put_fmt(out, "  listen    %.*s%s\n", STR_ARG(config->listen[i].text),
			    config->listen[i].cert_file.n > 0 ? " (TLS)" : "");
	buf_put_fmt(out, "  data      %.*s\n  auth      %s\n", STR_ARG(config->data),
		    config->auth_required ? "required" : "none");
	for (size_t i = 0; i < config->upstream_count; i++)
		put_upstream(out, &config->upstreams[i]);
	for (size_t i = 0; i < config->toolset_count; i++)
		buf_put_fmt(out, "  toolset   %-16.*s /mcp/%.*s\n", STR_ARG(config->toolsets[i].name),
			    STR_ARG(config->toolsets[i].name));
}

static enum err check_certificates(const struct config *config, struct buf *problem)
{
	for (size_t i = 0; i < config->listen_count; i++) {
		struct tls *tls;

		TRY(gateway_listen_tls(&config->listen[i], problem, &tls));
		tls_unref(tls);
	}
	return OK;
}

int check_run(const struct invocation *invocation)
{
	AUTO(config) *config = NULL;
	AUTO_BUF problem = {0}, out = {0};

	if (config_load(invocation->config_file, &problem, &config) != OK ||
	    check_certificates(config, &problem) != OK) {
		print_problems(invocation, buf_str(&problem));
		return STATUS_FAILED;
	}
	if (invocation->json)
		put_json(&out, config);
	else
		put_text(&out, config);
	command_print(&out);
	return STATUS_DONE;
}
