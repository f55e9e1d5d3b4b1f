/* Audit rows and their head as rows. The columns stand in one order everywhere: seq first, mac
 * last, as COLUMNS says.
 *
 * Scope: The chain is one for all tenants: it is walked and written for all; searches are audit_search.c's. */
#include "store/audit_row.h"

#include "base/check.h"
#include "store/audit_row_cells.h"
#include "store/cells.h"

#define COLUMNS AUDIT_ROW_COLUMNS
#define CELLS_AFTER_SEQ "c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13"
#define HEAD_SELECT "SELECT seq, mac, seal FROM audit_head WHERE id = 1"
#define ANCHOR_SELECT "SELECT seq, mac, seal FROM audit_anchor WHERE id = 1"
#define HEAD_ARENA_BYTES 4096

struct source {
	bool (*next)(void *arg, struct audit_row *row);
	void *arg;
	struct audit_row row;
};

static struct str mac_str(const uint8_t mac[AUDIT_MAC_BYTES])
{
	return (struct str){(const char *)mac, AUDIT_MAC_BYTES};
}

static bool next_cells(void *arg, struct db_value *cells)
{
	struct source *source = arg;
	const struct audit_row *row = &source->row;

	if (!source->next(source->arg, &source->row))
		return false;
	cells[0] = DB_I(row->seq);
	cells[1] = DB_I(row->at_ms);
	cells[2] = DB_T(row->event);
	cells[3] = DB_T(row->tenant_id);
	cells[4] = DB_T(row->principal);
	cells[5] = DB_T(row->ip);
	cells[6] = DB_T(row->request_id);
	cells[7] = DB_T(row->target);
	cells[8] = DB_T(row->upstream);
	cells[9] = DB_T(row->outcome);
	cells[10] = DB_I(row->duration_us);
	cells[11] = DB_I(row->bytes_in);
	cells[12] = DB_I(row->bytes_out);
	cells[13] = DB_B(mac_str(row->mac));
	return true;
}

/* A literal NULL lets SQLite number the rows while it appends at the end of the tree; OR FAIL
 * saves the statement journal, since the feed's failure rolls back everything anyway. */
enum err audit_row_insert(struct db_tx *tx, bool (*next)(void *arg, struct audit_row *row), void *arg)
{
	static const struct db_load load = {
		.sqlite = "INSERT OR FAIL INTO audit (seq, " COLUMNS ") SELECT NULL, " CELLS_AFTER_SEQ " FROM db_rows",
		.postgres = "INSERT INTO audit (seq, " COLUMNS ") SELECT * FROM unnest(?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
		.kinds = "iittttttttiiib",
		.columns = 14,
	};
	struct source source = {.next = next, .arg = arg};

	return db_tx_insert(tx, &load, next_cells, &source);
}

enum err audit_row_last(struct db_tx *tx, int64_t *ret_seq)
{
	AUTO(arena) *arena = arena_new(HEAD_ARENA_BYTES);
	struct db_rows *rows;

	TRY(db_tx_query(tx, arena, "SELECT seq FROM audit ORDER BY seq DESC LIMIT 1", NULL, 0, &rows));
	*ret_seq = rows->rows == 0 ? 0 : cell_int(rows->cells);
	return OK;
}

enum err audit_row_is(struct db_tx *tx, int64_t seq, const uint8_t mac[AUDIT_MAC_BYTES], bool *ret_is)
{
	AUTO(arena) *arena = arena_new(HEAD_ARENA_BYTES);
	struct db_rows *rows;

	TRY(db_tx_query(tx, arena, "SELECT mac FROM audit WHERE seq = ?", CELLS(DB_I(seq)), 1, &rows));
	*ret_is = rows->rows == 1 && str_eq(cell_str(&rows->cells[0]), mac_str(mac));
	return OK;
}

static struct audit_head head_from(const struct db_rows *rows)
{
	struct audit_head head = {0};

	if (rows->rows == 0)
		return head;
	head.seq = cell_int(&rows->cells[0]);
	cell_bytes(&rows->cells[1], head.mac, sizeof(head.mac));
	cell_bytes(&rows->cells[2], head.seal, sizeof(head.seal));
	return head;
}

enum err audit_head_read(struct db_tx *tx, struct audit_head *ret_head)
{
	AUTO(arena) *arena = arena_new(HEAD_ARENA_BYTES);
	struct db_rows *rows;

	TRY(db_tx_query(tx, arena, db_tx_engine(tx) == DB_POSTGRES ? HEAD_SELECT " FOR UPDATE" : HEAD_SELECT, NULL, 0,
			&rows));
	*ret_head = head_from(rows);
	return OK;
}

AWAITS enum err audit_head_get(struct db *db, struct audit_head *ret_head)
{
	AUTO(arena) *arena = arena_new(HEAD_ARENA_BYTES);
	struct db_rows *rows;

	TRY(db_query(db, DB_ALL_TENANTS, arena, HEAD_SELECT, NULL, 0, &rows));
	*ret_head = head_from(rows);
	return OK;
}

AWAITS enum err audit_anchor_get(struct db *db, struct audit_head *ret_anchor)
{
	AUTO(arena) *arena = arena_new(HEAD_ARENA_BYTES);
	struct db_rows *rows;

	TRY(db_query(db, DB_ALL_TENANTS, arena, ANCHOR_SELECT, NULL, 0, &rows));
	*ret_anchor = head_from(rows);
	return OK;
}

enum err audit_head_write(struct db_tx *tx, const struct audit_head *head)
{
	const struct db_value params[] = {DB_I(head->seq), DB_B(mac_str(head->mac)), DB_B(mac_str(head->seal))};

	return db_tx_run(tx,
			 "INSERT INTO audit_head (id, seq, mac, seal) VALUES (1, ?, ?, ?)"
			 " ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, mac = excluded.mac, seal = excluded.seal",
			 params, ARRAY_LEN(params));
}

/* Whether every cell is of the type that next_cells gave it: a '' turned into NULL reads the
 * same and is a change all the same. */
static bool is_whole(const struct db_value *cell)
{
	static const uint8_t kinds[] = {DB_INT,	 DB_INT,  DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXT,
					DB_TEXT, DB_TEXT, DB_TEXT, DB_INT,  DB_INT,  DB_INT,  DB_BLOB};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (cell[i].kind != kinds[i])
			return false;
	}
	return cell[ARRAY_LEN(kinds) - 1].str.n == AUDIT_MAC_BYTES;
}

struct audit_row audit_row_from(const struct db_value *cell)
{
	struct audit_row row = {
		.damaged = !is_whole(cell),
		.seq = cell_int(&cell[0]),
		.at_ms = cell_int(&cell[1]),
		.event = cell_str(&cell[2]),
		.tenant_id = cell_str(&cell[3]),
		.principal = cell_str(&cell[4]),
		.ip = cell_str(&cell[5]),
		.request_id = cell_str(&cell[6]),
		.target = cell_str(&cell[7]),
		.upstream = cell_str(&cell[8]),
		.outcome = cell_str(&cell[9]),
		.duration_us = cell_int(&cell[10]),
		.bytes_in = cell_int(&cell[11]),
		.bytes_out = cell_int(&cell[12]),
	};

	cell_bytes(&cell[13], row.mac, sizeof(row.mac));
	return row;
}

AWAITS enum err audit_row_page(struct db *db, struct arena *arena, int64_t after_seq, size_t limit,
			       struct audit_row **ret_rows, size_t *ret_count)
{
	struct audit_row *page;
	struct db_rows *rows;

	TRY(db_query(db, DB_ALL_TENANTS, arena, "SELECT seq, " COLUMNS " FROM audit WHERE seq > ? ORDER BY seq LIMIT ?",
		     CELLS(DB_I(after_seq), DB_I((int64_t)limit)), 2, &rows));
	page = arena_try_alloc(arena, rows->rows * sizeof(*page));
	if (page == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < rows->rows; i++)
		page[i] = audit_row_from(&rows->cells[i * rows->columns]);
	*ret_rows = page;
	*ret_count = rows->rows;
	return OK;
}
