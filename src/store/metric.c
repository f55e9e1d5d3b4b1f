/* Reports as rows. The primary key is a digest of what a report is about, so that one look-up finds it and two
 * processes that make the row at the same time make one. A lease is an update that finds the old one over: whoever
 * changes the row has it. The document stands last in its row: who reads the rest reads no page of it. */
#include "store/metric.h"

#include "base/check.h"
#include "base/crypto.h"
#include "store/cells.h"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define ID_BYTES 64 /* SHA-256 in hexadecimal */
#define COUNT_ARENA_BYTES 4096

#define HEAD                                                                                                           \
	"id, tenant_id, platform, upstream, account, holder, ad_account, report, span, start_day, end_day, bytes,"     \
	" row_count, fetched_ms, used_ms, lease_by, lease_until_ms, failed_ms, failure"
#define HEAD_COLUMNS 19

/* Each part with its length before it: no two keys give the same bytes. */
static struct str id_of(const struct metric_key *key, char out[ID_BYTES + 1])
{
	static const char digits[] = "0123456789abcdef";
	const struct str parts[] = {key->tenant_id, key->platform,   key->upstream, key->account,
				    key->holder,    key->ad_account, key->report,   key->range};
	struct sha256_stream stream;
	uint8_t digest[32];

	sha256_stream_init(&stream);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		uint64_t n = parts[i].n;

		sha256_stream_put(&stream, (struct str){(const char *)&n, sizeof(n)});
		sha256_stream_put(&stream, parts[i]);
	}
	sha256_stream_end(&stream, digest);
	for (size_t i = 0; i < sizeof(digest); i++) {
		out[2 * i] = digits[digest[i] >> 4];
		out[2 * i + 1] = digits[digest[i] & 15];
	}
	out[ID_BYTES] = '\0';
	return (struct str){out, ID_BYTES};
}

static struct metric metric_of(const struct db_value *cell)
{
	return (struct metric){
		.key = {.tenant_id = cell_str(&cell[1]),
			.platform = cell_str(&cell[2]),
			.upstream = cell_str(&cell[3]),
			.account = cell_str(&cell[4]),
			.holder = cell_str(&cell[5]),
			.ad_account = cell_str(&cell[6]),
			.report = cell_str(&cell[7]),
			.range = cell_str(&cell[8])},
		.start_day = cell_int(&cell[9]),
		.end_day = cell_int(&cell[10]),
		.bytes = cell_int(&cell[11]),
		.row_count = cell_int(&cell[12]),
		.fetched_ms = cell_int(&cell[13]),
		.used_ms = cell_int(&cell[14]),
		.lease_by = cell_str(&cell[15]),
		.lease_until_ms = cell_int(&cell[16]),
		.failed_ms = cell_int(&cell[17]),
		.failure = cell_str(&cell[18]),
		.document = STR(""),
	};
}

AWAITS enum err metric_find(struct db *db, struct arena *arena, const struct metric_key *key, bool with_document,
			    struct metric *ret_metric)
{
	char id[ID_BYTES + 1];
	struct db_rows *rows;

	TRY(db_query(db, scope_of(key->tenant_id), arena,
		     with_document ? "SELECT " HEAD ", document FROM metric WHERE id = ?"
				   : "SELECT " HEAD ", CASE WHEN bytes <= " TEXT(
					     METRIC_SMALL_BYTES) " THEN document ELSE '' END FROM metric WHERE id = ?",
		     CELLS(DB_T(id_of(key, id))), 1, &rows));
	if (rows->rows == 0)
		return ERR_NOT_FOUND;
	*ret_metric = metric_of(rows->cells);
	ret_metric->key = *key;
	ret_metric->document = cell_str(&rows->cells[HEAD_COLUMNS]);
	return OK;
}

AWAITS enum err metric_lease(struct db *db, const struct metric_key *key, struct str by, int64_t now_ms,
			     int64_t until_ms)
{
	char id[ID_BYTES + 1];
	const struct db_statement statement = STATEMENT(
		"INSERT INTO metric (id, tenant_id, platform, upstream, account, holder, ad_account, report, span,"
		" lease_by, lease_until_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE"
		" SET lease_by = excluded.lease_by, lease_until_ms = excluded.lease_until_ms"
		" WHERE metric.lease_until_ms <= ?",
		1, DB_T(id_of(key, id)), DB_T(key->tenant_id), DB_T(key->platform), DB_T(key->upstream),
		cell_text(key->account), cell_text(key->holder), cell_text(key->ad_account), DB_T(key->report),
		cell_text(key->range), DB_T(by), DB_I(until_ms), DB_I(now_ms));
	enum err err = db_write(db, scope_of(key->tenant_id), &statement, 1);

	return err == ERR_NOT_FOUND ? ERR_BUSY : err;
}

AWAITS enum err metric_renew(struct db *db, const struct metric_key *key, struct str by, int64_t until_ms)
{
	char id[ID_BYTES + 1];
	const struct db_statement statement =
		STATEMENT("UPDATE metric SET lease_until_ms = ? WHERE id = ? AND lease_by = ?", 1, DB_I(until_ms),
			  DB_T(id_of(key, id)), DB_T(by));

	return db_write(db, scope_of(key->tenant_id), &statement, 1);
}

/* What is beyond a tenant's bounds: the rows that were neither used nor fetched for longest. A row in work stays. */
#define TRIM                                                                                                           \
	"DELETE FROM metric WHERE tenant_id = ? AND lease_until_ms = 0 AND id IN (SELECT id FROM (SELECT id,"          \
	" row_number() OVER latest AS place, sum(bytes) OVER latest AS total FROM metric WHERE tenant_id = ?"          \
	" WINDOW latest AS (ORDER BY max(used_ms, fetched_ms) DESC, id)) AS sums"                                      \
	" WHERE place > " TEXT(METRIC_ROWS_PER_TENANT) " OR total > ?)"

AWAITS enum err metric_keep(struct db *db, const struct metric_key *key, struct str by, const struct metric *fetched)
{
	char id[ID_BYTES + 1];
	const struct db_statement statements[] = {
		STATEMENT("UPDATE metric SET document = ?, bytes = ?, row_count = ?, start_day = ?, end_day = ?, "
			  "fetched_ms = ?,"
			  " failed_ms = 0, failure = '', lease_by = '', lease_until_ms = 0"
			  " WHERE id = ? AND lease_by = ?",
			  1, DB_T(fetched->document), DB_I((int64_t)fetched->document.n), DB_I(fetched->row_count),
			  DB_I(fetched->start_day), DB_I(fetched->end_day), DB_I(fetched->fetched_ms),
			  DB_T(id_of(key, id)), DB_T(by)),
		STATEMENT(TRIM, -1, DB_T(key->tenant_id), DB_T(key->tenant_id), DB_I(METRIC_BYTES_PER_TENANT)),
	};

	if (fetched->document.n > METRIC_BYTES_MAX)
		return ERR_LIMIT;
	return db_write(db, scope_of(key->tenant_id), statements, ARRAY_LEN(statements));
}

AWAITS enum err metric_release(struct db *db, const struct metric_key *key, struct str by)
{
	char id[ID_BYTES + 1];
	const struct db_statement statement =
		STATEMENT("UPDATE metric SET lease_by = '', lease_until_ms = 0 WHERE id = ? AND lease_by = ?", -1,
			  DB_T(id_of(key, id)), DB_T(by));

	return db_write(db, scope_of(key->tenant_id), &statement, 1);
}

AWAITS enum err metric_fail(struct db *db, const struct metric_key *key, struct str by, int64_t now_ms,
			    struct str failure)
{
	char id[ID_BYTES + 1];
	const struct db_statement statements[] = {
		STATEMENT("UPDATE metric SET failed_ms = ?, failure = ?, lease_by = '', lease_until_ms = 0"
			  " WHERE id = ? AND lease_by = ?",
			  1, DB_I(now_ms), cell_text(failure), DB_T(id_of(key, id)), DB_T(by)),
		STATEMENT(TRIM, -1, DB_T(key->tenant_id), DB_T(key->tenant_id), DB_I(METRIC_BYTES_PER_TENANT)),
	};

	return db_write(db, scope_of(key->tenant_id), statements, ARRAY_LEN(statements));
}

AWAITS enum err metric_use(struct db *db, const struct metric_key *key, int64_t now_ms)
{
	char id[ID_BYTES + 1];
	const struct db_statement statement =
		STATEMENT("UPDATE metric SET used_ms = ? WHERE id = ?", -1, DB_I(now_ms), DB_T(id_of(key, id)));

	return db_write(db, scope_of(key->tenant_id), &statement, 1);
}

AWAITS enum err metric_forget(struct db *db, struct str tenant_id, struct str platform, int64_t *ret_count)
{
	const struct db_value tenant = cell_text(tenant_id), name = cell_text(platform);
	const struct db_statement statement = STATEMENT(
		"DELETE FROM metric WHERE tenant_id = ? AND (? = '' OR platform = ?)", -1, tenant, name, name);
	AUTO(arena) *arena = arena_new(COUNT_ARENA_BYTES);
	struct db_rows *rows;

	TRY(db_query(db, scope_of(tenant_id), arena,
		     "SELECT count(*) FROM metric WHERE tenant_id = ? AND (? = '' OR platform = ?)",
		     CELLS(tenant, name, name), 3, &rows));
	TRY(db_write(db, scope_of(tenant_id), &statement, 1));
	*ret_count = rows->rows == 0 ? 0 : cell_int(rows->cells);
	return OK;
}

AWAITS enum err metric_list(struct db *db, struct arena *arena, struct str tenant_id, struct str after, int64_t limit,
			    struct metric **ret_metrics, struct str **ret_ids, size_t *ret_count)
{
	struct metric *metrics;
	struct db_rows *rows;
	struct str *ids;

	TRY(db_query(db, scope_of(tenant_id), arena,
		     "SELECT " HEAD " FROM metric WHERE tenant_id = ? AND id > ? ORDER BY id LIMIT ?",
		     CELLS(cell_text(tenant_id), cell_text(after), DB_I(limit)), 3, &rows));
	metrics = arena_try_alloc(arena, (rows->rows + 1) * sizeof(*metrics));
	ids = arena_try_alloc(arena, (rows->rows + 1) * sizeof(*ids));
	if (metrics == NULL || ids == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < rows->rows; i++) {
		metrics[i] = metric_of(&rows->cells[i * rows->columns]);
		ids[i] = cell_str(&rows->cells[i * rows->columns]);
	}
	*ret_metrics = metrics;
	*ret_ids = ids;
	*ret_count = rows->rows;
	return OK;
}
