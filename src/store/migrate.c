/* Making PostgreSQL's tables. The number of the last step stands in gatehouse.schema_version, which serving processes
 * read when they start. All steps are one transaction: a failure leaves what was there. Two that migrate at the same
 * time come one after the other, and the later finds nothing to do.
 *
 * Texts without a schema mean gatehouse: the database is told so once (ALTER DATABASE), since a setting of a
 * connection would get lost in a pooler of transactions. */
#include "store/migrate.h"

static const char begin[] =
	"BEGIN; SELECT pg_advisory_xact_lock(hashtext('gatehouse migrate'));"
	" CREATE SCHEMA IF NOT EXISTS gatehouse; SET LOCAL search_path = gatehouse, public;"
	" SELECT set_config('app.current_tenant_id', '*', true);"
	" CREATE TABLE IF NOT EXISTS schema_version (id BIGINT PRIMARY KEY CHECK (id = 1), number BIGINT NOT NULL);"
	" INSERT INTO schema_version VALUES (1, 0) ON CONFLICT (id) DO NOTHING;"
	" DO $$ BEGIN"
	"  IF NOT EXISTS (SELECT 1 FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase"
	"    WHERE d.datname = current_database() AND s.setrole = 0 AND 'search_path=gatehouse, public' = ANY "
	"(setconfig))"
	"  THEN EXECUTE format('ALTER DATABASE %I SET search_path = gatehouse, public', current_database()); END IF;"
	" END $$";

static enum err check(struct migrate_state *state, struct buf *problem)
{
	state->newest = (int64_t)store_postgres_migration_count;
	if (state->number >= 0 && state->number <= state->newest)
		return OK;
	buf_put(problem, STR("the tables were made by a newer Gatehouse: install that version"));
	return ERR_CONFIG;
}

static enum err read_roles(struct owner *owner, struct str runtime, struct buf *problem, struct migrate_state *state)
{
	const struct db_value name = DB_T(runtime);
	int64_t differ, exists;

	TRY(owner_int(owner, "SELECT count(*) FROM pg_roles WHERE rolname = ?", &name, 1, problem, &exists));
	if (exists == 0) {
		buf_put_fmt(problem, "there is no role %.*s, which is to serve: CREATE ROLE %.*s LOGIN",
			    STR_ARG(runtime), STR_ARG(runtime));
		return ERR_CONFIG;
	}
	TRY(owner_int(owner, "SELECT current_user <> ?", &name, 1, problem, &differ));
	state->two_roles = differ != 0;
	return OK;
}

enum err migrate_read(struct owner *owner, struct str runtime, struct buf *problem, struct migrate_state *ret_state)
{
	struct migrate_state state = {0};
	int64_t made;

	TRY(read_roles(owner, runtime, problem, &state));
	TRY(owner_int(owner, "SELECT to_regclass('gatehouse.schema_version') IS NOT NULL", NULL, 0, problem, &made));
	if (made != 0)
		TRY(owner_int(owner, "SELECT number FROM gatehouse.schema_version", NULL, 0, problem, &state.number));
	TRY(check(&state, problem));
	*ret_state = state;
	return OK;
}

static enum err step(struct owner *owner, const struct db_migration *migration, struct buf *problem)
{
	AUTO_BUF text = {0}, why = {0};
	enum err err;

	buf_put(&text, str_of(migration->sql));
	buf_put_fmt(&text, "; UPDATE schema_version SET number = %d", migration->number);
	buf_put_byte(&text, '\0');
	err = owner_run(owner, text.p, &why);
	if (err != OK)
		buf_put_fmt(problem, "step %d (%s) failed, nothing was changed: %.*s", migration->number,
			    migration->name, STR_ARG(buf_str(&why)));
	return err;
}

static enum err set_keep(struct owner *owner, int64_t keep_ms, struct buf *problem)
{
	AUTO_BUF text = {0};

	if (keep_ms < 0)
		return OK;
	buf_put_fmt(&text,
		    "CREATE OR REPLACE FUNCTION audit_keep_ms() RETURNS bigint LANGUAGE sql IMMUTABLE AS"
		    " $$ SELECT %lld::bigint $$%c",
		    (long long)keep_ms, '\0');
	return owner_run(owner, text.p, problem);
}

enum err migrate_up(struct owner *owner, struct str runtime, int64_t keep_ms, bool rehearse, struct buf *problem,
		    struct migrate_state *ret_state)
{
	const struct db_value name = DB_T(runtime);
	struct migrate_state state = {0};
	int64_t given;

	TRY(read_roles(owner, runtime, problem, &state));
	TRY(owner_run(owner, begin, problem));
	TRY(owner_int(owner, "SELECT number FROM schema_version", NULL, 0, problem, &state.number));
	TRY(check(&state, problem));
	for (; state.number < state.newest; state.number++)
		TRY(step(owner, &store_postgres_migrations[state.number], problem));
	TRY(set_keep(owner, keep_ms, problem));
	TRY(owner_int(owner, "SELECT rights_give(?)", &name, 1, problem, &given));
	TRY(owner_run(owner, rehearse ? "ROLLBACK" : "COMMIT", problem));
	*ret_state = state;
	return OK;
}
