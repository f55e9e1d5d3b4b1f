/* The vector of RFC 7636, and what must not pass for it. */
#include "../unit.h"

#include "base/pkce.h"

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

START_TEST(test_made_ones_belong_together)
{
	char verifier[PKCE_VERIFIER_TEXT], other[PKCE_VERIFIER_TEXT], challenge[PKCE_CHALLENGE_MAX];

	pkce_verifier(verifier);
	pkce_verifier(other);
	pkce_challenge(str_of(verifier), false, challenge);
	ck_assert_str_ne(verifier, other);
	ck_assert(pkce_challenge_ok(str_of(challenge)));
	ck_assert(pkce_verify(str_of(verifier), str_of(challenge)));
	ck_assert(!pkce_verify(str_of(other), str_of(challenge)));
	pkce_challenge(STR(VERIFIER), true, challenge);
	ck_str(str_of(challenge), "13d31e961a1ad8ec2f16b10c4c982e0876a878ad6df144566ee1894acb70f9c3");
}
END_TEST

UNIT_MAIN("pkce", test_published_vector, test_anything_else_is_refused, test_made_ones_belong_together)
