/* What a token endpoint answers. Servers differ in how they spell lives (numbers or texts, three names for the refresh
 * token's) and refusals (a text, or an object as Meta's): read here once. A token that could break a header's line is
 * no token. */
#include "authclient/token.h"
#include "authclient/words.h"
#include "base/json.h"

#define LIFE_S_MAX (10LL * 366 * 24 * 3600)

/* Seconds from now on; 0 for what says nothing. */
static int64_t read_life_ms(yyjson_val *value, int64_t now_ms)
{
	int64_t seconds;
	uint64_t text;

	if (str_to_u64(json_str(value), &text) == OK && text <= LIFE_S_MAX)
		seconds = (int64_t)text;
	else if (!json_int(value, &seconds))
		return 0;
	if (seconds <= 0)
		return 0;
	return now_ms + (seconds < LIFE_S_MAX ? seconds : LIFE_S_MAX) * 1000;
}

static bool read_type(yyjson_val *value, enum token_type *ret_type)
{
	struct str name = json_str(value);

	if (value == NULL || str_eq_nocase(name, STR("bearer")))
		*ret_type = TOKEN_BEARER; /* some leave it out, and mean this */
	else if (str_eq_nocase(name, STR("dpop")))
		*ret_type = TOKEN_DPOP;
	else if (str_eq_nocase(name, STR("n_a")))
		*ret_type = TOKEN_NOT_APPLICABLE;
	else
		return false;
	return true;
}

static enum token_refusal refusal_of(struct str code)
{
	static const struct {
		const char *code;
		enum token_refusal refusal;
	} table[] = {
		{"invalid_grant", REFUSAL_GRANT},	 {"invalid_client", REFUSAL_CLIENT},
		{"unauthorized_client", REFUSAL_CLIENT}, {"invalid_scope", REFUSAL_SCOPE},
		{"use_dpop_nonce", REFUSAL_DPOP_NONCE},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (str_eq(str_of(table[i].code), code))
			return table[i].refusal;
	return REFUSAL_OTHER;
}

static enum err read_refusal(int status, yyjson_val *root, struct buf *problem, enum token_refusal *ret_refusal)
{
	yyjson_val *error = json_get(root, "error");
	struct str code = json_str(error), words = json_str(json_get(root, "error_description"));

	if (yyjson_is_obj(error)) {
		code = json_str(json_get(error, "type"));
		words = json_str(json_get(error, "message"));
	}
	buf_put_fmt(problem, "status %d %.*s: %.*s", status, STR_ARG(words_of(code)), STR_ARG(words_of(words)));
	if (status == 429 || status >= 500) {
		*ret_refusal = REFUSAL_LATER;
		return ERR_UPSTREAM_DOWN;
	}
	*ret_refusal = refusal_of(code);
	return ERR_UPSTREAM_AUTH;
}

enum err token_answer_read(struct arena *arena, int status, struct str body, int64_t now_ms, struct buf *problem,
			   struct token_answer *ret_answer, enum token_refusal *ret_refusal)
{
	struct token_answer answer;
	yyjson_val *root = NULL;
	enum err err = json_read(arena, body, &root);

	/* A few refuse with status 200. */
	if (status != 200 || json_get(root, "error") != NULL)
		return read_refusal(status, err == OK ? root : NULL, problem, ret_refusal);
	answer = (struct token_answer){
		.access_token = json_str(json_get(root, "access_token")),
		.refresh_token = json_str(json_get(root, "refresh_token")),
		.id_token = json_str(json_get(root, "id_token")),
		.scope = json_str(json_get(root, "scope")),
		.expires_ms = read_life_ms(json_get(root, "expires_in"), now_ms),
		.refresh_expires_ms = read_life_ms(json_get(root, "refresh_expires_in"), now_ms),
	};
	if (answer.refresh_expires_ms == 0)
		answer.refresh_expires_ms = read_life_ms(json_get(root, "refresh_token_expires_in"), now_ms);
	if (err != OK || !read_type(json_get(root, "token_type"), &answer.type) ||
	    !words_are_token(answer.access_token, TOKEN_BYTES_MAX)) {
		buf_put(problem, STR("its answer holds no access token"));
		return ERR_UPSTREAM_GARBAGE;
	}
	if (!words_are_token(answer.refresh_token, TOKEN_BYTES_MAX))
		answer.refresh_token = STR_NONE;
	if (answer.scope.p != NULL && !str_is_printable(answer.scope))
		answer.scope = STR_NONE;
	*ret_answer = answer;
	return OK;
}
