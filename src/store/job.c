/* Jobs and their runs as rows. Each change of hands is one conditional UPDATE: whoever finds the row as it must be has
 * it, everybody else gets ERR_NOT_FOUND. Jobs belong to the installation and are run for any tenant, so every statement
 * is of all tenants. */
#include "store/job.h"

#include "store/cells.h"

#define COLUMNS                                                                                                        \
	"id, kind, tenant_id, payload, schedule, next_ms, attempts, dead, lease_by, lease_until_ms, error, created_ms"
#define RUN_COLUMNS "id, job_id, kind, node, attempt, started_ms, ended_ms, outcome, words"

static struct job from_row(const struct db_value *cell)
{
	return (struct job){
		.id = cell_str(&cell[0]),
		.kind = cell_str(&cell[1]),
		.tenant_id = cell_str(&cell[2]),
		.payload = cell_str(&cell[3]),
		.schedule = cell_str(&cell[4]),
		.next_ms = cell_int(&cell[5]),
		.attempts = cell_int(&cell[6]),
		.dead = cell_int(&cell[7]) != 0,
		.lease_by = cell_int(&cell[8]),
		.lease_until_ms = cell_int(&cell[9]),
		.error = cell_str(&cell[10]),
		.created_ms = cell_int(&cell[11]),
	};
}

static enum err take_rows(struct arena *arena, const struct db_rows *rows, struct job **ret_jobs, size_t *ret_count)
{
	struct job *jobs = arena_try_alloc(arena, (rows->rows + 1) * sizeof(*jobs));

	if (jobs == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < rows->rows; i++)
		jobs[i] = from_row(&rows->cells[i * rows->columns]);
	*ret_jobs = jobs;
	*ret_count = rows->rows;
	return OK;
}

/* Two at once may go over by one each, which harms nobody. */
AWAITS static enum err room(struct db *db)
{
	AUTO(arena) *arena = arena_new(4096);
	struct db_rows *rows;

	TRY(db_query(db, DB_ALL_TENANTS, arena, "SELECT count(*) FROM job", NULL, 0, &rows));
	return rows->rows == 1 && cell_int(rows->cells) < JOBS_MAX ? OK : ERR_LIMIT;
}

AWAITS enum err job_insert(struct db *db, const struct job *job)
{
	const struct db_statement statement =
		STATEMENT("INSERT INTO job (id, kind, tenant_id, payload, schedule, next_ms, created_ms)"
			  " VALUES (?, ?, ?, ?, '', ?, ?)",
			  1, DB_T(job->id), DB_T(job->kind), cell_text(job->tenant_id), cell_text(job->payload),
			  DB_I(job->next_ms), DB_I(job->created_ms));

	if (job->payload.n > JOB_PAYLOAD_BYTES_MAX)
		return ERR_LIMIT;
	TRY(room(db));
	return db_write(db, DB_ALL_TENANTS, &statement, 1);
}

AWAITS enum err job_schedule(struct db *db, struct str kind, struct str schedule, int64_t next_ms, int64_t now_ms)
{
	const struct db_statement statement = STATEMENT(
		"INSERT INTO job (id, kind, payload, schedule, next_ms, created_ms) VALUES (?, ?, '', ?, ?, ?)"
		" ON CONFLICT (id) DO UPDATE SET schedule = excluded.schedule, next_ms = excluded.next_ms"
		" WHERE job.schedule <> excluded.schedule",
		-1, DB_T(kind), DB_T(kind), DB_T(schedule), DB_I(next_ms), DB_I(now_ms));

	return db_write(db, DB_ALL_TENANTS, &statement, 1);
}

#define DUE(which)                                                                                                     \
	"SELECT " COLUMNS " FROM job WHERE " which " AND dead = 0 AND next_ms <= ? AND lease_until_ms <= ?"            \
	" ORDER BY next_ms LIMIT ?"

AWAITS enum err job_due(struct db *db, struct arena *arena, bool scheduled, int64_t now_ms, size_t limit,
			struct job **ret_jobs, size_t *ret_count)
{
	struct db_rows *rows;

	TRY(db_query(db, DB_ALL_TENANTS, arena, scheduled ? DUE("schedule <> ''") : DUE("schedule = ''"),
		     CELLS(DB_I(now_ms), DB_I(now_ms), DB_I((int64_t)limit)), 3, &rows));
	return take_rows(arena, rows, ret_jobs, ret_count);
}

AWAITS enum err job_claim(struct db *db, struct str id, int64_t node, int64_t now_ms, int64_t until_ms)
{
	const struct db_statement statement =
		STATEMENT("UPDATE job SET lease_by = ?, lease_until_ms = ?, attempts = attempts + 1"
			  " WHERE id = ? AND dead = 0 AND next_ms <= ? AND lease_until_ms <= ?",
			  1, DB_I(node), DB_I(until_ms), DB_T(id), DB_I(now_ms), DB_I(now_ms));

	return db_write(db, DB_ALL_TENANTS, &statement, 1);
}

AWAITS enum err job_extend(struct db *db, struct str id, int64_t node, int64_t now_ms, int64_t until_ms)
{
	const struct db_statement statement =
		STATEMENT("UPDATE job SET lease_until_ms = ? WHERE id = ? AND lease_by = ? AND lease_until_ms > ?", 1,
			  DB_I(until_ms), DB_T(id), DB_I(node), DB_I(now_ms));

	return db_write(db, DB_ALL_TENANTS, &statement, 1);
}

/* The statement that settles the job itself. Only the holder may, and a holder that was replaced is none. */
static struct db_statement settle(const struct job_end *end, struct db_value cells[6])
{
	static const struct {
		const char *sql;
		size_t count;
	} fates[] = {
		[JOB_AGAIN] = {"UPDATE job SET lease_until_ms = 0, next_ms = ?, attempts = ?, error = ?"
			       " WHERE id = ? AND lease_by = ? AND lease_until_ms > 0",
			       5},
		[JOB_DEAD] = {"UPDATE job SET lease_until_ms = 0, next_ms = ?, attempts = ?, error = ?, dead = 1"
			      " WHERE id = ? AND lease_by = ? AND lease_until_ms > 0",
			      5},
		[JOB_DONE] = {"DELETE FROM job WHERE id = ? AND lease_by = ? AND lease_until_ms > 0", 2},
	};
	bool ok = str_eq(end->run.outcome, STR("ok"));
	size_t n = 0;

	if (end->fate != JOB_DONE) {
		cells[n++] = DB_I(end->next_ms);
		cells[n++] = DB_I(end->attempts);
		cells[n++] = DB_T(ok ? STR("") : end->run.outcome);
	}
	cells[n++] = DB_T(end->run.job_id);
	cells[n++] = DB_I(end->run.node);
	return (struct db_statement){
		.sql = fates[end->fate].sql, .params = cells, .count = fates[end->fate].count, .changes_expected = 1};
}

AWAITS enum err job_finish(struct db *db, const struct job_end *end)
{
	const struct job_run *run = &end->run;
	struct db_value cells[6];
	const struct db_statement statements[] = {
		settle(end, cells),
		STATEMENT("INSERT INTO job_run (" RUN_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", 1, DB_T(run->id),
			  DB_T(run->job_id), DB_T(run->kind), DB_I(run->node), DB_I(run->attempt),
			  DB_I(run->started_ms), DB_I(run->ended_ms), DB_T(run->outcome), cell_text(run->words)),
		STATEMENT("DELETE FROM job_run WHERE kind = ? AND id <="
			  " (SELECT id FROM job_run WHERE kind = ? ORDER BY id DESC LIMIT 1 OFFSET ?)",
			  -1, DB_T(run->kind), DB_T(run->kind), DB_I(JOB_RUNS_KEPT)),
	};

	return db_write(db, DB_ALL_TENANTS, statements, ARRAY_LEN(statements));
}

AWAITS enum err job_list(struct db *db, struct arena *arena, struct str after, size_t limit, struct job **ret_jobs,
			 size_t *ret_count)
{
	struct db_rows *rows;

	TRY(db_query(db, DB_ALL_TENANTS, arena, "SELECT " COLUMNS " FROM job WHERE id > ? ORDER BY id LIMIT ?",
		     CELLS(cell_text(after), DB_I((int64_t)limit)), 2, &rows));
	return take_rows(arena, rows, ret_jobs, ret_count);
}

AWAITS enum err job_runs(struct db *db, struct arena *arena, struct str kind, size_t limit, struct job_run **ret_runs,
			 size_t *ret_count)
{
	struct job_run *runs;
	struct db_rows *rows;

	TRY(db_query(db, DB_ALL_TENANTS, arena,
		     "SELECT " RUN_COLUMNS " FROM job_run WHERE ? = '' OR kind = ? ORDER BY id DESC LIMIT ?",
		     CELLS(cell_text(kind), cell_text(kind), DB_I((int64_t)limit)), 3, &rows));
	runs = arena_try_alloc(arena, (rows->rows + 1) * sizeof(*runs));
	if (runs == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < rows->rows; i++) {
		const struct db_value *cell = &rows->cells[i * rows->columns];

		runs[i] = (struct job_run){cell_str(&cell[0]), cell_str(&cell[1]), cell_str(&cell[2]),
					   cell_int(&cell[3]), cell_int(&cell[4]), cell_int(&cell[5]),
					   cell_int(&cell[6]), cell_str(&cell[7]), cell_str(&cell[8])};
	}
	*ret_runs = runs;
	*ret_count = rows->rows;
	return OK;
}

AWAITS enum err job_hurry(struct db *db, struct str id, int64_t now_ms)
{
	const struct db_statement statement =
		STATEMENT("UPDATE job SET next_ms = ?, dead = 0, attempts = 0 WHERE id = ?", 1, DB_I(now_ms), DB_T(id));

	return db_write(db, DB_ALL_TENANTS, &statement, 1);
}

AWAITS enum err job_delete(struct db *db, struct str id)
{
	const struct db_statement statement = STATEMENT("DELETE FROM job WHERE id = ? AND schedule = ''", 1, DB_T(id));

	return db_write(db, DB_ALL_TENANTS, &statement, 1);
}
