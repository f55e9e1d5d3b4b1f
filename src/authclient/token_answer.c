/* What a token endpoint answers. Servers differ in how they spell lives (numbers or texts, three names for the refresh
 * token's) and refusals (a text, an object, a number of their own, with status 200 too): read here once, what is a
 * platform's own with its dialect beside. A token that could break a header's line is no token. */
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

/* Codes that the standards have. */
static enum token_refusal refusal_of(struct str code)
{
	static const struct {
		const char *code;
		enum token_refusal refusal;
	} table[] = {
		{"invalid_grant", REFUSAL_GRANT},	 {"invalid_client", REFUSAL_CLIENT},
		{"unauthorized_client", REFUSAL_CLIENT}, {"invalid_scope", REFUSAL_SCOPE},
		{"use_dpop_nonce", REFUSAL_DPOP_NONCE},	 {"temporarily_unavailable", REFUSAL_LATER},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (str_eq(str_of(table[i].code), code))
			return table[i].refusal;
	return REFUSAL_OTHER;
}

/* A code of the platform's own, number or text, before those of the standards. */
static enum token_refusal refusal_in(const struct auth_refusals *refusals, yyjson_val *code)
{
	int64_t number = 0;
	bool is_number = json_int(code, &number);

	for (size_t i = 0; i < refusals->count; i++) {
		const struct auth_refusal *row = &refusals->table[i];

		if (row->text != NULL ? str_eq(json_str(code), str_of(row->text))
				      : is_number && number >= row->first && number <= row->last)
			return row->refusal;
	}
	return refusal_of(json_str(code));
}

/* Where a refusal may be, and what it says. */
struct refusal_place {
	yyjson_val *code, *words;
};

static yyjson_val *at_pointer(yyjson_val *root, const char *pointer)
{
	return root == NULL || pointer == NULL ? NULL : yyjson_ptr_get(root, pointer);
}

static struct refusal_place find_refusal(yyjson_val *root, const struct auth_refusals *refusals)
{
	yyjson_val *error = json_get(root, "error");
	struct refusal_place place = {at_pointer(root, refusals->code), at_pointer(root, refusals->words)};

	if (place.words == NULL)
		place.words = json_get(root, "error_description");
	if (place.code != NULL)
		return place;
	if (!yyjson_is_obj(error))
		return (struct refusal_place){error, place.words};
	place.code = json_get(error, "code");
	if (!yyjson_is_str(place.code) && json_get(error, "type") != NULL)
		place.code = json_get(error, "type");
	place.words = json_get(error, "message");
	return place;
}

/* A few refuse with status 200, and say with it that nothing is refused. */
static bool is_refusal(const struct refusal_place *place, const struct auth_refusals *refusals)
{
	int64_t number;

	if (place->code == NULL)
		return false;
	if (json_int(place->code, &number))
		return number != refusals->fine;
	return !str_eq(json_str(place->code), STR("ok"));
}

static void put_code(struct buf *problem, yyjson_val *code)
{
	int64_t number;

	if (json_int(code, &number))
		buf_put_fmt(problem, "%lld", (long long)number);
	else
		buf_put(problem, words_of(json_str(code)));
}

static enum err refuse(int status, const struct refusal_place *place, const struct auth_refusals *refusals,
		       struct buf *problem, enum token_refusal *ret_refusal)
{
	buf_put_fmt(problem, "status %d ", status);
	put_code(problem, place->code);
	buf_put_fmt(problem, ": %.*s", STR_ARG(words_of(json_str(place->words))));
	*ret_refusal = status == 429 || status >= 500 ? REFUSAL_LATER : refusal_in(refusals, place->code);
	return *ret_refusal == REFUSAL_LATER ? ERR_UPSTREAM_DOWN : ERR_UPSTREAM_AUTH;
}

/* Scopes of a server that separates them otherwise, with spaces. */
static struct str read_scope(struct arena *arena, struct str scope, const struct auth_dialect *dialect)
{
	const char *separator = dialect->scope_separator;
	char *text;

	if (scope.p == NULL || !str_is_printable(scope))
		return STR_NONE;
	if (separator == NULL || memchr(scope.p, separator[0], scope.n) == NULL)
		return scope;
	text = arena_alloc(arena, scope.n);
	for (size_t i = 0; i < scope.n; i++)
		text[i] = scope.p[i] == separator[0] ? ' ' : scope.p[i];
	return (struct str){text, scope.n};
}

static enum err read_tokens(struct arena *arena, const struct auth_dialect *dialect, yyjson_val *object, int64_t now_ms,
			    struct token_answer *ret_answer)
{
	struct token_answer answer = {
		.access_token = json_str(json_get(object, "access_token")),
		.refresh_token = json_str(json_get(object, "refresh_token")),
		.id_token = json_str(json_get(object, "id_token")),
		.expires_ms = read_life_ms(json_get(object, "expires_in"), now_ms),
		.refresh_expires_ms = read_life_ms(json_get(object, "refresh_expires_in"), now_ms),
	};

	if (!read_type(json_get(object, "token_type"), &answer.type) ||
	    !words_are_token(answer.access_token, TOKEN_BYTES_MAX))
		return ERR_UPSTREAM_GARBAGE;
	if (answer.refresh_expires_ms == 0)
		answer.refresh_expires_ms = read_life_ms(json_get(object, "refresh_token_expires_in"), now_ms);
	if (!words_are_token(answer.refresh_token, TOKEN_BYTES_MAX))
		answer.refresh_token = STR_NONE;
	answer.scope = read_scope(arena, json_str(json_get(object, "scope")), dialect);
	*ret_answer = answer;
	return OK;
}

enum err token_answer_read(struct arena *arena, const struct auth_dialect *dialect, int status, struct str body,
			   int64_t now_ms, struct buf *problem, struct token_answer *ret_answer,
			   enum token_refusal *ret_refusal)
{
	struct refusal_place place;
	yyjson_val *root = NULL, *object;

	if (json_read(arena, body, &root) != OK)
		root = NULL;
	place = find_refusal(root, &dialect->refusals);
	if (status != 200 || is_refusal(&place, &dialect->refusals))
		return refuse(status, &place, &dialect->refusals, problem, ret_refusal);
	object = at_pointer(root, dialect->answer);
	if (read_tokens(arena, dialect, object != NULL ? object : root, now_ms, ret_answer) != OK) {
		buf_put(problem, STR("its answer holds no access token"));
		return ERR_UPSTREAM_GARBAGE;
	}
	return OK;
}
