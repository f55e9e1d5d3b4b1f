/* The audit trail, to search and to export: a tenant's own below the tenant, the whole at the top. Lists are newest
 * first, exports oldest first. A search looks at a bounded number of rows and then hands back what it has with a cursor
 * to go on; how rows are found is store/audit_search.c's. */
#include "audit/seals.h"
#include "base/clock.h"
#include "portal/table.h"
#include "store/audit_search.h"

enum {
	AUDIT_SEQ,
	AUDIT_AT,
	AUDIT_EVENT,
	AUDIT_TENANT,
	AUDIT_PRINCIPAL,
	AUDIT_IP,
	AUDIT_REQUEST,
	AUDIT_TARGET,
	AUDIT_UPSTREAM,
	AUDIT_OUTCOME,
	AUDIT_DURATION,
	AUDIT_BYTES_IN,
	AUDIT_BYTES_OUT,
};

static const struct field audit_fields[] = {
	[AUDIT_SEQ] = {"seq", FIELD_NUMBER, FIELD_READ_ONLY | FIELD_COLUMN, .doc = "Its number in the chain."},
	[AUDIT_AT] = {"at", FIELD_TIME, FIELD_READ_ONLY | FIELD_COLUMN, .doc = "When."},
	[AUDIT_EVENT] = {"event", FIELD_TEXT, FIELD_READ_ONLY | FIELD_COLUMN,
			 .doc = "What: user.created, tool.call ..."},
	[AUDIT_TENANT] = {"tenant_id", FIELD_TEXT, FIELD_READ_ONLY, .doc = "Whose."},
	[AUDIT_PRINCIPAL] = {"principal", FIELD_TEXT, FIELD_READ_ONLY | FIELD_COLUMN, .doc = "Who."},
	[AUDIT_IP] = {"ip", FIELD_TEXT, FIELD_READ_ONLY, .doc = "From where."},
	[AUDIT_REQUEST] = {"request_id", FIELD_TEXT, FIELD_READ_ONLY, .doc = "The X-Request-Id."},
	[AUDIT_TARGET] = {"target", FIELD_TEXT, FIELD_READ_ONLY | FIELD_COLUMN, .doc = "The tool, or an object's id."},
	[AUDIT_UPSTREAM] = {"upstream", FIELD_TEXT, FIELD_READ_ONLY,
			    .doc = "The upstream; of a change the object's SHA-256 before and after: BEFORE>AFTER."},
	[AUDIT_OUTCOME] = {"outcome", FIELD_TEXT, FIELD_READ_ONLY | FIELD_COLUMN, .doc = "ok, or an error's name."},
	[AUDIT_DURATION] = {"duration_us", FIELD_NUMBER, FIELD_READ_ONLY, .doc = "Of a call."},
	[AUDIT_BYTES_IN] = {"bytes_in", FIELD_NUMBER, FIELD_READ_ONLY, .doc = "Of a call."},
	[AUDIT_BYTES_OUT] = {"bytes_out", FIELD_NUMBER, FIELD_READ_ONLY, .doc = "Of a call."},
};

enum { FILTER_EVENT, FILTER_PRINCIPAL, FILTER_TARGET, FILTER_OUTCOME, FILTER_REQUEST, FILTER_FROM, FILTER_TO };

static const struct field audit_filters[] = {
	[FILTER_EVENT] = {"event", FIELD_TEXT, 0, 64, .doc = "An event's name; * stands for anything: user.*"},
	[FILTER_PRINCIPAL] = {"principal", FIELD_TEXT, 0, 64, .doc = "Who did it."},
	[FILTER_TARGET] = {"target", FIELD_TEXT, 0, 256, .doc = "What it was done to."},
	[FILTER_OUTCOME] = {"outcome", FIELD_TEXT, 0, 64, .doc = "How it ended."},
	[FILTER_REQUEST] = {"request_id", FIELD_TEXT, 0, 128, .doc = "In which request."},
	[FILTER_FROM] = {"from", FIELD_TIME, .doc = "Not before this time."},
	[FILTER_TO] = {"to", FIELD_TIME, .doc = "Before this time."},
};

static void row_object(const struct work *work, const struct audit_row *row, struct object *ret_object)
{
	*ret_object = (struct object){.tenant_id = work->resource->top ? STR("") : row->tenant_id};
	ret_object->id = arena_fmt(work->arena, "%lld", (long long)row->seq);
	ret_object->at[AUDIT_SEQ] = value_number(row->seq);
	ret_object->at[AUDIT_AT] = value_number(row->at_ms);
	ret_object->at[AUDIT_EVENT] = value_text(row->event);
	ret_object->at[AUDIT_TENANT] = value_text(row->tenant_id);
	ret_object->at[AUDIT_PRINCIPAL] = value_text(row->principal);
	ret_object->at[AUDIT_IP] = value_text(row->ip);
	ret_object->at[AUDIT_REQUEST] = value_text(row->request_id);
	ret_object->at[AUDIT_TARGET] = value_text(row->target);
	ret_object->at[AUDIT_UPSTREAM] = value_text(row->upstream);
	ret_object->at[AUDIT_OUTCOME] = value_text(row->outcome);
	ret_object->at[AUDIT_DURATION] = value_number(row->duration_us);
	ret_object->at[AUDIT_BYTES_IN] = value_number(row->bytes_in);
	ret_object->at[AUDIT_BYTES_OUT] = value_number(row->bytes_out);
}

/* Search from where the last page ended.
 *   ret_resume  p NULL when everything was looked at */
AWAITS static enum err search(struct work *work, const struct page *page, bool newest_first,
			      struct audit_row **ret_rows, size_t *ret_count, struct str *ret_resume)
{
	const struct value *filter = page->filter->at;
	struct audit_search wanted = {
		.tenant_id = work->resource->top ? STR_NONE : work->tenant.id,
		.event = filter[FILTER_EVENT].text,
		.principal = filter[FILTER_PRINCIPAL].text,
		.target = filter[FILTER_TARGET].text,
		.outcome = filter[FILTER_OUTCOME].text,
		.request_id = filter[FILTER_REQUEST].text,
		.from_ms = filter[FILTER_FROM].number,
		.to_ms = filter[FILTER_TO].number,
		.newest_first = newest_first,
	};
	int64_t resume;

	if (page->after.n > 0 && str_to_i64(page->after, &wanted.after_seq) != OK)
		return ERR_API_CURSOR;
	TRY(audit_row_search(work->portal->spec.db, work->arena, &wanted, page->limit, ret_rows, ret_count, &resume));
	TRY(seals_open_rows(work->portal->spec.db, work->portal->spec.person_key, work->arena, *ret_rows, *ret_count));
	*ret_resume = resume == 0 ? STR_NONE : arena_fmt(work->arena, "%lld", (long long)resume);
	return OK;
}

AWAITS static enum err audit_list(struct work *work, struct page *page, struct object **ret_objects, size_t *ret_count)
{
	struct audit_row *rows;
	struct object *objects;
	size_t count;

	TRY(search(work, page, true, &rows, &count, &page->resume));
	objects = arena_alloc(work->arena, (count + 1) * sizeof(*objects));
	for (size_t i = 0; i < count; i++)
		row_object(work, &rows[i], &objects[i]);
	*ret_objects = objects;
	*ret_count = count;
	return OK;
}

AWAITS static enum err audit_get(struct work *work, struct str id, struct object *ret_object)
{
	struct audit_row *rows;
	size_t count;
	int64_t seq;

	if (str_to_i64(id, &seq) != OK || seq < 1)
		return ERR_NOT_FOUND;
	TRY(audit_row_page(work->portal->spec.db, work->arena, seq - 1, 1, &rows, &count));
	if (count == 0 || rows[0].seq != seq)
		return ERR_NOT_FOUND;
	TRY(seals_open_rows(work->portal->spec.db, work->portal->spec.person_key, work->arena, rows, 1));
	row_object(work, &rows[0], ret_object);
	return OK;
}

/* A cell of a CSV file: quoted, and nothing that a spreadsheet would take for a formula. */
static void put_cell(struct buf *out, struct str text)
{
	buf_put_byte(out, '"');
	if (text.n > 0 && memchr("=+-@\t\r", text.p[0], 6) != NULL)
		buf_put_byte(out, '\'');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"')
			buf_put_byte(out, '"');
		buf_put_byte(out, text.p[i]);
	}
	buf_put_byte(out, '"');
}

static void put_csv_row(struct buf *out, const struct object *object)
{
	for (size_t i = 0; i < ARRAY_LEN(audit_fields); i++) {
		char at[CLOCK_ISO_LEN + 1];

		buf_put(out, i > 0 ? STR(",") : STR(""));
		if (audit_fields[i].kind == FIELD_NUMBER) {
			buf_put_fmt(out, "%lld", (long long)object->at[i].number);
		} else if (audit_fields[i].kind == FIELD_TIME) {
			clock_iso(object->at[i].number, at);
			buf_put(out, str_of(at));
		} else {
			put_cell(out, object->at[i].text);
		}
	}
	buf_put(out, STR("\r\n"));
}

AWAITS static enum err audit_export(struct work *work, const struct page *page, bool csv, struct buf *out,
				    struct str *ret_after)
{
	struct object *object = ARENA_NEW(work->arena, struct object);
	struct audit_row *rows;
	size_t count;

	TRY(search(work, page, false, &rows, &count, ret_after));
	for (size_t i = 0; csv && page->after.n == 0 && i < ARRAY_LEN(audit_fields); i++)
		buf_put_fmt(out, "%s%s%s", i > 0 ? "," : "", audit_fields[i].name,
			    i + 1 == ARRAY_LEN(audit_fields) ? "\r\n" : "");
	for (size_t i = 0; i < count; i++) {
		row_object(work, &rows[i], object);
		if (csv) {
			put_csv_row(out, object);
			continue;
		}
		object_put(out, work->resource, object, false);
		buf_put_byte(out, '\n');
	}
	return OK;
}

#define AUDIT_ROW                                                                                                      \
	.path = "audit", .noun = "audit", .event = "audit", .fields = audit_fields,                                    \
	.field_count = ARRAY_LEN(audit_fields), .filters = audit_filters, .filter_count = ARRAY_LEN(audit_filters),    \
	.list = audit_list, .get = audit_get, .export = audit_export

const struct resource resource_audit = {
	.about = "The tenant's audit trail, newest first.",
	.read = PERMISSION_AUDIT_READ,
	.write = PERMISSION_AUDIT_READ,
	AUDIT_ROW,
};

const struct resource resource_whole_audit = {
	.about = "The whole audit trail, newest first. The operator's.",
	.top = true,
	.read = PERMISSION_OPERATE,
	.write = PERMISSION_OPERATE,
	AUDIT_ROW,
};
