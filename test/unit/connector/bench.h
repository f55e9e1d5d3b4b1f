/* A runner with one connector, its platform, a database, a vault and files that are in memory. */
#ifndef GATEHOUSE_TEST_CONNECTOR_BENCH_H
#define GATEHOUSE_TEST_CONNECTOR_BENCH_H

#include "../vault/vault_fixture.h"
#include "files.h"
#include "platform.h"

#include "base/clock.h"
#include "base/log.h"
#include "connector/connector.h"

struct bench {
	struct platform platform;
	struct db *db;
	struct replica replica;
	struct tenant tenant;
	struct connector *connector;
	struct connector_runner *runner;
	struct native_table natives;
	const char *scopes, *principal, *token; /* NULL: of no account */
	int64_t timeout_ms, within_ms;		/* of a request; of a call, 0 none */
	enum err (*progress)(void *arg, uint64_t done, uint64_t total, struct str text);
	unsigned refused, got; /* how often a credential was refused, given */
	bool renews, bare;
	/* of the last call */
	struct arena *arena;
	struct connector_call call;
	enum err err;
};

/* AWAITS */
static enum err bench_get(void *arg, const struct connector_request *request, struct secret_text **ret_lines,
			  bool *ret_in_query, struct secret_text **ret_secret)
{
	struct bench *bench = arg;
	AUTO_BUF lines = {0};

	(void)request;
	bench->got++;
	buf_put_fmt(&lines, "Authorization: Bearer %s\r\n", bench->token);
	*ret_lines = secret_text_new(buf_str(&lines));
	*ret_secret = secret_text_new(str_of(bench->token));
	*ret_in_query = false;
	return OK;
}

/* AWAITS */
static enum err bench_refused(void *arg, int status, const struct secret_text *sent, bool *ret_again)
{
	struct bench *bench = arg;

	ck_assert_int_eq(status, 401);
	ck_assert(str_starts(secret_text_str(sent), STR("Authorization: Bearer ")));
	bench->refused++;
	*ret_again = bench->renews;
	bench->token = "token-that-is-new";
	return bench->renews ? OK : ERR_CREDENTIAL_REAUTH;
}

static inline void bench_compile(struct bench *bench, const char *yaml)
{
	AUTO_BUF problem = {0};
	enum err err = connector_compile(str_of(yaml), STR("t.yaml"), &problem, &bench->connector);

	ck_assert_msg(err == OK, "%.*s", STR_ARG(buf_str(&problem)));
}

/* Call a tool; the result is in bench->call, refusals too. */
AWAITS static inline enum err bench_call(struct bench *bench, const char *tool, const char *arguments)
{
	AUTO_BUF settings = {0};

	arena_free(bench->arena);
	bench->arena = arena_new(1 << 23);
	buf_put_fmt(&settings, "{\"base\":\"http://127.0.0.1:%u\",\"project\":\"P\"}", bench->platform.port);
	bench->call = (struct connector_call){
		.arena = bench->arena,
		.tool = str_of(tool),
		.arguments = str_of(arguments),
		.setup = connector_setup_new(bench->connector, buf_str(&settings), bench->arena),
		.account_id = STR("77"),
		.scopes = str_of(bench->scopes),
		.tenant_id = bench->tenant.id,
		.principal = str_of(bench->principal == NULL ? "me" : bench->principal),
		.upstream = STR("tickets"),
		.account = STR(""),
		.request_id = STR("R1"),
		.terms = {.allow_private = true, .timeout_ms = bench->timeout_ms == 0 ? 5000 : bench->timeout_ms},
		.deadline_ms = bench->within_ms == 0 ? 0 : clock_ms() + bench->within_ms,
	};
	bench->call.progress = bench->progress;
	bench->call.bare = bench->bare;
	if (bench->token != NULL)
		bench->call.credentials =
			(struct connector_credentials){.get = bench_get, .refused = bench_refused, .arg = bench};
	bench->err = connector_run(bench->runner, bench->connector, &bench->call);
	return bench->err;
}

/* The text that a client sees as the first content. */
static inline struct str bench_text(struct bench *bench)
{
	yyjson_val *root;

	ck_ok(json_read(bench->arena, bench->call.result, &root));
	return json_str(json_get(yyjson_arr_get_first(json_get(root, "content")), "text"));
}

/* It went well, with this as its structured content. */
AWAITS static inline void bench_good(struct bench *bench, const char *tool, const char *arguments, const char *want)
{
	AUTO_BUF got = {0};
	yyjson_val *root;

	ck_ok(bench_call(bench, tool, arguments));
	ck_ok(json_read(bench->arena, bench->call.result, &root));
	json_write(&got, json_get(root, "structuredContent"));
	ck_assert_msg(!bench->call.failed && str_eq(buf_str(&got), str_of(want)), "%s(%s): got %.*s, want %s", tool,
		      arguments, STR_ARG(bench->call.result), want);
	ck_bytes(bench_text(bench), str_of(want));
}

/* It was refused, with a text that begins so. */
AWAITS static inline void bench_bad(struct bench *bench, const char *tool, const char *arguments, const char *begins)
{
	ck_ok(bench_call(bench, tool, arguments));
	ck_assert_msg(bench->call.failed && str_starts(bench_text(bench), str_of(begins)), "%s(%s): got %.*s, want %s",
		      tool, arguments, STR_ARG(bench->call.result), begins);
}

static struct {
	struct bench *bench;
	const char *yaml;
	void (*script)(struct bench *bench); /* AWAITS */
} bench_case;

AWAITS static void bench_body(struct db *db)
{
	struct bench *bench = bench_case.bench;
	AUTO(arena) *arena = arena_new(1 << 20);
	struct secret *key = secret_random();

	bench->db = db;
	bench->tenant = test_tenant(db, arena, "acme");
	replica_start(&bench->replica, db, 1);
	bench_compile(bench, bench_case.yaml);
	bench->runner = connector_runner_new(&(struct connector_runner_spec){
		.db = db,
		.vault = bench->replica.vault,
		.media = (struct media_store *)bench,
		.key = key,
		.natives = &bench->natives,
		.native_count = bench->natives.ops != NULL,
	});
	bench_case.script(bench);
	ck_assert_int_eq(media_open_now, 0);
	arena_free(bench->arena);
	bench->arena = NULL;
	connector_runner_free(bench->runner);
	connector_unref(bench->connector);
	replica_stop(&bench->replica);
	secret_free(key);
}

static inline void bench_run(struct bench *bench, const char *yaml, void (*script)(struct bench *bench))
{
	log_setup(LOG_LEVELS, LOG_TEXT);
	bench_case.bench = bench;
	bench_case.yaml = yaml;
	bench_case.script = script;
	platform_start(&bench->platform);
	test_with_store(1, bench_body);
	platform_stop(&bench->platform);
}

/* Whether request number `at` has some text in it. */
static inline void ck_asked(const struct bench *bench, unsigned at, const char *part)
{
	ck_assert_uint_lt(at, bench->platform.count);
	ck_assert_msg(strstr(bench->platform.asked[at].text, part) != NULL, "want %s in: %s", part,
		      bench->platform.asked[at].text);
}
static inline void ck_not_asked(const struct bench *bench, unsigned at, const char *part)
{
	ck_assert_uint_lt(at, bench->platform.count);
	ck_assert_msg(strstr(bench->platform.asked[at].text, part) == NULL, "%s in: %s", part,
		      bench->platform.asked[at].text);
}

#endif
