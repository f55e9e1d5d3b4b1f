/* Steps that are made several times, files, operations of the gateway, and what must happen once only. */
#include "bench.h"

#define HEAD                                                                                                           \
	"connector: tickets\n"                                                                                         \
	"title: Tickets\n"                                                                                             \
	"about: For tests.\n"                                                                                          \
	"docs: https://tickets.example/api\n"                                                                          \
	"settings: { base: { default: 'https://api.tickets.example', url: true, about: Where } }\n"                    \
	"auth: [{ type: bearer }]\n"
#define TOOL(name, kind) "  " name ":\n    title: T\n    description: A tool of a test.\n    kind: " kind "\n"
#define HTTP(id, method, path, more)                                                                                   \
	"      - id: " id "\n        http: { method: " method ", url: '{{set.base}}" path "'" more " }\n"

static char *answer_ok(struct platform *platform, const struct asked *asked)
{
	(void)platform;
	(void)asked;
	return answer_json("{}");
}

/* ---- files ---- */

static const char files_yaml[] = HEAD "tools:\n" TOOL(
	"post",
	"create") "    input: { photo: { $media: { mime: [image/*], bytes_max: 1MB } },\n"
		  "             more: { type: array, items: { $media: { mime: [image/*], bytes_max: "
		  "1MB } } }, text: { type: string } }\n"
		  "    output: { ids: { type: array, items: { type: string } } }\n"
		  "    steps:\n" HTTP("init", "POST", "/init",
				      ", json: { size: '{{args.photo.size}}', n: "
				      "'{{args.photo.plan.tiktok.count}}',"
				      " mime: '{{args.photo.mime}}', text: '{{args.text}}' "
				      "}") "      - id: part\n"
					   "        chunks: { of: '{{args.photo}}', bytes: 4 }\n"
					   "        http: { method: PUT, url: '{{set.base}}/part/{{part.number}}', "
					   "raw: '{{part}}',\n"
					   "                headers: { Content-Range: 'bytes "
					   "{{part.first}}-{{part.last}}/{{part.total}}' } }\n"
					   "        capture: { etag: '{{header.etag}}' }\n"
					   "      - id: form\n"
					   "        http: { method: POST, url: '{{set.base}}/form', multipart: [ { "
					   "name: tags, value: '{{cap.etag|csv}}' },\n"
					   "                { name: photo, file: '{{args.photo}}' }, { name: "
					   "'more[{{index}}]', file: '{{args.more}}', filename: f.png } ] }\n"
					   "      - id: each\n"
					   "        each: '{{args.more}}'\n"
					   "        http: { method: POST, url: '{{set.base}}/each/{{index}}', raw: "
					   "'{{it}}' }\n"
					   "        capture: { id: '{{body.id}}' }\n"
					   "    result: { ids: '{{cap.id}}', tags: '{{cap.etag}}' }\n";

static char *files_answer(struct platform *platform, const struct asked *asked)
{
	char headers[64];

	(void)platform;
	if (strncmp(asked->text, "PUT /part/", 10) == 0) {
		snprintf(headers, sizeof(headers), "ETag: e%c\r\n", asked->text[10]);
		return answer_with("201 Created", headers, "");
	}
	return answer_json(strstr(asked->text, "/each/0") != NULL ? "{\"id\":\"a\"}" : "{\"id\":\"b\"}");
}

AWAITS static void files_script(struct bench *bench)
{
	bench_good(bench, "post",
		   "{\"photo\":{\"base64\":\"0123456789\"},\"more\":[{\"base64\":\"abcd\"},{\"base64\":\"efgh\"}]}",
		   "{\"ids\":[\"a\",\"b\"],\"tags\":[\"e0\",\"e1\",\"e2\"]}");
	ck_assert_uint_eq(bench->platform.count, 7);
	ck_asked(bench, 0, "\r\n\r\n{\"size\":10,\"n\":1,\"mime\":\"image/png\"}");
	ck_asked(bench, 1, "Content-Range: bytes 0-3/10\r\n");
	ck_asked(bench, 1, "\r\n\r\n0123");
	ck_asked(bench, 3, "Content-Range: bytes 8-9/10\r\n");
	ck_asked(bench, 3, "Content-Length: 2\r\n\r\n89");
	ck_asked(bench, 4, "name=\"tags\"\r\n\r\ne0,e1,e2\r\n--");
	ck_asked(bench, 4,
		 "name=\"photo\"; filename=\"a %22b%22.png\"\r\nContent-Type: image/png\r\n\r\n0123456789\r\n--");
	ck_asked(bench, 4, "name=\"more[1]\"; filename=\"f.png\"\r\nContent-Type: image/png\r\n\r\nefgh\r\n--");
	ck_asked(bench, 6, "POST /each/1 HTTP/1.1\r\n");
	ck_asked(bench, 6, "\r\n\r\nefgh");
	bench_bad(bench, "post", "{\"photo\":{\"upload_id\":\"x\"}}", "not_found: the file `photo`: no such upload");
	ck_assert_uint_eq(bench->platform.count, 7);
}

START_TEST(files_are_sent_whole_and_in_parts)
{
	static struct bench bench = {.platform = {.answer = files_answer}, .token = "token-of-the-account"};

	bench_run(&bench, files_yaml, files_script);
}
END_TEST

/* ---- again and again ---- */

static const char polls_yaml[] = HEAD "tools:\n" TOOL(
	"wait", "read") "    input: { how: { type: string } }\n"
			"    required: [how]\n"
			"    output: { state: { type: string }, after: { type: string } }\n"
			"    steps:\n"
			"      - id: poll\n"
			"        http: { method: GET, url: '{{set.base}}/{{args.how}}' }\n"
			"        poll: { every_ms: 20, max_ms: 300, until: { eq: ['{{cap.state}}', done] "
			"}, fail: { eq: ['{{cap.state}}', bad] } }\n"
			"        capture: { state: '{{body.state}}' }\n" HTTP(
				"after", "GET", "/after",
				"") "    result: { state: '{{cap.state}}', after: '{{body.after}}' "
				    "}\n" TOOL("again", "create") "    input: {}\n"
								  "    output: { ok: { type: boolean } }\n"
								  "    steps:\n"
								  "      - id: send\n"
								  "        http: { method: POST, url: "
								  "'{{set.base}}/send', commit: true, "
								  "json: { a: 1 } }\n"
								  "        retry: { if: { eq: "
								  "['{{body.code}}', processing] }, "
								  "every_ms: 10, factor: 1.5, max: 3 }\n"
								  "    result: { ok: true }\n";

static atomic_uint rounds;

static char *polls_answer(struct platform *platform, const struct asked *asked)
{
	unsigned round = atomic_fetch_add(&rounds, 1);

	(void)platform;
	if (strstr(asked->text, "GET /after") != NULL)
		return answer_json("{\"after\":\"x\"}");
	if (strstr(asked->text, "GET /fails") != NULL && round >= 1)
		return answer_json("{\"state\":\"bad\",\"message\":\"It is no film\"}");
	if (strstr(asked->text, "GET /done") != NULL && round >= 2)
		return answer_json("{\"state\":\"done\"}");
	if (strstr(asked->text, "POST /send") != NULL)
		return round < 2 ? answer_with("409 No", JSON_TYPE, "{\"code\":\"processing\"}") : answer_json("{}");
	return answer_json("{\"state\":\"working\"}");
}

AWAITS static void polls_script(struct bench *bench)
{
	bench_good(bench, "wait", "{\"how\":\"done\"}", "{\"state\":\"done\",\"after\":\"x\"}");
	ck_assert_uint_eq(bench->platform.count, 4);
	atomic_store(&rounds, 0);
	bench_bad(bench, "wait", "{\"how\":\"fails\"}", "invalid: Tickets says (HTTP 200): It is no film.");
	/* The time is over, or the caller's is: what is known by then. */
	bench_good(bench, "wait", "{\"how\":\"never\"}", "{\"state\":\"working\"}");
	bench->within_ms = 1600;
	bench_good(bench, "wait", "{\"how\":\"never\"}", "{\"state\":\"working\"}");
	bench->within_ms = 0;
	/* A refusal that is known is known not to have happened. */
	atomic_store(&rounds, 0);
	bench_good(bench, "again", "{}", "{\"ok\":true}");
	ck_assert_uint_eq(rounds, 3);
	atomic_store(&rounds, 0);
}

START_TEST(requests_are_repeated_until_it_is_so)
{
	static struct bench bench = {.platform = {.answer = polls_answer}, .token = "token-of-the-account"};

	bench_run(&bench, polls_yaml, polls_script);
}
END_TEST

/* ---- once ---- */

static const char once_yaml[] = HEAD "tools:\n" TOOL(
	"send", "create") "    input: { text: { type: string } }\n"
			  "    required: [text]\n"
			  "    output: { id: { type: string } }\n"
			  "    steps:\n" HTTP("look", "GET", "/look", "")
				  HTTP("send", "POST", "/send",
				       ", commit: true, json: { text: '{{args.text}}', key: '{{idem}}' }")
					  HTTP("link", "GET", "/link", "") "    result: { id: '{{body.id}}' }\n";

static atomic_uint sent;

static char *once_answer(struct platform *platform, const struct asked *asked)
{
	(void)platform;
	if (strstr(asked->text, "GET /link") != NULL && strstr(platform->asked[platform->count - 2].text, "nolink"))
		return answer_with("404 No", "", "");
	if (strstr(asked->text, "POST /send") == NULL)
		return answer_json("{\"id\":\"5\"}");
	atomic_fetch_add(&sent, 1);
	if (strstr(asked->text, "lost") != NULL)
		return NULL;
	if (strstr(asked->text, "broken") != NULL)
		return answer_with("502 No", "", "");
	if (strstr(asked->text, "busy") != NULL)
		return answer_with("503 No", "", "");
	if (strstr(asked->text, "garbage") != NULL)
		return answer_with("200 OK", JSON_TYPE, "{\"id\"");
	return answer_json("{\"id\":\"5\"}");
}

AWAITS static void once_script(struct bench *bench)
{
	/* All is well, and nothing is left. */
	bench_good(bench, "send", "{\"text\":\"hi\"}", "{\"id\":\"5\"}");
	bench_good(bench, "send", "{\"text\":\"hi\"}", "{\"id\":\"5\"}");
	ck_assert_uint_eq(sent, 2);
	ck_assert_int_eq(test_int(bench->db, "SELECT count(*) FROM tool_run"), 0);

	/* A look that fails afterwards takes nothing back. */
	bench_good(bench, "send", "{\"text\":\"nolink\"}", "{}");

	/* The answer is lost: said so, and never sent again by itself. */
	bench_bad(bench, "send", "{\"text\":\"lost\"}", "unknown_outcome: ");
	ck_assert_uint_eq(sent, 4);
	bench_bad(bench, "send", "{\"text\":\"lost\"}", "unknown_outcome: the same call was made at 20");
	ck_assert_uint_eq(sent, 4);
	bench->principal = "somebody else";
	bench_bad(bench, "send", "{\"text\":\"lost\"}", "unknown_outcome: ");
	ck_assert_uint_eq(sent, 5);
	bench->principal = NULL;
	/* Who insists gives a key. */
	bench_bad(bench, "send", "{\"text\":\"lost\",\"idempotency_key\":\"again\"}", "unknown_outcome: ");
	ck_assert_uint_eq(sent, 6);
	bench_bad(bench, "send", "{\"text\":\"lost\",\"idempotency_key\":\"again\"}", "unknown_outcome: the same call");
	ck_assert_uint_eq(sent, 6);

	/* So is an answer that says nothing; a refusal is none. */
	bench_bad(bench, "send", "{\"text\":\"broken\"}", "unknown_outcome: ");
	bench_bad(bench, "send", "{\"text\":\"garbage\"}", "unknown_outcome: ");
	bench_bad(bench, "send", "{\"text\":\"busy\"}", "transient: ");
	ck_assert_uint_eq(sent, 9);
	bench_bad(bench, "send", "{\"text\":\"busy\"}", "transient: ");
	ck_assert_uint_eq(sent, 10);
}

START_TEST(what_publishes_is_sent_once)
{
	static struct bench bench = {.platform = {.answer = once_answer}, .token = "token-of-the-account"};

	bench_run(&bench, once_yaml, once_script);
}
END_TEST

AWAITS static void keyed_script(struct bench *bench)
{
	bench_good(bench, "send", "{\"text\":\"a\",\"idempotency_key\":\"k1\"}", "{\"id\":\"5\"}");
	ck_asked(bench, 1, "{\"text\":\"a\",\"key\":\"k1\"}");
	bench_good(bench, "send", "{\"idempotency_key\":\"k1\",\"text\":\"a\"}", "{\"id\":\"5\"}");
	ck_assert_uint_eq(sent, 1);
	bench_bad(bench, "send", "{\"text\":\"b\",\"idempotency_key\":\"k1\"}",
		  "invalid: this idempotency_key was used");
	bench_good(bench, "send", "{\"text\":\"b\",\"idempotency_key\":\"k2\"}", "{\"id\":\"5\"}");
	ck_assert_uint_eq(sent, 2);
	/* What was refused may be made again. */
	bench_bad(bench, "send", "{\"text\":\"busy\",\"idempotency_key\":\"k3\"}", "transient: ");
	bench_bad(bench, "send", "{\"text\":\"busy\",\"idempotency_key\":\"k3\"}", "transient: ");
	ck_assert_uint_eq(sent, 4);
	/* The result lies there sealed. */
	ck_assert_int_eq(
		test_int(bench->db, "SELECT count(*) FROM tool_run WHERE state = 'done' AND length(sealed) > 40"), 2);
	ck_assert_int_eq(test_int(bench->db, "SELECT count(*) FROM tool_run WHERE instr(sealed, 'structured') > 0"), 0);
	bench_bad(bench, "send", "{\"text\":\"a\",\"idempotency_key\":\"l\\u00e4nge\"}",
		  "invalid: idempotency_key must");
}

START_TEST(a_key_gives_the_same_result)
{
	static struct bench bench = {.platform = {.answer = once_answer}, .token = "token-of-the-account"};

	bench_run(&bench, once_yaml, keyed_script);
}
END_TEST

/* What a process that was killed leaves behind: a row that says that it was about to send. */
AWAITS static void killed_script(struct bench *bench)
{
	const struct db_statement alive = {.sql = "UPDATE tool_run SET until_ms = 9000000000000, state = 'sending'",
					   .changes_expected = -1};

	bench_bad(bench, "send", "{\"text\":\"lost\"}", "unknown_outcome: ");
	ck_ok(db_write(bench->db, DB_ALL_TENANTS, &alive, 1));
	bench_bad(bench, "send", "{\"text\":\"lost\"}", "conflict: the same call is under way");
	ck_assert_uint_eq(sent, 1);
	bench_good(bench, "send", "{\"text\":\"k\",\"idempotency_key\":\"k\"}", "{\"id\":\"5\"}");
	ck_ok(db_write(bench->db, DB_ALL_TENANTS, &alive, 1));
	bench_bad(bench, "send", "{\"text\":\"k\",\"idempotency_key\":\"k\"}", "conflict: ");
	ck_assert_uint_eq(sent, 2);
}

START_TEST(who_was_killed_leaves_a_row)
{
	static struct bench bench = {.platform = {.answer = once_answer}, .token = "token-of-the-account"};

	bench_run(&bench, once_yaml, killed_script);
}
END_TEST

/* ---- operations of the gateway ---- */

static const char native_yaml[] = HEAD "tools:\n" TOOL(
	"mail", "create") "    input: { how: { type: string }, file: { $media: { bytes_max: 1MB } } }\n"
			  "    required: [how]\n"
			  "    output: { id: { type: string } }\n"
			  "    steps:\n"
			  "      - id: send\n"
			  "        native: test.send\n"
			  "        commit: true\n"
			  "        with: { how: '{{args.how}}', file: '{{args.file}}'}\n"
			  "        capture: { made: '{{body.made}}', id: '{{body.id}}' }\n"
			  "      - id: put\n"
			  "        if: { exists: cap.made }\n"
			  "        http: { method: PUT, url: '{{set.base}}/made', raw: '{{cap.made}}' }\n"
			  "    result: { id: '{{cap.id}}' }\n";

/* AWAITS */
static enum err native_send(void *room, struct native_call *call)
{
	struct str how = json_str(json_get(call->with, "how"));
	struct media *file = call->media(call->run, json_get(call->with, "file")), *made;
	AUTO_BUF object = {0};

	(*(unsigned *)room)++;
	if (str_eq(how, STR("expired")) && str_eq(secret_text_str(call->secret), STR("token-of-the-account"))) {
		call->class = STR("token_expired");
		return ERR_TOOL_FAILED;
	}
	if (str_eq(how, STR("refused"))) {
		call->class = STR("not_found");
		call->message = STR("no such folder");
		return ERR_TOOL_FAILED;
	}
	if (str_eq(how, STR("lost")))
		return ERR_UPSTREAM_DOWN;
	buf_put(&object, STR("{\"id\":\"m1\""));
	if (file != NULL) {
		made = calloc(1, sizeof(*made));
		made->size = 2;
		memcpy(made->bytes, file->bytes, 2);
		media_open_now++;
		buf_put(&object, STR(",\"made\":"));
		call->give(call->run, made, &object);
	}
	buf_put_byte(&object, '}');
	call->result = arena_str(call->arena, buf_str(&object));
	return OK;
}

AWAITS static void native_script(struct bench *bench)
{
	unsigned *calls = bench->natives.room;

	bench_good(bench, "mail", "{\"how\":\"\",\"file\":{\"base64\":\"xyz\"}}", "{\"id\":\"m1\"}");
	ck_asked(bench, 0, "Content-Length: 2\r\n\r\nxy");
	bench_bad(bench, "mail", "{\"how\":\"refused\"}", "not_found: no such folder.");
	ck_assert_int_eq(test_int(bench->db, "SELECT count(*) FROM tool_run"), 0);
	bench->renews = true;
	bench_good(bench, "mail", "{\"how\":\"expired\"}", "{\"id\":\"m1\"}");
	ck_assert_uint_eq(*calls, 4);
	ck_assert_uint_eq(bench->refused, 1);
	bench_bad(bench, "mail", "{\"how\":\"lost\"}", "unknown_outcome: ");
	bench_bad(bench, "mail", "{\"how\":\"lost\"}", "unknown_outcome: the same call");
	ck_assert_uint_eq(*calls, 5);
}

START_TEST(operations_of_the_gateway)
{
	static const struct native_op ops[] = {{"test.send", native_send}, {NULL, NULL}};
	static unsigned calls;
	static struct bench bench = {
		.platform = {.answer = answer_ok}, .token = "token-of-the-account", .natives = {ops, &calls}};

	bench_run(&bench, native_yaml, native_script);
}
END_TEST

UNIT_MAIN("connector/run_steps", files_are_sent_whole_and_in_parts, requests_are_repeated_until_it_is_so,
	  what_publishes_is_sent_once, a_key_gives_the_same_result, who_was_killed_leaves_a_row,
	  operations_of_the_gateway)
