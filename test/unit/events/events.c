/* What platforms told, as operations of connector files: pages in order, how far a message has come, nobody else's. */
#include "../store_database.h"

#include "connector/native_events.h"
#include "events/events.h"

static struct events *events;
static struct native_call call;
static int told;

static void on_told(void *arg, struct str tenant_id, struct str upstream)
{
	ck_str(tenant_id, "A");
	ck_str(upstream, "wa");
	told++;
}

AWAITS static void keep(const char *kind, const char *subject, const char *dedup, const char *body)
{
	ck_ok(events_keep(events, &(struct platform_event){
					  .tenant_id = STR("A"),
					  .upstream = STR("wa"),
					  .kind = str_of(kind),
					  .subject = str_of(subject),
					  .dedup = str_of(dedup),
					  .body = str_of(body),
				  }));
}

AWAITS static enum err ask(struct arena *arena, const char *name, const char *tenant, const char *with)
{
	const struct native_op *op = events_natives(events).ops;

	while (strcmp(op->name, name) != 0)
		op++;
	call = (struct native_call){.arena = arena, .tenant_id = str_of(tenant), .upstream = STR("wa")};
	ck_ok(json_read(arena, str_of(with), &call.with));
	return op->run(events, &call);
}

static yyjson_val *answer(struct arena *arena)
{
	yyjson_val *root;

	ck_ok(json_read(arena, call.result, &root));
	return root;
}

static AWAITS void asked_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	char with[64];

	events = events_new(&(struct events_spec){.db = db, .told = on_told});
	keep("message", "m1", "1", "{\"text\":\"a\"}");
	keep("message", "m1", "1", "{\"text\":\"a\"}");
	keep("status", "s1", "2", "{\"status\":\"read\"}");
	keep("status", "s1", "3", "{\"status\":\"sent\"}"); /* late */
	ck_assert_int_eq(told, 3);
	ck_assert_uint_eq(events_stats(events).repeated, 1);
	ck_ok(ask(arena, "events.status", "A", "{\"subject\":\"s1\"}"));
	ck_str(json_str(json_get(answer(arena), "status")), "read");
	ck_err(ask(arena, "events.status", "A", "{\"subject\":\"s2\"}"), ERR_TOOL_FAILED);
	ck_str(call.class, "not_found");
	ck_err(ask(arena, "events.status", "B", "{\"subject\":\"s1\"}"), ERR_TOOL_FAILED);
	ck_ok(ask(arena, "events.query", "A", "{\"kind\":\"message\"}"));
	ck_assert_uint_eq(yyjson_arr_size(json_get(answer(arena), "events")), 1);
	ck_assert_ptr_null(json_get(answer(arena), "next"));
	ck_ok(ask(arena, "events.query", "A", "{\"limit\":2}"));
	ck_assert_uint_eq(yyjson_arr_size(json_get(answer(arena), "events")), 2);
	(void)snprintf(with, sizeof(with), "{\"after\":\"%.*s\"}", STR_ARG(json_str(json_get(answer(arena), "next"))));
	ck_ok(ask(arena, "events.query", "A", with));
	ck_assert_uint_eq(yyjson_arr_size(json_get(answer(arena), "events")), 1);
	ck_ok(ask(arena, "events.query", "B", "{}"));
	ck_assert_uint_eq(yyjson_arr_size(json_get(answer(arena), "events")), 0);
	events_free(events);
}

START_TEST(events_are_asked_for)
{
	test_with_store(1, asked_body);
}
END_TEST

UNIT_MAIN("events", events_are_asked_for)
