/* What platforms told, as operations of connector files: pages in order, how far a message has come, nobody else's. And
 * the newest of it, within its bounds. */
#include "../store_database.h"

#include "connector/native_events.h"
#include "events/events.h"

static struct events *events;
static struct native_call call;

/*   returns    whether it was new */
AWAITS static bool keep(const char *kind, const char *subject, const char *dedup, const char *body)
{
	bool is_new;

	ck_ok(events_keep(events,
			  &(struct platform_event){
				  .tenant_id = STR("A"),
				  .upstream = STR("wa"),
				  .kind = str_of(kind),
				  .subject = str_of(subject),
				  .dedup = str_of(dedup),
				  .body = str_of(body),
			  },
			  &is_new));
	return is_new;
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

	events = events_new(&(struct events_spec){.db = db});
	ck_assert(keep("message", "m1", "1", "{\"text\":\"a\"}"));
	ck_assert(!keep("message", "m1", "1", "{\"text\":\"a\"}"));
	ck_assert(keep("status", "s1", "2", "{\"status\":\"read\"}"));
	ck_assert(keep("status", "s1", "3", "{\"status\":\"sent\"}")); /* late */
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

/* The newest: how many, the subject of the first and of the last, whether there are older ones. */
AWAITS static void check_newest(const char *tenant, size_t count, const char *first, const char *last, bool older)
{
	AUTO(arena) *arena = arena_new(8 << 20);
	struct str json;
	yyjson_val *root, *list;

	ck_ok(events_newest(events, arena, str_of(tenant), STR("wa"), &json));
	ck_ok(json_read(arena, json, &root));
	list = json_get(root, "events");
	ck_assert_uint_eq(yyjson_arr_size(list), count);
	ck_assert(yyjson_get_bool(json_get(root, "older")) == older);
	if (count == 0)
		return;
	ck_bytes(json_str(json_get(yyjson_arr_get_first(list), "subject")), str_of(first));
	ck_bytes(json_str(json_get(yyjson_arr_get_last(list), "subject")), str_of(last));
}

static AWAITS void newest_body(struct db *db)
{
	static char large[EVENT_BYTES_MAX + 1];
	char subject[16];

	events = events_new(&(struct events_spec){.db = db});
	check_newest("A", 0, "", "", false);
	for (int i = 0; i < EVENTS_NEWEST_MAX; i++) {
		(void)snprintf(subject, sizeof(subject), "m%d", i);
		keep("message", subject, subject, "{}");
	}
	check_newest("A", EVENTS_NEWEST_MAX, "m0", "m49", false);
	keep("message", "more", "more", "{}");
	check_newest("A", EVENTS_NEWEST_MAX, "m1", "more", true);
	check_newest("B", 0, "", "", false);

	/* Bytes count too: five of these are more than is given. */
	(void)snprintf(large, sizeof(large), "{\"a\":\"%0*d\"}", EVENT_BYTES_MAX - 8, 0);
	for (int i = 0; i < 5; i++) {
		(void)snprintf(subject, sizeof(subject), "l%d", i);
		keep("message", subject, subject, large);
	}
	check_newest("A", EVENTS_NEWEST_BYTES_MAX / EVENT_BYTES_MAX, "l1", "l4", true);
	events_free(events);
}

START_TEST(the_newest_are_bounded)
{
	test_with_store(1, newest_body);
}
END_TEST

UNIT_MAIN("events", events_are_asked_for, the_newest_are_bounded)
