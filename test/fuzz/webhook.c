/* Webhooks: any body, header and query gives an answer; what is believed without the secret is a bug. */
#include "base/check.h"
#include "base/crypto.h"
#include "webhooks/proof.h"

struct given {
	struct str header;
};

static struct str header(void *arg, const char *name)
{
	return ((const struct given *)arg)->header;
}

/* Believed, with the secret: what is in it. */
static void check_events(struct arena *arena, struct webhook_request *request)
{
	struct webhook_answer answer;
	struct given given = {STR("token")};

	request->arg = &given;
	request->platform = STR("telegram");
	request->secret = STR("token");
	webhook_receive(arena, request, &answer);
	CHECK(answer.status == 200 && answer.event_count <= WEBHOOK_EVENTS_MAX);
}

static void check_meta(struct arena *arena, struct webhook_request *request)
{
	uint8_t mac[CRYPTO_DIGEST_BYTES_MAX];
	struct webhook_answer answer;
	struct given given;
	AUTO_BUF proof = {0};

	buf_put(&proof, STR("sha256="));
	buf_put_hex(&proof, mac, crypto_mac_shared(CRYPTO_SHA256, STR("token"), request->body, mac));
	given.header = buf_str(&proof);
	request->arg = &given;
	request->platform = STR("meta");
	webhook_receive(arena, request, &answer);
	CHECK(answer.status == 200 && answer.event_count <= WEBHOOK_EVENTS_MAX);
	for (size_t i = 0; i < answer.event_count; i++)
		CHECK(answer.events[i].dedup.n > 0 && answer.events[i].route.n <= WEBHOOK_ID_BYTES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static const char *const platforms[] = {"meta", "telegram", "discord", "tiktok"};
	AUTO(arena) *arena = arena_new(64 << 20);
	struct str text = {(const char *)bytes, n}, head, body;
	struct given given;
	struct webhook_answer answer;

	(void)str_cut(text, '\n', &head, &body);
	given.header = head;
	for (size_t i = 0; i < ARRAY_LEN(platforms); i++) {
		struct webhook_request request = {
			.platform = str_of(platforms[i]),
			.secret = STR("a secret that no input has: 0d0c7c2e"),
			.verify_token = STR("a token that no input has: 5e1f"),
			.method = i % 2 == 0 ? STR("POST") : STR("GET"),
			.query = head,
			.body = body,
			.header = header,
			.arg = &given,
		};

		webhook_receive(arena, &request, &answer);
		CHECK(answer.status != 200 && answer.event_count == 0);
	}
	struct webhook_request believed = {
		.method = STR("POST"), .query = head, .body = body, .header = header, .secret = STR("token")};

	check_events(arena, &believed);
	check_meta(arena, &believed);
	return 0;
}
