/* Fetching from strangers: what is followed, what is bounded, and where it never goes. Asks a server in the same
 * process. */
#include "../unit.h"

#include <stdio.h>

#include "base/log.h"
#include "http/fetch.h"
#include "http/server.h"

struct rig {
	void (*script)(struct rig *rig); /* AWAITS */
	struct address bound;
	struct arena *arena;
	unsigned requests;
};

AWAITS static void answer_text(struct http_exchange *exchange, int status, const char *headers, const char *text)
{
	const struct piece piece = {.str = str_of(text)};
	const struct http_body body = {.content_type = STR("application/json"), .pieces = &piece, .count = 1};

	(void)!http_answer(exchange, status, str_of(headers), &body);
}

AWAITS static void handle(struct http_exchange *exchange, void *arg)
{
	struct rig *rig = arg;
	struct str path = exchange->path, x = http_field_find(&exchange->fields, STR("x-secret"));

	rig->requests++;
	if (str_eq(path, STR("/moved")))
		answer_text(exchange, 302, "Location: /document\r\n", "");
	else if (str_eq(path, STR("/round")))
		answer_text(exchange, 302, "Location: /round\r\n", "");
	else if (str_eq(path, STR("/away")))
		answer_text(exchange, 302, "Location: http://169.254.169.254/latest/meta-data\r\n", "");
	else if (str_eq(path, STR("/odd")))
		answer_text(exchange, 302, "Location: //127.0.0.1/document\r\n", "");
	else if (str_eq(path, STR("/large")))
		answer_text(exchange, 200, "", "0123456789012345678901234567890123456789");
	else if (str_eq(path, STR("/private")))
		answer_text(exchange, 200, "Cache-Control: private, no-store\r\n", "{}");
	else if (str_eq(path, STR("/slow")))
		(void)!fiber_sleep(60000);
	else if (str_eq(path, STR("/posted")))
		answer_text(exchange, exchange->body.n == 3 && str_eq(x, STR("1")) ? 201 : 400, "", "{}");
	else if (str_eq(path, STR("/document")))
		answer_text(exchange, 200, "Cache-Control: public, Max-Age=60\r\n", "{\"a\":1}");
	else
		answer_text(exchange, 404, "", "{}");
}

AWAITS static void rig_main(void *arg)
{
	struct rig *rig = arg;
	const struct http_server_spec spec = {.handle = handle,
					      .arg = rig,
					      .head_bytes_max = 8192,
					      .body_bytes_max = 1 << 20,
					      .header_timeout_ms = 10000,
					      .body_timeout_ms = 10000,
					      .idle_timeout_ms = 10000,
					      .keepalive_ms = 10000,
					      .connections_max = 1000,
					      .connections_per_ip_max = 1000};
	struct listener_spec listen = {0};
	AUTO(arena) *arena = arena_new(1 << 22);
	struct listener *listener;
	struct http_server *server;

	ck_ok(address_parse(STR("127.0.0.1:0"), &listen.address));
	ck_ok(http_server_new(&spec, &server));
	ck_ok(http_server_listen(server, &listen, NULL, &listener, &rig->bound));
	ck_ok(http_server_accept(server));
	rig->arena = arena;
	rig->script(rig);
	http_server_drain(server, 0, 100);
	http_server_free(server);
	rt_stop(1000);
}

static void rig_run(void (*script)(struct rig *rig))
{
	struct rig rig = {.script = script};

	log_setup(LOG_LEVELS, LOG_TEXT);
	ck_ok(rt_run(1, rig_main, &rig));
}

static struct fetch to(const struct rig *rig, const char *path)
{
	return (struct fetch){
		.url = arena_fmt(rig->arena, "http://127.0.0.1:%u%s", address_port(&rig->bound), path),
		.allow_private = true,
	};
}

AWAITS static void good_script(struct rig *rig)
{
	struct fetch fetch = to(rig, "/document");
	struct fetched fetched;

	ck_ok(http_fetch(rig->arena, &fetch, &fetched));
	ck_assert_int_eq(fetched.status, 200);
	ck_str(fetched.body, "{\"a\":1}");
	ck_str(fetched.content_type, "application/json");
	ck_assert_int_eq(fetched.fresh_ms, 60000);
	fetch = to(rig, "/private");
	ck_ok(http_fetch(rig->arena, &fetch, &fetched));
	ck_assert_int_eq(fetched.fresh_ms, -1);
	fetch = to(rig, "/none");
	ck_ok(http_fetch(rig->arena, &fetch, &fetched));
	ck_assert_int_eq(fetched.status, 404);
	ck_assert_int_eq(fetched.fresh_ms, 0);
	fetch = to(rig, "/posted");
	fetch.method = STR("POST");
	fetch.headers = STR("X-Secret: 1\r\n");
	fetch.body = STR("a=b");
	ck_ok(http_fetch(rig->arena, &fetch, &fetched));
	ck_assert_int_eq(fetched.status, 201);
}

START_TEST(documents_are_fetched)
{
	rig_run(good_script);
}
END_TEST

AWAITS static void redirect_script(struct rig *rig)
{
	struct fetch fetch = to(rig, "/moved");
	struct fetched fetched;

	ck_ok(http_fetch(rig->arena, &fetch, &fetched));
	ck_assert_int_eq(fetched.status, 302); /* not followed unless asked */
	fetch.redirects = 1;
	ck_ok(http_fetch(rig->arena, &fetch, &fetched));
	ck_str(fetched.body, "{\"a\":1}");
	fetch = to(rig, "/round");
	fetch.redirects = 3;
	rig->requests = 0;
	ck_err(http_fetch(rig->arena, &fetch, &fetched), ERR_UPSTREAM_GARBAGE);
	ck_assert_uint_eq(rig->requests, 4);
	fetch = to(rig, "/away"); /* http to what is not this machine, whatever is allowed */
	fetch.redirects = 3;
	ck_err(http_fetch(rig->arena, &fetch, &fetched), ERR_CONFIG);
	fetch = to(rig, "/odd");
	fetch.redirects = 3;
	ck_err(http_fetch(rig->arena, &fetch, &fetched), ERR_CONFIG);
}

START_TEST(redirects_are_checked_and_counted)
{
	rig_run(redirect_script);
}
END_TEST

AWAITS static void bound_script(struct rig *rig)
{
	struct fetch fetch = to(rig, "/large");
	struct fetched fetched;

	fetch.bytes_max = 40;
	ck_ok(http_fetch(rig->arena, &fetch, &fetched));
	fetch.bytes_max = 39;
	ck_err(http_fetch(rig->arena, &fetch, &fetched), ERR_UPSTREAM_TOO_LARGE);
	fetch = to(rig, "/slow");
	fetch.timeout_ms = 50;
	ck_err(http_fetch(rig->arena, &fetch, &fetched), ERR_UPSTREAM_TIMEOUT);
}

START_TEST(size_and_time_are_bounded)
{
	rig_run(bound_script);
}
END_TEST

/* Each of them written out, and a name that leads there. */
AWAITS static void guard_script(struct rig *rig)
{
	static const char *const inside[] = {
		"https://127.0.0.1/",	       "https://localhost/",	   "https://10.0.0.1/",
		"https://192.168.1.1/",	       "https://172.16.0.1/",	   "https://169.254.169.254/",
		"https://100.64.0.1/",	       "https://0.0.0.0/",	   "https://[::1]/",
		"https://[fe80::1]/",	       "https://[fc00::1]/",	   "https://[::]/",
		"https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[::ffff:10.0.0.1]/",
		"https://2130706433/",	       "https://0x7f.1/",	   "https://017700000001/",
	};
	static const char *const no_url[] = {"http://127.0.0.1/",     "http://192.0.2.1/",  "ftp://192.0.2.1/",
					     "file:///etc/passwd",    "https://",	    "https://a@b/",
					     "gopher://127.0.0.1:70", "https://a\r\nX: y/", "https://a/#b"};
	struct fetched fetched;

	for (size_t i = 0; i < ARRAY_LEN(inside); i++) {
		const struct fetch fetch = {.url = str_of(inside[i]), .timeout_ms = 2000};
		enum err err = http_fetch(rig->arena, &fetch, &fetched);

		ck_assert_msg(err == ERR_REFUSED_ADDRESS, "%s: %s", inside[i], err_name(err));
	}
	for (size_t i = 0; i < ARRAY_LEN(no_url); i++) {
		const struct fetch fetch = {.url = str_of(no_url[i])};

		ck_err(http_fetch(rig->arena, &fetch, &fetched), ERR_CONFIG);
	}
	ck_assert_uint_eq(rig->requests, 0);
}

START_TEST(private_addresses_are_never_asked)
{
	rig_run(guard_script);
}
END_TEST

UNIT_MAIN("fetch", documents_are_fetched, redirects_are_checked_and_counted, size_and_time_are_bounded,
	  private_addresses_are_never_asked)
