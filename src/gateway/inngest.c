/* Two rooms put together: inngest knows how its server asks for steps, ads knows what the steps are. A run of there is
 * a run of here, under the same id; what a round asks for is sent back as events. Calls that are signed well have no
 * rate: who has the key may ask as often as it likes. All others have that of their address, and a wrong signature
 * counts as a wrong key does. */
#include "gateway/inngest.h"

#include "ads/sync.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "gateway/rates.h"
#include "inngest/inngest.h"
#include "store/tenant.h"

#define ANSWER_MS 5000 /* for the answer of a step that took all of the request's time */
#define RETRY_MS 5000  /* a step that failed may be tried again then; Inngest waits longer */
#define BUSY_S 60      /* another run of the same tenant and platform is under way */
#define CONCURRENCY_KEY "event.data.tenantId + \":\" + event.data.platform"
#define SKIPPED "{\"skipped\":\"another run is under way, or waits for the platform\"}"

struct drive {
	struct gateway *gateway;
	struct inngest_spec spec;
	struct inngest_function functions[SYNC_FUNCTIONS];
	struct buf *problem; /* of the present step */
};

bool inngest_is_configured(const struct config *config)
{
	return config->inngest.signing_key.n > 0;
}

/* ---- what an event asks for ---- */

static bool read_event(struct inngest_run *run, struct sync_run *sync)
{
	const struct sync_function *function = &sync_functions[run->function];

	if (function->event == NULL)
		return true;
	sync->tenant_id = json_str(json_get(run->data, "tenantId"));
	sync->platform = ads_platform_named(json_str(json_get(run->data, "platform")));
	return sync->tenant_id.n > 0 && sync->tenant_id.n <= ID_LEN && sync->platform != ADS_PLATFORMS;
}

static size_t list_steps(void *arg, struct inngest_run *run, const char *ret_ids[INNGEST_STEPS_MAX])
{
	const struct sync_function *function = &sync_functions[run->function];
	struct sync_run sync = {0};
	size_t count;

	if (!read_event(run, &sync)) {
		run->problem = STR("the event's data needs a `tenantId` and a `platform`: google, meta or tiktok");
		return 0;
	}
	count = function->step_count[sync.platform];
	CHECK(count > 0 && count <= INNGEST_STEPS_MAX);
	for (size_t i = 0; i < count; i++)
		ret_ids[i] = function->steps[sync.platform][i].id;
	return count;
}

/* ---- a step ---- */

/* A round's wishes as events: each starts a run at its time. */
AWAITS static enum err send_wishes(struct sync_run *sync, const struct sync_wish *wishes, size_t count)
{
	struct drive *drive = sync->arg;
	struct inngest_event *events = arena_try_alloc(sync->arena, count * sizeof(*events));

	if (events == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < count; i++)
		events[i] = (struct inngest_event){
			.id = wishes[i].id,
			.name = STR("sync/refresh-tenant"),
			.data = arena_fmt(sync->arena, "{\"tenantId\":\"%.*s\",\"platform\":\"%s\"}",
					  STR_ARG(wishes[i].tenant_id), ads_platform_name(wishes[i].platform)),
			.at_ms = wishes[i].at_ms};
	return inngest_send(&drive->spec, sync->arena, events, count, drive->problem);
}

/* What becomes of a run whose step has failed: tried again, when the platform allows it, or not. */
AWAITS static enum err settle(struct drive *drive, struct inngest_run *run, struct sync_run *sync, enum err err)
{
	int64_t now_ms = clock_wall_ms(), until_ms = sync_limited_until_ms(sync, err);
	enum err noted;

	run->problem = drive->problem->n > 0 ? arena_str(run->arena, buf_str(drive->problem)) : sync->failure.message;
	run->final = until_ms == INT64_MAX || sync_is_final(err, &sync->failure);
	if (until_ms > now_ms && !run->final)
		run->retry_after_s = (until_ms - now_ms) / 1000 + 1;
	if (err == ERR_CANCELED)
		return err;
	if (run->final || run->last)
		noted = sync_fail(sync, err);
	else
		noted = sync_put_off(sync, until_ms > 0 ? until_ms : now_ms + RETRY_MS);
	if (noted != OK)
		log_warn("inngest.run_not_noted", LOG_STR("run", run->id), LOG_CSTR("error", err_name(noted)));
	return err;
}

/* A run that cannot begin.
 *   Errors     none: the step is done, there is nothing to do */
static enum err stay_away(struct inngest_run *run, enum err why, struct buf *out)
{
	if (why == ERR_EXISTS) /* the answer to its last step was lost */
		return OK;
	if (why == ERR_BUSY && run->found.n == 0) {
		buf_put(out, STR(SKIPPED));
		return OK;
	}
	run->final = why == ERR_NOT_FOUND;
	run->retry_after_s = BUSY_S;
	run->problem = why == ERR_NOT_FOUND ? STR("no such tenant, or it is disabled") : STR_NONE;
	return why;
}

AWAITS static enum err do_step(void *arg, struct inngest_run *run, size_t index, struct buf *out)
{
	struct drive *drive = arg;
	const struct sync_function *function = &sync_functions[run->function];
	AUTO_BUF problem = {0};
	struct sync_run sync = {
		.sync = drive->gateway->sync,
		.id = run->id,
		.driver = STR("inngest"),
		.arena = run->arena,
		.found = run->found,
		.ask = send_wishes,
		.arg = drive,
	};
	enum err err;

	drive->problem = &problem;
	CHECK(read_event(run, &sync));
	if (str_eq(run->found, STR(SKIPPED))) {
		buf_put(out, run->found);
		return OK;
	}
	err = sync_begin(&sync, function);
	if (err != OK)
		return stay_away(run, err, out);
	err = sync_step(&sync, function, index, out);
	return err == OK ? OK : settle(drive, run, &sync, err);
}

/* ---- requests ---- */

static void fill_functions(struct inngest_function functions[SYNC_FUNCTIONS])
{
	for (size_t i = 0; i < SYNC_FUNCTIONS; i++) {
		const struct sync_function *function = &sync_functions[i];

		functions[i] = (struct inngest_function){
			.id = function->id,
			.cron = function->cron,
			.event = function->event,
			.retries = function->retries,
			.concurrency = function->event == NULL ? 0 : function->concurrency_per_tenant,
			.concurrency_key = CONCURRENCY_KEY,
		};
	}
}

/* A `struct inngest_spec` of the request's configuration.
 *   Errors     ERR_CONFIG */
static enum err drive_new(struct request *req, struct drive **ret_drive)
{
	const struct config_inngest *conf = &req->config->inngest;
	struct drive *drive = ARENA_NEW(req->arena, struct drive);
	struct str origin = conf->serve_origin.n > 0 ? conf->serve_origin : gateway_origin(req->gateway);

	if (origin.n == 0) {
		req->problem = STR("Inngest must be told where this gateway is: `inngest: { serve_origin: ... }`");
		return ERR_CONFIG;
	}
	drive->gateway = req->gateway;
	fill_functions(drive->functions);
	drive->spec = (struct inngest_spec){
		.signing_key = conf->signing_key,
		.signing_key_fallback = conf->signing_key_fallback,
		.event_key = conf->event_key,
		.origin = arena_str(req->arena, origin),
		.api_url = conf->api_url,
		.event_url = conf->event_url,
		.app_id = conf->app_id,
		.allow_private = conf->allow_private,
		.state = req->gateway->state,
		.functions = drive->functions,
		.function_count = SYNC_FUNCTIONS,
		.steps = list_steps,
		.step = do_step,
		.arg = drive,
	};
	*ret_drive = drive;
	return OK;
}

static enum inngest_method method_of(enum http_method method)
{
	switch (method) {
	case HTTP_GET:
		return INNGEST_GET;
	case HTTP_PUT:
		return INNGEST_PUT;
	case HTTP_POST:
		return INNGEST_POST;
	default:
		return INNGEST_OTHER;
	}
}

AWAITS static enum err judge(struct request *req, enum inngest_proof proof)
{
	if (proof >= INNGEST_PROVEN)
		return OK;
	TRY(rates_take_address(req));
	if (proof == INNGEST_FALSE)
		rates_note_failure(req, ERR_UNAUTHENTICATED);
	return OK;
}

AWAITS static enum err answer(struct request *req, const struct inngest_answer *made)
{
	struct fiber_shield shield = fiber_shield_begin(ANSWER_MS);
	enum err err = http_answer(req->exchange, made->status, made->headers,
				   &(struct http_body){
					   .content_type = STR("application/json"),
					   .pieces = &(struct piece){.str = made->body},
					   .count = made->body.n > 0 ? 1 : 0,
				   });

	fiber_shield_end(shield);
	return err;
}

AWAITS enum err inngest_serve_request(struct request *req)
{
	struct http_exchange *exchange = req->exchange;
	const struct inngest_request request = {
		.method = method_of(exchange->method),
		.query = exchange->query,
		.body = exchange->body,
		.fields = &exchange->fields,
		.now_ms = clock_wall_ms(),
	};
	struct inngest_answer made;
	enum inngest_proof proof;
	struct drive *drive;

	if (!inngest_is_configured(req->config))
		return ERR_HTTP_ROUTE;
	TRY(rates_check_block(req));
	TRY(drive_new(req, &drive));
	proof = inngest_prove(&drive->spec, &request);
	TRY(judge(req, proof));
	TRY(inngest_serve(&drive->spec, &request, proof, req->arena, &made));
	return answer(req, &made);
}
