/* Grants as text and as rows: what is read back, what is refused, who may put one in another's place. */
#include "connect_fixture.h"

#include "base/json.h"

#define MINIMAL "\"type\":\"bearer\""

START_TEST(text_comes_back)
{
	struct grant grant = {
		.issuer = STR("https://i.example"),
		.token_url = STR("https://i.example/t"),
		.revoke_url = STR("https://i.example/r"),
		.client_id = STR("id \"quoted\""),
		.client_secret = STR("s\x01\n"),
		.client_auth = CLIENT_AUTH_JWT,
		.resource = STR("https://m.example/mcp"),
		.scope = STR("a b"),
		.wanted_scope = STR("c"),
		.type = TOKEN_DPOP,
		.access_token = STR("at"),
		.refresh_token = STR("rt"),
		.expires_ms = 1234567890123,
		.refresh_expires_ms = 5,
		.dpop_key = STR("-----BEGIN\nkey\n"),
		.account_id = STR("7"),
		.account_name = STR("Ad\xc3\xa4"),
		.picked = STR("org"),
	};
	AUTO(arena) *arena = arena_new(GRANT_ARENA_BYTES);
	AUTO_BUF json = {0}, again = {0};
	struct grant read;

	grant_put(&grant, &json);
	ck_ok(grant_read(arena, buf_str(&json), &read));
	grant_put(&read, &again);
	ck_bytes(buf_str(&again), buf_str(&json));
	ck_bytes(read.client_secret, grant.client_secret);
	ck_assert(read.client_auth == CLIENT_AUTH_JWT && read.type == TOKEN_DPOP);
	ck_assert(read.expires_ms == 1234567890123 && read.refresh_expires_ms == 5);
	ck_str(read.account_name, "Ad\xc3\xa4");
	ck_ok(grant_read(arena, STR("{" MINIMAL ",\"later\":[{}]}"), &read));
	ck_assert(read.access_token.n == 0 && read.access_token.p != NULL && read.client_auth == 0);
}
END_TEST

START_TEST(other_texts_are_refused)
{
	static const char *const bad[] = {
		"",
		"Bearer abc",
		"[]",
		"7",
		"{}",
		"{\"type\":\"mac\"}",
		"{\"type\":7}",
		"{" MINIMAL ",\"access_token\":\"a b\"}",
		"{" MINIMAL ",\"access_token\":\"a\\r\\nX: y\"}",
		"{" MINIMAL ",\"access_token\":7}",
		"{" MINIMAL ",\"issuer\":null}",
		"{" MINIMAL ",\"client_auth\":\"tls_client_auth\"}",
		"{" MINIMAL ",\"expires_ms\":-1}",
		"{" MINIMAL ",\"expires_ms\":1e3}",
		"{" MINIMAL ",\"expires_ms\":99999999999999999999}",
		"{" MINIMAL ",\"type\":\"bearer\"}",
	};
	AUTO(arena) *arena = arena_new(GRANT_ARENA_BYTES);
	struct grant read;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(grant_read(arena, str_of(bad[i]), &read) == ERR_RPC_PARAMS, "%s", bad[i]);
}
END_TEST

START_TEST(a_copy_is_whole)
{
	const struct auth_settings settings = {.flow = AUTH_FLOW_CLIENT, .client_secret = STR("s")};
	char ca_file[] = "/ca", text[] = "text";
	const struct str t = {text, 4};
	const struct connect_at at = {.upstream = t,
				      .url = t,
				      .settings = &settings,
				      .tenant_id = t,
				      .user_id = t,
				      .subject = t,
				      .public_url = t,
				      .client_document = t,
				      .client_name = t,
				      .life_ms = 7,
				      .ca_file = ca_file,
				      .allow_private = true};
	AUTO(arena) *arena = arena_new(1 << 16);
	struct connect_at copy;

	connect_at_copy(arena, &at, &copy);
	memset(text, 'x', 4);
	memset(ca_file, 'x', 3);
	ck_str(copy.upstream, "text");
	ck_str(copy.url, "text");
	ck_str(copy.tenant_id, "text");
	ck_str(copy.user_id, "text");
	ck_str(copy.subject, "text");
	ck_str(copy.public_url, "text");
	ck_str(copy.client_document, "text");
	ck_str(copy.client_name, "text");
	ck_str(copy.settings->client_secret, "s");
	ck_assert_str_eq(copy.ca_file, "/ca");
	ck_assert(copy.settings->flow == AUTH_FLOW_CLIENT && copy.life_ms == 7 && copy.allow_private);
}
END_TEST

static AWAITS void rows_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant acme = test_tenant(db, arena, "acme");
	const struct auth_settings settings = {0};
	struct connect_at at = {.upstream = STR("mail"),
				.settings = &settings,
				.tenant_id = acme.id,
				.user_id = STR("u1")},
			  other = at;
	struct grant grant = test_grant("at1", "rt1"), found;
	struct credential_row row, stale;
	struct replica_of_connect it;

	connect_start(&it, db, NULL);
	ck_err(grant_find(it.connect, arena, &at, &found, &row), ERR_CREDENTIAL_MISSING);
	grant.expires_ms = 5000;
	ck_ok(grant_keep(it.connect, &at, &grant, GRANT_ACTIVE));
	ck_ok(grant_find(it.connect, arena, &at, &found, &row));
	ck_str(found.refresh_token, "rt1");
	ck_str(row.kind, "oauth");
	ck_str(row.hint, "Ada");
	ck_str(row.state, "active");
	ck_assert_int_eq(row.expires_ms, 5000);
	other.user_id = STR("");
	ck_err(grant_find(it.connect, arena, &other, &found, &row), ERR_CREDENTIAL_MISSING);

	ck_ok(grant_find(it.connect, arena, &at, &found, &stale));
	grant = test_grant("at2", "rt2");
	ck_ok(grant_swap(it.connect, &stale, &grant, GRANT_ACTIVE));
	grant = test_grant("at3", "rt3");
	ck_err(grant_swap(it.connect, &stale, &grant, GRANT_ACTIVE), ERR_NOT_FOUND);
	ck_ok(grant_find(it.connect, arena, &at, &found, &row));
	ck_str(found.access_token, "at2");

	ck_ok(grant_keep(it.connect, &at, &grant, GRANT_ACTIVE)); /* signed in again */
	ck_ok(grant_find(it.connect, arena, &at, &found, &row));
	ck_str(found.access_token, "at3");
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM credential"), 1);
	ck_ok(credential_delete(db, acme.id, row.id));
	ck_err(grant_swap(it.connect, &row, &grant, GRANT_ACTIVE), ERR_NOT_FOUND);

	ck_ok(test_keep(db, it.replica.vault, acme.id, "c1", "files", STR("Bearer one")));
	at.upstream = STR("files");
	at.user_id = STR("");
	ck_err(grant_find(it.connect, arena, &at, &found, &row), ERR_CREDENTIAL_MISSING); /* no grant */
	ck_ok(grant_keep(it.connect, &at, &grant, GRANT_ACTIVE));
	ck_ok(grant_find(it.connect, arena, &at, &found, &row));
	connect_stop(&it);
}

START_TEST(rows_are_kept)
{
	test_with_store(1, rows_body);
}
END_TEST

/* The data key goes between our reading the row and our writing it: the row stays what it was, so we may write. */
static AWAITS void rotated_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant acme = test_tenant(db, arena, "acme");
	const struct auth_settings settings = {0};
	struct connect_at at = {.upstream = STR("mail"), .settings = &settings, .tenant_id = acme.id};
	struct vault_rotation rotation = {.made_before_ms = INT64_MAX};
	struct grant grant = test_grant("at1", "rt1"), found;
	struct replica_of_connect it, elsewhere;
	struct credential_row row;

	connect_start(&it, db, NULL);
	connect_start(&elsewhere, db, NULL);
	ck_ok(grant_keep(it.connect, &at, &grant, GRANT_ACTIVE));
	ck_ok(grant_find(it.connect, arena, &at, &found, &row));
	ck_ok(vault_rotate(elsewhere.replica.vault, &rotation));
	ck_assert_uint_eq(rotation.values_sealed, 1);
	grant = test_grant("at2", "rt2");
	ck_ok(grant_swap(it.connect, &row, &grant, GRANT_ACTIVE)); /* with a key that has gone, then with the next */
	ck_ok(grant_find(elsewhere.connect, arena, &at, &found, &row));
	ck_str(found.access_token, "at2");
	ck_err(vault_destroy(elsewhere.replica.vault, STR("01NOBODY")), OK);
	ck_ok(vault_destroy(elsewhere.replica.vault, acme.id));
	ck_err(grant_find(elsewhere.connect, arena, &at, &found, &row), ERR_CREDENTIAL_MISSING);
	connect_stop(&elsewhere);
	connect_stop(&it);
}

START_TEST(a_rotation_is_no_change)
{
	test_with_store(1, rotated_body);
}
END_TEST

DATABASE_MAIN("grant", text_comes_back, other_texts_are_refused, a_copy_is_whole, rows_are_kept,
	      a_rotation_is_no_change)
