/* Platforms' requests: who is believed, what they are answered, and which events are in them. */
#include "../unit.h"

#include <stdio.h>

#include "base/crypto.h"
#include "webhooks/proof.h"

static struct arena *arena;
static struct webhook_request request;
static struct webhook_answer answer;
static struct {
	const char *name;
	char value[256];
} headers[2];

static struct str header(void *arg, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(headers); i++)
		if (headers[i].name != NULL && strcmp(headers[i].name, name) == 0)
			return str_of(headers[i].value);
	return STR_NONE;
}

static void begin(const char *platform, const char *secret, const char *body)
{
	arena = arena_new(8 << 20);
	memset(headers, 0, sizeof(headers));
	request = (struct webhook_request){
		.platform = str_of(platform),
		.secret = str_of(secret),
		.method = STR("POST"),
		.body = str_of(body),
		.header = header,
	};
}

static void receive(int status)
{
	webhook_receive(arena, &request, &answer);
	ck_assert_int_eq(answer.status, status);
}

static void sign(const char *name, const char *before, struct str text)
{
	uint8_t mac[CRYPTO_DIGEST_BYTES_MAX];
	AUTO_BUF hex = {0};

	ck_assert_uint_eq(crypto_mac_shared(CRYPTO_SHA256, request.secret, text, mac), 32);
	buf_put_hex(&hex, mac, 32);
	headers[0].name = name;
	(void)snprintf(headers[0].value, sizeof(headers[0].value), "%s%.*s", before, STR_ARG(buf_str(&hex)));
}

START_TEST(meta_proves_itself)
{
	begin("meta", "app secret", "{\"object\":\"whatsapp_business_account\",\"entry\":[]}");
	receive(403);
	sign("x-hub-signature-256", "sha256=", request.body);
	receive(200);
	headers[0].value[10] ^= 1;
	receive(403);
	sign("x-hub-signature-256", "sha1=", request.body);
	receive(403);
	sign("x-hub-signature-256", "sha256=", request.body);
	request.body.n--; /* the raw body counts */
	receive(403);
	request.secret = STR_NONE;
	sign("x-hub-signature-256", "sha256=", request.body);
	receive(403);
	arena_free(arena);
}
END_TEST

START_TEST(meta_shakes_hands)
{
	begin("meta", "s", "");
	request.method = STR("GET");
	request.query = STR("hub.mode=subscribe&hub.challenge=11%3A58&hub.verify_token=let%20me");
	receive(403); /* none is set */
	request.verify_token = STR("let me");
	receive(200);
	ck_str(answer.body, "11:58");
	ck_str(answer.type, "text/plain");
	request.verify_token = STR("let us");
	receive(403);
	request.method = STR("DELETE");
	receive(405);
	arena_free(arena);
}
END_TEST

START_TEST(whatsapp_messages_and_statuses)
{
	begin("meta", "s",
	      "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"W\",\"changes\":[{\"field\":\"messages\","
	      "\"value\":"
	      "{\"metadata\":{\"phone_number_id\":\"P\"},\"messages\":[{\"id\":\"m1\",\"type\":\"text\"}],"
	      "\"statuses\":[{\"id\":\"m0\",\"status\":\"read\"},{\"id\":\"m0\",\"status\":\"sent\"}]}},"
	      "{\"field\":\"account_alerts\",\"value\":{}}]}]}");
	sign("x-hub-signature-256", "sha256=", request.body);
	receive(200);
	ck_assert_uint_eq(answer.event_count, 4);
	ck_str(answer.events[0].kind, "message");
	ck_str(answer.events[0].route, "P");
	ck_str(answer.events[0].dedup, "message:m1");
	ck_str(answer.events[1].subject, "m0");
	ck_str(answer.events[1].dedup, "status:m0:read");
	ck_str(answer.events[2].body, "{\"id\":\"m0\",\"status\":\"sent\"}");
	ck_str(answer.events[3].kind, "change");
	ck_str(answer.events[3].route, "W");
	arena_free(arena);
}
END_TEST

START_TEST(telegram_updates)
{
	begin("telegram", "s3cret", "{\"update_id\":9007199254740993,\"message\":{\"text\":\"hi\"}}");
	receive(401);
	headers[0].name = "x-telegram-bot-api-secret-token";
	(void)snprintf(headers[0].value, sizeof(headers[0].value), "s3cret");
	receive(200);
	ck_assert_uint_eq(answer.event_count, 1);
	ck_str(answer.events[0].dedup, "update:9007199254740993");
	request.body = STR("not json");
	receive(200); /* proven, not understood */
	ck_assert_uint_eq(answer.event_count, 0);
	arena_free(arena);
}
END_TEST

/* RFC 8032 section 7.1, test 2: the message is one byte, 0x72, an "r"; the timestamp before it is empty. */
START_TEST(discord_is_asked_with_a_signature)
{
	begin("discord", "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "r");
	headers[0].name = "x-signature-ed25519";
	(void)snprintf(headers[0].value, sizeof(headers[0].value),
		       "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
		       "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
	receive(200);
	headers[1].name = "x-signature-timestamp";
	(void)snprintf(headers[1].value, sizeof(headers[1].value), "1");
	receive(401); /* it is part of what is signed */
	headers[1].name = NULL;
	headers[0].value[0] = 'a';
	receive(401);
	headers[0].value[0] = '\0';
	receive(401);
	request.secret = STR("no key");
	receive(401);
	arena_free(arena);
}
END_TEST

START_TEST(tiktok_signs_with_a_time)
{
	begin("tiktok", "client",
	      "{\"event\":\"authorization.removed\",\"user_openid\":\"u\",\"create_time\":5,\"content\":\"{}\"}");
	request.now_ms = 1000000000;
	sign("tiktok-signature", "t=1000000,s=", arena_fmt(arena, "1000000.%.*s", STR_ARG(request.body)));
	receive(200);
	ck_str(answer.events[0].dedup, "event:authorization.removed:u:5");
	request.now_ms += PROOF_AGE_MS + 1;
	receive(401);
	request.now_ms -= 2 * PROOF_AGE_MS + 2;
	receive(401);
	arena_free(arena);
}
END_TEST

UNIT_MAIN("webhook", meta_proves_itself, meta_shakes_hands, whatsapp_messages_and_statuses, telegram_updates,
	  discord_is_asked_with_a_signature, tiktok_signs_with_a_time)
