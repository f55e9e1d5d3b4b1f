/* Signed requests: known answers, what the text is made of, and keys that are none. */
#include "../unit.h"

#include "gateway/outbound.h"

static const struct upstream_asking request = {
	.method = STR("POST"),
	.url = STR("https://api.example/v1/mcp?a=1&b=2"),
	.body = STR("{\"x\":1}"),
};

static char *signed_lines(const struct upstream_auth *auth, const char *key)
{
	static char lines[1024];
	AUTO(secret_text) *text = NULL;
	struct str found;

	ck_err(outbound_sign(auth, str_of(key), &request, 1700000000123, &text), OK);
	found = secret_text_str(text);
	ck_assert_uint_lt(found.n, sizeof(lines));
	memcpy(lines, found.p, found.n);
	lines[found.n] = '\0';
	return lines;
}

/* RFC 4231, case 2: the whole text is in `over`. */
START_TEST(the_vectors_of_the_standard)
{
	struct upstream_auth auth = {
		.name = STR("X-Sig"),
		.signing = {.over = STR("what do ya want for nothing?")},
	};

	ck_assert_str_eq(signed_lines(&auth, "Jefe"),
			 "X-Sig: 5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843\r\n");
	auth.signing.digest = SIGNING_SHA512;
	ck_assert_str_eq(signed_lines(&auth, "Jefe"),
			 "X-Sig: 164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
			 "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737\r\n");
}
END_TEST

/* Computed with `openssl dgst -sha256 -hmac secret -binary | base64` over
 * POST /v1/mcp a=1&b=2 1700000000 {"x":1}, with spaces between. */
START_TEST(each_part_of_the_request)
{
	const struct upstream_auth auth = {
		.name = STR("X-Sig"),
		.signing = {.over = STR("{method} {path} {query} {timestamp} {body}"),
			    .prefix = STR("v0="),
			    .id_name = STR("X-Id"),
			    .timestamp_name = STR("X-Time"),
			    .encoding = SIGNING_BASE64},
	};

	ck_assert_str_eq(signed_lines(&auth, "robot:secret"), "X-Id: robot\r\nX-Time: 1700000000\r\nX-Sig: v0="
							      "/VkfjYGWFHZ++6pt8JUaP5hCdrEzClDpyXFz/NRjWbk=\r\n");
}
END_TEST

START_TEST(time_in_milliseconds)
{
	const struct upstream_auth auth = {
		.name = STR("X-Sig"),
		.signing = {.over = STR("{timestamp}"), .timestamp_name = STR("T"), .clock = SIGNING_MILLISECONDS},
	};

	ck_assert_str_eq(
		signed_lines(&auth, "k"),
		"T: 1700000000123\r\nX-Sig: 7239104555807049b3493114e318c258623fd304292439c4683ef107b947567e\r\n");
}
END_TEST

START_TEST(what_is_no_key)
{
	const struct upstream_auth plain = {.name = STR("X-Sig"), .signing = {.over = STR("{body}")}};
	struct upstream_auth named = plain;
	struct secret_text *text = NULL;

	named.signing.id_name = STR("X-Id");
	ck_err(outbound_sign(&plain, STR(""), &request, 0, &text), ERR_RPC_PARAMS);
	ck_err(outbound_sign(&named, STR("no colon"), &request, 0, &text), ERR_RPC_PARAMS);
	ck_err(outbound_sign(&named, STR(":key"), &request, 0, &text), ERR_RPC_PARAMS);
	ck_err(outbound_sign(&named, STR("id:"), &request, 0, &text), ERR_RPC_PARAMS);
	ck_err(outbound_sign(&named, STR("a\r\nb:key"), &request, 0, &text), ERR_RPC_PARAMS);
	ck_assert_ptr_null(text);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("outbound_sign");

	tcase_add_test(tcase, the_vectors_of_the_standard);
	tcase_add_test(tcase, each_part_of_the_request);
	tcase_add_test(tcase, time_in_milliseconds);
	tcase_add_test(tcase, what_is_no_key);
	return unit_run("outbound_sign", tcase);
}
