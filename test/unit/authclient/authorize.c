/* The address that is opened, and the answers that are taken for ours. */
#include "../unit.h"

#include "authclient/authorize.h"
#include "authclient/scope.h"

START_TEST(the_address)
{
	const struct authorize_request request = {.client_id = STR("me"),
						  .redirect_uri = STR("https://g.example/cb"),
						  .scope = STR("a b"),
						  .resource = STR("https://h.example/mcp"),
						  .state = STR("s"),
						  .verifier = STR("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")};
	const struct auth_dialect other = {.client_id_name = "client_key",
					   .scope_separator = ",",
					   .authorize_more = "prompt=consent",
					   .pkce = PKCE_OFF};
	AUTO_BUF out = {0};

	authorize_put(&request, STR("https://as.example/authorize"), &(struct auth_dialect){0}, &out);
	ck_str(buf_str(&out), "https://as.example/authorize?response_type=code&client_id=me&"
			      "redirect_uri=https%3A%2F%2Fg.example%2Fcb&scope=a%20b&"
			      "resource=https%3A%2F%2Fh.example%2Fmcp&state=s&"
			      "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256");
	out.n = 0;
	authorize_put(&request, STR("https://as.example/a?tenant=1"), &other, &out);
	ck_str(buf_str(&out), "https://as.example/a?tenant=1&response_type=code&client_key=me&"
			      "redirect_uri=https%3A%2F%2Fg.example%2Fcb&scope=a%2Cb&"
			      "resource=https%3A%2F%2Fh.example%2Fmcp&state=s&prompt=consent");
}
END_TEST

static enum err judge(const char *text, bool promised)
{
	static const struct issuer_facts plain = {.issuer = STR("https://as.example")};
	static const struct issuer_facts promising = {.issuer = STR("https://as.example"), .iss_promised = true};
	AUTO(arena) *arena = arena_new(1 << 20);
	AUTO_BUF problem = {0};
	struct form query;
	struct str code;
	enum err err;

	ck_ok(form_read(arena, str_of(text), &query));
	err = authorize_answer(&query, &(const struct auth_dialect){0}, STR("st4te"), promised ? &promising : &plain,
			       &problem, &code);
	ck_assert(err == OK || problem.n > 0);
	if (err == ERR_FORBIDDEN)
		ck_assert_ptr_null(memmem(problem.p, problem.n, "evil", 4));
	if (err == OK)
		ck_str(code, "c");
	return err;
}

#define ISS "&iss=https%3A%2F%2Fas.example"

START_TEST(answers_that_are_ours)
{
	ck_ok(judge("code=c&state=st4te", false));
	ck_ok(judge("code=c&state=st4te" ISS, false));
	ck_ok(judge("code=c&state=st4te" ISS, true));
	ck_err(judge("error=access_denied&error_description=no&state=st4te" ISS, true), ERR_UPSTREAM_AUTH);
}
END_TEST

START_TEST(answers_that_are_not)
{
	static const char *const others[] = {
		"code=c&state=other" ISS,
		"code=c" ISS,
		"state=st4te" ISS,
		"code=c&state=st4te",
		"code=c&state=st4te" ISS "%2F",
		"code=c&state=st4te&iss=https%3A%2F%2FAS.example",
		"error=evil&state=st4te&iss=https%3A%2F%2Fother.example",
		"code=c&code=d&state=st4te" ISS,
		"code=c&state=st4te" ISS ISS,
	};

	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		ck_err(judge(others[i], true), ERR_FORBIDDEN);
	ck_err(judge("code=c&state=st4te&iss=https%3A%2F%2Fother.example", false), ERR_FORBIDDEN);
}
END_TEST

START_TEST(scopes_of_a_step_up)
{
	AUTO(arena) *arena = arena_new(1 << 16);

	ck_str(scope_union(arena, STR("a b"), STR("b  c a")), "a b c");
	ck_str(scope_union(arena, STR(""), STR("c")), "c");
	ck_str(scope_union(arena, STR("a"), STR("")), "a");
}
END_TEST

UNIT_MAIN("authclient/authorize", the_address, answers_that_are_ours, answers_that_are_not, scopes_of_a_step_up)
