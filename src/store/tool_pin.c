/* Pins as rows. A row is made when a tool is first seen; `digest` is set when it is accepted.
 * Rows of tools that were accepted stay when the tool goes: who comes back must be the same. The
 * number of rows is bounded by what upstreams offer at one time and what was ever accepted.
 *
 * Scope: Pins are the gateway's own: it judges every upstream, whosever it is. */
#include "store/tool_pin.h"

#include <stdlib.h>

#include "base/check.h"
#include "store/cells.h"

#define PINS_PER_WRITE 128 /* few enough not to hold the writer up, and below DB_QUEUE_MAX */
#define PIN_CELLS_MAX 8
#define MARKS "upstream, tool, digest, flags, accepted_ms, seen_digest, seen_flags, seen_ms"
#define ACCEPT                                                                                                         \
	"UPDATE tool_pin SET digest = seen_digest, definition = seen_definition, flags = seen_flags, accepted_ms = ?"  \
	" WHERE upstream = ? AND tool = ?"
#define OPEN "(digest IS NULL OR digest <> seen_digest OR (seen_flags & ~flags) <> 0)"

static const char insert_seen[] =
	"INSERT INTO tool_pin (upstream, tool, seen_digest, seen_definition, seen_flags, seen_ms)"
	" VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (upstream, tool) DO UPDATE SET seen_digest = excluded.seen_digest,"
	" seen_definition = excluded.seen_definition, seen_flags = excluded.seen_flags, seen_ms = excluded.seen_ms";
/* Flags stay open: nobody has looked at them yet. */
static const char accept_seen[] = "UPDATE tool_pin SET digest = seen_digest, definition = seen_definition,"
				  " accepted_ms = ? WHERE upstream = ? AND tool = ?";

static struct str digest_str(const uint8_t digest[PIN_DIGEST_BYTES])
{
	return (struct str){(const char *)digest, PIN_DIGEST_BYTES};
}

static struct tool_pin from_row(const struct db_value *cell, size_t columns)
{
	struct tool_pin pin = {
		.upstream = cell_str(&cell[0]),
		.tool = cell_str(&cell[1]),
		.accepted = cell[2].kind == DB_BLOB,
		.flags = cell_int(&cell[3]),
		.accepted_ms = cell_int(&cell[4]),
		.seen_flags = cell_int(&cell[6]),
		.seen_ms = cell_int(&cell[7]),
	};

	cell_bytes(&cell[2], pin.digest, sizeof(pin.digest));
	cell_bytes(&cell[5], pin.seen_digest, sizeof(pin.seen_digest));
	if (columns > 8) {
		pin.definition = cell_str(&cell[8]);
		pin.seen_definition = cell_str(&cell[9]);
	}
	return pin;
}

static enum err take_rows(struct arena *arena, const struct db_rows *rows, struct tool_pin **ret_pins,
			  size_t *ret_count)
{
	struct tool_pin *pins = arena_try_alloc(arena, (rows->rows + 1) * sizeof(*pins));

	if (pins == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < rows->rows; i++)
		pins[i] = from_row(&rows->cells[i * rows->columns], rows->columns);
	*ret_pins = pins;
	*ret_count = rows->rows;
	return OK;
}

AWAITS enum err tool_pin_marks(struct db *db, struct arena *arena, struct str upstream, struct tool_pin **ret_pins,
			       size_t *ret_count)
{
	struct db_rows *rows;

	TRY(db_query(db, DB_ALL_TENANTS, arena, "SELECT " MARKS " FROM tool_pin WHERE upstream = ? ORDER BY tool",
		     CELLS(DB_T(upstream)), 1, &rows));
	return take_rows(arena, rows, ret_pins, ret_count);
}

AWAITS enum err tool_pin_open(struct db *db, struct arena *arena, struct str upstream, struct str tool, size_t limit,
			      struct tool_pin **ret_pins, size_t *ret_count)
{
	struct db_value one = upstream.p == NULL ? DB_N : DB_T(upstream), name = tool.p == NULL ? DB_N : DB_T(tool);
	struct db_rows *rows;

	TRY(db_query(
		db, DB_ALL_TENANTS, arena,
		"SELECT " MARKS ", definition, seen_definition FROM tool_pin WHERE " OPEN
		" AND upstream = coalesce(?, upstream) AND tool = coalesce(?, tool) ORDER BY upstream, tool LIMIT ?",
		CELLS(one, name, DB_I((int64_t)limit)), 3, &rows));
	return take_rows(arena, rows, ret_pins, ret_count);
}

/* A statement and its parameters, which lie in `cells`. */
static struct db_statement make(const char *sql, struct db_value *cells, size_t count, int64_t expected)
{
	return (struct db_statement){.sql = sql, .params = cells, .count = count, .changes_expected = expected};
}

static struct db_statement see(const struct tool_pin *pin, struct db_value *cells)
{
	struct str text = pin->seen_definition;

	if (text.n > PIN_DEFINITION_BYTES_MAX)
		text = STR(""); /* a piece of JSON would be of no use */
	cells[0] = DB_T(pin->upstream);
	cells[1] = DB_T(pin->tool);
	cells[2] = DB_B(digest_str(pin->seen_digest));
	cells[3] = DB_T(text);
	cells[4] = DB_I(pin->seen_flags);
	cells[5] = DB_I(pin->seen_ms);
	return make(insert_seen, cells, 6, 1);
}

/* What the changes that bring no definition do: a number, upstream, tool. */
static const char *const small_change[] = {
	[TOOL_PIN_FLAGGED] = "UPDATE tool_pin SET seen_flags = ? WHERE upstream = ? AND tool = ?",
	[TOOL_PIN_RETURNED] = "UPDATE tool_pin SET seen_digest = digest, seen_definition = definition, seen_flags = ?"
			      " WHERE upstream = ? AND tool = ? AND digest IS NOT NULL",
	[TOOL_PIN_GONE] = "DELETE FROM tool_pin WHERE accepted_ms = ? AND upstream = ? AND tool = ? AND digest IS NULL",
};

/*   returns    how many statements: one or two */
static size_t put_write(const struct tool_pin_write *write, struct db_value (*cells)[PIN_CELLS_MAX],
			struct db_statement *statements)
{
	const struct tool_pin *pin = &write->pin;

	if (write->change == TOOL_PIN_SEEN || write->change == TOOL_PIN_ACCEPTED) {
		statements[0] = see(pin, cells[0]);
		if (write->change == TOOL_PIN_SEEN)
			return 1;
		cells[1][0] = DB_I(pin->seen_ms);
		cells[1][1] = DB_T(pin->upstream);
		cells[1][2] = DB_T(pin->tool);
		statements[1] = make(accept_seen, cells[1], 3, 1);
		return 2;
	}
	cells[0][0] = DB_I(write->change == TOOL_PIN_GONE ? 0 : pin->seen_flags);
	cells[0][1] = DB_T(pin->upstream);
	cells[0][2] = DB_T(pin->tool);
	statements[0] = make(small_change[write->change], cells[0], 3, -1);
	return 1;
}

AWAITS static enum err write_some(struct db *db, const struct tool_pin_write *writes, size_t count)
{
	struct db_statement *statements = calloc(2 * count, sizeof(*statements));
	struct db_value(*cells)[PIN_CELLS_MAX] = calloc(2 * count, sizeof(*cells));
	size_t n = 0;
	enum err err;

	CHECK(statements != NULL && cells != NULL);
	for (size_t i = 0; i < count; i++)
		n += put_write(&writes[i], &cells[2 * i], &statements[n]);
	err = db_write(db, DB_ALL_TENANTS, statements, n);
	free(statements);
	free(cells);
	return err;
}

AWAITS enum err tool_pin_write(struct db *db, const struct tool_pin_write *writes, size_t count)
{
	for (size_t at = 0; at < count; at += PINS_PER_WRITE) {
		size_t left = count - at;

		TRY(write_some(db, writes + at, left < PINS_PER_WRITE ? left : PINS_PER_WRITE));
	}
	return OK;
}

AWAITS enum err tool_pin_accept(struct db *db, struct str upstream, struct str tool,
				const uint8_t digest[PIN_DIGEST_BYTES], int64_t now_ms)
{
	const struct db_statement statement = STATEMENT(
		"UPDATE tool_pin SET digest = seen_digest, definition = seen_definition, flags = seen_flags,"
		" accepted_ms = ? WHERE upstream = ? AND tool = ? AND seen_digest = coalesce(?, seen_digest)",
		1, DB_I(now_ms), DB_T(upstream), DB_T(tool), digest == NULL ? DB_N : DB_B(digest_str(digest)));

	return db_write(db, DB_ALL_TENANTS, &statement, 1);
}
