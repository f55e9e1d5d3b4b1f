/* Log lines as they reach stderr, and the redactor on many shapes of secrets: none may leak a
 * byte of its body, and ordinary text must pass unchanged. */
#include "../unit.h"

#include <unistd.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"

static struct str redacted(struct buf *out, struct str s)
{
	out->n = 0;
	log_redact(out, s);
	return buf_str(out);
}

#define B "0123456789abcdefABCDEF0123456789abcdefABCDEF" /* a token's body */

START_TEST(secrets_go)
{
	static const char *const pairs[][2] = {
		{"key gh_" B " used", "key [redacted] used"},
		{"gh_" B, "[redacted]"},
		{"(ghp_" B ")", "([redacted])"},
		{"sk-proj-" B, "[redacted]"},
		{"xoxb-123-" B ".", "[redacted]."},
		{"AKIAABCDEFGHIJKLMNOP", "[redacted]"},
		{"Authorization: Bearer " B, "Authorization: [redacted]"},
		{"authorization: Basic dXNlcjpwYXNz\nnext: line", "authorization: [redacted]\nnext: line"},
		{"sent bearer abc.def-ghi~+/= here", "sent bearer [redacted] here"},
		{"BASIC dXNlcjpwYXNzd29yZA==", "BASIC [redacted]"},
		{"jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl!", "jwt [redacted]!"},
		{"password=hunter2&user=me", "password=[redacted]&user=me"},
		{"?access_token=" B "&x=1", "?access_token=[redacted]&x=1"},
		{"{\"client_secret\": \"a\\\"b, c\", \"id\": 1}", "{\"client_secret\": \"[redacted]\", \"id\": 1}"},
		{"{\\\"password\\\":\\\"x y\\\",\\\"a\\\":1}", "{\\\"password\\\":\\\"[redacted]\\\",\\\"a\\\":1}"},
		{"{'apiKey' : 'v'}", "{'apiKey' : '[redacted]'}"},
		{"{\"pin\":{\"password\":12345}}", "{\"pin\":{\"password\":[redacted]}}"},
		{"{\"secret\":{\"password\":\"x\"}}", "{\"secret\":{\"password\":\"[redacted]\"}}"},
		{"API_KEY=abc def", "API_KEY=[redacted] def"},
		{"X-Api-Key: abc", "X-Api-Key: [redacted]"},
		{"AWS_SECRET_ACCESS_KEY=abc", "AWS_SECRET_ACCESS_KEY=[redacted]"},
		{"PGPASSWORD=abc psql", "PGPASSWORD=[redacted] psql"},
		{"--password hunter2 --verbose", "--password [redacted] --verbose"},
		{"--api-key=abc", "--api-key=[redacted]"},
		{"Cookie: a=1; session=2\r\nHost: x", "Cookie: [redacted]\r\nHost: x"},
		{"Set-Cookie: sid=\"quoted\"; Path=/", "Set-Cookie: [redacted]"},
		{"postgres://user:p%40ss@host/db", "postgres://[redacted]@host/db"},
		{"redis://:pw@host:6379", "redis://[redacted]@host:6379"},
		{"https://token@host/ and https://a:b@c/", "https://[redacted]@host/ and https://[redacted]@c/"},
		{"x://u:p@ss@host/", "x://[redacted]@host/"},
		{"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nrest", "[redacted]\nrest"},
		{"-----BEGIN PRIVATE KEY-----\nMIIE", "[redacted]"},
		{"token: abc", "token: [redacted]"},
		{"refreshToken=>abc", "refreshToken=>[redacted]"},
	};
	AUTO_BUF out = {0};

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		ck_bytes(redacted(&out, str_of(pairs[i][0])), str_of(pairs[i][1]));
}
END_TEST

START_TEST(ordinary_text_stays)
{
	static const char *const texts[] = {
		"",
		"the upstream billing answered 502 after 30 ms",
		"max_tokens=4096 prompt_tokens: 12 total_tokens=5",
		"token_endpoint=https://idp.example/token",
		"tokenizer: cl100k",
		"basic authentication is off",
		"https://host/path?q=a",
		"http://[::1]:8080/mcp",
		"mail me at me@example.org",
		"gh_short",
		"high_school",
		"keyboard=qwerty",
		"primary key=7",
		"monkey=1",
		"\"method\":\"tools/call\"",
		"-----BEGIN CERTIFICATE-----",
		"secretary said",
		"the password was wrong",
		"\xC3\xA9t\xC3\xA9 \xF0\x9F\x98\x80",
		"a:b=c:d",
		"://",
		"--token",
		"eyJ is short",
		"task-sk-1",
		"2026-11-21T01:02:03.456Z",
	};
	AUTO_BUF out = {0};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		ck_bytes(redacted(&out, str_of(texts[i])), str_of(texts[i]));
}
END_TEST

START_TEST(names)
{
	static const char *const secret[] = {"password",    "clientSecret", "x-api-key",   "access_token",
					     "accessToken", "Cookie",	    "private_key", "apikey",
					     "DB_PASSWORD", "credentials",  "token",	   "proxy-authorization",
					     "AUTH_TOKEN",  "tokenValue"};
	static const char *const plain[] = {"tokens", "max_tokens",   "token_type", "key", "public_key", "path",
					    "author", "passed_tests", "monkey",	    "",	   "_",		 "tokenCount"};

	for (size_t i = 0; i < ARRAY_LEN(secret); i++)
		ck_assert_msg(log_name_is_secret(str_of(secret[i])), "%s", secret[i]);
	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		ck_assert_msg(!log_name_is_secret(str_of(plain[i])), "%s", plain[i]);
}
END_TEST

/* Texts made to send a naive matcher back and forth; quadratic work would run into the
 * time-out of the case. */
START_TEST(work_is_linear)
{
	static const char *const units[] = {"eyJ-",   "://",   "token:", "secret:{",	"basic ",   "-----BEGIN ",
					    "gh_",    "a",     "\\",	 "password=\"", "--token ", "sk-",
					    "Bearer", "x://a", " ",	 "\"token\"  ", "_"};

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		AUTO_BUF text = {0};
		AUTO_BUF out = {0};

		while (text.n < 2000000)
			buf_put(&text, str_of(units[i]));
		log_redact(&out, buf_str(&text));
		ck_assert_uint_gt(out.n, 0);
	}
}
END_TEST

/* What log_event writes while stderr is a pipe. */
static int pipe_read = -1;

static void capture(enum log_level least, enum log_format format)
{
	int fd[2];

	ck_assert_int_eq(pipe(fd), 0);
	ck_assert_int_eq(dup2(fd[1], STDERR_FILENO), STDERR_FILENO);
	close(fd[1]);
	pipe_read = fd[0];
	log_setup(least, format);
}

static struct str captured(void)
{
	static char text[65536];
	ssize_t n = read(pipe_read, text, sizeof(text));

	ck_assert_int_ge(n, 0);
	return (struct str){text, (size_t)n};
}

START_TEST(json_lines)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	yyjson_val *root;
	struct str line;
	int64_t ms;

	capture(LOG_INFO, LOG_AUTO); /* a pipe is no terminal: JSON */
	log_warn("upstream.restart", LOG_STR("upstream", STR("bil\"ling\n\xFF\x1b")), LOG_INT("wait_ms", -5),
		 LOG_BOOL("again", true), LOG_ERR(ERR_TIMEOUT), LOG_CSTR("none", NULL));
	line = captured();
	ck_assert(str_ends(line, STR("}\n")) && memchr(line.p, '\n', line.n) == line.p + line.n - 1);
	ck_ok(json_read(arena, line, &root));
	ck_assert_uint_eq(json_str(json_get(root, "time")).n, 24);
	ck_str(json_str(json_get(root, "level")), "warn");
	ck_str(json_str(json_get(root, "event")), "upstream.restart");
	ck_str(json_str(json_get(root, "upstream")), "bil\"ling\n\xEF\xBF\xBD\x1b");
	ck_assert(json_int(json_get(root, "wait_ms"), &ms) && ms == -5);
	ck_assert(yyjson_is_true(json_get(root, "again")));
	ck_str(json_str(json_get(root, "error")), "TIMEOUT");
	ck_str(json_str(json_get(root, "none")), "");
}
END_TEST

START_TEST(text_lines)
{
	struct str line;

	capture(LOG_DEBUG, LOG_TEXT);
	log_debug("a.b", LOG_CSTR("plain", "word"), LOG_CSTR("spaced", "two words\n\x1b[31m"), LOG_CSTR("empty", ""),
		  LOG_INT("n", 7));
	line = captured();
	ck_assert(str_ends(str_skip(line, 12),
			   STR(" DEBUG a.b plain=word spaced=\"two words\\n\\u001b[31m\" empty=\"\" n=7\n")));
}
END_TEST

START_TEST(levels)
{
	struct str line;

	capture(LOG_WARN, LOG_JSON);
	ck_assert(!log_wants(LOG_INFO) && log_wants(LOG_WARN) && log_wants(LOG_ERROR));
	log_info("not.shown", LOG_INT("n", 1));
	log_error("shown", LOG_INT("n", 1));
	line = captured(); /* all that was written: one line */
	ck_assert(str_ends(line, STR("\"level\":\"error\",\"event\":\"shown\",\"n\":1}\n")));
	ck_assert_ptr_eq(memchr(line.p, '\n', line.n), line.p + line.n - 1);
	log_setup(LOG_DEBUG, LOG_JSON);
	log_debug("no.fields");
	ck_assert(str_ends(captured(), STR("\"level\":\"debug\",\"event\":\"no.fields\"}\n")));
}
END_TEST

START_TEST(values_are_redacted_and_cut)
{
	AUTO_BUF value = {0};
	struct str line;

	capture(LOG_INFO, LOG_JSON);
	log_info("a", LOG_CSTR("note", "with gh_" B), LOG_CSTR("api_key", "short"));
	line = captured();
	ck_assert(str_ends(line, STR("\"note\":\"with [redacted]\",\"api_key\":\"[redacted]\"}\n")));
	/* a token that the cut would halve, after text that redaction shrinks */
	for (int i = 0; i < 60; i++)
		buf_put(&value, STR("gh_" B B " "));
	log_info("a", LOG_STR("note", buf_str(&value)));
	line = captured();
	ck_assert_ptr_null(memmem(line.p, line.n, "0123", 4));
	value.n = 0;
	while (value.n < 10000)
		buf_put(&value, STR("\xE2\x82\xAC "));
	log_info("a", LOG_STR("note", buf_str(&value)));
	line = captured();
	ck_assert_uint_lt(line.n, LOG_VALUE_BYTES_MAX + 100);
	ck_assert(str_ends(line, STR("...\"}\n")) && str_is_utf8(line));
	ck_assert_ptr_null(memmem(line.p, line.n, "\xEF\xBF\xBD", 3));
}
END_TEST

UNIT_MAIN("log", secrets_go, ordinary_text_stays, names, work_is_linear, json_lines, text_lines, levels,
	  values_are_redacted_and_cut)
