/* Access tokens of our own: good for the endpoint, the grant and the time they were made for, and for nothing else. */
#include "../store_database.h"

#include "base/clock.h"
#include "identity/identity.h"
#include "identity/signing.h"
#include "store/oauth_client.h"
#include "store/oauth_grant.h"
#include "store/user.h"

#define SEEN_MS (IDENTITY_POLL_MS + 1000) /* a poll and a slow machine */
#define ORIGIN "https://gate.example"
#define MCP ORIGIN "/mcp"

struct rig {
	struct db *db;
	struct identity *identity;
	struct signing *signing;
	struct secret *seal;
	struct arena *arena;
	struct str tenant_id;
};

static struct secret *some_key(int byte)
{
	uint8_t bytes[CRYPTO_KEY_BYTES];

	memset(bytes, byte, sizeof(bytes));
	return secret_new(bytes);
}

AWAITS static void make_rows(struct rig *rig)
{
	const struct user user = {.id = STR("USER"),
				  .tenant_id = rig->tenant_id,
				  .kind = STR("person"),
				  .email = STR("a@acme.example"),
				  .name = STR("A"),
				  .role = STR("member"),
				  .password = STR(""),
				  .issuer = STR(""),
				  .subject = STR(""),
				  .created_ms = 1};
	const struct oauth_client client = {.id = STR("CLIENT"),
					    .tenant_id = STR(""),
					    .user_id = STR(""),
					    .kind = STR("registered"),
					    .name = STR("a client"),
					    .redirect_uris = STR("[]"),
					    .grant_types = STR("[]"),
					    .auth_method = STR("none"),
					    .jwks = STR(""),
					    .jwks_uri = STR(""),
					    .scope = STR(""),
					    .created_ms = 1};
	const struct oauth_grant grant = {.id = STR("GRANT"),
					  .tenant_id = rig->tenant_id,
					  .user_id = STR("USER"),
					  .client_id = STR("CLIENT"),
					  .resource = STR(MCP),
					  .scope = STR("mcp:read mcp:tools offline_access"),
					  .created_ms = 1};

	ck_ok(user_insert(rig->db, &user));
	ck_ok(oauth_client_insert(rig->db, &client));
	ck_ok(oauth_grant_insert(rig->db, &grant));
}

AWAITS static struct rig start(struct db *db)
{
	struct rig rig = {.db = db, .arena = arena_new(1 << 22), .seal = some_key(8)};

	rig.tenant_id = test_tenant(db, rig.arena, "acme").id;
	make_rows(&rig);
	ck_ok(identity_start(db, some_key(7), &rig.identity));
	rig.signing = signing_new(db, rig.seal);
	identity_trust(rig.identity, rig.signing);
	return rig;
}

AWAITS static void stop(struct rig *rig)
{
	identity_stop(rig->identity);
	signing_free(rig->signing);
	secret_free(rig->seal);
	arena_free(rig->arena);
}

struct made {
	const char *iss, *aud, *sub, *client, *gid, *scope, *typ;
	int64_t exp_s; /* from now */
};

static const struct made good = {ORIGIN, MCP, "USER", "CLIENT", "GRANT", "mcp:read mcp:tools", "at+jwt", 600};

AWAITS static struct str make(struct rig *rig, const struct made *made)
{
	AUTO_BUF claims = {0}, text = {0};

	buf_put_fmt(
		&claims,
		"{\"iss\":\"%s\",\"aud\":\"%s\",\"sub\":\"%s\",\"client_id\":\"%s\",\"gid\":\"%s\",\"scope\":\"%s\","
		"\"iat\":%lld,\"exp\":%lld}",
		made->iss, made->aud, made->sub, made->client, made->gid, made->scope,
		(long long)(clock_wall_ms() / 1000 - 100), (long long)(clock_wall_ms() / 1000 + made->exp_s));
	ck_ok(signing_sign(rig->signing, 3600000, str_of(made->typ), buf_str(&claims), &text));
	return arena_str(rig->arena, buf_str(&text));
}

AWAITS static enum err ask(struct rig *rig, struct str text, const char *resource, struct caller *ret_caller)
{
	const struct credential_text credential = {.text = text, .origin = STR(ORIGIN), .resource = str_of(resource)};

	return identity_of(rig->identity, &credential, ret_caller);
}

static AWAITS void good_body(struct db *db)
{
	struct rig rig = start(db);
	struct made narrow = good;
	struct caller caller;
	struct str text = make(&rig, &good);

	for (int i = 0; i < 2; i++) { /* proved, then remembered */
		ck_ok(ask(&rig, text, MCP, &caller));
		ck_assert_int_eq(caller.credential, CREDENTIAL_TOKEN);
		ck_assert_str_eq(caller.principal, "USER");
		ck_assert_str_eq(caller.user_id, "USER");
		ck_assert_str_eq(caller.grant_id, "GRANT");
		ck_assert_str_eq(caller.client, "CLIENT");
		ck_assert_str_eq(caller.tenant_name, "acme");
		ck_assert_int_eq(caller.role, ROLE_MEMBER);
		ck_assert_uint_eq(caller.scopes, SCOPE_READ | SCOPE_TOOLS);
		ck_assert_int_gt(caller.expires_ms, clock_wall_ms());
	}
	ck_ok(ask(&rig, text, MCP "/", &caller));
	ck_ok(ask(&rig, text, "https://GATE.example/mcp", &caller));
	ck_ok(ask(&rig, text, "", &caller)); /* anything of ours */
	narrow.scope = "mcp:read api";	     /* the grant has no api */
	ck_ok(ask(&rig, make(&rig, &narrow), MCP, &caller));
	ck_assert_uint_eq(caller.scopes, SCOPE_READ);
	stop(&rig);
}

START_TEST(a_good_token_gives_its_caller)
{
	test_with_store(1, good_body);
}
END_TEST

static AWAITS void other_body(struct db *db)
{
	struct rig rig = start(db);
	struct made made = good;
	struct caller caller;
	struct str text = make(&rig, &good);
	char altered[4096];

	ck_err(ask(&rig, text, MCP "/support", &caller), ERR_TOKEN_AUDIENCE);
	ck_ok(ask(&rig, text, MCP, &caller)); /* what one endpoint refused says nothing about another */
	ck_err(ask(&rig, text, MCP "/support", &caller), ERR_TOKEN_AUDIENCE);
	made.aud = "https://other.example/mcp";
	ck_err(ask(&rig, make(&rig, &made), "", &caller), ERR_TOKEN_AUDIENCE);
	made = good;
	made.aud = ORIGIN ".evil.example/mcp";
	ck_err(ask(&rig, make(&rig, &made), "", &caller), ERR_TOKEN_AUDIENCE);
	made = good;
	made.exp_s = -5;
	ck_err(ask(&rig, make(&rig, &made), MCP, &caller), ERR_TOKEN_EXPIRED);
	made = good;
	made.iss = "https://other.example";
	ck_err(ask(&rig, make(&rig, &made), MCP, &caller), ERR_TOKEN_INVALID);
	made = good;
	made.typ = "JWT"; /* an ID token is no access token */
	ck_err(ask(&rig, make(&rig, &made), MCP, &caller), ERR_TOKEN_INVALID);
	made = good;
	made.gid = "NONE";
	ck_err(ask(&rig, make(&rig, &made), MCP, &caller), ERR_TOKEN_INVALID);
	made = good;
	made.sub = "OTHER";
	ck_err(ask(&rig, make(&rig, &made), MCP, &caller), ERR_TOKEN_INVALID);
	made = good;
	made.client = "OTHER";
	ck_err(ask(&rig, make(&rig, &made), MCP, &caller), ERR_TOKEN_INVALID);
	memcpy(altered, text.p, text.n);
	altered[text.n - 10] = altered[text.n - 10] == 'A' ? 'B' : 'A';
	for (int i = 0; i < 2; i++)
		ck_err(ask(&rig, (struct str){altered, text.n}, MCP, &caller), ERR_TOKEN_INVALID);
	ck_err(ask(&rig, STR("eyJhbGciOiJub25lIn0.e30."), MCP, &caller), ERR_TOKEN_INVALID);
	ck_err(ask(&rig, STR("no credential at all"), MCP, &caller), ERR_KEY_INVALID);
	stop(&rig);
}

START_TEST(others_are_refused)
{
	test_with_store(1, other_body);
}
END_TEST

/* Until the answer is `want`; it must be soon. */
AWAITS static void ask_until(struct rig *rig, struct str text, enum err want)
{
	int64_t start_ms = clock_ms();
	struct caller caller;

	while (ask(rig, text, MCP, &caller) != want) {
		ck_assert_int_le(clock_ms() - start_ms, SEEN_MS);
		ck_ok(fiber_sleep(10));
	}
}

static AWAITS void end_body(struct db *db)
{
	struct rig rig = start(db);
	struct str text = make(&rig, &good);
	struct caller_mark mark;
	struct caller caller;
	struct user user;

	ck_ok(ask(&rig, text, MCP, &caller));
	caller_mark_of(&caller, &mark);
	ck_ok(identity_check(rig.identity, &mark));
	ck_ok(user_get(db, DB_ALL_TENANTS, rig.arena, STR("USER"), &user));
	user.disabled = true;
	ck_ok(user_update(db, &user, user.changed_ms));
	ask_until(&rig, text, ERR_TOKEN_INVALID);
	ck_err(identity_check(rig.identity, &mark), ERR_KEY_INVALID);
	ck_ok(user_get(db, DB_ALL_TENANTS, rig.arena, STR("USER"), &user));
	user.disabled = false;
	ck_ok(user_update(db, &user, user.changed_ms));
	ask_until(&rig, text, OK);
	ck_ok(oauth_grant_revoke(db, DB_ALL_TENANTS, STR("GRANT"), clock_wall_ms()));
	ask_until(&rig, text, ERR_TOKEN_INVALID);
	ck_err(identity_check(rig.identity, &mark), ERR_KEY_INVALID);
	mark.credential = CREDENTIAL_JWT; /* of no row: only the tenant, the account and the clock end it */
	ck_ok(identity_check(rig.identity, &mark));
	mark.expires_ms = clock_wall_ms() - 1;
	ck_err(identity_check(rig.identity, &mark), ERR_KEY_INVALID);
	stop(&rig);
}

START_TEST(a_token_ends_with_its_grant_and_user)
{
	test_with_store(1, end_body);
}
END_TEST

START_TEST(ids_of_foreigners_are_stable)
{
	char a[ID_LEN + 1], b[ID_LEN + 1];

	identity_foreign_id(STR("T1"), STR("https://id.example"), STR("x"), a);
	identity_foreign_id(STR("T1"), STR("https://id.example"), STR("x"), b);
	ck_assert_str_eq(a, b);
	ck_assert_uint_eq(strlen(a), ID_LEN);
	identity_foreign_id(STR("T2"), STR("https://id.example"), STR("x"), b);
	ck_assert_str_ne(a, b);
	identity_foreign_id(STR("T1"), STR("https://id.example"), STR("y"), b);
	ck_assert_str_ne(a, b);
}
END_TEST

UNIT_MAIN("identity/token", a_good_token_gives_its_caller, others_are_refused, a_token_ends_with_its_grant_and_user,
	  ids_of_foreigners_are_stable)
