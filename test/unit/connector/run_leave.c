/* Callers who go away, and callers who are told how far it is: what was published meanwhile is known all the same, what
 * was not is not begun. */
#include "bench.h"

#include <semaphore.h>

#include "rt/fiber.h"

static const char leave_yaml[] =
	"connector: tickets\n"
	"title: Tickets\n"
	"about: For tests.\n"
	"docs: https://tickets.example/api\n"
	"settings: { base: { default: 'https://api.tickets.example', url: true, about: Where } }\n"
	"auth: [{ type: bearer }]\n"
	"tools:\n"
	"  send:\n"
	"    title: Send\n"
	"    description: A tool of a test.\n"
	"    kind: create\n"
	"    input: { files: { type: array, items: { $media: { bytes_max: 1MB } } } }\n"
	"    output: { id: { type: string } }\n"
	"    steps:\n"
	"      - { id: look, http: { method: GET, url: '{{set.base}}/look' } }\n"
	"      - { id: files, each: '{{args.files}}', http: { method: PUT, url: '{{set.base}}/file', raw: '{{it}}' } "
	"}\n"
	"      - { id: send, http: { method: POST, url: '{{set.base}}/send', commit: true },\n"
	"          capture: { id: '{{body.id}}' } }\n"
	"      - { id: after, http: { method: GET, url: '{{set.base}}/after' } }\n"
	"    result: { id: '{{cap.id}}' }\n";

static sem_t go;

/* The request that a test is about waits for the test. */
static char *slow_answer(struct platform *platform, const struct asked *asked)
{
	const char *slow = platform->slow;

	if (slow != NULL && strstr(asked->text, slow) != NULL)
		sem_wait(&go);
	return answer_json("{\"id\":\"5\"}");
}

struct leaver {
	struct bench *bench;
	const char *arguments;
	bool ended;
};

AWAITS static void leaver_main(void *arg)
{
	struct leaver *leaver = arg;

	(void)bench_call(leaver->bench, "send", leaver->arguments);
	leaver->ended = true;
}

/* Call, and leave when so many requests have come. */
AWAITS static enum err call_and_leave(struct bench *bench, const char *arguments, unsigned requests)
{
	struct leaver leaver = {.bench = bench, .arguments = arguments};
	unsigned before = bench->platform.count;
	struct fiber *fiber;

	ck_ok(fiber_spawn(loop_self(), "leaver", leaver_main, &leaver, 0, &fiber));
	while (bench->platform.count < before + requests)
		ck_ok(fiber_sleep(2));
	fiber_cancel(fiber);
	ck_ok(fiber_yield());
	sem_post(&go);
	while (!leaver.ended)
		ck_ok(fiber_sleep(2));
	return bench->err;
}

AWAITS static void leave_script(struct bench *bench)
{
	unsigned before;

	sem_init(&go, 0, 0);
	/* While it is published: the answer is waited for, and nothing after it. */
	bench->platform.slow = "POST /send";
	ck_ok(call_and_leave(bench, "{\"idempotency_key\":\"k\"}", 2));
	ck_asked(bench, bench->platform.count - 1, "POST /send");
	ck_assert_int_eq(test_int(bench->db, "SELECT count(*) FROM tool_run WHERE state = 'done'"), 1);
	before = bench->platform.count;
	bench_good(bench, "send", "{\"idempotency_key\":\"k\"}", "{\"id\":\"5\"}"); /* who asks again has the result */
	ck_assert_uint_eq(bench->platform.count, before);

	/* Before: nothing is sent, and the key is free. */
	bench->platform.slow = "GET /look";
	ck_err(call_and_leave(bench, "{\"idempotency_key\":\"l\"}", 1), ERR_CANCELED);
	ck_asked(bench, bench->platform.count - 1, "GET /look");
	ck_assert_int_eq(test_int(bench->db, "SELECT count(*) FROM tool_run"), 1);
	bench->platform.slow = NULL;
	bench_good(bench, "send", "{\"idempotency_key\":\"l\"}", "{\"id\":\"5\"}");
}

START_TEST(who_leaves_loses_nothing)
{
	static struct bench bench = {.platform = {.answer = slow_answer}, .token = "token-of-the-account"};

	bench_run(&bench, leave_yaml, leave_script);
}
END_TEST

static uint64_t told, told_last;
static bool hung_up;

/* AWAITS */
static enum err tell(void *arg, uint64_t done, uint64_t total, struct str text)
{
	(void)arg;
	(void)text;
	ck_assert_uint_eq(total, 4000);
	ck_assert(done <= total && (told == 0 || done > told_last));
	told_last = done;
	told++;
	return hung_up ? ERR_CANCELED : OK;
}

AWAITS static void progress_script(struct bench *bench)
{
	bench->progress = tell;
	bench_good(bench, "send", "{\"files\":[{\"base64\":\"a\"},{\"base64\":\"b\"},{\"base64\":\"c\"}]}",
		   "{\"id\":\"5\"}");
	ck_assert_uint_eq(told, 3);
	hung_up = true;
	told = 0;
	ck_err(bench_call(bench, "send", "{\"files\":[{\"base64\":\"a\"},{\"base64\":\"b\"}]}"), ERR_CANCELED);
	ck_asked(bench, bench->platform.count - 1, "PUT /file");
}

START_TEST(callers_hear_how_far_it_is)
{
	static struct bench bench = {.platform = {.answer = slow_answer}, .token = "token-of-the-account"};

	bench_run(&bench, leave_yaml, progress_script);
}
END_TEST

UNIT_MAIN("connector/run_leave", who_leaves_loses_nothing, callers_hear_how_far_it_is)
