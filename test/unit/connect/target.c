/* Discovery asks what it has to, in order, and nothing else; documents about others end it; registrations stay with
 * the issuer that gave them. */
#include "world.h"

#include "authclient/settings.h"

#define CHALLENGES(more)                                                                                               \
	{                                                                                                              \
		"POST /mcp", 401, "WWW-Authenticate: Bearer " more "\r\n", "{}"                                        \
	}

/* ---- the order ---------------------------------------------------------------------- */

static const struct {
	const char *name;
	struct page page[5];
	enum err err;
	const char *log, *resource, *scope, *problem;
} orders[] = {
	{"the challenge names the document, at a place of its own",
	 {CHALLENGES("resource_metadata=\"@/custom/x.json\", scope=\"a b\""),
	  {"/custom/x.json", 200, NULL, RESOURCE_DOCUMENT(",\"scopes_supported\":[\"c\"]")},
	  {AS_PLACE, 200, NULL, ISSUER_DOCUMENT(REGISTERS)},
	  {"POST /register", 201, NULL, REGISTERED("us")}},
	 OK,
	 "POST /mcp GET /custom/x.json GET " AS_PLACE " POST /register",
	 "@/mcp",
	 "a b",
	 NULL},
	{"a challenge in two lines, the second of which counts",
	 {{"POST /mcp", 401,
	   "WWW-Authenticate: Basic realm=\"x\"\r\nWWW-Authenticate: DPoP resource_metadata=\"@/custom/x.json\"\r\n",
	   "{}"},
	  {"/custom/x.json", 200, NULL, RESOURCE_DOCUMENT(",\"scopes_supported\":[\"c\"]")},
	  {AS_PLACE, 200, NULL, ISSUER_DOCUMENT(REGISTERS)},
	  {"POST /register", 201, NULL, REGISTERED("us")}},
	 OK,
	 "POST /mcp GET /custom/x.json GET " AS_PLACE " POST /register",
	 "@/mcp",
	 "c",
	 NULL},
	{"no challenge; the document in front of the path, OpenID's for the issuer",
	 {{"POST /mcp", 200, NULL, "{}"},
	  {PRM_PLACE "/mcp", 200, NULL, RESOURCE_DOCUMENT("")},
	  {"/.well-known/openid-configuration", 200, NULL, ISSUER_DOCUMENT(REGISTERS)},
	  {"POST /register", 201, NULL, REGISTERED("us")}},
	 OK,
	 "POST /mcp GET " PRM_PLACE "/mcp GET " AS_PLACE " GET /.well-known/openid-configuration POST /register",
	 "@/mcp",
	 "",
	 NULL},
	{"a page in its place is none; the document at the root",
	 {CHALLENGES("realm=\"x\""),
	  {PRM_PLACE "/mcp", 200, NULL, "<html>"},
	  {PRM_PLACE, 200, NULL, "{\"resource\":\"@\",\"authorization_servers\":[\"@\"]}"},
	  {AS_PLACE, 200, NULL, ISSUER_DOCUMENT(REGISTERS)},
	  {"POST /register", 201, NULL, REGISTERED("us")}},
	 OK,
	 "POST /mcp GET " PRM_PLACE "/mcp GET " PRM_PLACE " GET " AS_PLACE " POST /register",
	 "@",
	 "",
	 NULL},
	{"who can be asked to come again is asked to, where there are scopes",
	 {CHALLENGES("scope=\"a\""),
	  {PRM_PLACE "/mcp", 200, NULL, RESOURCE_DOCUMENT("")},
	  {AS_PLACE, 200, NULL, ISSUER_DOCUMENT(REGISTERS ",\"scopes_supported\":[\"a\",\"offline_access\"]")},
	  {"POST /register", 201, NULL, REGISTERED("us")}},
	 OK,
	 "POST /mcp GET " PRM_PLACE "/mcp GET " AS_PLACE " POST /register",
	 "@/mcp",
	 "a offline_access",
	 NULL},
	{"a document about another server",
	 {{PRM_PLACE "/mcp", 200, NULL,
	   "{\"resource\":\"https://evil.example/mcp\",\"authorization_servers\":[\"@\"]}"}},
	 ERR_UPSTREAM_AUTH,
	 "POST /mcp GET " PRM_PLACE "/mcp",
	 NULL,
	 NULL,
	 "evil.example"},
	{"an issuer's document that names another",
	 {{PRM_PLACE "/mcp", 200, NULL, RESOURCE_DOCUMENT("")},
	  {AS_PLACE, 200, NULL, "{\"issuer\":\"@/\",\"token_endpoint\":\"@/token\"}"}},
	 ERR_UPSTREAM_AUTH,
	 "POST /mcp GET " PRM_PLACE "/mcp GET " AS_PLACE,
	 NULL,
	 NULL,
	 "another issuer"},
	{"a document that is named but not there",
	 {CHALLENGES("resource_metadata=\"@/custom/x.json\""), {PRM_PLACE "/mcp", 200, NULL, RESOURCE_DOCUMENT("")}},
	 ERR_UPSTREAM_AUTH,
	 "POST /mcp GET /custom/x.json",
	 NULL,
	 NULL,
	 "named by its challenge"},
	{"2025-03-26: the issuer at the origin",
	 {{AS_PLACE, 200, NULL, ISSUER_DOCUMENT(REGISTERS)}, {"POST /register", 201, NULL, REGISTERED("us")}},
	 OK,
	 "POST /mcp GET " PRM_PLACE "/mcp GET " PRM_PLACE " GET " AS_PLACE " POST /register",
	 "",
	 "",
	 NULL},
	{"2025-03-26: nothing is described",
	 {{"POST /register", 201, NULL, REGISTERED("us")}},
	 OK,
	 "POST /mcp GET " PRM_PLACE "/mcp GET " PRM_PLACE " GET " AS_PLACE
	 " GET /.well-known/openid-configuration POST /register",
	 "",
	 "",
	 NULL},
	{"who is not well is not guessed about",
	 {{PRM_PLACE "/mcp", 503, NULL, ""}},
	 ERR_UPSTREAM_DOWN,
	 "POST /mcp GET " PRM_PLACE "/mcp GET " PRM_PLACE,
	 NULL,
	 NULL,
	 "now"},
	{"an issuer that is not well",
	 {{PRM_PLACE "/mcp", 200, NULL, RESOURCE_DOCUMENT("")}, {AS_PLACE, 500, NULL, ""}},
	 ERR_UPSTREAM_DOWN,
	 "POST /mcp GET " PRM_PLACE "/mcp GET " AS_PLACE " GET /.well-known/openid-configuration",
	 NULL,
	 NULL,
	 "now"},
	{"an issuer that does not know the server's scopes is asked without them, and then believed",
	 {CHALLENGES("scope=\"a\""),
	  {PRM_PLACE "/mcp", 200, NULL, RESOURCE_DOCUMENT("")},
	  {AS_PLACE, 200, NULL, ISSUER_DOCUMENT(REGISTERS)},
	  {"POST /register", 400, NULL, "{\"error\":\"invalid_client_metadata\"}"}},
	 ERR_UPSTREAM_AUTH,
	 "POST /mcp GET " PRM_PLACE "/mcp GET " AS_PLACE " POST /register POST /register",
	 NULL,
	 NULL,
	 "invalid_client_metadata"},
	{"an issuer that registers nobody",
	 {{PRM_PLACE "/mcp", 200, NULL, RESOURCE_DOCUMENT("")}, {AS_PLACE, 200, NULL, ISSUER_DOCUMENT("")}},
	 ERR_UPSTREAM_AUTH,
	 "POST /mcp GET " PRM_PLACE "/mcp GET " AS_PLACE,
	 NULL,
	 NULL,
	 "https://gate.example/auth/files/callback"},
	{"a registration that is refused",
	 {{PRM_PLACE "/mcp", 200, NULL, RESOURCE_DOCUMENT("")},
	  {AS_PLACE, 200, NULL, ISSUER_DOCUMENT(REGISTERS)},
	  {"POST /register", 400, NULL, "{\"error\":\"invalid_redirect_uri\"}"}},
	 ERR_UPSTREAM_AUTH,
	 "POST /mcp GET " PRM_PLACE "/mcp GET " AS_PLACE " POST /register",
	 NULL,
	 NULL,
	 "invalid_redirect_uri"},
};

AWAITS static void orders_body(struct db *db)
{
	struct world world = {0};
	struct connect_target target;

	world_start(&world, db, NULL);
	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		size_t count = 0;

		while (count < 5 && orders[i].page[count].path != NULL)
			count++;
		world_fresh(&world, db);
		site_set(&world.site, orders[i].page, count);
		ck_assert_msg(world_find(&world, &target) == orders[i].err, "%s: %.*s", orders[i].name,
			      STR_ARG(buf_str(&world.problem)));
		ck_bytes(buf_str(&world.site.log), str_of(orders[i].log));
		if (orders[i].problem != NULL)
			ck_problem(&world, orders[i].problem);
		if (orders[i].err != OK)
			continue;
		ck_bytes(target.resource, site_text(&world.site, world.arena, orders[i].resource));
		ck_bytes(target.scope, str_of(orders[i].scope));
		ck_str(target.client.id, "us");
		ck_str(target.client.secret, "s of us");
		ck_str(target.redirect_uri, "https://gate.example/auth/files/callback");
		ck_bytes(target.issuer.token_endpoint, site_text(&world.site, world.arena, "@/token"));
		ck_ok(registration_forget(world.replica.connect, &world.at, STR("us")));
	}
	world_stop(&world);
}

START_TEST(what_is_asked_in_order)
{
	test_with_store(1, orders_body);
}
END_TEST

/* ---- registrations --------------------------------------------------------------------- */

#define PLAIN_PAGES                                                                                                    \
	{PRM_PLACE "/mcp", 200, NULL, RESOURCE_DOCUMENT("")},                                                          \
	{                                                                                                              \
		AS_PLACE, 200, NULL, ISSUER_DOCUMENT(REGISTERS)                                                        \
	}
#define DISCOVERY "POST /mcp GET " PRM_PLACE "/mcp"

AWAITS static void registrations_body(struct db *db)
{
	struct world world = {0};
	struct connect_target target;

	world_start(&world, db, NULL);
	SITE(&world.site, PLAIN_PAGES, {"POST /register", 201, NULL, REGISTERED("one")});
	ck_ok(world_find(&world, &target));
	ck_log(&world.site, DISCOVERY " GET " AS_PLACE " POST /register");
	ck_assert_ptr_nonnull(memmem(world.site.sent.p, world.site.sent.n, "/auth/files/callback", 20));
	ck_assert_int_eq(target.client.auth, CLIENT_AUTH_BASIC);

	/* It is kept, and so is the issuer's document for a moment. */
	SITE(&world.site, PLAIN_PAGES, {"POST /register", 201, NULL, REGISTERED("two")});
	ck_ok(world_find(&world, &target));
	ck_log(&world.site, DISCOVERY);
	ck_str(target.client.id, "one");
	ck_str(target.client.secret, "s of one");

	/* Of another tenant, server or address of ours it is not. */
	world.at.public_url = STR("https://moved.example");
	world.at.client_name = STR("Acme's gate");
	ck_ok(world_find(&world, &target));
	ck_log(&world.site, DISCOVERY " POST /register");
	ck_str(target.client.id, "two");
	ck_assert_ptr_nonnull(memmem(world.site.sent.p, world.site.sent.n, "\"Acme's gate\"", 13));

	/* The server knows it no more. */
	ck_ok(registration_forget(world.replica.connect, &world.at, STR("one"))); /* not that one */
	ck_ok(world_find(&world, &target));
	ck_log(&world.site, DISCOVERY);
	ck_ok(registration_forget(world.replica.connect, &world.at, STR("two")));
	SITE(&world.site, PLAIN_PAGES,
	     {"POST /register", 201, NULL,
	      "{\"client_id\":\"three\",\"client_secret\":\"s\",\"client_secret_expires_at\":1000}"});
	ck_ok(world_find(&world, &target));
	ck_str(target.client.id, "three");

	/* Its secret has ended. */
	SITE(&world.site, PLAIN_PAGES, {"POST /register", 201, NULL, REGISTERED("four")});
	ck_ok(world_find(&world, &target));
	ck_log(&world.site, DISCOVERY " POST /register");
	ck_str(target.client.id, "four");

	/* The key that it was sealed with was destroyed. */
	ck_ok(vault_destroy(world.replica.replica.vault, world.tenant.id));
	replica_follow(&world.replica.replica, db);
	SITE(&world.site, PLAIN_PAGES, {"POST /register", 201, NULL, REGISTERED("five")});
	ck_ok(world_find(&world, &target));
	ck_str(target.client.id, "five");
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM registration"), 1);
	world_stop(&world);
}

START_TEST(registrations_are_kept_while_they_are_good)
{
	test_with_store(1, registrations_body);
}
END_TEST

/* A second issuer at the same site. */
#define OTHER_ISSUER                                                                                                   \
	{PRM_PLACE "/mcp", 200, NULL, "{\"resource\":\"@/mcp\",\"authorization_servers\":[\"@/two\"]}"},               \
	{                                                                                                              \
		AS_PLACE "/two", 200, NULL,                                                                            \
			"{\"issuer\":\"@/two\",\"authorization_endpoint\":\"@/two/authorize\",\"token_endpoint\":"     \
			"\"@/two/token\",\"registration_endpoint\":\"@/two/register\","                                \
			"\"code_challenge_methods_supported\":[\"S256\"]}"                                             \
	}

AWAITS static void moved_body(struct db *db)
{
	struct world world = {0};
	struct connect_target target;

	world_start(&world, db, NULL);
	SITE(&world.site, PLAIN_PAGES, {"POST /register", 201, NULL, REGISTERED("one")});
	ck_ok(world_find(&world, &target));
	ck_str(target.client.id, "one");
	SITE(&world.site, OTHER_ISSUER, {"POST /two/register", 201, NULL, REGISTERED("two")});
	ck_ok(world_find(&world, &target));
	ck_log(&world.site, DISCOVERY " GET " AS_PLACE "/two POST /two/register");
	ck_str(target.client.id, "two");
	/* And back: what was left behind is not taken up again. */
	SITE(&world.site, PLAIN_PAGES, {"POST /register", 201, NULL, REGISTERED("three")});
	ck_ok(world_find(&world, &target));
	ck_str(target.client.id, "three");
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM registration"), 1);

	/* A client that the operator gave belongs to whom it was first used at. */
	world.settings.client_id = STR("given");
	world.settings.client_secret = STR("secret");
	ck_ok(world_find(&world, &target));
	ck_ok(world_find(&world, &target));
	ck_str(target.client.id, "given");
	ck_assert_int_eq(target.client.auth, CLIENT_AUTH_BASIC);
	SITE(&world.site, OTHER_ISSUER);
	ck_err(world_find(&world, &target), ERR_UPSTREAM_AUTH);
	ck_problem(&world, "auth.issuer");
	ck_ok(registration_forget(world.replica.connect, &world.at, STR("given"))); /* does not loosen it */
	ck_err(world_find(&world, &target), ERR_UPSTREAM_AUTH);
	world.settings.issuer = site_text(&world.site, world.arena, "@/two");
	ck_ok(world_find(&world, &target));
	ck_bytes(target.resource, world.at.url);
	world_stop(&world);
}

START_TEST(a_client_of_one_issuer_is_not_shown_to_another)
{
	test_with_store(1, moved_body);
}
END_TEST

/* ---- what is configured ------------------------------------------------------------------- */

AWAITS static void configured_body(struct db *db)
{
	struct world world = {0};
	struct connect_target target;

	world_start(&world, db, NULL);
	/* With endpoints nothing is asked. */
	world.settings = (struct auth_settings){.authorize_url = STR("https://p.example/a"),
						.token_url = STR("https://p.example/t"),
						.client_id = STR("us"),
						.client_secret = STR("s"),
						.scope = STR("x y")};
	ck_ok(world_find(&world, &target));
	ck_log(&world.site, "");
	ck_str(target.issuer.authorization_endpoint, "https://p.example/a");
	ck_str(target.issuer.token_endpoint, "https://p.example/t");
	ck_str(target.scope, "x y");
	ck_assert_uint_eq(target.resource.n, 0);
	ck_assert_int_eq(target.client.auth, CLIENT_AUTH_BASIC);
	world.settings.client_id = STR("");
	ck_err(world_find(&world, &target), ERR_UPSTREAM_AUTH);
	ck_problem(&world, "auth.client_id");

	/* Our document, where it is taken; scopes and resource as configured. */
	world.settings = (struct auth_settings){.scope = STR("mine"), .resource = STR("urn:r")};
	world.at.client_document = STR("https://gate.example/auth/files/client.json");
	SITE(&world.site, {"POST /mcp", 401, "WWW-Authenticate: Bearer scope=\"a\"\r\n", ""},
	     {PRM_PLACE "/mcp", 200, NULL, RESOURCE_DOCUMENT("")},
	     {AS_PLACE, 200, NULL, ISSUER_DOCUMENT(REGISTERS ",\"client_id_metadata_document_supported\":true")});
	ck_ok(world_find(&world, &target));
	ck_log(&world.site, DISCOVERY " GET " AS_PLACE);
	ck_bytes(target.client.id, world.at.client_document);
	ck_assert_int_eq(target.client.auth, CLIENT_AUTH_NONE);
	ck_str(target.scope, "mine");
	ck_str(target.resource, "urn:r");

	/* A challenge that came with a refused call is not asked for again. */
	world.settings = (struct auth_settings){0};
	ck_ok(connect_target_find(world.replica.connect, world.arena, &world.at, STR("Bearer scope=\"b c\""),
				  &world.problem, &target));
	ck_log(&world.site, "GET " PRM_PLACE "/mcp");
	ck_str(target.scope, "b c");

	/* Plain http elsewhere than here is not asked, nor a private address that is not allowed. */
	world.at.allow_private = false;
	ck_err(world_find(&world, &target), ERR_CONFIG);
	ck_log(&world.site, "");
	world_stop(&world);
}

START_TEST(what_is_configured_is_not_asked)
{
	test_with_store(1, configured_body);
}
END_TEST

DATABASE_MAIN("connect/target", what_is_asked_in_order, registrations_are_kept_while_they_are_good,
	      a_client_of_one_issuer_is_not_shown_to_another, what_is_configured_is_not_asked)
