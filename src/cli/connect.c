/* `gatehouse connect` and `disconnect`: accounts at other services. Both ask the running gateway, which alone has the
 * state that a link lives in and knows how a service ends what it gave. `connect` prints a link for a browser and waits
 * until the account is there: the outcome is told by the same gateway, or by any other that shares its state. */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "cli/control_call.h"
#include "cli/installation.h"
#include "http/form.h"

#define POLL_MS 500

const struct option connect_options[] = {
	{"tenant", "NAME", "whose (needed)"},
	{"upstream", "NAME", "server that wants an account (needed)"},
	{"user", "EMAIL", "for the calls of this user alone; without it for all of the tenant"},
	{"no-wait", NULL, "only print the link"},
	{NULL, NULL, NULL},
};
const struct option disconnect_options[] = {
	{"tenant", "NAME", "whose (needed)"},
	{"upstream", "NAME", "which server's account (needed)"},
	{"user", "EMAIL", "of this user; without it the tenant's"},
	{NULL, NULL, NULL},
};

static bool is_complete(const struct invocation *invocation)
{
	return options_get(&invocation->options, "tenant").p != NULL &&
	       options_get(&invocation->options, "upstream").p != NULL;
}

/* ---- connect --------------------------------------------------------------------------- */

static int make_link(const struct invocation *invocation, struct str data, struct arena *arena, yyjson_val **ret_link)
{
	AUTO_BUF body = {0};
	struct control_request request = {.method = "POST",
					  .path = control_tenant_path(invocation, arena, "/connections")};

	buf_put_byte(&body, '{');
	control_put_member(&body, "upstream", options_get(&invocation->options, "upstream"));
	control_put_member(&body, "user", options_get(&invocation->options, "user"));
	buf_put_byte(&body, '}');
	request.body = buf_str(&body);
	return control_ask(data, arena, &request, ret_link);
}

static void print_link(const struct invocation *invocation, yyjson_val *link)
{
	AUTO_BUF out = {0};

	if (invocation->json)
		json_write(&out, link);
	else
		buf_put(&out, json_str(json_get(link, "url")));
	buf_put_byte(&out, '\n');
	command_print(&out);
	fflush(stdout);
}

/* Until the note says how it ended, or the note is gone with the link. */
static int await_outcome(const struct invocation *invocation, struct str data, struct str id)
{
	const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
	AUTO_BUF what = {0};

	buf_put_fmt(&what, "/connections/%.*s", STR_ARG(id));
	buf_put_byte(&what, '\0');
	for (;;) {
		AUTO(arena) *arena = arena_new(1024 * 1024);
		const struct control_request request = {.method = "GET",
							.path = control_tenant_path(invocation, arena, what.p)};
		yyjson_val *link;
		struct str state, expires;
		int64_t expires_ms;
		int status = control_ask(data, arena, &request, &link);

		if (status != STATUS_DONE)
			return status;
		state = json_str(json_get(link, "state"));
		expires = json_str(json_get(link, "expires_at"));
		if (str_eq(state, STR("connected"))) {
			fprintf(stderr, "connected\n");
			return STATUS_DONE;
		}
		if (str_eq(state, STR("failed")))
			return command_failed("not connected: %.*s; the page in the browser says more",
					      STR_ARG(json_str(json_get(link, "problem"))));
		if (clock_iso_read(expires, &expires_ms) != OK || clock_wall_ms() > expires_ms)
			return command_failed("not connected: the link is over; ask for another one");
		nanosleep(&pause, NULL);
	}
}

int connect_run(const struct invocation *invocation)
{
	AUTO(arena) *arena = arena_new(1024 * 1024);
	AUTO(config) *config = NULL;
	yyjson_val *link;
	int status;

	if (!is_complete(invocation))
		return command_misused(invocation, "--tenant and --upstream are needed");
	if (!installation_config(invocation, &config))
		return STATUS_FAILED;
	status = make_link(invocation, config->data, arena, &link);
	if (status != STATUS_DONE)
		return status;
	print_link(invocation, link);
	if (options_has(&invocation->options, "no-wait"))
		return STATUS_DONE;
	fprintf(stderr, "Open this link in a browser; waiting until the account is connected ...\n");
	return await_outcome(invocation, config->data, json_str(json_get(link, "id")));
}

/* ---- disconnect -------------------------------------------------------------------------- */

/* The id of the account's row; p NULL: there is none. */
static int find_account(const struct invocation *invocation, struct str data, struct arena *arena, struct str *ret_id)
{
	struct str user = options_get(&invocation->options, "user");
	struct control_request request = {.method = "GET",
					  .path = control_tenant_path(invocation, arena, "/credentials")};
	AUTO_BUF query = {0};
	yyjson_val *answer;
	int status;

	form_put(&query, STR("upstream"), options_get(&invocation->options, "upstream"));
	form_put(&query, STR("user"), user.p == NULL ? STR("") : user);
	request.query = buf_str(&query);
	status = control_ask(data, arena, &request, &answer);
	if (status == STATUS_DONE)
		*ret_id = json_str(json_get(yyjson_arr_get_first(json_get(answer, "items")), "id"));
	return status;
}

int disconnect_run(const struct invocation *invocation)
{
	AUTO(arena) *arena = arena_new(1024 * 1024);
	AUTO(config) *config = NULL;
	struct control_request request = {.method = "DELETE"};
	AUTO_BUF what = {0};
	yyjson_val *answer;
	struct str id;
	int status;

	if (!is_complete(invocation))
		return command_misused(invocation, "--tenant and --upstream are needed");
	if (!installation_config(invocation, &config))
		return STATUS_FAILED;
	status = find_account(invocation, config->data, arena, &id);
	if (status != STATUS_DONE)
		return status;
	if (id.p == NULL)
		return command_failed("nothing is connected there");
	buf_put_fmt(&what, "/credentials/%.*s", STR_ARG(id));
	buf_put_byte(&what, '\0');
	request.path = control_tenant_path(invocation, arena, what.p);
	status = control_ask(config->data, arena, &request, &answer);
	if (status == STATUS_DONE)
		fprintf(stderr, "disconnected\n");
	return status;
}
