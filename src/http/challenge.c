/* The grammar is ambiguous by one comma: it separates parameters of a challenge as well as challenges. A word before
 * '=' is a parameter's name, any other begins the next challenge; a value that ends in '=' alone is a token68. */
#include "http/challenge.h"

static bool is_token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token68_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("-._~+/", c) != NULL);
}

static void skip_space(struct str *rest)
{
	while (rest->n > 0 && (rest->p[0] == ' ' || rest->p[0] == '\t'))
		*rest = str_skip(*rest, 1);
}

/* Spaces and the commas of empty list elements. */
static void skip_separators(struct str *rest)
{
	while (rest->n > 0 && (rest->p[0] == ' ' || rest->p[0] == '\t' || rest->p[0] == ','))
		*rest = str_skip(*rest, 1);
}

static struct str take(struct str *rest, bool (*belongs)(char c))
{
	size_t n = 0;
	struct str word;

	while (n < rest->n && belongs(rest->p[n]))
		n++;
	word = (struct str){rest->p, n};
	*rest = str_skip(*rest, n);
	return word;
}

/* A quoted-string, whose escapes are rare: without one it is a slice. */
static bool take_quoted(struct arena *arena, struct str *rest, struct str *ret_value)
{
	size_t n = 1, kept = 0, escapes = 0;
	char *copy;

	for (; n < rest->n && rest->p[n] != '"'; n++) {
		if (rest->p[n] == '\\') {
			escapes++;
			n++;
		}
	}
	if (n >= rest->n)
		return false;
	*ret_value = (struct str){rest->p + 1, n - 1};
	if (escapes > 0) {
		copy = arena_try_alloc(arena, n - 1 - escapes);
		if (copy == NULL)
			return false;
		for (size_t i = 1; i < n; i++) {
			i += rest->p[i] == '\\' ? 1 : 0;
			copy[kept++] = rest->p[i];
		}
		*ret_value = (struct str){copy, kept};
	}
	*rest = str_skip(*rest, n + 1);
	return true;
}

/* NAME = VALUE. Leaves `rest` alone when what comes next is no parameter. */
static bool take_param(struct arena *arena, struct str *rest, struct challenge_param *ret_param)
{
	struct str ahead = *rest;
	struct challenge_param param = {.name = take(&ahead, is_token_char)};

	skip_space(&ahead);
	if (param.name.n == 0 || ahead.n == 0 || ahead.p[0] != '=')
		return false;
	ahead = str_skip(ahead, 1);
	skip_space(&ahead);
	if (ahead.n > 0 && ahead.p[0] == '"') {
		if (!take_quoted(arena, &ahead, &param.value))
			return false;
	} else {
		param.value = take(&ahead, is_token_char);
		if (param.value.n == 0)
			return false;
	}
	*rest = ahead;
	*ret_param = param;
	return true;
}

static void take_params(struct arena *arena, struct str *rest, struct challenge *challenge)
{
	struct challenge_param param;

	while (take_param(arena, rest, &param)) {
		if (challenge->count < CHALLENGE_PARAMS_MAX)
			challenge->param[challenge->count++] = param;
		skip_space(rest);
		if (rest->n > 0 && rest->p[0] != ',')
			return;
		skip_separators(rest);
	}
}

static bool take_token68(struct str *rest, struct str *ret_token)
{
	struct str ahead = *rest;
	struct str token = take(&ahead, is_token68_char);

	while (token.n > 0 && ahead.n > 0 && ahead.p[0] == '=') {
		token.n++;
		ahead = str_skip(ahead, 1);
	}
	skip_space(&ahead);
	if (token.n == 0 || (ahead.n > 0 && ahead.p[0] != ','))
		return false;
	*rest = ahead;
	*ret_token = token;
	return true;
}

static bool take_challenge(struct arena *arena, struct str *rest, struct challenge *ret_challenge)
{
	struct challenge challenge = {.scheme = take(rest, is_token_char)};

	if (challenge.scheme.n == 0)
		return false;
	if (rest->n > 0 && rest->p[0] == ' ') {
		skip_space(rest);
		if (!take_token68(rest, &challenge.token68))
			take_params(arena, rest, &challenge);
	}
	*ret_challenge = challenge;
	skip_space(rest);
	return true;
}

void challenges_read(struct arena *arena, struct str field, struct challenges *challenges)
{
	struct str rest = field;
	struct challenge challenge;

	skip_separators(&rest);
	while (rest.n > 0 && challenges->count < CHALLENGES_MAX && take_challenge(arena, &rest, &challenge)) {
		challenges->item[challenges->count++] = challenge;
		skip_separators(&rest);
	}
}

void challenges_of(struct arena *arena, const struct http_fields *fields, struct challenges *ret_challenges)
{
	*ret_challenges = (struct challenges){0};
	for (size_t i = 0; i < fields->count; i++) {
		if (fields->field[i].id == HTTP_WWW_AUTHENTICATE)
			challenges_read(arena, fields->field[i].value, ret_challenges);
	}
}

const struct challenge *challenges_find(const struct challenges *challenges, struct str scheme)
{
	for (size_t i = 0; i < challenges->count; i++)
		if (str_eq_nocase(challenges->item[i].scheme, scheme))
			return &challenges->item[i];
	return NULL;
}

struct str challenge_get(const struct challenge *challenge, struct str name)
{
	for (size_t i = 0; i < challenge->count; i++)
		if (str_eq_nocase(challenge->param[i].name, name))
			return challenge->param[i].value;
	return STR_NONE;
}
