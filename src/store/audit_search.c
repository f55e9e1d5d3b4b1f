/* Finding rows of the trail, in what can be had without an index that every call would pay for (7 us a row on SQLite).
 *
 * Numbers are nearly in the order of times, so a time is found by halves. Whose a row is is found in two ways:
 *
 *   PostgreSQL  by an index over tenant and number; its backends have cores of their own.
 *   SQLite      by blocks of AUDIT_BLOCK_ROWS numbers. Once one is complete, audit_block gets a row for each tenant in
 *               it, with the places of the tenant's rows, all at the end of the table; a job does it behind the calls'
 *               backs, at 1 us a row. Rows behind the last block are looked at one by one.
 *
 *                   seq   [ block 0 ][ block 1 ] ... [ block n ] tail
 *                              by places                         one by one
 *
 * A search goes through its range in pieces, each of one kind and of a bounded number of rows. Rows come from the read
 * replica where there is one.
 *
 * Scope: a tenant's, or the installation's where none is named; blocks are all tenants'. */
#include "store/audit_search.h"

#include "store/audit_row_cells.h"
#include "store/cells.h"

#define FEW_ARENA_BYTES 4096
#define BLOCKS_ARENA_BYTES (8 * AUDIT_SEARCH_BLOCKS_MAX * sizeof(struct db_value))
#define PIECES_MAX 4 /* of one search: the tail, and blocks that had less than what was wanted */
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define BLOCK TEXT(AUDIT_BLOCK_ROWS)

/* --- blocks --- */

/* The row without a tenant says that the block is done. Texts are what a tenant is called by; a cell that somebody
 * damaged must not hold up what comes after it. */
#define MAKE_BLOCK                                                                                                     \
	"INSERT OR IGNORE INTO audit_block (block, tenant_id, rows, places)"                                           \
	" SELECT ?1, '', 0, '[]' UNION ALL"                                                                            \
	" SELECT ?1, tenant_id, count(*), json_group_array(seq % " BLOCK ") FROM audit"                                \
	" WHERE seq BETWEEN ?1 * " BLOCK " AND ?1 * " BLOCK " + " BLOCK " - 1 AND tenant_id <> ''"                     \
	" AND typeof(tenant_id) = 'text' GROUP BY tenant_id"
#define NEXT_BLOCK                                                                                                     \
	"SELECT coalesce((SELECT max(block) + 1 FROM audit_block), (SELECT min(seq) / " BLOCK " FROM audit), 0),"      \
	" coalesce((SELECT max(seq) / " BLOCK " FROM audit), 0)"

/* The first block that is not noted, and the one that rows are added to. */
AWAITS static enum err next_block(struct db *db, int64_t *ret_next, int64_t *ret_open)
{
	AUTO(arena) *arena = arena_new(FEW_ARENA_BYTES);
	struct db_rows *rows;

	TRY(db_query(db, DB_ALL_TENANTS, arena, NEXT_BLOCK, NULL, 0, &rows));
	*ret_next = cell_int(&rows->cells[0]);
	*ret_open = cell_int(&rows->cells[1]);
	return OK;
}

AWAITS enum err audit_block_make(struct db *db, bool *ret_made)
{
	struct db_statement statement;
	int64_t next = 0, open = 0;

	if (db_engine(db) == DB_SQLITE)
		TRY(next_block(db, &next, &open));
	if (next < open) {
		statement = STATEMENT(MAKE_BLOCK, -1, DB_I(next));
		TRY(db_write(db, DB_ALL_TENANTS, &statement, 1));
	}
	*ret_made = next < open;
	return OK;
}

/* --- the range of a search --- */

struct range {
	int64_t low, high; /* numbers; high < low: none */
};

/* Apart, or SQLite would look at every row. */
#define ENDS "SELECT coalesce((SELECT min(seq) FROM audit), 1), coalesce((SELECT max(seq) FROM audit), 0)"

/* The first row that is not of before a time, by halves; the number after `high` when there is none. The middle is a
 * column: PostgreSQL uses the key only if the comparison with it cannot fail, and arithmetic can (its policies come
 * first otherwise). */
#define EARLIER "(SELECT a.at_ms FROM audit a WHERE a.seq >= half.middle ORDER BY a.seq LIMIT 1) < ?"
#define FIRST_SINCE                                                                                                    \
	"WITH RECURSIVE half (low, high, middle) AS ("                                                                 \
	"SELECT CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT) UNION ALL"                                     \
	" SELECT CASE WHEN " EARLIER " THEN middle + 1 ELSE low END, CASE WHEN " EARLIER " THEN high ELSE middle END," \
	" CASE WHEN " EARLIER " THEN (middle + 1 + high) / 2 ELSE (low + middle) / 2 END FROM half WHERE low < high)"  \
	" SELECT max(low) FROM half"

AWAITS static enum err first_since(struct db *db, const struct range *within, int64_t at_ms, int64_t *ret_seq)
{
	AUTO(arena) *arena = arena_new(FEW_ARENA_BYTES);
	int64_t low = within->low, high = within->high + 1;
	struct db_rows *rows;

	TRY(db_query_stale(
		db, DB_ALL_TENANTS, arena, FIRST_SINCE,
		CELLS(DB_I(low), DB_I(high), DB_I(low + (high - low) / 2), DB_I(at_ms), DB_I(at_ms), DB_I(at_ms)), 6,
		&rows));
	*ret_seq = cell_int(&rows->cells[0]);
	return OK;
}

AWAITS static enum err whole_range(struct db *db, const struct audit_search *search, struct range *ret_range)
{
	AUTO(arena) *arena = arena_new(FEW_ARENA_BYTES);
	struct range range;
	struct db_rows *rows;

	TRY(db_query_stale(db, DB_ALL_TENANTS, arena, ENDS, NULL, 0, &rows));
	range = (struct range){cell_int(&rows->cells[0]), cell_int(&rows->cells[1])};
	if (search->to_ms > 0)
		TRY(first_since(db, &range, search->to_ms + AUDIT_DISORDER_MS, &range.high));
	if (search->from_ms > 0)
		TRY(first_since(db, &range, search->from_ms - AUDIT_DISORDER_MS, &range.low));
	if (search->after_seq > 0 && search->newest_first && search->after_seq <= range.high)
		range.high = search->after_seq - 1;
	if (search->after_seq >= range.low && !search->newest_first)
		range.low = search->after_seq + 1;
	*ret_range = range;
	return OK;
}

/* --- pieces --- */

struct piece {
	struct range range;
	bool by_places;
};

/* The beginning of `range`, as far as `last`. */
static struct range beginning(const struct audit_search *search, struct range range, int64_t last)
{
	if (search->newest_first)
		return (struct range){last > range.low ? last : range.low, range.high};
	return (struct range){range.low, last < range.high ? last : range.high};
}

/* What a search still has to look at behind a piece. */
static struct range rest(const struct audit_search *search, struct range range, struct range piece)
{
	if (search->newest_first)
		return (struct range){range.low, piece.low - 1};
	return (struct range){piece.high + 1, range.high};
}

/* So many rows one by one. */
static struct piece scan(const struct audit_search *search, struct range range)
{
	int64_t last = search->newest_first ? range.high - AUDIT_SCAN_ROWS + 1 : range.low + AUDIT_SCAN_ROWS - 1;

	return (struct piece){.range = beginning(search, range, last)};
}

/* Whether rows of the tenant are looked at that are not found: how many rows a piece has is no bound then. */
static bool is_filtered(const struct audit_search *search)
{
	return search->event.n + search->principal.n + search->target.n + search->outcome.n + search->request_id.n > 0;
}

#define BLOCKS(first, step, last)                                                                                      \
	"WITH RECURSIVE b (n) AS (SELECT ?" first " UNION ALL SELECT n " step " FROM b WHERE n <> ?" last ")"
#define TENANT_BLOCKS                                                                                                  \
	" SELECT p.block, p.rows FROM b CROSS JOIN audit_block p ON p.block = b.n AND p.tenant_id = ?3 LIMIT ?4"

/* As many blocks as have `wanted` rows of the tenant. */
AWAITS static enum err blocks_piece(struct db *db, const struct audit_search *search, struct range range,
				    int64_t wanted, struct piece *ret_piece)
{
	AUTO(arena) *arena = arena_new(BLOCKS_ARENA_BYTES);
	int64_t low = range.low / AUDIT_BLOCK_ROWS, high = range.high / AUDIT_BLOCK_ROWS, count = 0, block;
	int64_t many = wanted < AUDIT_SEARCH_BLOCKS_MAX ? wanted : AUDIT_SEARCH_BLOCKS_MAX;
	struct db_rows *rows;
	size_t at = 0;

	TRY(db_query(db, DB_ALL_TENANTS, arena,
		     search->newest_first ? BLOCKS("1", "- 1", "2") TENANT_BLOCKS
					  : BLOCKS("2", "+ 1", "1") TENANT_BLOCKS,
		     CELLS(DB_I(high), DB_I(low), DB_T(search->tenant_id), DB_I(many)), 4, &rows));
	while (at < rows->rows && count < wanted)
		count += cell_int(&rows->cells[at++ * 2 + 1]);
	*ret_piece = (struct piece){.range = range, .by_places = true};
	if (count < wanted && (int64_t)rows->rows < many)
		return OK; /* all there are */
	block = cell_int(&rows->cells[(at - 1) * 2]) * AUDIT_BLOCK_ROWS;
	ret_piece->range = beginning(search, range, search->newest_first ? block : block + AUDIT_BLOCK_ROWS - 1);
	return OK;
}

AWAITS static enum err sqlite_piece(struct db *db, const struct audit_search *search, struct range range,
				    int64_t wanted, struct piece *ret_piece)
{
	int64_t tail, open;

	TRY(next_block(db, &tail, &open));
	tail *= AUDIT_BLOCK_ROWS;
	if (search->newest_first ? range.high < tail : range.low < tail)
		return blocks_piece(db, search, search->newest_first ? range : beginning(search, range, tail - 1),
				    wanted, ret_piece);
	*ret_piece = scan(search, search->newest_first ? beginning(search, range, tail) : range);
	return OK;
}

#define LAST_OF_MANY(direction)                                                                                        \
	"SELECT seq FROM audit WHERE tenant_id = ? AND seq BETWEEN ? AND ? ORDER BY seq " direction " LIMIT 1 OFFSET " \
	"?"

/* As far as `wanted` rows of the tenant go. Asked for by the index alone: with policies in the way PostgreSQL thinks
 * rows so few that it would fetch and sort all of them. */
AWAITS static enum err postgres_piece(struct db *db, const struct audit_search *search, struct range range,
				      int64_t wanted, struct piece *ret_piece)
{
	AUTO(arena) *arena = arena_new(FEW_ARENA_BYTES);
	struct db_rows *rows;

	TRY(db_query_stale(db, scope_of(search->tenant_id), arena,
			   search->newest_first ? LAST_OF_MANY("DESC") : LAST_OF_MANY("ASC"),
			   CELLS(DB_T(search->tenant_id), DB_I(range.low), DB_I(range.high), DB_I(wanted - 1)), 4,
			   &rows));
	*ret_piece = (struct piece){.range = range};
	if (rows->rows == 1)
		ret_piece->range = beginning(search, range, cell_int(rows->cells));
	return OK;
}

AWAITS static enum err next_piece(struct db *db, const struct audit_search *search, struct range range, size_t limit,
				  struct piece *ret_piece)
{
	int64_t wanted = is_filtered(search) ? AUDIT_TENANT_ROWS : (int64_t)limit;

	if (search->tenant_id.p != NULL)
		return db_engine(db) == DB_SQLITE ? sqlite_piece(db, search, range, wanted, ret_piece)
						  : postgres_piece(db, search, range, wanted, ret_piece);
	*ret_piece = scan(search, range);
	return OK;
}

/* --- rows of a piece --- */

#define FILTER                                                                                                         \
	" AND (? = '' OR glob(?, event) <> 0) AND (? = '' OR principal = ?) AND (? = '' OR target = ?)"                \
	" AND (? = '' OR outcome = ?) AND (? = '' OR request_id = ?) AND at_ms >= ? AND at_ms < ? ORDER BY seq "
#define ROWS "SELECT seq, " AUDIT_ROW_COLUMNS " FROM audit WHERE "
#define OF_ALL ROWS "CAST(? AS TEXT) IS NULL AND seq BETWEEN ? AND ?" FILTER
#define OF_TENANT ROWS "tenant_id = ? AND seq BETWEEN ? AND ?" FILTER
/* SQLite's words, but in the order of the others' parameters. */
#define BY_PLACES                                                                                                      \
	ROWS "tenant_id = ?1 AND seq IN (" BLOCKS(                                                                     \
		"2 / " BLOCK, "+ 1", "3 / " BLOCK) " SELECT p.block * " BLOCK                                          \
						   " + j.value FROM b CROSS JOIN audit_block p ON p.block = b.n"       \
						   " AND p.tenant_id = ?1 CROSS JOIN json_each(p.places) j"            \
						   " WHERE p.block * " BLOCK " + j.value BETWEEN ?2 AND ?3)" FILTER

static const char *const texts[][2] = {
	{OF_ALL "ASC LIMIT ?", OF_ALL "DESC LIMIT ?"},
	{OF_TENANT "ASC LIMIT ?", OF_TENANT "DESC LIMIT ?"},
	{BY_PLACES "ASC LIMIT ?", BY_PLACES "DESC LIMIT ?"},
};

/* An absent text is an empty one: NULL would match nothing. */
static struct db_value text_of(struct str text)
{
	return DB_T(text.p == NULL ? STR("") : text);
}

AWAITS static enum err piece_rows(struct db *db, struct arena *arena, const struct audit_search *search,
				  const struct piece *piece, size_t limit, struct db_rows **ret_rows)
{
	const struct db_value event = text_of(search->event), principal = text_of(search->principal),
			      target = text_of(search->target), outcome = text_of(search->outcome),
			      request = text_of(search->request_id);
	bool all = search->tenant_id.p == NULL;

	return db_query_stale(db, scope_of(search->tenant_id), arena,
			      texts[all		       ? 0
				    : piece->by_places ? 2
						       : 1][search->newest_first],
			      CELLS(all ? DB_N : DB_T(search->tenant_id), DB_I(piece->range.low),
				    DB_I(piece->range.high), event, event, principal, principal, target, target,
				    outcome, outcome, request, request, DB_I(search->from_ms),
				    DB_I(search->to_ms == 0 ? INT64_MAX : search->to_ms), DB_I((int64_t)limit)),
			      16, ret_rows);
}

AWAITS enum err audit_row_search(struct db *db, struct arena *arena, const struct audit_search *search, size_t limit,
				 struct audit_row **ret_rows, size_t *ret_count, int64_t *ret_resume)
{
	struct audit_row *page = arena_try_alloc(arena, (limit + 1) * sizeof(*page));
	struct range left;
	size_t count = 0;

	if (page == NULL)
		return ERR_LIMIT;
	TRY(whole_range(db, search, &left));
	for (int i = 0; i < PIECES_MAX && left.low <= left.high && count < limit; i++) {
		struct db_rows *rows;
		struct piece piece;

		TRY(next_piece(db, search, left, limit, &piece));
		TRY(piece_rows(db, arena, search, &piece, limit - count, &rows));
		for (size_t at = 0; at < rows->rows; at++)
			page[count++] = audit_row_from(&rows->cells[at * rows->columns]);
		left = rest(search, left, piece.range);
	}
	*ret_rows = page;
	*ret_count = count;
	if (count > 0 && count == limit)
		*ret_resume = page[count - 1].seq;
	else
		*ret_resume = left.low > left.high ? 0 : search->newest_first ? left.high + 1 : left.low - 1;
	return OK;
}
