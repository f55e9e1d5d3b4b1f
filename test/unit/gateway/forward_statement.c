/* A statement is good for one request, at one replica, for half a minute; nothing else is. */
#include "../unit.h"

#include "gateway/forward_statement.h"

#define NOW 1800000000000
#define NODE 0x1122334455667788u

static const struct forward_statement sample = {
	.to = NODE,
	.from = 99,
	.made_ms = NOW,
	.counted = true,
	.client_cert = {.fingerprint = {1, 2, 3}, .expires_ms = NOW + 5},
	.host = {"gate.example", 12},
};

/* A request with one of each header that counts. */
static void request(struct http_exchange *exchange, struct http_field *field)
{
	static const enum http_header_id ids[] = {HTTP_AUTHORIZATION, HTTP_MCP_SESSION_ID, HTTP_LAST_EVENT_ID,
						  HTTP_X_API_KEY, HTTP_USER_AGENT};

	*exchange = (struct http_exchange){.method = HTTP_POST,
					   .path = STR("/mcp/tools"),
					   .query = STR("a=b"),
					   .body = STR("{\"id\":1}"),
					   .fields = {.field = field, .count = ARRAY_LEN(ids)}};
	memset(exchange->fields.first, -1, sizeof(exchange->fields.first));
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		field[i] = (struct http_field){.name = STR("x"), .value = STR("value"), .id = ids[i]};
		exchange->fields.first[ids[i]] = (int16_t)i;
	}
}

static enum err open_as(const struct secret *key, struct str text, const struct http_exchange *exchange, uint64_t node,
			int64_t now_ms)
{
	AUTO(arena) *arena = arena_new(1 << 16);
	uint8_t digest[FORWARD_DIGEST_BYTES];
	struct forward_statement back;

	forward_digest(exchange, digest);
	return forward_statement_open(key, text, digest, node, now_ms, arena, &back);
}

static void seal(const struct secret *key, const struct http_exchange *exchange, struct buf *out)
{
	struct forward_statement statement = sample;
	uint8_t digest[FORWARD_DIGEST_BYTES];

	ck_ok(address_parse(STR("192.0.2.7:4711"), &statement.peer));
	forward_digest(exchange, digest);
	forward_statement_seal(key, &statement, digest, out);
}

static const char *const peers[] = {"192.0.2.7:4711", "[2001:db8::5]:80", "unix:/run/x.sock"};

START_TEST(says_who_asked)
{
	AUTO(secret) *key = secret_random();
	AUTO(arena) *arena = arena_new(1 << 16);
	struct forward_statement statement = sample, back;
	uint8_t digest[FORWARD_DIGEST_BYTES] = {7};
	char was[ADDRESS_TEXT_MAX], is[ADDRESS_TEXT_MAX];
	AUTO_BUF text = {0};

	ck_ok(address_parse(str_of(peers[_i]), &statement.peer));
	forward_statement_seal(key, &statement, digest, &text);
	ck_assert_uint_le(text.n, FORWARD_STATEMENT_BYTES_MAX);
	ck_ok(forward_statement_open(key, buf_str(&text), digest, NODE, NOW, arena, &back));
	ck_assert(back.counted && !back.secure && back.from == 99 && back.to == NODE && back.made_ms == NOW);
	ck_str(back.host, "gate.example");
	ck_assert_int_eq(back.client_cert.expires_ms, NOW + 5);
	ck_assert_int_eq(memcmp(back.client_cert.fingerprint, sample.client_cert.fingerprint, 32), 0);
	ck_assert_int_eq(back.peer.sa.sa_family, statement.peer.sa.sa_family);
	if (back.peer.sa.sa_family != AF_UNIX)
		ck_bytes(address_text(&back.peer, true, is), address_text(&statement.peer, true, was));
}
END_TEST

START_TEST(is_good_for_half_a_minute)
{
	AUTO(secret) *key = secret_random();
	struct http_field field[8];
	struct http_exchange exchange;
	AUTO_BUF text = {0};

	request(&exchange, field);
	seal(key, &exchange, &text);
	ck_ok(open_as(key, buf_str(&text), &exchange, NODE, NOW));
	ck_ok(open_as(key, buf_str(&text), &exchange, NODE, NOW + FORWARD_STATEMENT_MS));
	ck_err(open_as(key, buf_str(&text), &exchange, NODE, NOW + FORWARD_STATEMENT_MS + 1), ERR_FORWARDED);
	ck_err(open_as(key, buf_str(&text), &exchange, NODE, NOW - FORWARD_STATEMENT_MS - 1), ERR_FORWARDED);
}
END_TEST

START_TEST(is_good_at_one_replica_of_one_installation)
{
	AUTO(secret) *key = secret_random();
	AUTO(secret) *other = secret_random();
	struct http_field field[8];
	struct http_exchange exchange;
	AUTO_BUF text = {0};

	request(&exchange, field);
	seal(key, &exchange, &text);
	ck_err(open_as(key, buf_str(&text), &exchange, NODE + 1, NOW), ERR_MISDIRECTED);
	ck_err(open_as(other, buf_str(&text), &exchange, NODE + 1, NOW), ERR_FORWARDED);
	ck_err(open_as(other, buf_str(&text), &exchange, NODE, NOW), ERR_FORWARDED);
}
END_TEST

START_TEST(is_good_for_one_request)
{
	AUTO(secret) *key = secret_random();
	struct http_field field[8];
	struct http_exchange was, other;
	AUTO_BUF text = {0};

	request(&was, field);
	seal(key, &was, &text);
	other = was;
	other.body = STR("{\"id\":2}");
	ck_err(open_as(key, buf_str(&text), &other, NODE, NOW), ERR_FORWARDED);
	other = was;
	other.method = HTTP_DELETE;
	ck_err(open_as(key, buf_str(&text), &other, NODE, NOW), ERR_FORWARDED);
	other = was;
	other.path = STR("/mcp/tool");
	ck_err(open_as(key, buf_str(&text), &other, NODE, NOW), ERR_FORWARDED);
	other = was;
	other.query = STR("");
	ck_err(open_as(key, buf_str(&text), &other, NODE, NOW), ERR_FORWARDED);
	for (size_t i = 0; i < was.fields.count; i++) {
		field[i].value = STR("another");
		ck_err(open_as(key, buf_str(&text), &was, NODE, NOW),
		       field[i].id == HTTP_USER_AGENT ? OK : ERR_FORWARDED);
		field[i].value = STR("value");
	}
	/* What is left out is not what is empty. */
	field[0].value = STR("");
	ck_err(open_as(key, buf_str(&text), &was, NODE, NOW), ERR_FORWARDED);
	was.fields.first[HTTP_AUTHORIZATION] = -1;
	ck_err(open_as(key, buf_str(&text), &was, NODE, NOW), ERR_FORWARDED);
}
END_TEST

START_TEST(is_no_good_when_altered)
{
	AUTO(secret) *key = secret_random();
	struct http_field field[8];
	struct http_exchange exchange;
	AUTO_BUF text = {0};

	request(&exchange, field);
	seal(key, &exchange, &text);
	for (size_t n = 0; n < text.n; n++)
		ck_err(open_as(key, (struct str){text.p, n}, &exchange, NODE, NOW), ERR_FORWARDED);
	for (size_t i = 0; i < text.n; i++) {
		char was = text.p[i];

		text.p[i] = was == 'A' ? 'B' : 'A';
		ck_err(open_as(key, buf_str(&text), &exchange, NODE, NOW), ERR_FORWARDED);
		text.p[i] = was;
	}
	ck_ok(open_as(key, buf_str(&text), &exchange, NODE, NOW));
}
END_TEST

START_TEST(leaves_a_host_out_that_is_too_long)
{
	static char longest[FORWARD_HOST_BYTES_MAX + 1];
	AUTO(secret) *key = secret_random();
	AUTO(arena) *arena = arena_new(1 << 16);
	uint8_t digest[FORWARD_DIGEST_BYTES] = {7};

	memset(longest, 'h', sizeof(longest));
	for (size_t n = FORWARD_HOST_BYTES_MAX; n <= sizeof(longest); n++) {
		struct forward_statement statement = sample, back;
		AUTO_BUF text = {0};

		statement.host = (struct str){longest, n};
		forward_statement_seal(key, &statement, digest, &text);
		ck_ok(forward_statement_open(key, buf_str(&text), digest, NODE, NOW, arena, &back));
		ck_assert_uint_eq(back.host.n, n <= FORWARD_HOST_BYTES_MAX ? n : 0);
		ck_assert_uint_le(text.n, FORWARD_STATEMENT_BYTES_MAX);
	}
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("forward_statement");

	tcase_add_loop_test(tcase, says_who_asked, 0, ARRAY_LEN(peers));
	tcase_add_test(tcase, is_good_for_half_a_minute);
	tcase_add_test(tcase, is_good_at_one_replica_of_one_installation);
	tcase_add_test(tcase, is_good_for_one_request);
	tcase_add_test(tcase, is_no_good_when_altered);
	tcase_add_test(tcase, leaves_a_host_out_that_is_too_long);
	return unit_run("forward_statement", tcase);
}
