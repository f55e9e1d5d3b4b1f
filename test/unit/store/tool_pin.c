/* Pins as rows: seen, accepted, changed, gone. */
#include "../store_database.h"

#include "store/tool_pin.h"

static struct tool_pin_write write_of(enum tool_pin_change change, const char *tool, int digest, int64_t flags)
{
	struct tool_pin_write write = {
		.change = change,
		.pin = {.upstream = STR("up"),
			.tool = str_of(tool),
			.seen_flags = flags,
			.seen_ms = 7,
			.seen_definition = STR("{}")},
	};

	memset(write.pin.seen_digest, digest, sizeof(write.pin.seen_digest));
	return write;
}

static AWAITS void write_one(struct db *db, enum tool_pin_change change, const char *tool, int digest, int64_t flags)
{
	struct tool_pin_write write = write_of(change, tool, digest, flags);

	ck_ok(tool_pin_write(db, &write, 1));
}

/* Names of the tools that wait. */
static AWAITS void expect_open(struct db *db, const char *want)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	AUTO_BUF got = {0};
	struct tool_pin *pins;
	size_t count;

	ck_ok(tool_pin_open(db, arena, STR_NONE, STR_NONE, 100, &pins, &count));
	for (size_t i = 0; i < count; i++) {
		buf_put(&got, i > 0 ? STR(" ") : STR(""));
		buf_put(&got, pins[i].tool);
	}
	ck_bytes(buf_str(&got), str_of(want));
}

static AWAITS void life_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	uint8_t digest[PIN_DIGEST_BYTES];
	struct tool_pin *pins;
	size_t count;

	write_one(db, TOOL_PIN_ACCEPTED, "a", 1, 0);
	write_one(db, TOOL_PIN_SEEN, "b", 1, 0);
	write_one(db, TOOL_PIN_ACCEPTED, "c", 1, 4);
	expect_open(db, "b c"); /* accepting at first sight leaves flags open */

	write_one(db, TOOL_PIN_SEEN, "a", 2, 0);
	expect_open(db, "a b c");
	ck_ok(tool_pin_marks(db, arena, STR("up"), &pins, &count));
	ck_assert_uint_eq(count, 3);
	ck_assert(pins[0].accepted && pins[0].digest[0] == 1 && pins[0].seen_digest[31] == 2);
	ck_assert(!pins[1].accepted);
	ck_ok(tool_pin_marks(db, arena, STR("other"), &pins, &count));
	ck_assert_uint_eq(count, 0);

	write_one(db, TOOL_PIN_RETURNED, "a", 9, 0);
	expect_open(db, "b c");
	write_one(db, TOOL_PIN_GONE, "a", 9, 0); /* accepted: it stays */
	write_one(db, TOOL_PIN_GONE, "b", 9, 0);
	expect_open(db, "c");
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM tool_pin"), 2);

	memset(digest, 3, sizeof(digest));
	ck_err(tool_pin_accept(db, STR("up"), STR("c"), digest, 9), ERR_NOT_FOUND);
	ck_err(tool_pin_accept(db, STR("up"), STR("nobody"), NULL, 9), ERR_NOT_FOUND);
	memset(digest, 1, sizeof(digest));
	ck_ok(tool_pin_accept(db, STR("up"), STR("c"), digest, 9));
	expect_open(db, "");
	write_one(db, TOOL_PIN_FLAGGED, "c", 1, 4 | 8);
	expect_open(db, "c");
	ck_ok(tool_pin_accept(db, STR("up"), STR("c"), NULL, 9));
	expect_open(db, "");
}

START_TEST(pins_live)
{
	test_with_store(1, life_body);
}
END_TEST

static AWAITS void many_body(struct db *db)
{
	static struct tool_pin_write writes[600];
	static char names[600][8], text[PIN_DEFINITION_BYTES_MAX + 1];
	AUTO(arena) *arena = arena_new(16 << 20);
	struct tool_pin *pins;
	size_t count;

	for (size_t i = 0; i < ARRAY_LEN(writes); i++) {
		snprintf(names[i], sizeof(names[i]), "t%03zu", i);
		writes[i] = write_of(i % 2 == 0 ? TOOL_PIN_SEEN : TOOL_PIN_ACCEPTED, names[i], 1, 0);
	}
	memset(text, ' ', sizeof(text));
	writes[0].pin.seen_definition = (struct str){text, sizeof(text)}; /* too long to be kept */
	ck_ok(tool_pin_write(db, writes, ARRAY_LEN(writes)));
	ck_ok(tool_pin_open(db, arena, STR("up"), STR_NONE, 1000, &pins, &count));
	ck_assert_uint_eq(count, 300);
	ck_assert_uint_eq(pins[0].seen_definition.n, 0);
	ck_str(pins[1].seen_definition, "{}");
	ck_ok(tool_pin_open(db, arena, STR("up"), STR_NONE, 10, &pins, &count));
	ck_assert_uint_eq(count, 10);
	ck_ok(tool_pin_open(db, arena, STR("up"), STR("t002"), 10, &pins, &count));
	ck_assert_uint_eq(count, 1);
}

START_TEST(many_are_written_at_once)
{
	test_with_store(1, many_body);
}
END_TEST

DATABASE_MAIN("tool_pin", pins_live, many_are_written_at_once)
