/* Runs of background work over ad reports: how fresh a tenant's figures are, and why not. A tenant's own below the
 * tenant, all of them at the top. Newest first. Whoever may read the audit trail may read them. */
#include "portal/table.h"

#include "store/sync_log.h"

enum {
	SYNC_ID,
	SYNC_TENANT,
	SYNC_PLATFORM,
	SYNC_PLACE,
	SYNC_DRIVER,
	SYNC_STARTED,
	SYNC_ENDED,
	SYNC_AGAIN,
	SYNC_OUTCOME,
	SYNC_STEPS,
	SYNC_STEPS_TOTAL,
	SYNC_REPORTS,
	SYNC_ROWS,
	SYNC_BYTES,
	SYNC_ERROR,
};

#define PLATFORMS "google meta tiktok"
#define OUTCOMES "running waiting ok partial failed abandoned"

static const struct field sync_fields[] = {
	[SYNC_ID] = {"id", FIELD_TEXT, FIELD_READ_ONLY | FIELD_COLUMN,
		     .doc = "What it was for: tenant, platform, hour."},
	[SYNC_TENANT] = {"tenant_id", FIELD_TEXT, FIELD_READ_ONLY, .doc = "Whose."},
	[SYNC_PLATFORM] = {"platform", FIELD_TEXT, FIELD_READ_ONLY | FIELD_COLUMN, .among = PLATFORMS,
			   .doc = "The ad platform."},
	[SYNC_PLACE] = {"place", FIELD_TEXT, FIELD_READ_ONLY, .doc = "The upstreams that it asked, between commas."},
	[SYNC_DRIVER] = {"driver", FIELD_TEXT, FIELD_READ_ONLY, .among = "jobs inngest", .doc = "Who ran it."},
	[SYNC_STARTED] = {"started_at", FIELD_TIME, FIELD_READ_ONLY | FIELD_COLUMN, .doc = "When it began."},
	[SYNC_ENDED] = {"ended_at", FIELD_TIME, FIELD_READ_ONLY, .doc = "When it ended; null: it has not."},
	[SYNC_AGAIN] = {"again_at", FIELD_TIME, FIELD_READ_ONLY,
			.doc = "When it goes on, of one that waits; null: it does not."},
	[SYNC_OUTCOME] = {"outcome", FIELD_TEXT, FIELD_READ_ONLY | FIELD_COLUMN, .among = OUTCOMES,
			  .doc = "How it went. partial: some reports did not come; abandoned: nobody came back to it."},
	[SYNC_STEPS] = {"steps_done", FIELD_NUMBER, FIELD_READ_ONLY, .doc = "Finished steps: none is repeated."},
	[SYNC_STEPS_TOTAL] = {"steps_total", FIELD_NUMBER, FIELD_READ_ONLY, .doc = "Of so many."},
	[SYNC_REPORTS] = {"reports", FIELD_NUMBER, FIELD_READ_ONLY | FIELD_COLUMN, .doc = "Reports that it fetched."},
	[SYNC_ROWS] = {"rows", FIELD_NUMBER, FIELD_READ_ONLY, .doc = "Their rows."},
	[SYNC_BYTES] = {"bytes", FIELD_NUMBER, FIELD_READ_ONLY, .doc = "Their bytes, as they are kept."},
	[SYNC_ERROR] = {"error", FIELD_TEXT, FIELD_READ_ONLY | FIELD_COLUMN, .doc = "The first failure; empty: none."},
};

enum { FILTER_PLATFORM, FILTER_OUTCOME };

static const struct field sync_filters[] = {
	[FILTER_PLATFORM] = {"platform", FIELD_TEXT, 0, 16, .among = PLATFORMS, .doc = "Of this platform."},
	[FILTER_OUTCOME] = {"outcome", FIELD_TEXT, 0, 16, .among = OUTCOMES, .doc = "That went like this."},
};

/* "1763776800000.sync:TENANT:google:2026-11-22T01": where a page ends. */
static bool read_after(struct str after, struct sync_log_query *query)
{
	struct str ms;
	uint64_t number;

	if (!str_cut(after, '.', &ms, &query->before_id) || str_to_u64(ms, &number) != OK || number > INT64_MAX)
		return false;
	query->before_ms = (int64_t)number;
	return true;
}

static void sync_object(const struct work *work, const struct sync_log *run, struct object *ret_object)
{
	struct value *at = ret_object->at;

	*ret_object = (struct object){.id = run->id, .tenant_id = work->resource->top ? STR("") : run->tenant_id};
	ret_object->after = arena_fmt(work->arena, "%lld.%.*s", (long long)run->started_ms, STR_ARG(run->id));
	at[SYNC_ID] = value_text(run->id);
	at[SYNC_TENANT] = value_text(run->tenant_id);
	at[SYNC_PLATFORM] = value_text(run->platform);
	at[SYNC_PLACE] = value_text(run->place);
	at[SYNC_DRIVER] = value_text(run->driver);
	at[SYNC_STARTED] = value_number(run->started_ms);
	at[SYNC_ENDED] = value_number(run->ended_ms);
	at[SYNC_AGAIN] = value_number(run->again_ms);
	at[SYNC_OUTCOME] = value_text(run->outcome);
	at[SYNC_STEPS] = value_number(run->steps_done);
	at[SYNC_STEPS_TOTAL] = value_number(run->steps_total);
	at[SYNC_REPORTS] = value_number(run->reports);
	at[SYNC_ROWS] = value_number(run->rows);
	at[SYNC_BYTES] = value_number(run->bytes);
	at[SYNC_ERROR] = value_text(run->error);
}

AWAITS static enum err sync_list(struct work *work, struct page *page, struct object **ret_objects, size_t *ret_count)
{
	struct sync_log_query query = {
		.tenant_id = work->resource->top ? STR_NONE : work->tenant.id,
		.platform = page->filter->at[FILTER_PLATFORM].text,
		.outcome = page->filter->at[FILTER_OUTCOME].text,
		.limit = page->limit,
	};
	struct object *objects;
	struct sync_log *runs;
	size_t count;

	if (page->after.n > 0 && !read_after(page->after, &query))
		return ERR_API_CURSOR;
	TRY(sync_log_list(work->portal->spec.db, work->arena, &query, &runs, &count));
	objects = arena_alloc(work->arena, (count + 1) * sizeof(*objects));
	for (size_t i = 0; i < count; i++)
		sync_object(work, &runs[i], &objects[i]);
	*ret_objects = objects;
	*ret_count = count;
	return OK;
}

AWAITS static enum err sync_get(struct work *work, struct str id, struct object *ret_object)
{
	struct sync_log run;

	TRY(sync_log_get(work->portal->spec.db, work->arena, work->resource->top ? STR_NONE : work->tenant.id, id,
			 &run));
	sync_object(work, &run, ret_object);
	return OK;
}

#define SYNC_ROW                                                                                                       \
	.path = "sync-runs", .noun = "sync", .event = "sync", .fields = sync_fields,                                   \
	.field_count = ARRAY_LEN(sync_fields), .filters = sync_filters, .filter_count = ARRAY_LEN(sync_filters),       \
	.list = sync_list, .get = sync_get

const struct resource resource_sync_runs = {
	.about = "What background work over the tenant's ad reports did, newest first.",
	.read = PERMISSION_AUDIT_READ,
	.write = PERMISSION_AUDIT_READ,
	SYNC_ROW,
};

const struct resource resource_all_sync_runs = {
	.about = "What background work over all ad reports did, newest first. The operator's.",
	.top = true,
	.read = PERMISSION_OPERATE,
	.write = PERMISSION_OPERATE,
	SYNC_ROW,
};
