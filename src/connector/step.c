/* A step: whether it is made at all, how often, and what is captured.
 *
 *     once ─────────────┐
 *     each ── element ──┼─▶ round: request or operation, captures ─▶ poll: again until ...
 *     chunks ── part ───┘      ▲                                        │
 *                              └──────────────── every_ms ──────────────┘
 *
 * In `each` and `chunks` a capture is the last round's while they go on, and afterwards an array of all. */
#include "base/check.h"
#include "base/clock.h"
#include "connector/chunk.h"
#include "connector/run.h"

#define POLL_REST_MS 1500     /* before the call's end: the caller still gets what is known so far */
#define EACH_MAX 64	      /* elements that a step is made for: posts have ten pictures */
#define EACH_INTERNAL_MAX 200 /* of internal files: an agency has more accounts than posts have pictures */

/* The captures of several rounds, as the texts of arrays. */
struct gather {
	struct buf *texts; /* one for each capture of the step */
	size_t rounds;
};

enum err step_capture(struct run *run, const struct step *step)
{
	for (size_t i = 0; i < step->captures.count; i++) {
		const struct named_template *capture = &step->captures.items[i];
		struct value kept;

		TRY(run_keep(run, template_value(capture->value, &run->scope), &kept));
		run_capture(run, capture->name, kept);
	}
	return run_budget(run);
}

AWAITS static enum err ask(struct run *run, const struct step *step)
{
	bool known = false;

	if (step->kind == STEP_NATIVE)
		TRY(step_native(run, step));
	else
		TRY(step_http(run, step, &known));
	run->committed |= step->commit && !known;
	return known ? OK : step_capture(run, step);
}

static int64_t poll_pause(struct run *run, const struct poll *poll, int64_t last_ms)
{
	int64_t ms;

	if (poll->every != NULL && value_int(template_value(poll->every, &run->scope), &ms) && ms > 0)
		return ms;
	if (last_ms == 0)
		return poll->every_ms > 0 ? poll->every_ms : 1000;
	return poll->factor > 1 ? (int64_t)((double)last_ms * poll->factor) : last_ms;
}

/* Repeat until it is so, or the time is over: then what is known must do. */
AWAITS static enum err poll(struct run *run, const struct step *step)
{
	int64_t began_ms = clock_ms(), wait_ms = 0;

	for (;;) {
		int64_t gone_ms;

		TRY(ask(run, step));
		if (step->poll.fail != NULL && template_holds(step->poll.fail, &run->scope))
			return failure_of_poll(run, step);
		if (template_holds(step->poll.until, &run->scope))
			return OK;
		TRY(run_budget(run));
		wait_ms = poll_pause(run, &step->poll, wait_ms);
		gone_ms = clock_ms() - began_ms;
		if (gone_ms + wait_ms > step->poll.max_ms || wait_ms + POLL_REST_MS > run_left_ms(run) ||
		    run->requests >= CONNECTOR_REQUESTS_MAX) {
			run->over = true;
			return OK;
		}
		TRY(run_progress(run, (unsigned)(gone_ms * 1000 / step->poll.max_ms), STR("waiting for the platform")));
		TRY(fiber_sleep(wait_ms));
	}
}

AWAITS static enum err once(struct run *run, const struct step *step)
{
	return step->poll.max_ms > 0 ? poll(run, step) : ask(run, step);
}

/* ---- several rounds ---- */

static struct value captured(const struct run *run, struct str name)
{
	for (const struct capture *capture = run->captures; capture != NULL; capture = capture->next)
		if (str_eq(capture->name, name))
			return capture->value;
	return (struct value){.kind = VALUE_ABSENT};
}

static void gather_round(const struct run *run, const struct step *step, struct gather *gather)
{
	for (size_t i = 0; i < step->captures.count; i++) {
		struct value value = captured(run, step->captures.items[i].name);

		buf_put_byte(&gather->texts[i], gather->rounds == 0 ? '[' : ',');
		if (value.kind == VALUE_ABSENT)
			buf_put(&gather->texts[i], STR("null"));
		else
			value_put_json(&gather->texts[i], value);
	}
	gather->rounds++;
}

static enum err gather_end(struct run *run, const struct step *step, struct gather *gather)
{
	enum err err = OK;

	for (size_t i = 0; i < step->captures.count; i++) {
		yyjson_val *array = NULL;

		if (gather->rounds > 0)
			buf_put_byte(&gather->texts[i], ']');
		if (err == OK && gather->rounds > 0)
			err = json_read(run->arena, buf_str(&gather->texts[i]), &array);
		if (err == OK)
			run_capture(run, step->captures.items[i].name, value_of_json(array));
		buf_free(&gather->texts[i]);
	}
	return err;
}

/* Gather what a loop's rounds capture, whatever becomes of it. */
AWAITS static enum err gathered(struct run *run, const struct step *step,
				enum err (*loop)(struct run *run, const struct step *step, struct gather *gather))
{
	struct gather gather = {
		.texts = arena_zalloc(run->call->arena, (step->captures.count + 1) * sizeof(*gather.texts))};
	enum err err = loop(run, step, &gather), ended = gather_end(run, step, &gather);

	return err == OK ? ended : err;
}

AWAITS static enum err each_element(struct run *run, const struct step *step, struct gather *gather)
{
	struct value list = template_value(step->each, &run->scope);
	struct scope_element element = {.outer = run->scope.element, .name = STR("it")};
	size_t count = list.kind == VALUE_JSON && yyjson_is_arr(list.json) ? yyjson_arr_size(list.json) : 0;
	size_t max = run->connector->internal ? EACH_INTERNAL_MAX : EACH_MAX;
	enum err err = OK;

	if (count > max)
		return run_fail(run, CLASS_TOO_LARGE, "more than %zu elements were given", max);
	/* The list may be of an answer, which the first round replaces. */
	if (count > 0)
		TRY(run_keep(run, list, &list));
	run->scope.element = &element;
	for (size_t i = 0; i < count && err == OK && !run->over; i++) {
		element.value = value_of_json(yyjson_arr_get(list.json, i));
		element.index = i;
		err = once(run, step);
		if (err == OK)
			gather_round(run, step, gather);
		if (err == OK)
			err = run_progress(run, (unsigned)((i + 1) * 1000 / count), STR(""));
	}
	run->scope.element = element.outer;
	return err;
}

AWAITS static enum err send_part(struct run *run, const struct step *step, const struct chunk_plan_made *plan,
				 struct scope_element *element, struct gather *gather)
{
	struct chunk chunk;

	element->value = plan->ranges == NULL ? (struct value){.kind = VALUE_ABSENT}
					      : value_of_json(yyjson_arr_get(plan->ranges, element->index));
	TRY(chunk_at(run, &step->chunks, plan, element->index, &chunk));
	TRY(chunk_show(run, plan, element->index, &chunk));
	TRY(once(run, step));
	gather_round(run, step, gather);
	return run_progress(run, (unsigned)((element->index + 1) * 1000 / plan->count), STR("sending the file"));
}

AWAITS static enum err each_part(struct run *run, const struct step *step, struct gather *gather)
{
	struct scope_element element = {.outer = run->scope.element, .name = STR("it")};
	struct chunk_plan_made plan;
	struct value ranges;
	enum err err = OK;

	TRY(chunk_plan(run, &step->chunks, &plan));
	if (plan.ranges != NULL) {
		TRY(run_keep(run, value_of_json(plan.ranges), &ranges));
		plan.ranges = ranges.json;
	}
	run->scope.element = &element;
	for (; element.index < plan.count && err == OK; element.index++)
		err = send_part(run, step, &plan, &element, gather);
	run->scope.element = element.outer;
	run->scope.root[ROOT_PART] = (struct value){.kind = VALUE_ABSENT};
	return err;
}

/* After what the tool is for has happened, a look that fails is no reason to say that it has not. */
static bool may_fail(const struct run *run, const struct step *step)
{
	return run->committed && !step->commit && step->kind == STEP_HTTP &&
	       (str_eq(step->http.method, STR("GET")) || step->poll.max_ms > 0) && !run->failure.decided;
}

AWAITS enum err step_run(struct run *run, const struct step *step)
{
	enum err err;

	if (!template_holds(step->when, &run->scope))
		return run_budget(run);
	if (step->chunks.of != NULL)
		err = gathered(run, step, each_part);
	else if (step->each != NULL)
		err = gathered(run, step, each_element);
	else
		err = once(run, step);
	if (err == OK || err == ERR_CANCELED || err == ERR_LIMIT || !may_fail(run, step))
		return err;
	run->over = true;
	return OK;
}
