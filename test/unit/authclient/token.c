/* What goes to a token endpoint, byte by byte, and what its answers mean. */
#include "../unit.h"

#include "authclient/token.h"

#define NOW_MS 1000000000000

static const struct auth_dialect standard;

static void asked(const struct token_request *request, const struct client_identity *client,
		  const struct auth_dialect *dialect, const char *want_headers, const char *want_form)
{
	AUTO_BUF headers = {0}, form = {0};

	token_request_put(request, client, dialect, &headers, &form);
	ck_bytes(buf_str(&headers), str_of(want_headers));
	ck_bytes(buf_str(&form), str_of(want_form));
}

#define FORM_HEADERS "Accept: application/json\r\nContent-Type: application/x-www-form-urlencoded\r\n"

START_TEST(a_code_by_each_kind_of_client)
{
	const struct token_request request = {.grant = GRANT_CODE,
					      .code = STR("c&d"),
					      .verifier = STR("v"),
					      .redirect_uri = STR("https://g.example/cb"),
					      .resource = STR("https://h.example/mcp")};
	struct client_identity client = {.id = STR("me:1"), .secret = STR("s%"), .auth = CLIENT_AUTH_BASIC};

#define CODE_FORM                                                                                                      \
	"grant_type=authorization_code&code=c%26d&redirect_uri=https%3A%2F%2Fg.example%2Fcb&code_verifier=v&"          \
	"resource=https%3A%2F%2Fh.example%2Fmcp"
	/* base64("me%3A1:s%25") */
	asked(&request, &client, &standard, FORM_HEADERS "Authorization: Basic bWUlM0ExOnMlMjU=\r\n", CODE_FORM);
	client.auth = CLIENT_AUTH_POST;
	asked(&request, &client, &standard, FORM_HEADERS, CODE_FORM "&client_id=me%3A1&client_secret=s%25");
	client.auth = CLIENT_AUTH_NONE;
	asked(&request, &client, &standard, FORM_HEADERS, CODE_FORM "&client_id=me%3A1");
	client.auth = CLIENT_AUTH_JWT;
	client.assertion = STR("a.b.c");
	asked(&request, &client, &standard, FORM_HEADERS,
	      CODE_FORM "&client_id=me%3A1&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%"
			"3Ajwt-bearer&client_assertion=a.b.c");
}
END_TEST

START_TEST(dialects)
{
	const struct auth_dialect key_and_commas = {.client_id_name = "client_key", .scope_separator = ","};
	const struct auth_dialect by_get = {.carriage = CARRY_QUERY};
	const struct client_identity client = {.id = STR("me"), .secret = STR("s"), .auth = CLIENT_AUTH_POST};
	const struct token_request refresh = {
		.grant = GRANT_REFRESH, .refresh_token = STR("r"), .scope = STR("a  b c")};
	const struct token_request own = {.grant = GRANT_CLIENT, .scope = STR("a b")};

	asked(&refresh, &client, &key_and_commas, FORM_HEADERS,
	      "grant_type=refresh_token&refresh_token=r&scope=a%2Cb%2Cc&client_key=me&client_secret=s");
	asked(&own, &client, &by_get, "Accept: application/json\r\n",
	      "grant_type=client_credentials&scope=a%20b&client_id=me&client_secret=s");
}
END_TEST

START_TEST(an_exchange_and_an_assertion)
{
	const struct client_identity client = {.id = STR("me"), .auth = CLIENT_AUTH_NONE};
	const struct token_request exchange = {.grant = GRANT_EXCHANGE,
					       .subject_token = STR("t"),
					       .subject_type = STR("urn:ietf:params:oauth:token-type:id_token"),
					       .requested_type = STR("urn:ietf:params:oauth:token-type:id-jag"),
					       .audience = STR("https://as.example")};
	const struct token_request bearer = {.grant = GRANT_JWT_BEARER, .assertion = STR("x.y.z")};

	asked(&exchange, &client, &standard, FORM_HEADERS,
	      "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=t&"
	      "subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aid_token&"
	      "requested_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aid-jag&"
	      "audience=https%3A%2F%2Fas.example&client_id=me");
	asked(&bearer, &client, &standard, FORM_HEADERS,
	      "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=x.y.z&client_id=me");
}
END_TEST

/* Reads an answer; the words of a refusal stay in `words`. */
static char words[512];
static enum err read_answer(struct arena *arena, int status, const char *body, struct token_answer *answer,
			    enum token_refusal *refusal)
{
	AUTO_BUF problem = {0};
	enum err err;

	*refusal = REFUSAL_OTHER;
	err = token_answer_read(arena, &standard, status, str_of(body), NOW_MS, &problem, answer, refusal);
	snprintf(words, sizeof(words), "%.*s", (int)problem.n, problem.n > 0 ? problem.p : "");
	return err;
}

START_TEST(answers)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	enum token_refusal refusal;
	struct token_answer answer;

	ck_ok(read_answer(
		arena, 200,
		"{\"access_token\":\"at\",\"token_type\":\"bearer\",\"expires_in\":3600,\"refresh_token\":\"rt\","
		"\"scope\":\"a b\",\"refresh_token_expires_in\":\"86400\",\"id_token\":\"i.d.t\"}",
		&answer, &refusal));
	ck_assert_int_eq(answer.type, TOKEN_BEARER);
	ck_str(answer.access_token, "at");
	ck_str(answer.refresh_token, "rt");
	ck_str(answer.scope, "a b");
	ck_str(answer.id_token, "i.d.t");
	ck_assert_int_eq(answer.expires_ms, NOW_MS + 3600 * 1000LL);
	ck_assert_int_eq(answer.refresh_expires_ms, NOW_MS + 86400 * 1000LL);
	ck_ok(read_answer(
		arena, 200,
		"{\"access_token\":\"at\",\"token_type\":\"DPoP\",\"expires_in\":\"7200\",\"refresh_expires_in\":1}",
		&answer, &refusal));
	ck_assert_int_eq(answer.type, TOKEN_DPOP);
	ck_assert_ptr_null(answer.refresh_token.p);
	ck_assert_int_eq(answer.expires_ms, NOW_MS + 7200 * 1000LL);
	ck_assert_int_eq(answer.refresh_expires_ms, NOW_MS + 1000);
	ck_ok(read_answer(arena, 200, "{\"access_token\":\"at\",\"expires_in\":-5}", &answer, &refusal));
	ck_assert_int_eq(answer.expires_ms, 0);
	ck_ok(read_answer(arena, 200, "{\"access_token\":\"at\",\"expires_in\":9223372036854775807}", &answer,
			  &refusal));
	ck_assert_int_gt(answer.expires_ms, NOW_MS);
}
END_TEST

START_TEST(what_is_no_token)
{
	static const char *const none[] = {
		"",
		"[]",
		"{}",
		"{\"access_token\":\"\"}",
		"{\"access_token\":\"a b\"}",
		"{\"access_token\":\"a\\r\\nX: y\"}",
		"{\"access_token\":7}",
		"{\"access_token\":\"a\",\"token_type\":\"mac\"}",
		"{\"access_token\":\"a\",\"token_type\":1}",
	};
	AUTO(arena) *arena = arena_new(1 << 20);
	enum token_refusal refusal;
	struct token_answer answer;

	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		ck_err(read_answer(arena, 200, none[i], &answer, &refusal), ERR_UPSTREAM_GARBAGE);
}
END_TEST

START_TEST(refusals)
{
	static const struct {
		int status;
		const char *body;
		enum err err;
		enum token_refusal refusal;
	} table[] = {
		{400, "{\"error\":\"invalid_grant\",\"error_description\":\"gone\"}", ERR_UPSTREAM_AUTH, REFUSAL_GRANT},
		{401, "{\"error\":\"invalid_client\"}", ERR_UPSTREAM_AUTH, REFUSAL_CLIENT},
		{400, "{\"error\":\"invalid_scope\"}", ERR_UPSTREAM_AUTH, REFUSAL_SCOPE},
		{400, "{\"error\":\"use_dpop_nonce\"}", ERR_UPSTREAM_AUTH, REFUSAL_DPOP_NONCE},
		{400, "{\"error\":{\"type\":\"OAuthException\",\"message\":\"expired\",\"code\":190}}",
		 ERR_UPSTREAM_AUTH, REFUSAL_OTHER},
		{400, "<html>", ERR_UPSTREAM_AUTH, REFUSAL_OTHER},
		{429, "{\"error\":\"slow_down\"}", ERR_UPSTREAM_DOWN, REFUSAL_LATER},
		{503, "", ERR_UPSTREAM_DOWN, REFUSAL_LATER},
		{200, "{\"error\":\"invalid_grant\",\"access_token\":\"x\"}", ERR_UPSTREAM_AUTH, REFUSAL_GRANT},
	};
	AUTO(arena) *arena = arena_new(1 << 20);
	enum token_refusal refusal;
	struct token_answer answer;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		ck_err(read_answer(arena, table[i].status, table[i].body, &answer, &refusal), table[i].err);
		ck_assert_int_eq(refusal, table[i].refusal);
	}
	ck_err(read_answer(arena, 400, table[0].body, &answer, &refusal), ERR_UPSTREAM_AUTH);
	ck_assert_str_eq(words, "status 400 invalid_grant: gone");
}
END_TEST

UNIT_MAIN("authclient/token", a_code_by_each_kind_of_client, dialects, an_exchange_and_an_assertion, answers,
	  what_is_no_token, refusals)
