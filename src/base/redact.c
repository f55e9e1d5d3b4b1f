/* What must not reach a log: tokens known by their shape, and values known by the name in
 * front of them. One pass over the text, each rule looking ahead only over bytes that it then
 * either consumes or bounds, so the work is linear whatever the text.
 *
 * A rule that is unsure redacts: a word lost from a log line costs less than a leaked key.
 * Names are judged by their parts, since "max_tokens" and "token_endpoint" are no secrets. */
#include "base/log.h"

#include "base/check.h"

#define NAME_BYTES_MAX 64 /* a longer name is judged by its end */

struct redactor {
	struct str in;
	size_t at;     /* the byte being looked at */
	size_t copied; /* everything before is in `out` */
	struct buf *out;
};

enum charset { CHARSET_TOKEN, CHARSET_WORD };

/* Credentials that announce themselves. `body_min` keeps ordinary words out. */
static const struct prefix {
	struct str text;
	enum charset charset;
	size_t body_min;
} prefixes[] = {
#define P(lit, charset, body_min)                                                                                      \
	{                                                                                                              \
		{lit, sizeof(lit) - 1}, charset, body_min                                                              \
	}
	P("gh_", CHARSET_WORD, 16), /* our own API keys */
	P("ghp_", CHARSET_WORD, 16),	P("gho_", CHARSET_WORD, 16),	P("ghu_", CHARSET_WORD, 16),
	P("ghs_", CHARSET_WORD, 16),	P("ghr_", CHARSET_WORD, 16),	P("github_pat_", CHARSET_WORD, 16),
	P("glpat-", CHARSET_WORD, 16),	P("npm_", CHARSET_WORD, 30),	P("hf_", CHARSET_WORD, 20),
	P("xoxb-", CHARSET_WORD, 10),	P("xoxp-", CHARSET_WORD, 10),	P("xoxa-", CHARSET_WORD, 10),
	P("xoxs-", CHARSET_WORD, 10),	P("xoxr-", CHARSET_WORD, 10),	P("xapp-", CHARSET_WORD, 10),
	P("sk-", CHARSET_WORD, 20),	P("sk_live_", CHARSET_WORD, 8), P("sk_test_", CHARSET_WORD, 8),
	P("rk_live_", CHARSET_WORD, 8), P("rk_test_", CHARSET_WORD, 8), P("whsec_", CHARSET_TOKEN, 16),
	P("AKIA", CHARSET_WORD, 16),	P("ASIA", CHARSET_WORD, 16),	P("AIza", CHARSET_WORD, 30),
	P("ya29.", CHARSET_TOKEN, 16),	P("1//0", CHARSET_WORD, 20),	P("GOCSPX-", CHARSET_WORD, 16),
	P("SG.", CHARSET_TOKEN, 30),	P("EAA", CHARSET_WORD, 40),	P("shpat_", CHARSET_WORD, 16),
	P("dop_v1_", CHARSET_WORD, 16), P("pat-", CHARSET_WORD, 30),	P("lin_api_", CHARSET_WORD, 16),
	P("secret_", CHARSET_WORD, 30), P("ntn_", CHARSET_WORD, 30),	P("AGE-SECRET-KEY-", CHARSET_WORD, 16),
	P("eyJ", CHARSET_TOKEN, 17), /* base64url of `{"`: a JWT, or a piece of one */
#undef P
};

static inline bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static inline bool is_word(char c)
{
	return is_alnum(c) || c == '_' || c == '-';
}

static inline bool in_charset(char c, enum charset charset)
{
	return is_word(c) || (charset == CHARSET_TOKEN && (c == '.' || c == '+' || c == '/' || c == '=' || c == '~'));
}

static inline bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Ends a value that is not quoted. */
static inline bool ends_value(char c)
{
	return (uint8_t)c <= ' ' || c == '&' || c == ',' || c == ';' || c == ')' || c == '}' || c == ']' || c == '"' ||
	       c == '\'' || c == '<' || c == '>' || c == '`';
}

static inline char byte_at(const struct redactor *r, size_t at)
{
	return at < r->in.n ? r->in.p[at] : '\0';
}

static inline struct str rest_at(const struct redactor *r, size_t at)
{
	return str_skip(r->in, at);
}

/* Replace in[from, to) and go on after it. */
static void redact_range(struct redactor *r, size_t from, size_t to)
{
	CHECK(r->copied <= from && from <= to && to <= r->in.n);
	buf_put(r->out, (struct str){r->in.p + r->copied, from - r->copied});
	buf_put(r->out, STR(LOG_REDACTED));
	r->at = r->copied = to;
}

/* --- tokens known by their shape --- */

static bool redact_prefixed(struct redactor *r)
{
	struct str rest = rest_at(r, r->at);

	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
		const struct prefix *prefix = &prefixes[i];
		size_t to = r->at + prefix->text.n;

		if (rest.p[0] != prefix->text.p[0] || !str_starts(rest, prefix->text))
			continue;
		while (to < r->in.n && in_charset(r->in.p[to], prefix->charset))
			to++;
		if (to - r->at < prefix->text.n + prefix->body_min)
			continue;
		redact_range(r, r->at, to);
		return true;
	}
	return false;
}

/* scheme://user:password@host: all before the last `@` of the authority. A `/` ends it, so the
 * next look-ahead starts behind what this one read. */
static bool redact_url_user(struct redactor *r)
{
	size_t from = r->at + 3, at = 0, to;

	if (!str_starts(rest_at(r, r->at), STR("://")))
		return false;
	for (to = from; to < r->in.n; to++) {
		char c = r->in.p[to];

		if ((uint8_t)c <= ' ' || c == '/' || c == '"' || c == '\'' || c == '<' || c == '>')
			break;
		if (c == '@')
			at = to;
	}
	if (at == 0 || at == from)
		return false;
	redact_range(r, from, at);
	return true;
}

/* A PEM private key, up to its end line or the end of the text. */
static bool redact_pem(struct redactor *r)
{
	static const char *const begin = "-----BEGIN ", *const end = "-----END ";
	struct str rest = rest_at(r, r->at), label;
	const char *found;
	size_t to;

	if (!str_starts(rest, str_of(begin)))
		return false;
	rest = str_skip(rest, strlen(begin));
	label = (struct str){rest.p, rest.n < NAME_BYTES_MAX ? rest.n : NAME_BYTES_MAX};
	if (memmem(label.p, label.n, "PRIVATE KEY-----", 16) == NULL)
		return false;
	found = memmem(rest.p, rest.n, end, strlen(end));
	to = found == NULL ? r->in.n : (size_t)(found - r->in.p) + strlen(end);
	while (to < r->in.n && r->in.p[to] != '\n')
		to++;
	redact_range(r, r->at, to);
	return true;
}

/* --- values known by the name in front of them --- */

static bool ends_nocase(struct str s, struct str suffix)
{
	return s.n >= suffix.n && str_eq_nocase(str_skip(s, s.n - suffix.n), suffix);
}

static bool part_is_any(struct str part, const char *const *words)
{
	for (; *words != NULL; words++) {
		if (str_eq_nocase(part, str_of(*words)))
			return true;
	}
	return false;
}

static bool part_ends_any(struct str part, const char *const *words)
{
	for (; *words != NULL; words++) {
		if (ends_nocase(part, str_of(*words)))
			return true;
	}
	return false;
}

/* Cut the last part off a name: at `_`, `-`, `.` and where camelCase turns upper. */
static struct str take_last_part(struct str *name)
{
	size_t at = name->n;
	struct str part;

	while (at > 0 && is_alnum(name->p[at - 1])) {
		bool upper = name->p[at - 1] >= 'A' && name->p[at - 1] <= 'Z';

		at--;
		if (upper && at > 0 && name->p[at - 1] >= 'a' && name->p[at - 1] <= 'z')
			break;
	}
	part = (struct str){name->p + at, name->n - at};
	while (at > 0 && !is_alnum(name->p[at - 1]))
		at--;
	name->n = at;
	return part;
}

bool log_name_is_secret(struct str name)
{
	static const char *const always[] = {"password", "passwd", "passphrase", "pwd",		"secret", "apikey",
					     "cookie",	 "bearer", "credential", "credentials", NULL};
	static const char *const last[] = {"token", "authorization", "jwt", NULL};
	static const char *const key_of[] = {"api",	   "private", "access",	 "secret",	 "auth", "signing",
					     "encryption", "master",  "service", "subscription", NULL};
	struct str after = STR_NONE;

	if (name.n > NAME_BYTES_MAX)
		name = str_skip(name, name.n - NAME_BYTES_MAX);
	while (name.n > 0) {
		struct str part = take_last_part(&name), rest = name;

		if (part_ends_any(part, always))
			return true;
		if ((after.n == 0 || str_eq_nocase(after, STR("value"))) && part_ends_any(part, last))
			return true;
		if (str_eq_nocase(part, STR("key")) && part_is_any(take_last_part(&rest), key_of))
			return true;
		after = part;
	}
	return false;
}

/* Headers whose whole line is the secret, spaces and all. */
static bool is_line_name(struct str name)
{
	return ends_nocase(name, STR("authorization")) || ends_nocase(name, STR("cookie"));
}

static size_t skip_blanks(const struct redactor *r, size_t at)
{
	while (is_blank(byte_at(r, at)))
		at++;
	return at;
}

/* Past an optional quote, which may itself be escaped; *ret_quote is 0 without one. */
static size_t skip_quote(const struct redactor *r, size_t at, char *ret_quote, bool *ret_escaped)
{
	size_t p = at;

	while (byte_at(r, p) == '\\')
		p++;
	*ret_escaped = p > at;
	*ret_quote = byte_at(r, p);
	if (*ret_quote == '"' || *ret_quote == '\'')
		return p + 1;
	*ret_quote = '\0';
	return at;
}

/* Where the value that starts at `from` ends. */
static size_t value_end(const struct redactor *r, size_t from, char quote, bool escaped, bool whole_line)
{
	size_t to = from;

	for (; to < r->in.n; to++) {
		char c = r->in.p[to];

		if (quote == '\0') {
			if (c == '\n' || c == '\r' || (!whole_line && ends_value(c)))
				break;
		} else if (c == '\\' && !escaped) {
			to++;
		} else if (c == quote || (c == '\\' && escaped)) {
			break;
		}
	}
	return to < r->in.n ? to : r->in.n;
}

/* name=value, name: value, "name": "value", --name value. */
static bool redact_named(struct redactor *r, struct str name, size_t after_name)
{
	bool flag = str_starts(name, STR("--"));
	size_t at, from, to;
	bool escaped;
	char quote;

	if (!log_name_is_secret(name))
		return false;
	at = skip_blanks(r, skip_quote(r, after_name, &quote, &escaped));
	if (byte_at(r, at) == '=' || byte_at(r, at) == ':') {
		at++;
		if (byte_at(r, at) == '>')
			at++;
	} else if (!flag || at == after_name) {
		return false;
	}
	from = skip_quote(r, skip_blanks(r, at), &quote, &escaped);
	if (byte_at(r, from) == '{' || byte_at(r, from) == '[')
		return false; /* its members are judged by their own names */
	to = value_end(r, from, quote, escaped, is_line_name(name));
	if (to == from)
		return false;
	redact_range(r, from, to);
	return true;
}

/* "Bearer x", "Basic x": the credentials after a scheme. Prose says "basic" too; credentials
 * are hardly ever all lower case. */
static bool redact_scheme(struct redactor *r, struct str word, size_t after_word)
{
	bool basic = str_eq_nocase(word, STR("basic"));
	size_t from = skip_blanks(r, after_word), to = from;
	bool prose = basic;

	if (from == after_word || (!basic && !str_eq_nocase(word, STR("bearer"))))
		return false;
	for (; to < r->in.n && !ends_value(r->in.p[to]) && r->in.p[to] != '\\'; to++)
		prose = prose && r->in.p[to] >= 'a' && r->in.p[to] <= 'z';
	if (to == from || prose)
		return false;
	redact_range(r, from, to);
	return true;
}

static bool redact_after_word(struct redactor *r)
{
	size_t to = r->at;
	struct str word;

	while (to < r->in.n && is_word(r->in.p[to]))
		to++;
	word = (struct str){r->in.p + r->at, to - r->at};
	return redact_named(r, word, to) || redact_scheme(r, word, to);
}

void log_redact(struct buf *out, struct str s)
{
	struct redactor r = {.in = s, .out = out};

	while (r.at < s.n) {
		char c = s.p[r.at], before = r.at == 0 ? '\0' : s.p[r.at - 1];

		if (is_alnum(c) && !is_alnum(before) && redact_prefixed(&r))
			continue;
		if (c == '-' && before != '-' && redact_pem(&r))
			continue;
		if (is_word(c) && !is_word(before) && redact_after_word(&r))
			continue;
		if (c == ':' && redact_url_user(&r))
			continue;
		r.at++;
	}
	buf_put(out, str_skip(s, r.copied));
}
