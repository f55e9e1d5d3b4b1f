/* Events: once each, in order, per tenant, and not for ever. */
#include "../store_database.h"

#include "store/event.h"

AWAITS static enum err add(struct db *db, const char *id, const char *tenant, const char *dedup, int64_t at_ms,
			   bool trim)
{
	const struct platform_event event = {
		.id = str_of(id),
		.tenant_id = str_of(tenant),
		.upstream = STR("wa"),
		.kind = STR("status"),
		.route = STR("49"),
		.subject = str_of(dedup),
		.dedup = str_of(dedup),
		.at_ms = at_ms,
		.body = STR("{}"),
	};

	return event_add(db, &event, trim);
}

AWAITS static size_t count(struct db *db, struct event_query query)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct platform_event *events;
	size_t found;

	query.upstream = query.upstream.n > 0 ? query.upstream : STR("wa");
	query.limit = query.limit > 0 ? query.limit : 10;
	ck_ok(event_list(db, arena, &query, &events, &found));
	for (size_t i = 1; i < found; i++)
		ck_assert_int_lt(str_cmp(events[i - 1].id, events[i].id), 0);
	return found;
}

static AWAITS void once_body(struct db *db)
{
	struct event_query all = {.tenant_id = STR("A")};

	ck_ok(add(db, "1", "A", "x", 1000, true));
	ck_err(add(db, "2", "A", "x", 1000, false), ERR_EXISTS);
	ck_ok(add(db, "3", "B", "x", 1000, false)); /* another tenant's is another */
	ck_ok(add(db, "4", "A", "y", 2000, false));
	ck_assert_uint_eq(count(db, all), 2);
	all.after = STR("1");
	ck_assert_uint_eq(count(db, all), 1);
	all = (struct event_query){
		.tenant_id = STR("A"), .subject = STR("y"), .route = STR("49"), .kind = STR("status")};
	ck_assert_uint_eq(count(db, all), 1);
	all.kind = STR("");
	all.subject = STR_NONE;
	all.newest = true; /* still in order, but the last of them */
	all.limit = 1;
	ck_assert_uint_eq(count(db, all), 1);
	all.after = STR("4");
	ck_assert_uint_eq(count(db, all), 0);
	all = (struct event_query){.tenant_id = STR("A"), .newest = true};
	ck_assert_uint_eq(count(db, all), 2);
	all.kind = STR("message");
	ck_assert_uint_eq(count(db, all), 0);
	all = (struct event_query){.tenant_id = STR("A"), .upstream = STR("other")};
	ck_assert_uint_eq(count(db, all), 0);
	ck_ok(add(db, "5", "A", "z", 1001 + EVENT_LIFE_MS, false)); /* what is a week old has gone, of this tenant */
	ck_assert_uint_eq(count(db, (struct event_query){.tenant_id = STR("A")}), 2);
	ck_assert_uint_eq(count(db, (struct event_query){.tenant_id = STR("B")}), 1);
}

START_TEST(an_event_is_kept_once)
{
	test_with_store(1, once_body);
}
END_TEST

UNIT_MAIN("event", an_event_is_kept_once)
