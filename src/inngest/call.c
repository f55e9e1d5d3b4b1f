/* The next step of a run. Inngest sends what the steps before have found; the first one that is missing is done, unless
 * it is another one that was asked for.
 *
 *     POST ─▶ read ─▶ steps of the function ─▶ all are there ──────▶ 200, what the last one found
 *                                    │            one has failed ───▶ 400, its error
 *                                    ▼ the first that is missing
 *                              planned only ─▶ 206 StepPlanned      done ─▶ 206 StepRun, StepError (again), StepFailed
 *
 * Steps bear being done twice: an answer that is lost is a step that Inngest asks for again. */
#include "inngest/private.h"

#include <stdlib.h>

#include "http/form.h"

#define RUN_ID_BYTES_MAX 64

struct call {
	struct inngest_visit *visit;
	struct inngest_run run;
	struct str target; /* "step", or the hash of the one to do */
	bool plan_only;
	yyjson_val *memo; /* what steps have found, by hash */
	const char *steps[INNGEST_STEPS_MAX];
	size_t step_count;
};

static void put_error(struct buf *out, struct str name, struct str message)
{
	buf_put(out, STR("{\"name\":"));
	buf_put_json(out, name);
	buf_put(out, STR(",\"message\":"));
	buf_put_json(out, message);
	buf_put_byte(out, '}');
}

static void put_no_retry(struct inngest_visit *visit, bool final)
{
	buf_put(visit->headers, final ? STR("X-Inngest-No-Retry: true\r\n") : STR("X-Inngest-No-Retry: false\r\n"));
}

/* An answer about the call, not about a step of it. */
static enum err answer_failure(struct inngest_visit *visit, bool final, struct str name, struct str message)
{
	visit->status = final ? 400 : 500;
	put_no_retry(visit, final);
	put_error(visit->body, name, message);
	return OK;
}

static void put_op(struct call *call, const char *op, size_t index)
{
	struct buf *out = call->visit->body;
	struct str id = str_of(call->steps[index]);

	buf_put(out, STR("[{\"id\":\""));
	step_hash_put(out, id);
	buf_put_fmt(out, "\",\"op\":\"%s\",\"name\":", op);
	buf_put_json(out, id);
	buf_put(out, STR(",\"displayName\":"));
	buf_put_json(out, id);
}

/* ---- what the call says ---- */

static bool is_plain_id(struct str id)
{
	for (size_t i = 0; i < id.n; i++) {
		char c = id.p[i], lower = (char)(c | 0x20);

		if (!((lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
			return false;
	}
	return id.n > 0 && id.n <= RUN_ID_BYTES_MAX;
}

/* The function that a query's fnId names: "APP-ID".   returns   its index; function_count: none */
static size_t function_find(const struct inngest_spec *spec, struct str name)
{
	struct str id = str_skip(name, spec->app_id.n + 1);
	size_t i = 0;

	if (!str_starts(name, spec->app_id) || name.n <= spec->app_id.n || name.p[spec->app_id.n] != '-')
		return spec->function_count;
	while (i < spec->function_count && !str_eq(id, str_of(spec->functions[i].id)))
		i++;
	return i;
}

/* What is too much for a call's body is asked for.
 *   ret_value  NULL: it did not come as it should */
AWAITS static enum err fetch_state(struct call *call, const char *what, yyjson_val **ret_value)
{
	struct arena *arena = call->visit->arena;
	struct str path = arena_fmt(arena, "/v0/runs/%.*s/%s", STR_ARG(call->run.id), what), body;
	int status;

	*ret_value = NULL;
	TRY(inngest_ask(call->visit->spec, arena, path, STR_NONE, INNGEST_BODY_BYTES_MAX, &status, &body));
	if (status != 200)
		return ERR_UPSTREAM_GARBAGE;
	return json_read(arena, body, ret_value);
}

AWAITS static enum err read_state(struct call *call, yyjson_val *body, yyjson_val *context)
{
	bool elsewhere = yyjson_is_true(json_get(body, "use_api")) || yyjson_is_true(json_get(context, "use_api"));
	yyjson_val *event = json_get(body, "event"), *events;

	call->memo = json_get(body, "steps");
	if (elsewhere) {
		TRY(fetch_state(call, "batch", &events));
		TRY(fetch_state(call, "actions", &call->memo));
		event = yyjson_arr_get_first(events);
	}
	call->run.data = json_get(event, "data");
	return OK;
}

static enum err read_context(struct call *call, yyjson_val *context)
{
	int64_t attempt = 0, tries = 0;

	call->run.id = json_str(json_get(context, "run_id"));
	if (!is_plain_id(call->run.id))
		return ERR_JSON_SYNTAX;
	(void)json_int(json_get(context, "attempt"), &attempt);
	(void)json_int(json_get(context, "max_attempts"), &tries);
	call->run.last = tries > 0 && attempt + 1 >= tries;
	call->plan_only = yyjson_is_true(json_get(context, "disable_immediate_execution"));
	return OK;
}

/* ---- memo ---- */

/* What is kept of a step; NULL: it is still to be done. */
static yyjson_val *memo_of(const struct call *call, size_t index)
{
	yyjson_val *memo;
	AUTO_BUF hash = {0};

	step_hash_put(&hash, str_of(call->steps[index]));
	memo = yyjson_obj_getn(call->memo, hash.p, hash.n);
	return memo;
}

/* Its finding as JSON: null for what has none. */
static struct str found_of(const struct call *call, yyjson_val *memo)
{
	yyjson_val *value = json_get(memo, "data");
	AUTO_BUF text = {0};

	if (value == NULL)
		return STR("null");
	json_write(&text, value);
	return arena_try_str(call->visit->arena, buf_str(&text));
}

/* ---- a step ---- */

static bool is_over(enum err err)
{
	return err == ERR_CANCELED || err == ERR_SHUTDOWN;
}

AWAITS static void answer_step_failure(struct call *call, size_t index, enum err err)
{
	struct inngest_visit *visit = call->visit;
	const struct inngest_spec *spec = visit->spec;
	struct inngest_run *run = &call->run;
	bool over = run->final || run->last;

	if (over && spec->failed != NULL)
		spec->failed(spec->arg, run, err);
	put_no_retry(visit, over);
	if (!over && run->retry_after_s > 0)
		buf_put_fmt(visit->headers, "Retry-After: %lld\r\n", (long long)run->retry_after_s);
	put_op(call, over ? "StepFailed" : "StepError", index);
	buf_put(visit->body, STR(",\"error\":"));
	put_error(visit->body, str_of(err_name(err)),
		  run->problem.n > 0 ? str_shorten(run->problem, INNGEST_PROBLEM_BYTES_MAX) : str_of(err_text(err)));
	buf_put(visit->body, STR("}]"));
}

AWAITS static enum err do_step(struct call *call, size_t index)
{
	struct inngest_visit *visit = call->visit;
	AUTO_BUF found = {0};
	enum err err = visit->spec->step(visit->spec->arg, &call->run, index, &found);

	if (is_over(err))
		return err;
	if (err == OK && found.n > INNGEST_FOUND_BYTES_MAX) {
		err = ERR_LIMIT;
		call->run.final = true;
		call->run.problem = STR("the step found more than Inngest keeps");
	}
	visit->status = 206;
	if (err != OK) {
		answer_step_failure(call, index, err);
		return OK;
	}
	put_op(call, "StepRun", index);
	buf_put(visit->body, STR(",\"data\":"));
	buf_put(visit->body, found.n > 0 ? buf_str(&found) : STR("null"));
	buf_put(visit->body, STR("}]"));
	return OK;
}

/* ---- the run ---- */

/* The first step that is not kept, and what the one before it has found. */
static size_t pending_find(struct call *call, yyjson_val **ret_failed)
{
	size_t i = 0;

	*ret_failed = NULL;
	for (; i < call->step_count; i++) {
		yyjson_val *memo = memo_of(call, i);

		if (memo == NULL)
			break;
		if (json_get(memo, "error") != NULL) {
			*ret_failed = json_get(memo, "error");
			break;
		}
		call->run.found = found_of(call, memo);
	}
	return i;
}

static enum err answer_failed_step(struct call *call, yyjson_val *error)
{
	struct str name = json_str(json_get(error, "name")), message = json_str(json_get(error, "message"));

	return answer_failure(call->visit, true, name.n > 0 ? name : STR("StepError"),
			      str_shorten(message, INNGEST_PROBLEM_BYTES_MAX));
}

static bool is_target(const struct call *call, size_t index)
{
	AUTO_BUF hash = {0};

	if (str_eq(call->target, STR("step")))
		return true;
	step_hash_put(&hash, str_of(call->steps[index]));
	return str_eq(call->target, buf_str(&hash));
}

AWAITS static enum err go_on(struct call *call)
{
	struct inngest_visit *visit = call->visit;
	yyjson_val *failed;
	size_t index;

	call->step_count = visit->spec->steps(visit->spec->arg, &call->run, call->steps);
	if (call->step_count == 0)
		return answer_failure(visit, true, STR("EventRefused"), call->run.problem);
	index = pending_find(call, &failed);
	if (failed != NULL)
		return answer_failed_step(call, failed);
	if (index < call->step_count && is_target(call, index)) {
		if (!call->plan_only || !str_eq(call->target, STR("step")))
			return do_step(call, index);
		visit->status = 206;
		put_op(call, "StepPlanned", index);
		buf_put(visit->body, STR("}]"));
		return OK;
	}
	if (!str_eq(call->target, STR("step")))
		return answer_failure(visit, false, STR("StepNotFound"),
				      STR("no step with this id is to be done next"));
	visit->status = 200;
	buf_put(visit->body, call->run.found);
	return OK;
}

AWAITS static enum err run_call(struct call *call)
{
	struct inngest_visit *visit = call->visit;
	yyjson_val *body, *context;
	enum err err = json_read(visit->arena, visit->request->body, &body);

	context = err == OK ? json_get(body, "ctx") : NULL;
	if (err != OK || read_context(call, context) != OK)
		return answer_failure(visit, true, STR("BadRequest"), STR("the body is no call of a function"));
	err = read_state(call, body, context);
	if (is_over(err))
		return err;
	if (err != OK)
		return answer_failure(visit, false, str_of(err_name(err)), STR("the state of the run cannot be read"));
	return go_on(call);
}

AWAITS enum err call_serve(struct inngest_visit *visit)
{
	struct form *query = ARENA_NEW(visit->arena, struct form);
	struct call *call = ARENA_NEW(visit->arena, struct call);
	const struct inngest_spec *spec = visit->spec;
	struct str probe;

	if (form_read(visit->arena, visit->request->query, query) != OK)
		return answer_failure(visit, true, STR("BadRequest"), STR("the query cannot be read"));
	probe = form_get(query, STR("probe"));
	if (probe.p != NULL) {
		if (!str_eq(probe, STR("trust")))
			return answer_failure(visit, true, STR("BadRequest"), STR("no such probe"));
		visit->status = 200;
		return OK;
	}
	if (str_eq_nocase(single_header(visit->request->fields, STR("x-inngest-server-kind")), STR("dev")))
		return answer_failure(visit, true, STR("BadRequest"), STR("this is no development server"));
	call->visit = visit;
	call->run.arena = visit->arena;
	call->target = form_get(query, STR("stepId"));
	if (call->target.n == 0)
		call->target = STR("step");
	call->run.function = function_find(spec, form_get(query, STR("fnId")));
	if (call->run.function == spec->function_count)
		return answer_failure(visit, false, STR("FunctionNotFound"), STR("no such function is here"));
	return run_call(call);
}
