/* Each platform's row, as what it makes of one and the same account: where the browser is sent, what is asked of the
 * token endpoint, byte by byte, and what its answers mean. */
#include "../unit.h"

#include "authclient/authorize.h"
#include "authclient/providers.h"
#include "authclient/settings.h"
#include "authclient/token.h"

#define NOW_MS 1000000000000
#define VERIFIER "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" /* and its digest: RFC 7636 appendix B */
#define CHALLENGE "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
#define BACK "redirect_uri=https%3A%2F%2Fg.example%2Fcb"

#define AUTHORIZE "?response_type=code&client_id=me&" BACK "&scope=a%20b&state=st"
#define AUTHORIZE_COMMA "?response_type=code&client_id=me&" BACK "&scope=a%2Cb&state=st"
#define POST_CLIENT "&client_id=me&client_secret=s%26"
#define CODE "grant_type=authorization_code&code=c&" BACK
#define CODE_PKCE CODE "&code_verifier=" VERIFIER
#define REFRESH "grant_type=refresh_token&refresh_token=r"
#define META_CODE "code=c&" BACK "&code_verifier=" VERIFIER POST_CLIENT
#define META_AGAIN "grant_type=fb_exchange_token&fb_exchange_token=at" POST_CLIENT
#define META_DIALOG "https://www.facebook.com/v25.0/dialog/oauth" AUTHORIZE_COMMA
#define META_LONG "{\"access_token\":\"at\",\"token_type\":\"bearer\",\"expires_in\":5183944}"
#define META_DEAD                                                                                                      \
	"{\"error\":{\"message\":\"Error validating access token\",\"type\":\"OAuthException\",\"code\":190,"          \
	"\"error_subcode\":463,\"fbtrace_id\":\"AbC\"}}"
#define DEAD "{\"error\":\"invalid_grant\",\"error_description\":\"Token has been expired or revoked.\"}"

static const struct {
	const char *name;
	const char *authorize;
	const char *code;    /* the request with a code */
	const char *longer;  /* the exchange after it */
	const char *refresh; /* NULL: never */
	const char *ending;  /* NULL: it has none */
	const char *answer;  /* with the access token "at" */
	int64_t life_s, refresh_life_s;
	const char *refusal; /* of a dead grant, with status 400 */
} rows[] = {
	{"discord", "https://discord.com/oauth2/authorize" AUTHORIZE CHALLENGE, CODE_PKCE, NULL, REFRESH,
	 "token=r&token_type_hint=refresh_token",
	 "{\"access_token\":\"at\",\"token_type\":\"Bearer\",\"expires_in\":604800,\"refresh_token\":\"r2\",\"scope\":"
	 "\"a b\"}",
	 604800, 0, DEAD},
	{"facebook", META_DIALOG CHALLENGE, META_CODE, META_AGAIN, META_AGAIN, "", META_LONG, 5183944, 0, META_DEAD},
	{"google",
	 "https://accounts.google.com/o/oauth2/v2/auth" AUTHORIZE CHALLENGE "&access_type=offline&prompt=consent",
	 CODE_PKCE POST_CLIENT, NULL, REFRESH POST_CLIENT, "token=r&token_type_hint=refresh_token" POST_CLIENT,
	 "{\"access_token\":\"at\",\"expires_in\":3599,\"refresh_token\":\"r2\",\"scope\":\"a "
	 "b\",\"token_type\":\"Bearer\"}",
	 3599, 0, DEAD},
	{"instagram", "https://www.instagram.com/oauth/authorize" AUTHORIZE_COMMA "&enable_fb_login=0",
	 CODE POST_CLIENT, "grant_type=ig_exchange_token&access_token=at&client_secret=s%26",
	 "grant_type=ig_refresh_token&access_token=at", NULL, META_LONG, 5183944, 0, META_DEAD},
	{"instagram-facebook", META_DIALOG CHALLENGE, META_CODE, META_AGAIN, META_AGAIN, "", META_LONG, 5183944, 0,
	 META_DEAD},
	{"linkedin", "https://www.linkedin.com/oauth/v2/authorization" AUTHORIZE, CODE POST_CLIENT, NULL,
	 REFRESH POST_CLIENT, "token=r&token_type_hint=refresh_token" POST_CLIENT,
	 "{\"access_token\":\"at\",\"expires_in\":5184000,\"refresh_token\":\"r2\",\"refresh_token_expires_in\":"
	 "31536000,"
	 "\"scope\":\"a b\"}",
	 5184000, 31536000, "{\"error\":\"invalid_request\",\"error_description\":\"expired\"}"},
	{"meta-ads", META_DIALOG CHALLENGE, META_CODE, META_AGAIN, META_AGAIN, "", META_LONG, 5183944, 0, META_DEAD},
	{"microsoft", "https://login.microsoftonline.com/common/oauth2/v2.0/authorize" AUTHORIZE CHALLENGE,
	 CODE_PKCE POST_CLIENT, NULL, REFRESH POST_CLIENT, NULL,
	 "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"ext_expires_in\":3599,\"access_token\":\"at\",\"refresh_"
	 "token\":\"r2\"}",
	 3599, 0,
	 "{\"error\":\"interaction_required\",\"error_description\":\"AADSTS50076: ...\",\"error_codes\":[50076]}"},
	{"shopify", "https://shop.example/a" AUTHORIZE_COMMA, CODE POST_CLIENT "&expiring=1", NULL, REFRESH POST_CLIENT,
	 NULL,
	 "{\"access_token\":\"at\",\"scope\":\"a,b\",\"expires_in\":3600,\"refresh_token\":\"r2\",\"refresh_token_"
	 "expires_in\":7776000}",
	 3600, 7776000, DEAD},
	{"snapchat", "https://accounts.snapchat.com/login/oauth2/authorize" AUTHORIZE, CODE POST_CLIENT, NULL,
	 REFRESH POST_CLIENT, NULL,
	 "{\"access_token\":\"at\",\"token_type\":\"Bearer\",\"expires_in\":3600,\"refresh_token\":\"r2\"}", 3600, 0,
	 DEAD},
	{"tiktok",
	 "https://www.tiktok.com/v2/auth/authorize/?response_type=code&client_key=me&" BACK "&scope=a%2Cb&state=st",
	 CODE "&client_key=me&client_secret=s%26", NULL, REFRESH "&client_key=me&client_secret=s%26",
	 "token=at&client_key=me&client_secret=s%26",
	 "{\"access_token\":\"at\",\"expires_in\":7200,\"open_id\":\"o\",\"refresh_expires_in\":15552000,\"refresh_"
	 "token\":\"r2\","
	 "\"scope\":\"a,b\",\"token_type\":\"Bearer\"}",
	 7200, 15552000, "{\"error\":\"invalid_grant\",\"error_description\":\"expired\",\"log_id\":\"2026\"}"},
	{"tiktok-business",
	 "https://business-api.tiktok.com/portal/auth?response_type=code&app_id=me&" BACK "&scope=a%20b&state=st",
	 "{\"auth_code\":\"c\",\"app_id\":\"me\",\"secret\":\"s&\"}", NULL, NULL,
	 "{\"access_token\":\"at\",\"app_id\":\"me\",\"secret\":\"s&\"}",
	 "{\"code\":0,\"message\":\"OK\",\"request_id\":\"1\",\"data\":{\"access_token\":\"at\",\"advertiser_ids\":["
	 "\"70\"],"
	 "\"scope\":[4,14]}}",
	 0, 0, "{\"code\":40105,\"message\":\"Access token is incorrect or has been revoked.\",\"data\":{}}"},
	{"whatsapp", "https://www.facebook.com/v25.0/dialog/oauth" AUTHORIZE_COMMA, "code=c&" BACK POST_CLIENT, NULL,
	 NULL, NULL, META_LONG, 5183944, 0, META_DEAD},
	{"x", "https://x.com/i/oauth2/authorize" AUTHORIZE CHALLENGE, CODE_PKCE, NULL, REFRESH,
	 "token=r&token_type_hint=refresh_token",
	 "{\"token_type\":\"bearer\",\"expires_in\":7200,\"access_token\":\"at\",\"scope\":\"a "
	 "b\",\"refresh_token\":\"r2\"}",
	 7200, 0, DEAD},
	{"xero", "https://login.xero.com/identity/connect/authorize" AUTHORIZE CHALLENGE, CODE_PKCE, NULL, REFRESH,
	 "token=r&token_type_hint=refresh_token",
	 "{\"access_token\":\"at\",\"expires_in\":1800,\"token_type\":\"Bearer\",\"refresh_token\":\"r2\",\"scope\":"
	 "\"a b\"}",
	 1800, 0, "{\"error\":\"invalid_grant\"}"},
};

static bool has(const struct buf *text, const char *words)
{
	return memmem(text->p, text->n, words, strlen(words)) != NULL;
}

static struct client_identity client_of(const struct auth_provider *row)
{
	unsigned auths = row->dialect.client_auths;

	return (struct client_identity){.id = STR("me"),
					.secret = STR("s&"),
					.auth = auths != 0 && (auths & CLIENT_AUTH_BASIC) == 0 ? CLIENT_AUTH_POST
											       : CLIENT_AUTH_BASIC};
}

static void check_request(const struct auth_provider *row, const struct token_request *request, const char *want)
{
	const struct client_identity client = client_of(row);
	bool basic = client.auth == CLIENT_AUTH_BASIC;
	AUTO_BUF headers = {0}, text = {0};

	token_request_put(request, &client, &row->dialect, &headers, &text);
	ck_bytes(buf_str(&text), str_of(want));
	/* base64("me:s%26") */
	ck_assert(has(&headers, "Authorization: Basic bWU6cyUyNg==\r\n") == basic);
	switch (token_carriage(request, &row->dialect)) {
	case CARRY_FORM:
		ck_assert(has(&headers, "Content-Type: application/x-www-form-urlencoded\r\n"));
		break;
	case CARRY_JSON:
		ck_assert(has(&headers, "Content-Type: application/json\r\n"));
		break;
	case CARRY_QUERY:
		ck_assert(!has(&headers, "Content-Type"));
	}
}

START_TEST(every_row_is_here)
{
	size_t count = 0;

	while (auth_provider_at(count) != NULL)
		count++;
	ck_assert_uint_eq(count, ARRAY_LEN(rows));
	for (size_t i = 0; i < count; i++) {
		const struct auth_provider *row = auth_provider_at(i);

		ck_assert_str_eq(row->name, rows[i].name);
		ck_assert_ptr_eq(auth_provider_find(str_of(row->name)), row);
		ck_assert_ptr_eq(auth_dialect_of(str_of(row->name)), &row->dialect);
	}
	ck_assert_ptr_null(auth_provider_find(STR("nobody")));
	ck_assert_ptr_nonnull(auth_dialect_of(STR_NONE));
}
END_TEST

START_TEST(where_the_browser_is_sent)
{
	const struct auth_provider *row = auth_provider_at((size_t)_i);
	const struct authorize_request request = {.client_id = STR("me"),
						  .redirect_uri = STR("https://g.example/cb"),
						  .scope = STR("a b"),
						  .state = STR("st"),
						  .verifier = STR(VERIFIER)};
	AUTO_BUF url = {0};

	authorize_put(&request, row->authorize_url == NULL ? STR("https://shop.example/a") : str_of(row->authorize_url),
		      &row->dialect, &url);
	ck_bytes(buf_str(&url), str_of(rows[_i].authorize));
}
END_TEST

START_TEST(what_is_asked)
{
	const struct auth_provider *row = auth_provider_at((size_t)_i);
	const struct token_request code = {.grant = GRANT_CODE,
					   .code = STR("c"),
					   .verifier = STR(VERIFIER),
					   .redirect_uri = STR("https://g.example/cb")};
	const struct token_request longer = {.grant = GRANT_LONGER, .access_token = STR("at")};
	const struct token_request refresh = {
		.grant = GRANT_REFRESH, .refresh_token = STR("r"), .access_token = STR("at")};

	check_request(row, &code, rows[_i].code);
	ck_assert_int_eq(row->dialect.longer.grant == NULL, rows[_i].longer == NULL);
	if (rows[_i].longer != NULL)
		check_request(row, &longer, rows[_i].longer);
	ck_assert_int_eq(token_renews(&row->dialect, STR("r"), STR("at"), 0, NOW_MS), rows[_i].refresh != NULL);
	if (rows[_i].refresh != NULL)
		check_request(row, &refresh, rows[_i].refresh);
}
END_TEST

START_TEST(how_it_ends)
{
	const struct auth_provider *row = auth_provider_at((size_t)_i);
	const struct client_identity client = client_of(row);
	AUTO(arena) *arena = arena_new(1 << 20);
	struct token_ending ending;

	ck_assert_int_eq(row->revoke_url == NULL, rows[_i].ending == NULL);
	if (row->revoke_url == NULL)
		return;
	token_ending_make(arena, rows[_i].refresh == NULL || row->dialect.again.grant != NULL ? STR_NONE : STR("r"),
			  STR("at"), &client, &row->dialect, &ending);
	ck_bytes(ending.body, str_of(rows[_i].ending));
	if (row->dialect.ending == END_DELETE) {
		ck_str(ending.method, "DELETE");
		ck_str(ending.headers, "Authorization: Bearer at\r\n");
	} else {
		ck_str(ending.method, "POST");
	}
}
END_TEST

START_TEST(what_answers_mean)
{
	const struct auth_dialect *dialect = &auth_provider_at((size_t)_i)->dialect;
	AUTO(arena) *arena = arena_new(1 << 20);
	AUTO_BUF problem = {0};
	enum token_refusal refusal;
	struct token_answer answer;

	ck_ok(token_answer_read(arena, dialect, 200, str_of(rows[_i].answer), NOW_MS, &problem, &answer, &refusal));
	ck_str(answer.access_token, "at");
	ck_assert_int_eq(answer.expires_ms, rows[_i].life_s == 0 ? 0 : NOW_MS + rows[_i].life_s * 1000);
	ck_assert_int_eq(answer.refresh_expires_ms,
			 rows[_i].refresh_life_s == 0 ? 0 : NOW_MS + rows[_i].refresh_life_s * 1000);
	if (answer.scope.p != NULL)
		ck_str(answer.scope, "a b");
	if (strstr(rows[_i].answer, "\"r2\"") != NULL)
		ck_str(answer.refresh_token, "r2");
	ck_err(token_answer_read(arena, dialect, 400, str_of(rows[_i].refusal), NOW_MS, &problem, &answer, &refusal),
	       ERR_UPSTREAM_AUTH);
	ck_assert_int_eq(refusal, REFUSAL_GRANT);
}
END_TEST

static enum err refused(const char *name, int status, const char *body, struct buf *problem,
			enum token_refusal *ret_refusal)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct token_answer answer;

	return token_answer_read(arena, auth_dialect_of(str_of(name)), status, str_of(body), NOW_MS, problem, &answer,
				 ret_refusal);
}

START_TEST(numbers_of_their_own)
{
	static const struct {
		const char *name, *body;
		enum err err;
		enum token_refusal refusal;
	} table[] = {
		{"facebook", "{\"error\":{\"code\":4,\"message\":\"too many\"}}", ERR_UPSTREAM_DOWN, REFUSAL_LATER},
		{"facebook", "{\"error\":{\"code\":100,\"message\":\"bad\"}}", ERR_UPSTREAM_AUTH, REFUSAL_OTHER},
		{"microsoft", "{\"error\":\"invalid_client\",\"error_codes\":[7000222]}", ERR_UPSTREAM_AUTH,
		 REFUSAL_CLIENT},
		{"microsoft", "{\"error\":\"invalid_grant\"}", ERR_UPSTREAM_AUTH, REFUSAL_GRANT},
		{"tiktok-business", "{\"code\":40100,\"message\":\"Too many requests\",\"data\":{}}", ERR_UPSTREAM_DOWN,
		 REFUSAL_LATER},
		{"tiktok-business", "{\"code\":40110,\"message\":\"Auth_code is used\"}", ERR_UPSTREAM_AUTH,
		 REFUSAL_GRANT},
		{"tiktok", "{\"error\":\"invalid_client\"}", ERR_UPSTREAM_AUTH, REFUSAL_CLIENT},
	};
	enum token_refusal refusal;

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		AUTO_BUF problem = {0};

		ck_err(refused(table[i].name, 200, table[i].body, &problem, &refusal), table[i].err);
		ck_assert_int_eq(refusal, table[i].refusal);
	}
}
END_TEST

START_TEST(words_of_a_refusal)
{
	enum token_refusal refusal;
	AUTO_BUF meta = {0}, business = {0};

	ck_err(refused("facebook", 400, META_DEAD, &meta, &refusal), ERR_UPSTREAM_AUTH);
	ck_str(buf_str(&meta), "status 400 190: Error validating access token");
	ck_err(refused("tiktok-business", 200, "{\"code\":40105,\"message\":\"gone\"}", &business, &refusal),
	       ERR_UPSTREAM_AUTH);
	ck_str(buf_str(&business), "status 200 40105: gone");
}
END_TEST

START_TEST(an_answer_in_a_list_or_in_none)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	AUTO_BUF problem = {0};
	enum token_refusal refusal;
	struct token_answer answer;

	ck_ok(token_answer_read(arena, auth_dialect_of(STR("instagram")), 200,
				STR("{\"data\":[{\"access_token\":\"short\",\"user_id\":\"1\"}]}"), NOW_MS, &problem,
				&answer, &refusal));
	ck_str(answer.access_token, "short");
}
END_TEST

START_TEST(renewal_of_a_token_by_itself)
{
	const struct auth_dialect *meta = auth_dialect_of(STR("facebook"));

	ck_assert(token_renews(meta, STR_NONE, STR("at"), NOW_MS + 1, NOW_MS));
	ck_assert(!token_renews(meta, STR_NONE, STR("at"), NOW_MS, NOW_MS));
	ck_assert(!token_renews(auth_dialect_of(STR("google")), STR_NONE, STR("at"), NOW_MS + 1, NOW_MS));
	ck_assert_int_eq(meta->ahead_s, 10 * 24 * 3600);
}
END_TEST

START_TEST(what_settings_leave_empty)
{
	struct auth_settings own = {
		.provider = STR("instagram"), .scope = STR("mine"), .revoke_url = STR("https://r/")};
	struct auth_settings elsewhere = {.provider = STR("tiktok"),
					  .token_url = STR("https://sandbox.example/token"),
					  .identity_url = STR("https://sandbox.example/me")};
	struct auth_settings machine = {.provider = STR("microsoft"), .flow = AUTH_FLOW_CLIENT};
	struct auth_settings none = {.provider = STR("nobody")};

	auth_provider_fill(&own);
	ck_str(own.authorize_url, "https://www.instagram.com/oauth/authorize");
	ck_str(own.renew_url, "https://graph.instagram.com/refresh_access_token");
	ck_str(own.longer_url, "https://graph.instagram.com/access_token");
	ck_str(own.scope, "mine");
	ck_str(own.revoke_url, "https://r/");
	ck_str(own.identity_name, "/username");
	auth_provider_fill(&elsewhere);
	ck_str(elsewhere.token_url, "https://sandbox.example/token");
	ck_assert_uint_eq(elsewhere.authorize_url.n, 0);
	ck_assert_uint_eq(elsewhere.revoke_url.n, 0);
	ck_str(elsewhere.identity_id, "/data/user/open_id");
	ck_assert_uint_gt(elsewhere.scope.n, 0);
	auth_provider_fill(&machine);
	ck_assert_uint_eq(machine.scope.n, 0);
	auth_provider_fill(&none);
	ck_assert_uint_eq(none.token_url.n, 0);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("authclient/providers");

	tcase_add_loop_test(tcase, where_the_browser_is_sent, 0, ARRAY_LEN(rows));
	tcase_add_loop_test(tcase, what_is_asked, 0, ARRAY_LEN(rows));
	tcase_add_loop_test(tcase, how_it_ends, 0, ARRAY_LEN(rows));
	tcase_add_loop_test(tcase, what_answers_mean, 0, ARRAY_LEN(rows));
	tcase_add_test(tcase, every_row_is_here);
	tcase_add_test(tcase, what_settings_leave_empty);
	tcase_add_test(tcase, numbers_of_their_own);
	tcase_add_test(tcase, words_of_a_refusal);
	tcase_add_test(tcase, an_answer_in_a_list_or_in_none);
	tcase_add_test(tcase, renewal_of_a_token_by_itself);
	return unit_run("authclient/providers", tcase);
}
