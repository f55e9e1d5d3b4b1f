/* People and service accounts as rows of `account` ("user" is a word of SQL). Each change that could let somebody
 * in, keep them out or change what they may bumps the generation in the same write; a sign-in noted does not, since
 * no cache cares. A removal takes along everything that could still speak for the user, in one write: the foreign
 * keys would refuse a half of it. What a password or a code is worth is for signin to judge.
 *
 * Scope: By email a user is looked for before their tenant is known. */
#include "store/user.h"

#include "store/cells.h"

#define USER_COLUMNS                                                                                                   \
	"u.id, u.tenant_id, t.name, u.kind, u.email, u.name, u.role, u.password, u.totp, u.issuer, u.subject,"         \
	" u.totp_step, u.created_ms, u.changed_ms, u.last_login_ms, u.disabled, t.disabled"
#define USER_TABLES " FROM account u JOIN tenant t ON t.id = u.tenant_id"

static struct user from_row(const struct db_value *cell)
{
	return (struct user){
		.id = cell_str(&cell[0]),
		.tenant_id = cell_str(&cell[1]),
		.tenant_name = cell_str(&cell[2]),
		.kind = cell_str(&cell[3]),
		.email = cell_str(&cell[4]),
		.name = cell_str(&cell[5]),
		.role = cell_str(&cell[6]),
		.password = cell_str(&cell[7]),
		.totp = cell_str(&cell[8]),
		.issuer = cell_str(&cell[9]),
		.subject = cell_str(&cell[10]),
		.totp_step = cell_int(&cell[11]),
		.created_ms = cell_int(&cell[12]),
		.changed_ms = cell_int(&cell[13]),
		.last_login_ms = cell_int(&cell[14]),
		.disabled = cell_int(&cell[15]) != 0,
		.tenant_disabled = cell_int(&cell[16]) != 0,
	};
}

/* An absent text is an empty one: the columns are NOT NULL. */
static struct db_value text(struct str value)
{
	return DB_T(value.p == NULL ? STR("") : value);
}

AWAITS enum err user_insert(struct db *db, const struct user *user)
{
	const struct db_statement statements[] = {
		STATEMENT("INSERT INTO account (id, tenant_id, kind, email, name, role, password, issuer, subject,"
			  " created_ms, changed_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			  1, text(user->id), text(user->tenant_id), text(user->kind), text(user->email),
			  text(user->name), text(user->role), text(user->password), text(user->issuer),
			  text(user->subject), DB_I(user->created_ms), DB_I(user->created_ms)),
		GENERATION_BUMP,
	};

	return db_write(db, user->tenant_id, statements, ARRAY_LEN(statements));
}

AWAITS static enum err find_one(struct db *db, struct str scope, struct arena *arena, const char *sql,
				const struct db_value *params, size_t count, struct user *ret_user)
{
	struct db_rows *rows;

	TRY(db_query(db, scope, arena, sql, params, count, &rows));
	if (rows->rows == 0)
		return ERR_NOT_FOUND;
	*ret_user = from_row(rows->cells);
	return OK;
}

AWAITS static enum err find_all(struct db *db, struct str scope, struct arena *arena, const char *sql,
				const struct db_value *params, size_t count, struct user **ret_users, size_t *ret_count)
{
	struct db_rows *rows;
	struct user *users;

	TRY(db_query(db, scope, arena, sql, params, count, &rows));
	users = arena_try_alloc(arena, rows->rows * sizeof(*users));
	if (users == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < rows->rows; i++)
		users[i] = from_row(&rows->cells[i * rows->columns]);
	*ret_users = users;
	*ret_count = rows->rows;
	return OK;
}

AWAITS enum err user_get(struct db *db, struct str scope, struct arena *arena, struct str id, struct user *ret_user)
{
	return find_one(db, scope, arena, "SELECT " USER_COLUMNS USER_TABLES " WHERE u.id = ?", CELLS(text(id)), 1,
			ret_user);
}

AWAITS enum err user_find_email(struct db *db, struct arena *arena, struct str email, struct user **ret_users,
				size_t *ret_count)
{
	/* The second condition is the partial index's own: without it SQLite would not use it. */
	return find_all(db, DB_ALL_TENANTS, arena,
			"SELECT " USER_COLUMNS USER_TABLES " WHERE u.email = ? AND u.email <> '' ORDER BY u.id LIMIT ?",
			CELLS(text(email), DB_I(USER_EMAIL_MAX)), 2, ret_users, ret_count);
}

AWAITS enum err user_find_subject(struct db *db, struct arena *arena, struct str tenant_id, struct str issuer,
				  struct str subject, struct user *ret_user)
{
	return find_one(db, tenant_id, arena,
			"SELECT " USER_COLUMNS USER_TABLES
			" WHERE u.issuer = ? AND u.subject = ? AND u.tenant_id = ? AND u.subject <> ''",
			CELLS(text(issuer), text(subject), text(tenant_id)), 3, ret_user);
}

AWAITS enum err user_list(struct db *db, struct arena *arena, struct str tenant_id, struct str after, size_t limit,
			  struct user **ret_users, size_t *ret_count)
{
	return find_all(db, tenant_id, arena,
			"SELECT " USER_COLUMNS USER_TABLES " WHERE u.tenant_id = ? AND u.id > ? ORDER BY u.id LIMIT ?",
			CELLS(text(tenant_id), text(after), DB_I((int64_t)limit)), 3, ret_users, ret_count);
}

/* Two statements. Whoever else removes an owner waits behind the first one, so that the second, which sees what was
 * committed before it began, sees what they did. It fails (ERR_NOT_FOUND) where a person is the last owner of their
 * tenant who may sign in. */
#define OTHER_OWNER_STATEMENTS 2
#define OWNERS " FROM account WHERE kind = 'person' AND role = 'owner' AND disabled = 0"
#define OTHER_OWNER_LEFT(tenant_id, id)                                                                                \
	STATEMENT("UPDATE tenant SET changed_ms = changed_ms WHERE id = ?", 1, text(tenant_id)),                       \
		STATEMENT("UPDATE tenant SET changed_ms = changed_ms WHERE id = ? AND (NOT EXISTS (SELECT 1" OWNERS    \
			  " AND id = ?) OR EXISTS (SELECT 1" OWNERS " AND tenant_id = ? AND id <> ?))",                \
			  1, text(tenant_id), text(id), text(tenant_id), text(id))

AWAITS static enum err update(struct db *db, const struct user *user, int64_t changed_before_ms, bool keeps_owner)
{
	const size_t skipped = keeps_owner ? 0 : OTHER_OWNER_STATEMENTS;
	const struct db_statement statements[] = {
		OTHER_OWNER_LEFT(user->tenant_id, user->id),
		/* Two changes within one ms must not look the same to a third writer. */
		STATEMENT("UPDATE account SET email = ?, name = ?, role = ?, disabled = ?, issuer = ?, subject = ?,"
			  " changed_ms = max(?, changed_ms + 1) WHERE id = ? AND changed_ms = ?",
			  1, text(user->email), text(user->name), text(user->role), DB_I(user->disabled),
			  text(user->issuer), text(user->subject), DB_I(user->changed_ms), text(user->id),
			  DB_I(changed_before_ms)),
		/* Who is enabled again signs in again. */
		STATEMENT("DELETE FROM web_session WHERE user_id = ? AND CAST(? AS BIGINT) <> 0", -1, text(user->id),
			  DB_I(user->disabled)),
		GENERATION_BUMP,
	};

	return db_write(db, user->tenant_id, statements + skipped, ARRAY_LEN(statements) - skipped);
}

AWAITS enum err user_update(struct db *db, const struct user *user, int64_t changed_before_ms)
{
	return update(db, user, changed_before_ms, false);
}

AWAITS enum err user_unmake_owner(struct db *db, const struct user *user, int64_t changed_before_ms)
{
	return update(db, user, changed_before_ms, true);
}

/* One column of what they sign in with; every session that the old one opened ends. */
AWAITS static enum err set_proof(struct db *db, struct str scope, const char *sql, struct db_value value, struct str id,
				 int64_t now_ms)
{
	const struct db_statement statements[] = {
		STATEMENT(sql, 1, value, DB_I(now_ms), text(id)),
		STATEMENT("DELETE FROM web_session WHERE user_id = ?", -1, text(id)),
		GENERATION_BUMP,
	};

	return db_write(db, scope, statements, ARRAY_LEN(statements));
}

AWAITS enum err user_set_password(struct db *db, struct str scope, struct str id, struct str encoded, int64_t now_ms)
{
	return set_proof(db, scope, "UPDATE account SET password = ?, changed_ms = max(?, changed_ms + 1) WHERE id = ?",
			 text(encoded), id, now_ms);
}

AWAITS enum err user_set_totp(struct db *db, struct str scope, struct str id, struct str sealed, int64_t now_ms)
{
	return set_proof(db, scope, "UPDATE account SET totp = ?, changed_ms = max(?, changed_ms + 1) WHERE id = ?",
			 sealed.n == 0 ? DB_N : DB_B(sealed), id, now_ms);
}

AWAITS enum err user_signed_in(struct db *db, struct str scope, struct str id, int64_t totp_step, int64_t now_ms)
{
	const struct db_statement statement =
		STATEMENT("UPDATE account SET last_login_ms = ?, totp_step = max(totp_step, ?)"
			  " WHERE id = ? AND (CAST(? AS BIGINT) = 0 OR totp_step < ?)",
			  1, DB_I(now_ms), DB_I(totp_step), text(id), DB_I(totp_step), DB_I(totp_step));
	enum err err = db_write(db, scope, &statement, 1);

	return err == ERR_NOT_FOUND && totp_step != 0 ? ERR_EXISTS : err;
}

#define THEIR_GRANTS "(SELECT id FROM oauth_grant WHERE user_id = ?)"

/* Of a tenant that keeps an owner when one is named. */
AWAITS static enum err remove_all(struct db *db, struct str scope, struct str tenant_id, struct str id, int64_t now_ms)
{
	const struct db_value user = text(id);
	const size_t skipped = tenant_id.p != NULL ? 0 : OTHER_OWNER_STATEMENTS;
	const struct db_statement statements[] = {
		OTHER_OWNER_LEFT(tenant_id, id),
		STATEMENT("DELETE FROM web_session WHERE user_id = ?", -1, user),
		STATEMENT("DELETE FROM oauth_code WHERE grant_id IN " THEIR_GRANTS, -1, user),
		STATEMENT("DELETE FROM oauth_refresh WHERE grant_id IN " THEIR_GRANTS, -1, user),
		STATEMENT("DELETE FROM oauth_grant WHERE user_id = ?", -1, user),
		STATEMENT("DELETE FROM certificate WHERE user_id = ?", -1, user),
		STATEMENT("DELETE FROM credential WHERE user_id = ?", -1, user),
		/* Rows that the trail or others' grants name stay, and serve nobody. */
		STATEMENT("UPDATE oauth_client SET user_id = '', disabled = 1 WHERE user_id = ?", -1, user),
		STATEMENT("UPDATE api_key SET user_id = '', revoked_ms = CASE revoked_ms WHEN 0 THEN ? ELSE revoked_ms "
			  "END"
			  " WHERE user_id = ?",
			  -1, DB_I(now_ms), user),
		STATEMENT("DELETE FROM account WHERE id = ?", 1, user),
		GENERATION_BUMP,
	};

	return db_write(db, scope, statements + skipped, ARRAY_LEN(statements) - skipped);
}

AWAITS enum err user_delete(struct db *db, struct str scope, struct str id, int64_t now_ms)
{
	return remove_all(db, scope, STR_NONE, id, now_ms);
}

AWAITS enum err user_delete_keeping_owner(struct db *db, struct str tenant_id, struct str id, int64_t now_ms)
{
	return remove_all(db, tenant_id, tenant_id, id, now_ms);
}

AWAITS enum err user_page(struct db *db, struct arena *arena, struct str tenant_id, struct str kind, struct str after,
			  size_t limit, struct user **ret_users, size_t *ret_count)
{
	return find_all(db, tenant_id, arena,
			"SELECT " USER_COLUMNS USER_TABLES
			" WHERE u.tenant_id = ? AND u.kind = ? AND u.id > ? ORDER BY u.id LIMIT ?",
			CELLS(text(tenant_id), text(kind), text(after), DB_I((int64_t)limit)), 4, ret_users, ret_count);
}

AWAITS enum err user_other_owner(struct db *db, struct str tenant_id, struct str id, bool *ret_found)
{
	AUTO(arena) *arena = arena_new(4096);
	struct db_rows *rows;

	TRY(db_query(db, tenant_id, arena,
		     "SELECT 1 FROM account WHERE tenant_id = ? AND id <> ? AND kind = 'person' AND role = 'owner'"
		     " AND disabled = 0 LIMIT 1",
		     CELLS(text(tenant_id), text(id)), 2, &rows));
	*ret_found = rows->rows > 0;
	return OK;
}
