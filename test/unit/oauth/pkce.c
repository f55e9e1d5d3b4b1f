/* The vector of RFC 7636, and what must not pass for it. */
#include "oauth/pkce.h"
#include "unit.h"

/* RFC 7636, appendix B. */
#define VERIFIER "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define CHALLENGE "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

START_TEST(test_published_vector)
{
	ck_assert(pkce_challenge_ok(STR(CHALLENGE)));
	ck_assert(pkce_verify(STR(VERIFIER), STR(CHALLENGE)));
}
END_TEST

START_TEST(test_anything_else_is_refused)
{
	ck_assert(!pkce_verify(STR(CHALLENGE), STR(CHALLENGE))); /* plain */
	ck_assert(!pkce_verify(STR("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXj"), STR(CHALLENGE)));
	ck_assert(!pkce_verify(STR(""), STR(CHALLENGE)));
	ck_assert(!pkce_verify(STR("short"), STR(CHALLENGE)));
	ck_assert(!pkce_verify(STR(VERIFIER), STR("")));
	ck_assert(!pkce_verify(STR("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk\n"), STR(CHALLENGE)));
	ck_assert(!pkce_challenge_ok(STR("")));
	ck_assert(!pkce_challenge_ok(STR("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM=")));
	ck_assert(!pkce_challenge_ok(STR("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM")));
}
END_TEST

UNIT_MAIN("pkce", test_published_vector, test_anything_else_is_refused)
