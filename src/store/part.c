/* Upstreams and toolsets made at run time, as rows of two tables of the same shape. Statements are static text, so
 * each is written once by a macro and kept in an array by kind. Every write bumps the generation: the running gateway
 * polls it and reads what is in force anew. Bounds are checked by the write itself, since two may come at once.
 *
 * Scope: What is in force, and how many there may be in all, is counted over all tenants. */
#include "store/part.h"

#include "store/cells.h"

/* clang-format off */
#define OF_EACH_KIND(before, after) {before "upstream" after, before "toolset" after}
/* clang-format on */
#define COLUMNS "p.id, p.tenant_id, p.name, p.document, p.disabled, p.created_ms, p.changed_ms"

static struct part from_row(const struct db_value *cell)
{
	return (struct part){
		.id = cell_str(&cell[0]),
		.tenant_id = cell_str(&cell[1]),
		.name = cell_str(&cell[2]),
		.document = cell_str(&cell[3]),
		.disabled = cell_int(&cell[4]) != 0,
		.created_ms = cell_int(&cell[5]),
		.changed_ms = cell_int(&cell[6]),
	};
}

AWAITS static enum err find(struct db *db, struct str scope, struct arena *arena, const char *sql,
			    const struct db_value *params, size_t count, struct part **ret_parts, size_t *ret_count)
{
	struct db_rows *rows;
	struct part *parts;

	TRY(db_query(db, scope, arena, sql, params, count, &rows));
	parts = arena_try_alloc(arena, rows->rows * sizeof(*parts));
	if (parts == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < rows->rows; i++)
		parts[i] = from_row(&rows->cells[i * rows->columns]);
	*ret_parts = parts;
	*ret_count = rows->rows;
	return OK;
}

AWAITS static enum err write_one(struct db *db, struct str scope, struct db_statement statement)
{
	const struct db_statement statements[] = {statement, GENERATION_BUMP};

	return db_write(db, scope, statements, ARRAY_LEN(statements));
}

#define INSERT_SELECT(table)                                                                                           \
	"INSERT INTO " table " (id, tenant_id, name, document, disabled, created_ms, changed_ms)"                      \
	" SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?6"                                                                           \
	" WHERE (SELECT count(*) FROM " table ") < ?7"                                                                 \
	" AND (?2 = '' OR (SELECT count(*) FROM " table " WHERE tenant_id = ?2) < ?8)"

AWAITS enum err part_insert(struct db *db, enum part_kind kind, const struct part *part)
{
	static const char *const sql[] = {INSERT_SELECT("upstream"), INSERT_SELECT("toolset")};
	enum err err;

	if (part->document.n > PART_DOCUMENT_BYTES_MAX)
		return ERR_LIMIT;
	err = write_one(db, DB_ALL_TENANTS,
			STATEMENT(sql[kind], 1, cell_text(part->id), cell_text(part->tenant_id), cell_text(part->name),
				  cell_text(part->document), DB_I(part->disabled), DB_I(part->created_ms),
				  DB_I(PARTS_MAX), DB_I(PARTS_PER_TENANT_MAX)));
	return err == ERR_NOT_FOUND ? ERR_LIMIT : err;
}

AWAITS enum err part_get(struct db *db, struct str scope, struct arena *arena, enum part_kind kind, struct str id,
			 struct part *ret_part)
{
	static const char *const sql[] = OF_EACH_KIND("SELECT " COLUMNS " FROM ", " p WHERE p.id = ?");
	struct part *parts;
	size_t count;

	TRY(find(db, scope, arena, sql[kind], CELLS(cell_text(id)), 1, &parts, &count));
	if (count == 0)
		return ERR_NOT_FOUND;
	*ret_part = parts[0];
	return OK;
}

AWAITS enum err part_list(struct db *db, struct arena *arena, enum part_kind kind, struct str tenant_id,
			  struct str after, size_t limit, struct part **ret_parts, size_t *ret_count)
{
	static const char *const sql[] = OF_EACH_KIND(
		"SELECT " COLUMNS " FROM ", " p WHERE (CAST(?1 AS TEXT) IS NULL OR p.tenant_id = ?1) AND p.id > ?2"
					    " ORDER BY p.id LIMIT ?3");

	return find(db, scope_of(tenant_id), arena, sql[kind],
		    CELLS(tenant_id.p == NULL ? DB_N : DB_T(tenant_id), cell_text(after), DB_I((int64_t)limit)), 3,
		    ret_parts, ret_count);
}

AWAITS enum err part_in_force(struct db *db, struct arena *arena, enum part_kind kind, struct part **ret_parts,
			      size_t *ret_count)
{
	static const char *const sql[] =
		OF_EACH_KIND("SELECT " COLUMNS " FROM ",
			     " p LEFT JOIN tenant t ON t.id = p.tenant_id"
			     " WHERE p.disabled = 0 AND (p.tenant_id = '' OR t.disabled = 0) ORDER BY p.id LIMIT ?");

	return find(db, DB_ALL_TENANTS, arena, sql[kind], CELLS(DB_I(PARTS_MAX)), 1, ret_parts, ret_count);
}

AWAITS enum err part_update(struct db *db, struct str scope, enum part_kind kind, const struct part *part,
			    int64_t changed_before_ms)
{
	/* Two changes within one ms must not look the same to a third writer. */
	static const char *const sql[] =
		OF_EACH_KIND("UPDATE ", " SET document = ?, disabled = ?, changed_ms = max(?, changed_ms + 1)"
					" WHERE id = ? AND changed_ms = ?");

	if (part->document.n > PART_DOCUMENT_BYTES_MAX)
		return ERR_LIMIT;
	return write_one(db, scope,
			 STATEMENT(sql[kind], 1, cell_text(part->document), DB_I(part->disabled),
				   DB_I(part->changed_ms), cell_text(part->id), DB_I(changed_before_ms)));
}

AWAITS enum err part_delete(struct db *db, struct str scope, enum part_kind kind, struct str id)
{
	static const char *const sql[] = OF_EACH_KIND("DELETE FROM ", " WHERE id = ?");

	return write_one(db, scope, STATEMENT(sql[kind], 1, cell_text(id)));
}
