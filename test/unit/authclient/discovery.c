/* Where documents are looked for, and which are believed. */
#include "../unit.h"

#include "authclient/discovery.h"

static struct arena *arena;
static struct buf problem;

static struct url url_of(const char *text)
{
	struct url url;

	ck_ok(url_parse(str_of(text), &url));
	return url;
}

static void setup(void)
{
	arena = arena_new(1 << 20);
}

static void teardown(void)
{
	arena_free(arena);
	buf_free(&problem);
}

START_TEST(places_of_a_resource)
{
	struct url server = url_of("https://h.example:8443/a/mcp?x=1");
	struct places places;

	places_of_resource(arena, &server, &places);
	ck_assert_uint_eq(places.count, 2);
	ck_str(places.url[0], "https://h.example:8443/.well-known/oauth-protected-resource/a/mcp");
	ck_str(places.url[1], "https://h.example:8443/.well-known/oauth-protected-resource");
	server = url_of("http://h.example");
	places_of_resource(arena, &server, &places);
	ck_assert_uint_eq(places.count, 1);
	ck_str(places.url[0], "http://h.example/.well-known/oauth-protected-resource");
}
END_TEST

START_TEST(places_of_an_issuer)
{
	struct places places;

	ck_ok(places_of_issuer(arena, STR("https://as.example/t1/"), &places));
	ck_assert_uint_eq(places.count, 3);
	ck_str(places.url[0], "https://as.example/.well-known/oauth-authorization-server/t1");
	ck_str(places.url[1], "https://as.example/.well-known/openid-configuration/t1");
	ck_str(places.url[2], "https://as.example/t1/.well-known/openid-configuration");
	ck_ok(places_of_issuer(arena, STR("https://as.example"), &places));
	ck_assert_uint_eq(places.count, 2);
	ck_str(places.url[1], "https://as.example/.well-known/openid-configuration");
	ck_err(places_of_issuer(arena, STR("https://as.example/?a=b"), &places), ERR_CONFIG);
	ck_err(places_of_issuer(arena, STR("as.example"), &places), ERR_CONFIG);
}
END_TEST

static enum err read_resource(const char *server_text, const char *resource, struct resource_facts *facts)
{
	struct url server = url_of(server_text);
	struct str json = arena_fmt(arena,
				    "{\"resource\":\"%s\",\"authorization_servers\":[\"https://as.example\",\"x\"],"
				    "\"scopes_supported\":[\"a\",\"b c\",7,\"d\"]}",
				    resource);

	problem.n = 0;
	return resource_facts_read(arena, json, &server, &problem, facts);
}

START_TEST(a_resource_covers_its_server)
{
	struct resource_facts facts;

	ck_ok(read_resource("https://h.example/a/mcp", "https://h.example/a/mcp", &facts));
	ck_str(facts.issuer, "https://as.example");
	ck_str(facts.scopes, "a d");
	ck_ok(read_resource("https://h.example/a/mcp", "https://H.example:443/a/", &facts));
	ck_str(facts.resource, "https://H.example:443/a/");
	ck_ok(read_resource("https://h.example/a/mcp?b", "https://h.example", &facts));
}
END_TEST

START_TEST(another_resource_is_refused)
{
	static const char *const others[] = {
		"https://evil.example/a/mcp",	"http://h.example/a/mcp", "https://h.example:444/a/mcp",
		"https://h.example/a/mcp/more", "https://h.example/a/m",  "https://h.example/b",
		"https://u@h.example/a/mcp",
	};
	struct resource_facts facts;

	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		ck_err(read_resource("https://h.example/a/mcp", others[i], &facts), ERR_UPSTREAM_AUTH);
		ck_assert_uint_gt(problem.n, 0);
	}
}
END_TEST

START_TEST(what_is_no_resource_document)
{
	static const char *const none[] = {
		"<!doctype html>",
		"[]",
		"{}",
		"{\"resource\":\"https://h.example\"}",
		"{\"resource\":\"https://h.example\",\"authorization_servers\":[]}",
		"{\"resource\":1,\"authorization_servers\":[\"https://as.example\"]}",
	};
	struct url server = url_of("https://h.example/");
	struct resource_facts facts;

	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		ck_err(resource_facts_read(arena, str_of(none[i]), &server, &problem, &facts), ERR_UPSTREAM_GARBAGE);
}
END_TEST

#define ISSUER(more)                                                                                                   \
	"{\"issuer\":\"https://as.example\",\"authorization_endpoint\":\"https://as.example/authorize\","              \
	"\"token_endpoint\":\"https://as.example/token\"" more "}"
#define S256 ",\"code_challenge_methods_supported\":[\"plain\",\"S256\"]"

static enum err read_issuer(const char *json, struct issuer_facts *facts)
{
	problem.n = 0;
	return issuer_facts_read(arena, str_of(json), STR("https://as.example"), false, &problem, facts);
}

START_TEST(an_issuer_says_what_it_can)
{
	struct issuer_facts facts;

	ck_ok(read_issuer(ISSUER(S256
				 ",\"token_endpoint_auth_methods_supported\":[\"none\",\"client_secret_post\",\"tls\"],"
				 "\"registration_endpoint\":\"http://as.example/register\","
				 "\"client_id_metadata_document_supported\":true,"
				 "\"authorization_response_iss_parameter_supported\":true,"
				 "\"dpop_signing_alg_values_supported\":[\"ES256\"],"
				 "\"scopes_supported\":[\"a\",\"offline_access\"]"),
			  &facts));
	ck_str(facts.token_endpoint, "https://as.example/token");
	ck_assert_ptr_null(facts.registration_endpoint.p); /* not over plain http */
	ck_assert_uint_eq(facts.auths, CLIENT_AUTH_NONE | CLIENT_AUTH_POST);
	ck_assert(facts.client_documents && facts.iss_promised && facts.offline_access && facts.dpop);
	ck_ok(read_issuer(ISSUER(S256), &facts));
	ck_assert_uint_eq(facts.auths, 0);
	ck_assert(!facts.client_documents && !facts.iss_promised && !facts.offline_access && !facts.dpop);
	ck_ok(read_issuer("{\"issuer\":\"https://as.example\",\"token_endpoint\":\"https://as.example/t\"}", &facts));
}
END_TEST

START_TEST(an_issuer_is_not_believed)
{
	struct issuer_facts facts;

	ck_err(read_issuer(ISSUER(""), &facts), ERR_UPSTREAM_AUTH); /* no PKCE */
	ck_err(read_issuer("{\"issuer\":\"https://as.example/\",\"token_endpoint\":\"https://as.example/t\"}", &facts),
	       ERR_UPSTREAM_AUTH);
	ck_err(read_issuer("{\"issuer\":\"https://as.example\",\"token_endpoint\":\"http://as.example/t\"}", &facts),
	       ERR_UPSTREAM_AUTH);
	ck_err(read_issuer("{\"token_endpoint\":\"https://as.example/t\"}", &facts), ERR_UPSTREAM_GARBAGE);
	ck_err(read_issuer("nothing", &facts), ERR_UPSTREAM_GARBAGE);
}
END_TEST

START_TEST(endpoints_are_guessed_at_the_root)
{
	struct url server = url_of("http://127.0.0.1:1234/a/mcp");
	struct issuer_facts facts;

	issuer_facts_guess(arena, &server, &facts);
	ck_str(facts.authorization_endpoint, "http://127.0.0.1:1234/authorize");
	ck_str(facts.token_endpoint, "http://127.0.0.1:1234/token");
	ck_str(facts.registration_endpoint, "http://127.0.0.1:1234/register");
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("discovery");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, places_of_a_resource);
	tcase_add_test(tcase, places_of_an_issuer);
	tcase_add_test(tcase, a_resource_covers_its_server);
	tcase_add_test(tcase, another_resource_is_refused);
	tcase_add_test(tcase, what_is_no_resource_document);
	tcase_add_test(tcase, an_issuer_says_what_it_can);
	tcase_add_test(tcase, an_issuer_is_not_believed);
	tcase_add_test(tcase, endpoints_are_guessed_at_the_root);
	return unit_run("authclient/discovery", tcase);
}
