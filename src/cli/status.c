/* `gatehouse status`, `gatehouse reload` and `gatehouse upgrade`: what the running server says of itself, and
 * telling it to read its configuration again or to make room for a new program. The document is the server's; here it
 * is only laid out. */
#include <stdio.h>

#include "base/json.h"
#include "cli/control_call.h"
#include "cli/installation.h"

#define STATUS_ARENA_BYTES_MAX (256u * 1024 * 1024)

static long long number(yyjson_val *object, const char *key)
{
	int64_t value;

	return json_int(json_get(object, key), &value) ? (long long)value : -1;
}

static void put_duration(struct buf *out, long long ms)
{
	long long minutes = ms / 60000;

	if (minutes < 2)
		buf_put_fmt(out, "%lld s", ms / 1000);
	else if (minutes < 120)
		buf_put_fmt(out, "%lld min", minutes);
	else if (minutes < 48LL * 60)
		buf_put_fmt(out, "%lld h", minutes / 60);
	else
		buf_put_fmt(out, "%lld days", minutes / 60 / 24);
}

static void put_upstreams(struct buf *out, yyjson_val *upstreams)
{
	yyjson_val *one;
	size_t i, max;

	if (yyjson_arr_size(upstreams) == 0)
		return;
	buf_put_fmt(out, "\n%-16s  %-10s  %-10s  %10s  %8s  %6s  %8s  %8s  %s\n", "UPSTREAM", "STATE", "REVISION",
		    "LATENCY us", "CALLS", "FAILED", "RESTARTS", "CHILDREN", "LAST ERROR");
	yyjson_arr_foreach(upstreams, i, max, one)
	{
		struct str name = json_str(json_get(one, "name")), state = json_str(json_get(one, "state"));
		struct str revision = json_str(json_get(one, "revision")), last = json_str(json_get(one, "last_error"));

		buf_put_fmt(out, "%-16.*s  %-10.*s  %-10.*s  %10lld  %8lld  %6lld  %8lld  %8lld  %.*s\n", STR_ARG(name),
			    STR_ARG(state), STR_ARG(revision), number(one, "latency_us"), number(one, "calls"),
			    number(one, "failures"), number(one, "restarts"), number(one, "children"), STR_ARG(last));
	}
}

/* The replicas, this one marked. */
static void put_fleet(struct buf *out, yyjson_val *fleet)
{
	yyjson_val *one;
	size_t i, max;

	if (fleet == NULL)
		return;
	yyjson_arr_foreach(json_get(fleet, "nodes"), i, max, one)
	{
		struct str node = json_str(json_get(one, "node")), address = json_str(json_get(one, "address"));

		buf_put_fmt(out, "  %-9s %.*s  %.*s%s\n", i == 0 ? "replicas" : "", STR_ARG(node), STR_ARG(address),
			    str_eq(node, json_str(json_get(fleet, "node"))) ? "  (this one)" : "");
	}
}

static void put_status(struct buf *out, yyjson_val *status)
{
	yyjson_val *catalog = json_get(status, "catalog"), *audit = json_get(status, "audit");
	yyjson_val *database = json_get(status, "database");

	buf_put_fmt(out, "%.*s, version %.*s, up ", STR_ARG(json_str(json_get(status, "state"))),
		    STR_ARG(json_str(json_get(status, "version"))));
	put_duration(out, number(status, "uptime_ms"));
	buf_put_fmt(out, ", %lld MB, %lld loops\n", number(status, "rss_bytes") >> 20, number(status, "loops"));
	buf_put_fmt(out, "  database  %s, %lld us\n",
		    yyjson_is_true(json_get(database, "ok")) ? "answers" : "does not answer",
		    number(database, "latency_us"));
	buf_put_fmt(out, "  catalog   %lld tools, %lld prompts, %lld resources, %lld templates\n",
		    number(catalog, "tools"), number(catalog, "prompts"), number(catalog, "resources"),
		    number(catalog, "templates"));
	if (number(catalog, "new") > 0 || number(catalog, "changed") > 0 || number(catalog, "suspicious") > 0)
		buf_put_fmt(
			out,
			"            %lld new, %lld changed, %lld suspicious, %lld held back: see `gatehouse catalog "
			"diff`\n",
			number(catalog, "new"), number(catalog, "changed"), number(catalog, "suspicious"),
			number(catalog, "held"));
	buf_put_fmt(out, "  audit     %lld rows since the start, %lld waiting\n", number(audit, "rows"),
		    number(audit, "waiting"));
	buf_put_fmt(out, "  clients   %lld connections, %lld streams, %lld requests since the start\n",
		    number(status, "connections"), number(status, "streams"), number(status, "requests"));
	put_fleet(out, json_get(status, "fleet"));
	put_upstreams(out, json_get(status, "upstreams"));
}

int status_run(const struct invocation *invocation)
{
	AUTO(arena) *arena = arena_new(STATUS_ARENA_BYTES_MAX);
	AUTO_BUF problem = {0}, body = {0}, out = {0};
	AUTO(config) *config = NULL;
	yyjson_val *status;
	int code;

	if (!installation_config(invocation, &config))
		return STATUS_FAILED;
	if (control_call(config->data, "GET", "/status", STR_NONE, &problem, &code, &body) != OK)
		return command_failed("%.*s", STR_ARG(buf_str(&problem)));
	if (json_read(arena, buf_str(&body), &status) != OK)
		return command_failed("the server's answer is not a status document; is it of another version?");
	if (invocation->json)
		buf_put(&out, buf_str(&body));
	else
		put_status(&out, status);
	command_print(&out);
	return STATUS_DONE;
}

/* Ask the server to do something; *ret_ok when it did. What it says goes to stderr.
 *   returns    false when there was no answer, which has been said then */
static bool order(const struct invocation *invocation, const char *path, bool *ret_ok, int64_t *ret_pid)
{
	AUTO(arena) *arena = arena_new(STATUS_ARENA_BYTES_MAX);
	AUTO_BUF problem = {0}, body = {0};
	AUTO(config) *config = NULL;
	yyjson_val *answer;
	struct str text;
	int code;

	if (!installation_config(invocation, &config))
		return false;
	if (control_call(config->data, "POST", path, STR_NONE, &problem, &code, &body) != OK) {
		command_failed("%.*s", STR_ARG(buf_str(&problem)));
		return false;
	}
	if (json_read(arena, buf_str(&body), &answer) != OK) {
		command_failed("the server's answer cannot be read; is it of another version?");
		return false;
	}
	if (invocation->json)
		command_print(&body);
	text = str_trim(json_str(json_get(answer, "problem")));
	if (text.n > 0)
		fprintf(stderr, "%.*s\n", STR_ARG(text));
	if (!json_int(json_get(answer, "pid"), ret_pid))
		*ret_pid = 0;
	*ret_ok = code == 200;
	return true;
}

int reload_run(const struct invocation *invocation)
{
	int64_t pid;
	bool ok;

	if (!order(invocation, "/reload", &ok, &pid))
		return STATUS_FAILED;
	if (!ok)
		return command_failed("nothing was changed: mend what is named above and reload again");
	if (!invocation->json)
		printf("the configuration is in place\n");
	return STATUS_DONE;
}

int upgrade_command_run(const struct invocation *invocation)
{
	int64_t pid;
	bool ok;

	if (!order(invocation, "/upgrade", &ok, &pid))
		return STATUS_FAILED;
	if (!ok)
		return command_failed("nothing was changed: the server that ran goes on; its log says more");
	if (!invocation->json)
		printf("process %lld serves now; the one before it ends when its calls have\n", (long long)pid);
	return STATUS_DONE;
}
