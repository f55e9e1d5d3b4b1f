/* `gatehouse connector try`: one call of a connector's tool without a server, for whoever writes a file. Settings are
 * checked by the reader of the configuration, as an upstream called "try", so that what works here works there.
 *
 * There is no database: nothing is kept, no idempotency key is known, and what publishes is sent whenever this is run.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/secret_file.h"
#include "cli/command.h"
#include "connector/builtin.h"
#include "connector/connector.h"
#include "gateway/config.h"
#include "gateway/local.h"
#include "gateway/outbound.h"
#include "http/client.h"
#include "rt/loop.h"
#include "schema/schema.h"

#define CALL_ARENA_BYTES (64 * 1024 * 1024)
#define CALL_MS 300000 /* polls of a video's state included */

const struct option connector_try_options[] = {
	{"args", "JSON", "the tool's arguments; else its example's, or none"},
	{"settings", "JSON", "settings of the connector, an object of texts"},
	{"secret-file", "FILE", "the credential: a token, key or NAME:PASSWORD"},
	{"auth", "TYPE", "one of the file's ways of signing in; else the first"},
	{"allow-private", NULL, "it may be at a loopback or private address"},
	{NULL, NULL, NULL},
};

struct trial {
	const struct invocation *invocation;
	struct buf problem;
	struct config *config;
	struct secret_text *secret; /* NULL: none was given */
	struct secret *key;
	struct arena *arena;
	struct connector_call call;
	enum err err;
};

static const struct upstream_spec *spec_of(const struct trial *trial)
{
	return &trial->config->upstreams[0];
}

static enum err fail(struct trial *trial, enum err err, const char *text)
{
	if (trial->problem.n == 0)
		buf_put(&trial->problem, str_of(text));
	return err;
}

/* ---- the upstream ------------------------------------------------------------------ */

static bool is_builtin(struct str name)
{
	struct str known, text;

	for (size_t i = 0; connector_builtin_at(i, &known, &text); i++)
		if (str_eq(known, name))
			return true;
	return false;
}

static enum err put_source(struct trial *trial, struct buf *json)
{
	struct str file = trial->invocation->options.operands[0];
	char *path;

	if (is_builtin(file)) {
		buf_put(json, STR("\"use\":"));
		buf_put_json(json, file);
		return OK;
	}
	path = realpath(file.p, NULL);
	if (path == NULL) {
		buf_put_fmt(&trial->problem, "there is no file %.*s, and no such connector is built in", STR_ARG(file));
		return ERR_USAGE;
	}
	buf_put(json, STR("\"file\":"));
	buf_put_json(json, str_of(path));
	free(path);
	return OK;
}

/* A configuration with this one upstream; `auth` as its type. */
static enum err configure(struct trial *trial, struct str auth)
{
	const struct options *options = &trial->invocation->options;
	struct str settings = options_get(options, "settings");
	AUTO_BUF json = {0};

	buf_put(&json, STR("{\"upstreams\":{\"try\":{\"connector\":{"));
	TRY(put_source(trial, &json));
	if (settings.p != NULL) {
		buf_put(&json, STR(",\"settings\":"));
		buf_put(&json, settings);
	}
	if (options_has(options, "allow-private"))
		buf_put(&json, STR(",\"allow_private\":true"));
	buf_put(&json, STR("},\"auth\":{\"type\":"));
	buf_put_json(&json, auth);
	buf_put(&json, STR("}}}}"));
	config_unref(trial->config);
	trial->config = NULL;
	return config_parse(buf_str(&json), STR("try"), &trial->problem, &trial->config);
}

/* An account's token is given as it is: nobody signs in here. */
static enum err choose_auth(struct trial *trial)
{
	struct str wanted = options_get(&trial->invocation->options, "auth");
	const struct connector_auth *ways;
	size_t count;

	TRY(configure(trial, STR("none")));
	if (trial->secret == NULL)
		return OK;
	count = connector_auths(local_connector(spec_of(trial)->local), &ways);
	if (wanted.p == NULL && count > 0)
		wanted = ways[0].type;
	if (wanted.p == NULL)
		return fail(trial, ERR_USAGE, "this connector wants no credential");
	return str_eq(wanted, STR("oauth")) ? OK : configure(trial, wanted);
}

/* ---- the call ---------------------------------------------------------------------- */

AWAITS static enum err get(void *arg, const struct connector_request *request, struct secret_text **ret_lines,
			   bool *ret_in_query, struct secret_text **ret_secret)
{
	struct trial *trial = arg;
	struct upstream_auth auth = spec_of(trial)->auth;
	struct str secret = secret_text_str(trial->secret);
	struct url url;

	if (auth.kind == UPSTREAM_AUTH_NONE)
		auth.kind = UPSTREAM_AUTH_BEARER;
	*ret_lines = NULL;
	*ret_in_query = auth.kind == UPSTREAM_AUTH_QUERY;
	if (auth.kind == UPSTREAM_AUTH_HMAC && request != NULL) {
		const struct upstream_asking asking = {
			.method = request->method, .url = request->url, .body = request->body};

		if (url_parse(request->url, &url) != OK)
			return ERR_RPC_PARAMS;
		TRY(outbound_sign(&auth, secret, &asking, clock_wall_ms(), ret_lines));
	} else if (auth.kind != UPSTREAM_AUTH_HMAC && auth.kind != UPSTREAM_AUTH_SECRET) {
		TRY(outbound_form(&auth, secret, ret_lines));
	}
	*ret_secret = secret_text_ref(trial->secret);
	return OK;
}

AWAITS static enum err refused(void *arg, int status, const struct secret_text *sent, bool *ret_again)
{
	*ret_again = false;
	return ERR_CREDENTIAL_REFUSED;
}

AWAITS static enum err progress(void *arg, uint64_t done, uint64_t total, struct str text)
{
	fprintf(stderr, "%llu/%llu %.*s\n", (unsigned long long)done, (unsigned long long)total, STR_ARG(text));
	return OK;
}

/* Against the tool's schema, as a server does it. */
static enum err check_arguments(struct trial *trial, struct connector *connector, size_t tool, struct str arguments)
{
	struct str definition = connector_tool_definition(connector, tool, trial->arena, NULL, 0);
	AUTO(schema) *schema = NULL;
	struct schema_failure failure;
	yyjson_val *root, *value;
	enum err err;

	if (json_read(trial->arena, arguments, &value) != OK || !yyjson_is_obj(value))
		return fail(trial, ERR_USAGE, "--args is no JSON object");
	TRY(json_read(trial->arena, definition, &root));
	TRY(schema_compile(json_get(root, "inputSchema"), &trial->problem, &schema));
	err = schema_validate(schema, value, trial->arena, &failure);
	if (err == ERR_MCP_ARGUMENTS)
		buf_put_fmt(&trial->problem, "the arguments do not fit: %.*s", STR_ARG(failure.message));
	return err;
}

static enum err choose_arguments(struct trial *trial, struct str *ret_arguments)
{
	struct connector *connector = local_connector(spec_of(trial)->local);
	struct str tool = trial->invocation->options.operands[1];
	struct str arguments = options_get(&trial->invocation->options, "args");
	AUTO_BUF known = {0};

	for (size_t i = 0; i < connector_tool_count(connector); i++) {
		if (!str_eq(connector_tool_name(connector, i), tool)) {
			buf_put_fmt(&known, " %.*s", STR_ARG(connector_tool_name(connector, i)));
			continue;
		}
		if (arguments.p == NULL)
			arguments = connector_tool_example(connector, i);
		*ret_arguments = arguments.p == NULL ? STR("{}") : arguments;
		return check_arguments(trial, connector, i, *ret_arguments);
	}
	buf_put_fmt(&trial->problem, "there is no tool %.*s; there are:%.*s", STR_ARG(tool), STR_ARG(buf_str(&known)));
	return ERR_USAGE;
}

static void prepare(struct trial *trial, struct str arguments)
{
	const struct options *options = &trial->invocation->options;
	const struct upstream_spec *spec = spec_of(trial);

	trial->call = (struct connector_call){
		.arena = trial->arena,
		.tool = options->operands[1],
		.arguments = arguments,
		.setup = local_setup(spec->local, NULL),
		.account_id = STR(""),
		.account_name = STR(""),
		.holder = STR(""),
		.scopes = STR_NONE,
		.tenant_id = STR("try"),
		.principal = STR(""),
		.upstream = spec->name,
		.account = STR(""),
		.request_id = STR("try"),
		.terms = {.allow_private = spec->allow_private, .timeout_ms = spec->timeout_ms},
		.deadline_ms = clock_ms() + CALL_MS,
		.progress = progress,
		.arg = trial,
	};
	if (trial->secret != NULL)
		trial->call.credentials = (struct connector_credentials){
			.get = get, .refused = refused, .signs = spec->auth.kind == UPSTREAM_AUTH_HMAC, .arg = trial};
}

AWAITS_ENTRY static void trial_main(void *arg)
{
	struct trial *trial = arg;
	const struct connector_runner_spec spec = {.key = trial->key};
	struct connector_runner *runner = connector_runner_new(&spec);

	fiber_deadline_set(trial->call.deadline_ms);
	trial->err = connector_run(runner, local_connector(spec_of(trial)->local), &trial->call);
	connector_runner_free(runner);
	rt_stop(1000);
}

static enum err make(struct trial *trial)
{
	struct str file = options_get(&trial->invocation->options, "secret-file"), arguments;
	if (file.p != NULL)
		TRY(secret_file_text(AT_FDCWD, file.p, SECRET_FILE_ANY, &trial->problem, &trial->secret));
	TRY(choose_auth(trial));
	trial->key = secret_random();
	trial->arena = arena_new(CALL_ARENA_BYTES);
	TRY(choose_arguments(trial, &arguments));
	prepare(trial, arguments);
	TRY(rt_run(1, trial_main, trial));
	return trial->err;
}

int connector_try_run(const struct invocation *invocation)
{
	struct trial trial = {.invocation = invocation};
	enum err err;
	int status = STATUS_DONE;

	log_setup(LOG_WARN, LOG_AUTO);
	err = make(&trial);
	if (err == OK)
		printf("%.*s\n", STR_ARG(trial.call.result));
	if (err == OK && trial.call.failed)
		status = STATUS_FAILED;
	else if (err != OK)
		status = command_failed("%.*s",
					STR_ARG(trial.problem.n > 0 ? buf_str(&trial.problem) : str_of(err_text(err))));
	arena_free_wiped(trial.arena);
	secret_free(trial.key);
	secret_text_unref(trial.secret);
	config_unref(trial.config);
	buf_free(&trial.problem);
	return status;
}
