/* API keys to callers: what a good key gives, what a bad one does not, how soon a change made
 * behind our back is seen, and that concurrent misses ask the store once. */
#include "../store_database.h"

#include "base/clock.h"
#include "identity/identity.h"
#include "store/api_key.h"

#define SEEN_MS (IDENTITY_POLL_MS + 1000) /* a poll and a slow machine */

static struct secret *server_key(void)
{
	uint8_t bytes[CRYPTO_KEY_BYTES];

	memset(bytes, 7, sizeof(bytes));
	return secret_new(bytes);
}

struct made {
	char raw[API_KEY_TEXT_LEN + 1], id[ID_LEN + 1];
};

AWAITS static struct made make_key(struct db *db, const char *role, int64_t expires_ms)
{
	AUTO(secret) *key = server_key();
	struct made made;
	const struct key_order order = {
		.tenant_name = STR("acme"), .role = str_of(role), .name = STR("a name"), .expires_ms = expires_ms};
	AUTO_BUF problem = {0};

	ck_ok(identity_key_create(db, key, &order, &problem, made.raw, made.id));
	return made;
}

AWAITS static struct identity *start(struct db *db)
{
	AUTO(arena) *arena = arena_new(4096);
	struct identity *identity;

	test_tenant(db, arena, "acme");
	ck_ok(identity_start(db, server_key(), &identity));
	return identity;
}

AWAITS static enum err ask(struct identity *identity, const struct made *made)
{
	struct caller caller;

	return identity_of_key(identity, (struct str){made->raw, API_KEY_TEXT_LEN}, &caller);
}

/* Until the answer is `want`; it must be soon. */
AWAITS static void ask_until(struct identity *identity, const struct made *made, enum err want)
{
	int64_t start_ms = clock_ms();

	while (ask(identity, made) != want) {
		ck_assert_int_le(clock_ms() - start_ms, SEEN_MS);
		ck_ok(fiber_sleep(10));
	}
}

/* A change that is asked for does not wait for the poll: as many one after the other as that would take ten times as
 * long for. */
#define LOOKS 20

struct news {
	int heard;
	int64_t generation;
};

static void on_moved(void *arg, int64_t generation)
{
	struct news *news = arg;

	ck_assert_int_gt(generation, news->generation);
	news->generation = generation;
	news->heard++;
}

static AWAITS void look_body(struct db *db)
{
	struct identity *identity = start(db);
	struct news news = {.generation = identity_store_generation(identity)};
	int64_t start_ms = clock_ms();

	identity_listen(identity, on_moved, &news);
	for (int i = 0; i < LOOKS; i++) {
		int64_t seen = identity_generation(identity);

		make_key(db, "member", 0);
		for (int asked = 0; asked < 100; asked++)
			identity_look(identity); /* as good as one */
		while (identity_generation(identity) == seen)
			ck_ok(identity_await(identity, seen));
	}
	ck_assert_int_lt(clock_ms() - start_ms, LOOKS * IDENTITY_POLL_MS / 2);
	ck_assert_int_ge(news.heard, LOOKS);
	identity_look(identity); /* on its way at the end */
	identity_stop(identity);
}

START_TEST(a_look_is_sooner_than_the_poll)
{
	test_with_store(2, look_body);
}
END_TEST

static AWAITS void good_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 16);
	struct identity *identity = start(db);
	struct made made = make_key(db, "admin", 0);
	struct caller caller = {0};
	struct tenant tenant;

	ck_ok(tenant_find(db, arena, STR("acme"), &tenant));
	for (int i = 0; i < 3; i++) {
		ck_ok(identity_of_key(identity, str_of(made.raw), &caller));
		ck_str(tenant.id, caller.tenant_id);
		ck_assert_str_eq(caller.tenant_name, "acme");
		ck_assert_str_eq(caller.principal, made.id);
		ck_assert_int_eq(caller.role, ROLE_ADMIN);
		ck_assert_int_eq(caller.expires_ms, 0);
	}
	ck_assert_int_eq(test_int(db, "SELECT last_used_ms FROM api_key"), 0);
	identity_stop(identity);
	ck_assert_int_gt(test_int(db, "SELECT last_used_ms FROM api_key"), clock_wall_ms() - 60000);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM api_key WHERE length(mac) = 32 AND name = 'a name'"), 1);
}

START_TEST(good_key_gives_its_caller)
{
	test_with_store(1, good_body);
}
END_TEST

static AWAITS void bad_body(struct db *db)
{
	static const char *const bad[] = {
		"",
		"gh_",
		"gh_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",  /* well-formed, unknown */
		"gh_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB",  /* stray bits at the end */
		"gh_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",   /* one short */
		"gh_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", /* one long */
		"gh_AAAAAAAAAAAAAAAAAAAAA+AAAAAAAAAAAAAAAAAAAAA",  /* not base64url */
		"GH_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	};
	const struct key_order bad_orders[] = {
		{.tenant_name = STR("nobody"), .role = STR("member")},
		{.tenant_name = STR("acme"), .role = STR("king")},
		{.tenant_name = STR("acme"), .role = STR("none")},
		{.tenant_name = STR("acme"), .role = STR("owner"), .name = STR("\xff")},
		{.tenant_name = STR("acme"), .description = STR("\xff")},
		{.tenant_name = STR("acme"), .scopes = STR("mcp:read mcp:rule")},
		{.tenant_name = STR("acme"), .toolsets = STR("a\n")},
		{.tenant_name = STR("acme"), .user_id = STR("nobody")},
	};
	AUTO(secret) *key = server_key();
	struct identity *identity = start(db);
	struct made made = make_key(db, "member", 0);
	struct caller caller;
	char raw[API_KEY_TEXT_LEN + 1], id[ID_LEN + 1];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		for (int again = 0; again < 2; again++)
			ck_err(identity_of_key(identity, str_of(bad[i]), &caller), ERR_KEY_INVALID);
	}
	for (size_t i = 3; i < API_KEY_TEXT_LEN; i += 6) { /* almost right */
		struct made other = made;

		other.raw[i] = other.raw[i] == 'A' ? 'E' : 'A';
		ck_err(ask(identity, &other), ERR_KEY_INVALID);
	}
	ck_ok(ask(identity, &made));
	for (size_t i = 0; i < ARRAY_LEN(bad_orders); i++) {
		AUTO_BUF problem = {0};

		ck_err(identity_key_create(db, key, &bad_orders[i], &problem, raw, id),
		       i == 0 ? ERR_NOT_FOUND : ERR_RPC_PARAMS);
		ck_assert(i == 0 || problem.n > 0);
	}
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM api_key"), 1);
	identity_stop(identity);
}

START_TEST(bad_keys_are_refused)
{
	test_with_store(1, bad_body);
}
END_TEST

static AWAITS void expiry_body(struct db *db)
{
	struct identity *identity = start(db);
	struct made past = make_key(db, "member", clock_wall_ms() - 1);
	struct made soon = make_key(db, "member", clock_wall_ms() + 300);

	ck_err(ask(identity, &past), ERR_KEY_INVALID);
	ck_ok(ask(identity, &soon)); /* now it is cached */
	while (ask(identity, &soon) == OK)
		ck_ok(fiber_sleep(5));
	ck_err(ask(identity, &soon), ERR_KEY_INVALID);
	identity_stop(identity);
}

START_TEST(expiry_is_checked_at_use)
{
	test_with_store(1, expiry_body);
}
END_TEST

/* Changes as another process makes them: in the database, past this identity. */
static AWAITS void change_body(struct db *db)
{
	struct identity *identity = start(db);
	struct made one = make_key(db, "member", 0), two = make_key(db, "member", 0);
	int64_t generation = identity_generation(identity);

	ck_ok(ask(identity, &one));
	ck_ok(ask(identity, &two));
	ck_ok(api_key_revoke(db, DB_ALL_TENANTS, str_of(one.id), clock_wall_ms()));
	ask_until(identity, &one, ERR_KEY_INVALID);
	ck_ok(ask(identity, &two));
	ck_assert_int_gt(identity_generation(identity), generation);
	ck_ok(test_write(db, "UPDATE tenant SET disabled = 1"));
	ck_ok(test_write(db, "UPDATE meta SET generation = generation + 1"));
	ask_until(identity, &two, ERR_KEY_INVALID);
	ck_ok(test_write(db, "UPDATE tenant SET disabled = 0"));
	ck_ok(test_write(db, "UPDATE meta SET generation = generation + 1"));
	ask_until(identity, &two, OK);
	ck_ok(test_write(db, "UPDATE api_key SET revoked_ms = 1"));
	ck_ok(test_write(db, "UPDATE meta SET generation = generation + 1"));
	ask_until(identity, &two, ERR_KEY_INVALID);
	identity_stop(identity);
}

START_TEST(changes_are_seen_soon)
{
	test_with_store(1, change_body);
}
END_TEST

/* A key that was refused before it existed works soon after it does. */
static AWAITS void late_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 16);
	AUTO(secret) *key = server_key();
	struct identity *identity = start(db);
	struct made made = {"gh_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "01LATE"};
	struct str raw = {made.raw, API_KEY_TEXT_LEN};
	struct api_key row = {.id = str_of(made.id), .role = STR("viewer")};
	struct tenant tenant;

	ck_err(ask(identity, &made), ERR_KEY_INVALID);
	ck_ok(tenant_find(db, arena, STR("acme"), &tenant));
	row.tenant_id = tenant.id;
	crypto_mac(key, &raw, 1, row.mac);
	ck_ok(api_key_insert(db, &row));
	ask_until(identity, &made, OK);
	identity_stop(identity);
}

START_TEST(refusal_does_not_last)
{
	test_with_store(1, late_body);
}
END_TEST

#define ASKERS 50

struct asker {
	struct identity *identity;
	struct made *made;
	enum err want;
};

AWAITS_ENTRY static void asker_main(void *arg)
{
	struct asker *asker = arg;

	ck_err(ask(asker->identity, asker->made), asker->want);
}

AWAITS static void ask_many(struct asker *asker)
{
	uint64_t before = rt_stats().fibers_spawned;
	struct group group;

	group_init(&group, loop_self());
	for (int i = 0; i < ASKERS; i++)
		ck_ok(group_spawn(&group, "asker", asker_main, asker));
	ck_ok(group_join(&group));
	ck_assert_uint_eq(rt_stats().fibers_spawned - before, ASKERS + 1); /* one flight */
}

static AWAITS void flight_body(struct db *db)
{
	struct identity *identity = start(db);
	struct made good = make_key(db, "member", 0), bad = make_key(db, "member", 1);
	struct asker asker = {identity, &good, OK};

	ask_many(&asker);
	asker = (struct asker){identity, &bad, ERR_KEY_INVALID};
	ask_many(&asker);
	identity_stop(identity);
}

START_TEST(misses_share_one_lookup)
{
	test_with_store(1, flight_body);
}
END_TEST

AWAITS_ENTRY static enum err remote_ask(void *arg)
{
	struct asker *asker = arg;

	for (int i = 0; i < 100; i++)
		ck_err(ask(asker->identity, asker->made), asker->want);
	return OK;
}

static AWAITS void loops_body(struct db *db)
{
	struct identity *identity = start(db);
	struct made good = make_key(db, "member", 0);
	struct asker asker = {identity, &good, OK};

	for (unsigned i = 1; i < loop_count(); i++) /* not on loop 0: the note of use comes from afar */
		ck_ok(loop_call(loop_at(i), "ask", remote_ask, &asker));
	identity_stop(identity);
	ck_assert_int_gt(test_int(db, "SELECT last_used_ms FROM api_key"), 0);
}

START_TEST(every_loop_has_its_cache)
{
	test_with_store(3, loops_body);
}
END_TEST

UNIT_MAIN("identity", good_key_gives_its_caller, bad_keys_are_refused, expiry_is_checked_at_use, changes_are_seen_soon,
	  refusal_does_not_last, misses_share_one_lookup, every_loop_has_its_cache, a_look_is_sooner_than_the_poll)
