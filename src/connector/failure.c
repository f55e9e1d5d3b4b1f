/* What went wrong, as one of the language's classes: by the file's rules, the first that fits, else by the status. The
 * platform's own words are looked for where platforms put them, shortened, and rid of the account's secret. */
#include "base/check.h"
#include "base/clock.h"
#include "connector/run.h"

#define PAUSE_UNSAID_S 30    /* after a 429 that says nothing */
#define PAUSE_WAITED_MS 2000 /* a shorter one is waited for, not told */
#define USED_SLOW_PERCENT 75 /* of a platform's limit: from then on each request waits for a moment */
#define USED_PAUSE_PERCENT 95
#define USED_PAUSE_S 300 /* when the platform does not say how long */

/* ---- the platform's words ---- */

/* body.error.message and the like. */
static struct str word_at(yyjson_val *body, const char *outer, const char *inner)
{
	yyjson_val *value = outer == NULL ? body : json_get(body, outer);

	if (yyjson_is_arr(value))
		value = yyjson_arr_get_first(value);
	return json_str(inner == NULL ? value : json_get(value, inner));
}

static struct str usual_words(const struct answer *answer)
{
	static const char *const places[][2] = {
		{"error", "message"},  {NULL, "message"}, {NULL, "error_description"},
		{"errors", "message"}, {NULL, "detail"},  {NULL, "title"},
		{NULL, "description"}, {NULL, "Detail"},  {NULL, "Message"},
		{"errors", NULL},      {NULL, "error"},
	};

	if (answer->body.kind == VALUE_TEXT)
		return str_starts(str_trim(answer->body.text), STR("<")) ? STR_NONE : answer->body.text;
	if (answer->body.kind != VALUE_JSON)
		return STR_NONE;
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		struct str words = word_at(answer->body.json, places[i][0], places[i][1]);

		if (words.n > 0)
			return words;
	}
	return STR_NONE;
}

static struct str words_of(struct run *run)
{
	AUTO_BUF words = {0};

	if (run->connector->message != NULL)
		(void)template_text(run->connector->message, &run->scope, &words);
	if (words.n == 0)
		buf_put(&words, usual_words(&run->answer));
	if (words.n == 0)
		buf_put_fmt(&words, "it failed, without a word");
	return run_redacted(run, str_shorten(str_trim(buf_str(&words)), RUN_WORDS_BYTES_MAX));
}

/* ---- classes ---- */

static bool status_fits(const uint16_t *statuses, size_t count, int status)
{
	for (size_t i = 0; i < count; i++)
		if (statuses[i] == status || (statuses[i] < 10 && statuses[i] == status / 100))
			return true;
	return count == 0;
}

static enum failure_class class_of_status(const struct step *step, int status)
{
	switch (status) {
	case 401:
		return CLASS_TOKEN_EXPIRED;
	case 403:
		return CLASS_PERMISSION;
	case 404:
		return CLASS_NOT_FOUND;
	case 409:
		return CLASS_CONFLICT;
	case 413:
		return CLASS_TOO_LARGE;
	case 429:
		return CLASS_RATE_LIMITED;
	case 408:
	case 503:
		return CLASS_TRANSIENT;
	default:
		/* A server that breaks, or a proxy that lost it, may have done the work. */
		if (status >= 500)
			return step->commit ? CLASS_UNKNOWN_OUTCOME : CLASS_TRANSIENT;
		return CLASS_INVALID;
	}
}

/* A whole number, rounded up, however it is written, also "30s"; -1: it is none. */
static int64_t whole_of(struct run *run, const struct template *template)
{
	AUTO_BUF text = {0};
	struct str whole, fraction;
	int64_t seconds;

	if (template == NULL || !template_text(template, &run->scope, &text))
		return -1;
	if (text.n > 1 && text.p[text.n - 1] == 's')
		text.n--; /* "30s" */
	str_cut(str_trim(buf_str(&text)), '.', &whole, &fraction);
	if (str_to_i64(whole, &seconds) != OK || seconds < 0 || seconds > INT32_MAX * 2000LL)
		return -1;
	return seconds + (fraction.n > 0);
}

static int64_t seconds_until(struct run *run, const struct template *template)
{
	int64_t at = whole_of(run, template), now = clock_wall_ms() / 1000;

	if (at > 100000000000) /* it is in ms */
		at /= 1000;
	return at < 0 ? -1 : at > now ? at - now : 1;
}

static int64_t retry_after_of(struct run *run, const struct error_rule *rule)
{
	int64_t seconds = rule == NULL ? -1 : whole_of(run, rule->retry_after);
	uint64_t said;

	if (seconds < 0 && rule != NULL)
		seconds = seconds_until(run, rule->retry_at);
	if (seconds < 0 && run->answer.fields != NULL &&
	    str_to_u64(http_field_get(run->answer.fields, HTTP_RETRY_AFTER), &said) == OK && said < INT32_MAX)
		seconds = (int64_t)said;
	return seconds < 0 ? 0 : seconds;
}

static const struct error_rule *rule_of(struct run *run)
{
	const struct connector *connector = run->connector;

	for (size_t i = 0; i < connector->error_count; i++) {
		const struct error_rule *rule = &connector->errors[i];

		if (status_fits(rule->statuses, rule->status_count, run->answer.status) &&
		    template_holds(rule->when, &run->scope))
			return rule;
	}
	return NULL;
}

static bool is_good(struct run *run, const struct http_step *http)
{
	int status = run->answer.status;
	bool good = http->ok_count > 0 ? status_fits(http->ok, http->ok_count, status) : status / 100 == 2;

	return good && template_holds(run->connector->success, &run->scope);
}

/* Most platforms count by kind of request: what one tool may not now, others may. */
static void put_paused(const struct run *run, struct buf *out)
{
	run_put_account(run, out);
	buf_put_byte(out, '\n');
	buf_put(out, run->tool->name);
}

static void pause_account(struct run *run, int64_t seconds)
{
	AUTO_BUF account = {0};

	put_paused(run, &account);
	pauses_begin(run->runner->pauses, buf_str(&account), seconds * 1000);
}

/* What is left of the platform's limit, when it says so with every answer. */
static void note_rate(struct run *run)
{
	const struct connector *connector = run->connector;
	int64_t reset_s;

	if (connector->rate_remaining == NULL || whole_of(run, connector->rate_remaining) != 0)
		return;
	reset_s = whole_of(run, connector->rate_reset_s);
	if (reset_s < 0)
		reset_s = seconds_until(run, connector->rate_reset_at);
	if (reset_s > 0)
		pause_account(run, reset_s);
}

/* How much of its limits is used, per cent, when it says so with every answer: all tools of the account slow down
 * before they are refused. */
static void note_usage(struct run *run)
{
	const struct connector *connector = run->connector;
	int64_t used = 0, reset_s;
	AUTO_BUF account = {0};

	for (size_t i = 0; i < connector->rate_used_count; i++) {
		int64_t percent = whole_of(run, connector->rate_used[i]);

		used = percent > used ? percent : used;
	}
	if (used < USED_SLOW_PERCENT)
		return;
	run_put_account(run, &account);
	reset_s = whole_of(run, connector->rate_reset_s);
	if (used >= USED_PAUSE_PERCENT)
		pauses_begin(run->runner->pauses, buf_str(&account), (reset_s > 0 ? reset_s : USED_PAUSE_S) * 1000);
	else
		pauses_begin(run->runner->pauses, buf_str(&account),
			     PAUSE_WAITED_MS * (used - USED_SLOW_PERCENT + 5) / 25);
}

/* What is said of it, beside the class: words, a hint, how long to wait. */
static void describe(struct run *run, const struct step *step, const struct error_rule *rule, enum failure_class class)
{
	struct failure *failure = &run->failure;
	AUTO_BUF hint = {0};

	*failure = (struct failure){
		.class = class, .step = step->id, .words = words_of(run), .status = run->answer.status};
	if (rule != NULL && rule->hint != NULL && template_text(rule->hint, &run->scope, &hint))
		failure->hint = run_redacted(run, buf_str(&hint));
	if (class == CLASS_RATE_LIMITED || class == CLASS_TRANSIENT || class == CLASS_QUOTA)
		failure->retry_after_s = retry_after_of(run, rule);
}

bool failure_of_answer(struct run *run, const struct step *step)
{
	const struct error_rule *rule;

	run->scope.arena = run->answer.arena;
	note_rate(run);
	note_usage(run);
	if (is_good(run, &step->http))
		return true;
	rule = rule_of(run);
	describe(run, step, rule, rule != NULL ? rule->class : class_of_status(step, run->answer.status));
	if (run->failure.class == CLASS_TRANSIENT || run->answer.status >= 500)
		run->call->sick = true;
	if (run->failure.class == CLASS_RATE_LIMITED)
		pause_account(run, run->failure.retry_after_s > 0 ? run->failure.retry_after_s : PAUSE_UNSAID_S);
	return false;
}

enum err failure_of_poll(struct run *run, const struct step *step)
{
	const struct error_rule *rule = run->answer.status == 0 ? NULL : rule_of(run);

	describe(run, step, rule, rule != NULL ? rule->class : CLASS_INVALID);
	run->failure.decided = true;
	return ERR_TOOL_FAILED;
}

enum err failure_of_way(struct run *run, const struct step *step, enum err err, bool sent)
{
	struct failure *failure = &run->failure;

	switch (err) {
	case ERR_UPSTREAM_DOWN:
	case ERR_UPSTREAM_GARBAGE:
	case ERR_UPSTREAM_TOO_LARGE:
	case ERR_UPSTREAM_TIMEOUT:
	case ERR_UPSTREAM_BUSY:
	case ERR_TIMEOUT:
	case ERR_CANCELED:
		break;
	default:
		if (!step->commit || !sent)
			return err;
	}
	if (!(step->commit && sent) && (err == ERR_TIMEOUT || err == ERR_CANCELED))
		return err;
	run->call->sick = err != ERR_CANCELED && err != ERR_UPSTREAM_TOO_LARGE && err != ERR_UPSTREAM_BUSY;
	*failure = (struct failure){.class = CLASS_TRANSIENT, .step = step->id, .words = str_of(err_text(err))};
	if (step->commit && sent)
		failure->class = CLASS_UNKNOWN_OUTCOME;
	else if (err == ERR_UPSTREAM_TOO_LARGE)
		failure->class = CLASS_TOO_LARGE;
	return ERR_TOOL_FAILED;
}

/* Of the tool, or of all of them. */
static int64_t paused_ms(const struct run *run)
{
	struct pauses *pauses = run->runner->pauses;
	AUTO_BUF account = {0};
	int64_t all_ms, tool_ms;

	if (!pauses_any(pauses))
		return 0;
	run_put_account(run, &account);
	all_ms = run->connector->rate_used_count == 0 ? 0 : pauses_left_ms(pauses, buf_str(&account));
	account.n = 0;
	put_paused(run, &account);
	tool_ms = pauses_left_ms(pauses, buf_str(&account));
	return all_ms > tool_ms ? all_ms : tool_ms;
}

AWAITS enum err failure_if_paused(struct run *run, const struct step *step)
{
	int64_t left_ms = paused_ms(run);

	if (left_ms == 0)
		return OK;
	if (left_ms <= PAUSE_WAITED_MS && left_ms < run_left_ms(run) / 2)
		return fiber_sleep(left_ms);
	run->failure = (struct failure){
		.class = CLASS_RATE_LIMITED,
		.step = step->id,
		.words = STR("the platform wants this account to wait"),
		.retry_after_s = (left_ms + 999) / 1000,
	};
	return ERR_TOOL_FAILED;
}
