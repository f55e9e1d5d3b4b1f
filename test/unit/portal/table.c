/* The table of resources: what the code that reads it takes for granted, and that everything it writes into the trail
 * has a name there. */
#include "unit.h"

#include "portal/work.h"

static bool is_event(const char *noun, const char *verb)
{
	static const char *const events[] = {
#define X(name, text) name,
#include "audit/events.def"
#undef X
	};
	AUTO_BUF name = {0};

	buf_put_fmt(&name, "%s.%s", noun, verb);
	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		if (str_eq(buf_str(&name), str_of(events[i])))
			return true;
	return false;
}

static void check_fields(const struct field *fields, size_t count)
{
	ck_assert_uint_le(count, FIELDS_MAX);
	for (size_t i = 0; i < count; i++) {
		ck_assert_ptr_nonnull(fields[i].name);
		ck_assert_msg(fields[i].doc != NULL && strlen(fields[i].doc) > 3, "%s says nothing", fields[i].name);
		ck_assert_msg(fields[i].traits & FIELD_READ_ONLY || fields[i].max > 0 || fields[i].kind == FIELD_FLAG ||
				      fields[i].kind == FIELD_TIME,
			      "%s has no bound", fields[i].name);
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(fields[i].name, fields[k].name);
	}
}

START_TEST(rows_hold_together)
{
	for (size_t i = 0; i < portal_resource_count; i++) {
		const struct resource *one = portal_resources[i];

		check_fields(one->fields, one->field_count);
		check_fields(one->filters, one->filter_count);
		ck_assert(one->get != NULL);
		ck_assert(one->everybodys || (one->read < PERMISSION_COUNT && one->write < PERMISSION_COUNT));
		ck_assert(!(one->slashes && one->action_count > 0));
		for (size_t k = 0; k < one->action_count; k++)
			check_fields(one->actions[k].fields, one->actions[k].field_count);
		for (size_t k = 0; k < i; k++)
			ck_assert(one->top != portal_resources[k]->top ||
				  strcmp(one->path, portal_resources[k]->path) != 0);
	}
}
END_TEST

START_TEST(changes_have_their_events)
{
	for (size_t i = 0; i < portal_resource_count; i++) {
		const struct resource *one = portal_resources[i];
		const char *removed = one->removed == NULL ? "deleted" : one->removed;

		ck_assert_msg(one->create == NULL || is_event(one->event, "created"), "%s.created", one->event);
		ck_assert_msg(one->update == NULL || is_event(one->event, "updated"), "%s.updated", one->event);
		ck_assert_msg(one->remove == NULL || is_event(one->event, removed), "%s.%s", one->event, removed);
		ck_assert_msg(one->export == NULL || is_event(one->event, "exported"), "%s.exported", one->event);
		for (size_t k = 0; k < one->action_count; k++)
			ck_assert(is_event(one->event, one->actions[k].event));
	}
}
END_TEST

START_TEST(documents_are_json_and_name_everything)
{
	struct arena *arena = arena_new(16 << 20);
	struct buf openapi = {0}, page = {0};
	yyjson_val *root;

	portal_openapi_write(&openapi);
	portal_reference_write(&page);
	buf_put_byte(&page, '\0');
	ck_ok(json_read(arena, buf_str(&openapi), &root));
	for (size_t i = 0; i < portal_resource_count; i++)
		ck_assert_ptr_nonnull(strstr(page.p, portal_resources[i]->about));
	buf_free(&openapi);
	buf_free(&page);
	arena_free(arena);
}
END_TEST

UNIT_MAIN("table", rows_hold_together, changes_have_their_events, documents_are_json_and_name_everything)
