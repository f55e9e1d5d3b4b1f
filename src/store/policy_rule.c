/* Rules as rows. Each change bumps the generation in the same write, so that every gateway reads the tenant's
 * rules anew at its next request. Positions need not be dense: to put a rule between two others is one write. */
#include "store/policy_rule.h"

#include "store/cells.h"

#define RULE_COLUMNS "id, tenant_id, name, document, position, created_ms, changed_ms"

static struct policy_rule from_row(const struct db_value *cell)
{
	return (struct policy_rule){
		.id = cell_str(&cell[0]),
		.tenant_id = cell_str(&cell[1]),
		.name = cell_str(&cell[2]),
		.document = cell_str(&cell[3]),
		.position = cell_int(&cell[4]),
		.created_ms = cell_int(&cell[5]),
		.changed_ms = cell_int(&cell[6]),
	};
}

AWAITS static enum err count_rules(struct db *db, struct str tenant_id, int64_t *ret_count)
{
	AUTO(arena) *arena = arena_new(16 * 1024);
	struct db_rows *rows;

	TRY(db_query(db, tenant_id, arena, "SELECT count(*) FROM policy_rule WHERE tenant_id = ?",
		     CELLS(DB_T(tenant_id)), 1, &rows));
	*ret_count = cell_int(rows->cells);
	return OK;
}

AWAITS enum err policy_rule_insert(struct db *db, const struct policy_rule *rule)
{
	struct db_value position = rule->position < 0 ? DB_N : DB_I(rule->position);
	const struct db_statement statements[] = {
		STATEMENT("INSERT INTO policy_rule (" RULE_COLUMNS ") SELECT ?, ?, ?, ?, coalesce(?,"
			  " (SELECT max(position) + 1 FROM policy_rule WHERE tenant_id = ?), 1), ?, ?"
			  " WHERE (SELECT count(*) FROM policy_rule WHERE tenant_id = ?) < ?"
			  " AND EXISTS (SELECT 1 FROM tenant WHERE id = ?)",
			  1, DB_T(rule->id), DB_T(rule->tenant_id), DB_T(rule->name), DB_T(rule->document), position,
			  DB_T(rule->tenant_id), DB_I(rule->created_ms), DB_I(rule->created_ms), DB_T(rule->tenant_id),
			  DB_I(POLICY_RULES_PER_TENANT_MAX), DB_T(rule->tenant_id)),
		GENERATION_BUMP,
	};
	enum err err = db_write(db, rule->tenant_id, statements, ARRAY_LEN(statements));
	int64_t count = 0;

	if (err != ERR_NOT_FOUND)
		return err;
	TRY(count_rules(db, rule->tenant_id, &count));
	return count >= POLICY_RULES_PER_TENANT_MAX ? ERR_LIMIT : ERR_NOT_FOUND;
}

AWAITS static enum err find_one(struct db *db, struct str scope, struct arena *arena, const char *sql,
				const struct db_value *params, size_t count, struct policy_rule *ret_rule)
{
	struct db_rows *rows;

	TRY(db_query(db, scope, arena, sql, params, count, &rows));
	if (rows->rows == 0)
		return ERR_NOT_FOUND;
	*ret_rule = from_row(rows->cells);
	return OK;
}

AWAITS enum err policy_rule_get(struct db *db, struct str scope, struct arena *arena, struct str id,
				struct policy_rule *ret_rule)
{
	return find_one(db, scope, arena, "SELECT " RULE_COLUMNS " FROM policy_rule WHERE id = ?", CELLS(DB_T(id)), 1,
			ret_rule);
}

AWAITS enum err policy_rule_find(struct db *db, struct arena *arena, struct str tenant_id, struct str name,
				 struct policy_rule *ret_rule)
{
	return find_one(db, tenant_id, arena,
			"SELECT " RULE_COLUMNS " FROM policy_rule WHERE tenant_id = ? AND name = ?",
			CELLS(DB_T(tenant_id), DB_T(name)), 2, ret_rule);
}

AWAITS enum err policy_rule_list(struct db *db, struct arena *arena, struct str tenant_id,
				 struct policy_rule **ret_rules, size_t *ret_count)
{
	struct policy_rule *rules;
	struct db_rows *rows;

	TRY(db_query(db, tenant_id, arena,
		     "SELECT " RULE_COLUMNS " FROM policy_rule WHERE tenant_id = ? ORDER BY position, created_ms, id",
		     CELLS(DB_T(tenant_id)), 1, &rows));
	rules = arena_try_alloc(arena, (rows->rows + 1) * sizeof(*rules));
	if (rules == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < rows->rows; i++)
		rules[i] = from_row(&rows->cells[i * rows->columns]);
	*ret_rules = rules;
	*ret_count = rows->rows;
	return OK;
}

AWAITS enum err policy_rule_update(struct db *db, const struct policy_rule *rule, int64_t changed_before_ms)
{
	const struct db_statement statements[] = {
		/* Two changes within one ms must not look the same to a third writer. */
		STATEMENT("UPDATE policy_rule SET name = ?, document = ?, position = ?,"
			  " changed_ms = max(?, changed_ms + 1) WHERE id = ? AND changed_ms = ?",
			  1, DB_T(rule->name), DB_T(rule->document), DB_I(rule->position), DB_I(rule->changed_ms),
			  DB_T(rule->id), DB_I(changed_before_ms)),
		GENERATION_BUMP,
	};

	return db_write(db, rule->tenant_id, statements, ARRAY_LEN(statements));
}

AWAITS enum err policy_rule_delete(struct db *db, struct str scope, struct str id)
{
	const struct db_statement statements[] = {
		STATEMENT("DELETE FROM policy_rule WHERE id = ?", 1, DB_T(id)),
		GENERATION_BUMP,
	};

	return db_write(db, scope, statements, ARRAY_LEN(statements));
}
