/* `gatehouse accounts`: the accounts that a tenant has at other services, and how they are. Only the running gateway
 * knows the latter: from calls, or by a probe that asking begins, so it is asked again until the probes have ended. */
#include <stdio.h>
#include <time.h>

#include "cli/control_call.h"
#include "cli/installation.h"
#include "cli/verb.h"
#include "http/form.h"
#include "portal/table.h"

#define ACCOUNTS_MAX 1000	      /* that are shown; `credential list` has all */
#define PAGE_MAX 200		      /* what the API gives at once */
#define LOOK_MS 250		      /* between two looks */
#define LOOKS_MAX 120		      /* as long as a probe may take */
#define LIST_BYTES (16 * 1024 * 1024) /* the rows' JSON, and what is made of it */

const struct option accounts_options[] = {
	{"tenant", "NAME", "whose (needed)"},
	{"upstream", "NAME", "at this server alone, or UPSTREAM.ACCOUNT"},
	{"no-wait", NULL, "show what is known already, and wait for no probe"},
	{NULL, NULL, NULL},
};

struct accounts {
	yyjson_val *rows[ACCOUNTS_MAX];
	size_t count;
};

/* The rows as they are now. */
static int read_accounts(const struct invocation *invocation, struct str data, struct arena *arena,
			 struct accounts *accounts)
{
	struct str upstream = options_get(&invocation->options, "upstream"), next = STR("");
	struct control_request request = {.method = "GET",
					  .path = control_tenant_path(invocation, arena, "/credentials")};
	int status = STATUS_DONE;

	accounts->count = 0;
	while (next.p != NULL && status == STATUS_DONE && accounts->count < ACCOUNTS_MAX) {
		AUTO_BUF query = {0};
		yyjson_val *answer, *items, *row;
		size_t i, n;

		buf_put_fmt(&query, "limit=%d", PAGE_MAX);
		if (upstream.p != NULL)
			form_put(&query, STR("upstream"), upstream);
		if (next.n > 0)
			form_put(&query, STR("cursor"), next);
		request.query = buf_str(&query);
		status = control_ask(data, arena, &request, &answer);
		if (status != STATUS_DONE)
			break;
		items = json_get(answer, "items");
		yyjson_arr_foreach(items, i, n, row) if (accounts->count < ACCOUNTS_MAX)
			accounts->rows[accounts->count++] = row;
		next = json_str(json_get(answer, "next"));
	}
	return status;
}

static bool is_looked_at(const struct accounts *accounts)
{
	for (size_t i = 0; i < accounts->count; i++)
		if (str_eq(json_str(json_get(accounts->rows[i], "health")), STR("unknown")))
			return true;
	return false;
}

static void print_accounts(const struct invocation *invocation, const struct accounts *accounts)
{
	AUTO_BUF out = {0};

	if (!invocation->json) {
		verb_print_table(&out, &resource_credentials, accounts->rows, accounts->count);
	} else {
		buf_put_byte(&out, '[');
		for (size_t i = 0; i < accounts->count; i++) {
			if (i > 0)
				buf_put_byte(&out, ',');
			json_write(&out, accounts->rows[i]);
		}
		buf_put(&out, STR("]\n"));
	}
	command_print(&out);
}

int accounts_run(const struct invocation *invocation)
{
	const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
	unsigned looks = options_has(&invocation->options, "no-wait") ? 1 : LOOKS_MAX;
	AUTO(config) *config = NULL;

	if (options_get(&invocation->options, "tenant").p == NULL)
		return command_misused(invocation, "--tenant is needed");
	if (!installation_config(invocation, &config))
		return STATUS_FAILED;
	for (;;) {
		AUTO(arena) *arena = arena_new(LIST_BYTES);
		struct accounts *accounts = ARENA_NEW(arena, struct accounts);
		int status = read_accounts(invocation, config->data, arena, accounts);

		if (status != STATUS_DONE)
			return status;
		if (--looks == 0 || !is_looked_at(accounts)) {
			print_accounts(invocation, accounts);
			return STATUS_DONE;
		}
		nanosleep(&pause, NULL);
	}
}
