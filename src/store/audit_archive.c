/* The old end of the trail's table. The anchor and the rows it covers change in one write, and only from the anchor
 * that was seen: who comes second finds it moved. Who serves on PostgreSQL may not delete from the trail at all: a
 * function of the owner's removes what the anchor covers, whole months as tables. Of the installation, so of all
 * tenants. */
#include "store/audit_archive.h"

#include "store/audit_search.h"
#include "store/cells.h"

#define ARENA_BYTES 4096

AWAITS enum err audit_archive_end(struct db *db, int64_t after, int64_t upto, int64_t before_ms, int64_t *ret_last,
				  int64_t *ret_first_ms)
{
	AUTO(arena) *arena = arena_new(ARENA_BYTES);
	struct db_rows *rows;

	TRY(db_query(db, DB_ALL_TENANTS, arena,
		     "SELECT coalesce((SELECT min(seq) FROM audit WHERE seq > ? AND seq <= ? AND at_ms >= ?), ?),"
		     " coalesce((SELECT at_ms FROM audit WHERE seq = ?), 0)",
		     CELLS(DB_I(after), DB_I(upto), DB_I(before_ms), DB_I(upto + 1), DB_I(after + 1)), 5, &rows));
	if (rows->rows != 1)
		return ERR_DB_CORRUPT;
	*ret_last = cell_int(&rows->cells[0]) - 1;
	*ret_first_ms = cell_int(&rows->cells[1]);
	return OK;
}

AWAITS enum err audit_archive_move(struct db *db, int64_t after, const struct audit_head *anchor, struct str file,
				   int64_t now_ms)
{
	const struct db_value mac = DB_B(((struct str){(const char *)anchor->mac, AUDIT_MAC_BYTES})),
			      seal = DB_B(((struct str){(const char *)anchor->seal, AUDIT_MAC_BYTES}));
	const struct db_statement postgres = STATEMENT("SELECT audit_archive(?, ?, ?, ?, ?)", 1, DB_I(after),
						       DB_I(anchor->seq), mac, seal, DB_T(file));
	const struct db_statement sqlite[] = {
		after == 0 ? STATEMENT("INSERT INTO audit_anchor (seq, mac, seal, archived_ms, file, id) VALUES (?, ?, "
				       "?, ?, ?, 1)",
				       1, DB_I(anchor->seq), mac, seal, DB_I(now_ms), DB_T(file))
			   : STATEMENT("UPDATE audit_anchor SET seq = ?, mac = ?, seal = ?, archived_ms = ?, file = ? "
				       "WHERE seq = ?",
				       1, DB_I(anchor->seq), mac, seal, DB_I(now_ms), DB_T(file), DB_I(after)),
		STATEMENT("DELETE FROM audit WHERE seq <= ?", -1, DB_I(anchor->seq)),
		STATEMENT("DELETE FROM audit_block WHERE block < ?", -1, DB_I(anchor->seq / AUDIT_BLOCK_ROWS)),
	};
	enum err err = db_engine(db) == DB_POSTGRES ? db_write(db, DB_ALL_TENANTS, &postgres, 1)
						    : db_write(db, DB_ALL_TENANTS, sqlite, ARRAY_LEN(sqlite));

	return err == ERR_EXISTS ? ERR_NOT_FOUND : err; /* there is an anchor where there was none */
}

AWAITS enum err audit_archive_state(struct db *db, struct arena *arena, int64_t *ret_seq, struct str *ret_file,
				    int64_t *ret_at_ms)
{
	struct db_rows *rows;

	TRY(db_query(db, DB_ALL_TENANTS, arena, "SELECT seq, file, archived_ms FROM audit_anchor", NULL, 0, &rows));
	*ret_seq = rows->rows == 0 ? 0 : cell_int(&rows->cells[0]);
	*ret_file = rows->rows == 0 ? STR("") : cell_str(&rows->cells[1]);
	*ret_at_ms = rows->rows == 0 ? 0 : cell_int(&rows->cells[2]);
	return OK;
}
