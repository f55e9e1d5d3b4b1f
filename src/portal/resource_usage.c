/* What a tenant has used, a row for each month and caller: what quotas count. Rows are written every few seconds, not
 * with each call. */
#include "portal/table.h"

#include "store/usage.h"

#define MONTH_DIGITS 6

enum { USAGE_ID, USAGE_MONTH, USAGE_PRINCIPAL, USAGE_CALLS, USAGE_FAILURES };

static const struct field usage_fields[] = {
	[USAGE_ID] = {"id", FIELD_TEXT, FIELD_READ_ONLY, .doc = "Month and principal."},
	[USAGE_MONTH] = {"month", FIELD_NUMBER, FIELD_READ_ONLY | FIELD_COLUMN,
			 .doc = "Year and month in UTC: 202611."},
	[USAGE_PRINCIPAL] = {"principal", FIELD_TEXT, FIELD_READ_ONLY | FIELD_COLUMN,
			     .doc = "A user or key; empty: the whole tenant."},
	[USAGE_CALLS] = {"calls", FIELD_NUMBER, FIELD_READ_ONLY | FIELD_COLUMN,
			 .doc = "Calls that were let through to an upstream, failed ones too."},
	[USAGE_FAILURES] = {"failures", FIELD_NUMBER, FIELD_READ_ONLY | FIELD_COLUMN, .doc = "Those that failed."},
};

enum { FILTER_MONTH, FILTER_PRINCIPAL };

static const struct field usage_filters[] = {
	[FILTER_MONTH] = {"month", FIELD_NUMBER, 0, 999912, .doc = "Of this month: 202611."},
	[FILTER_PRINCIPAL] = {"principal", FIELD_TEXT, 0, 64,
			      .doc = "Of this user or key; empty: of the whole tenant."},
};

/* "202611.PRINCIPAL": a row's id, and where a page ends. */
static bool read_id(struct str id, int *ret_month, struct str *ret_principal)
{
	struct str month;
	uint64_t number;

	if (!str_cut(id, '.', &month, ret_principal) || month.n != MONTH_DIGITS || str_to_u64(month, &number) != OK)
		return false;
	*ret_month = (int)number;
	return true;
}

static void usage_object(const struct work *work, const struct usage *usage, struct object *ret_object)
{
	*ret_object = (struct object){.tenant_id = usage->tenant_id};
	ret_object->id = arena_fmt(work->arena, "%06d.%.*s", usage->month, STR_ARG(usage->principal));
	ret_object->at[USAGE_ID] = value_text(ret_object->id);
	ret_object->at[USAGE_MONTH] = value_number(usage->month);
	ret_object->at[USAGE_PRINCIPAL] = value_text(usage->principal);
	ret_object->at[USAGE_CALLS] = value_number(usage->calls);
	ret_object->at[USAGE_FAILURES] = value_number(usage->failures);
}

AWAITS static enum err usage_list(struct work *work, struct page *page, struct object **ret_objects, size_t *ret_count)
{
	const struct value *filter = page->filter->at;
	struct usage_search search = {
		.tenant_id = work->tenant.id,
		.month = (int)filter[FILTER_MONTH].number,
		.principal = filter[FILTER_PRINCIPAL].given ? filter[FILTER_PRINCIPAL].text : STR_NONE,
		.limit = page->limit,
	};
	struct object *objects;
	struct usage *usages;
	size_t count;

	if (page->after.n > 0 && !read_id(page->after, &search.after_month, &search.after_principal))
		return ERR_API_CURSOR;
	TRY(usage_page(work->portal->spec.db, work->arena, &search, &usages, &count));
	objects = arena_alloc(work->arena, (count + 1) * sizeof(*objects));
	for (size_t i = 0; i < count; i++)
		usage_object(work, &usages[i], &objects[i]);
	*ret_objects = objects;
	*ret_count = count;
	return OK;
}

AWAITS static enum err usage_get_one(struct work *work, struct str id, struct object *ret_object)
{
	struct usage_search search = {.tenant_id = work->tenant.id, .limit = 1};
	struct usage *usages;
	size_t count;

	if (!read_id(id, &search.month, &search.principal) || search.month == 0)
		return ERR_NOT_FOUND;
	TRY(usage_page(work->portal->spec.db, work->arena, &search, &usages, &count));
	if (count == 0)
		return ERR_NOT_FOUND;
	usage_object(work, usages, ret_object);
	return OK;
}

const struct resource resource_usage = {
	.path = "usage",
	.noun = "usage",
	.about = "What was called, by month and caller, the latest month first.",
	.read = PERMISSION_USAGE_READ,
	.write = PERMISSION_USAGE_READ,
	.event = "usage",
	.fields = usage_fields,
	.field_count = ARRAY_LEN(usage_fields),
	.filters = usage_filters,
	.filter_count = ARRAY_LEN(usage_filters),
	.list = usage_list,
	.get = usage_get_one,
};
