/* `gatehouse catalog diff` and `gatehouse catalog approve`: tools that are not what was accepted, and
 * accepting them. A running server is asked, so that it acts at once; without one the database is
 * opened. Both give the same document. */
#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "catalog/suspicion.h"
#include "cli/control_call.h"
#include "cli/installation.h"
#include "gateway/pins.h"

#define ANSWER_ARENA_BYTES_MAX (256u * 1024 * 1024)
#define DIGEST_SHOWN 12 /* hex digits: enough to tell what was looked at */

const struct option catalog_approve_options[] = {
	{"digest", "HEX", "only if the definition is still the one that the diff showed"},
	{NULL, NULL, NULL},
};

/* ---- diff ------------------------------------------------------------------------ */

/* Texts of a server, which may hold what a terminal obeys or does not show. */
static void put_plain(struct buf *out, struct str text)
{
	AUTO_BUF quoted = {0};

	suspicion_show(&quoted, text);
	buf_put(out, (struct str){quoted.p + 1, quoted.n - 2});
}

static void put_text(struct buf *out, const char *before, yyjson_val *value)
{
	if (yyjson_is_str(value)) {
		buf_put(out, str_of(before));
		suspicion_show(out, json_str(value));
		buf_put_byte(out, '\n');
	}
}

static void put_changes(struct buf *out, yyjson_val *tool)
{
	yyjson_val *change;
	int64_t more = 0;
	size_t i, max;

	yyjson_arr_foreach(json_get(tool, "changes"), i, max, change)
	{
		struct str path = json_str(json_get(change, "path"));

		buf_put(out, STR("    "));
		put_plain(out, path);
		buf_put_byte(out, '\n');
		put_text(out, "      - ", json_get(change, "old"));
		put_text(out, "      + ", json_get(change, "new"));
	}
	if (json_int(json_get(tool, "more_changes"), &more) && more > 0)
		buf_put_fmt(out, "    and %lld more\n", (long long)more);
}

static void put_tool(struct buf *out, yyjson_val *tool)
{
	struct str upstream = json_str(json_get(tool, "upstream")), name = json_str(json_get(tool, "tool"));
	struct str state = json_str(json_get(tool, "state")), digest = json_str(json_get(tool, "digest"));
	yyjson_val *flag;
	size_t i, max;

	if (digest.n > DIGEST_SHOWN)
		digest.n = DIGEST_SHOWN;
	buf_put_fmt(out, "%.*s.", STR_ARG(upstream));
	put_plain(out, name);
	buf_put_fmt(out, ": %.*s%s, digest %.*s\n", STR_ARG(state),
		    yyjson_is_true(json_get(tool, "held")) ? ", held back" : "", STR_ARG(digest));
	yyjson_arr_foreach(json_get(tool, "flags"), i, max, flag)
	{
		struct str text = json_str(flag);

		buf_put_fmt(out, "    ! %.*s: it %s\n", STR_ARG(text), suspicion_explain(text));
	}
	put_changes(out, tool);
}

static int print_diff(const struct invocation *invocation, struct str document)
{
	AUTO(arena) *arena = arena_new(ANSWER_ARENA_BYTES_MAX);
	yyjson_val *root, *tools, *tool;
	AUTO_BUF out = {0};
	size_t i, max;

	if (json_read(arena, document, &root) != OK)
		return command_failed("the server's answer cannot be read; is it of another version?");
	tools = json_get(root, "tools");
	if (invocation->json) {
		buf_put(&out, document);
		command_print(&out);
		return STATUS_DONE;
	}
	yyjson_arr_foreach(tools, i, max, tool)
	{
		put_tool(&out, tool);
	}
	if (yyjson_arr_size(tools) == 0)
		buf_put(&out, STR("every tool is what was accepted\n"));
	else
		buf_put(&out, STR("\n`gatehouse catalog approve UPSTREAM[.TOOL]` accepts what is shown\n"));
	if (yyjson_is_true(json_get(root, "more")))
		buf_put(&out, STR("there are more; approve some to see the others\n"));
	command_print(&out);
	return STATUS_DONE;
}

AWAITS static enum err diff_directly(struct installation *installation)
{
	return pins_diff_write(installation->db, installation->config, installation->arg);
}

int catalog_diff_run(const struct invocation *invocation)
{
	AUTO_BUF problem = {0}, body = {0};
	AUTO(config) *config = NULL;
	int code, status;
	enum err err;

	if (!installation_config(invocation, &config))
		return STATUS_FAILED;
	err = control_call(config->data, "GET", "/catalog/diff", STR_NONE, &problem, &code, &body);
	if (err == ERR_NOT_FOUND) {
		status = installation_run(invocation, INSTALLATION_USE, diff_directly, &body);
		return status == STATUS_DONE ? print_diff(invocation, buf_str(&body)) : status;
	}
	if (err != OK)
		return command_failed("%.*s", STR_ARG(buf_str(&problem)));
	if (code != 200)
		return command_failed("the server could not compare: %.*s", STR_ARG(str_trim(buf_str(&body))));
	return print_diff(invocation, buf_str(&body));
}

/* ---- approve --------------------------------------------------------------------- */

struct approve {
	struct pins_approval approval;
	struct buf document;
	struct installation *installation;
};

AWAITS static enum err note_approved(void *arg, const struct tool_pin *pin)
{
	struct approve *approve = arg;
	AUTO_BUF target = {0};

	pins_label(pin, &target);
	if (approve->document.n > 0)
		buf_put_byte(&approve->document, ',');
	buf_put_json(&approve->document, buf_str(&target));
	return installation_audit(approve->installation, "catalog.tool_approved", STR_NONE, buf_str(&target));
}

static enum err nothing_waits(struct installation *installation, const struct pins_approval *approval)
{
	return installation_fail(installation, ERR_NOT_FOUND,
				 "nothing of %.*s%s%.*s waits%s; `gatehouse catalog diff` shows what does",
				 STR_ARG(approval->upstream), approval->tool.n > 0 ? "." : "", STR_ARG(approval->tool),
				 approval->digest.n > 0 ? " with that digest" : "");
}

AWAITS static enum err approve_directly(struct installation *installation)
{
	struct approve *approve = installation->arg;
	size_t count;
	enum err err;

	approve->installation = installation;
	err = pins_approve(installation->db, &approve->approval, note_approved, approve, &count);
	return err == ERR_NOT_FOUND ? nothing_waits(installation, &approve->approval) : err;
}

static int print_approved(const struct invocation *invocation, struct str document)
{
	AUTO(arena) *arena = arena_new(ANSWER_ARENA_BYTES_MAX);
	yyjson_val *root, *label;
	AUTO_BUF out = {0};
	size_t i, max;

	if (json_read(arena, document, &root) != OK)
		return command_failed("the server's answer cannot be read; is it of another version?");
	if (invocation->json)
		buf_put(&out, document);
	yyjson_arr_foreach(json_get(root, "approved"), i, max, label)
	{
		if (invocation->json)
			break;
		buf_put(&out, STR("approved "));
		put_plain(&out, json_str(label));
		buf_put_byte(&out, '\n');
	}
	command_print(&out);
	return STATUS_DONE;
}

static void put_request(const struct pins_approval *approval, struct buf *out)
{
	buf_put(out, STR("{\"upstream\":"));
	buf_put_json(out, approval->upstream);
	if (approval->tool.p != NULL) {
		buf_put(out, STR(",\"tool\":"));
		buf_put_json(out, approval->tool);
	}
	if (approval->digest.p != NULL) {
		buf_put(out, STR(",\"digest\":"));
		buf_put_json(out, approval->digest);
	}
	buf_put_fmt(out, ",\"by\":\"cli:uid=%u\"}", getuid());
}

static int approve_without_server(const struct invocation *invocation, struct approve *approve)
{
	AUTO_BUF document = {0};
	int status = installation_run(invocation, INSTALLATION_USE, approve_directly, approve);

	if (status != STATUS_DONE)
		return status;
	buf_put_fmt(&document, "{\"ok\":true,\"approved\":[%.*s]}\n", STR_ARG(buf_str(&approve->document)));
	return print_approved(invocation, buf_str(&document));
}

int catalog_approve_run(const struct invocation *invocation)
{
	AUTO_BUF problem = {0}, request = {0}, body = {0};
	struct approve approve = {.approval = {.digest = options_get(&invocation->options, "digest")}};
	struct pins_approval *approval = &approve.approval;
	AUTO(config) *config = NULL;
	int code, status;
	enum err err;

	if (!installation_config(invocation, &config))
		return STATUS_FAILED;
	/* Names of upstreams have no dots; those of tools may. */
	if (!str_cut(invocation->options.operands[0], '.', &approval->upstream, &approval->tool))
		approval->tool = STR_NONE;
	if (approval->digest.p != NULL && (approval->tool.p == NULL || approval->digest.n == 0))
		return command_misused(invocation, "--digest goes with one tool");
	put_request(approval, &request);
	err = control_call(config->data, "POST", "/catalog/approve", buf_str(&request), &problem, &code, &body);
	if (err == ERR_NOT_FOUND) {
		status = approve_without_server(invocation, &approve);
		buf_free(&approve.document);
		return status;
	}
	if (err != OK)
		return command_failed("%.*s", STR_ARG(buf_str(&problem)));
	if (code == 404)
		return command_failed("nothing waits by that name%s; `gatehouse catalog diff` shows what does",
				      approval->digest.n > 0 ? " with that digest" : "");
	if (code != 200)
		return command_failed("the server did not approve it: %.*s", STR_ARG(str_trim(buf_str(&body))));
	return print_approved(invocation, buf_str(&body));
}
