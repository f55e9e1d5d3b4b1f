/* A request in, an answer and events out. Each platform is a row: its proof, what it puts into a body, and the answers
 * it insists on. Keys for "told before" are the platform's own ids where it has some, else a digest of what it said. */
#include "webhooks/webhook.h"

#include "base/check.h"
#include "base/crypto.h"
#include "base/json.h"
#include "webhooks/proof.h"

struct receiving {
	struct arena *arena;
	const struct webhook_request *request;
	struct webhook_answer *answer;
	yyjson_val *body; /* NULL: no JSON object */
};

struct platform {
	const char *name;
	bool (*proven)(const struct webhook_request *request);
	int refused; /* status of a request without proof */
	void (*take)(struct receiving *receiving);
};

/* An id: a text or a number, as text; too long ones are none. */
static struct str id_of(yyjson_val *value)
{
	struct str text =
		yyjson_is_raw(value) ? (struct str){yyjson_get_raw(value), yyjson_get_len(value)} : json_str(value);

	return text.n <= WEBHOOK_ID_BYTES_MAX && !str_has_control(text) ? text : STR_NONE;
}

static struct str digest_of(struct receiving *receiving, struct str text)
{
	uint8_t digest[32];
	AUTO_BUF hex = {0};

	crypto_sha256(text, digest);
	buf_put_hex(&hex, digest, 16);
	return arena_str(receiving->arena, buf_str(&hex));
}

/* One more event, whose body is a value. An empty `id`: the body itself tells whether it was told before. */
static void add(struct receiving *receiving, struct str kind, struct str route, struct str subject, struct str id,
		yyjson_val *value)
{
	struct webhook_answer *answer = receiving->answer;
	AUTO_BUF body = {0};

	if (answer->event_count == WEBHOOK_EVENTS_MAX || value == NULL)
		return;
	if (answer->events == NULL)
		answer->events = arena_alloc(receiving->arena, WEBHOOK_EVENTS_MAX * sizeof(*answer->events));
	json_write(&body, value);
	answer->events[answer->event_count++] = (struct webhook_event){
		.kind = kind,
		.route = route,
		.subject = subject,
		.dedup = arena_fmt(receiving->arena, "%.*s:%.*s", STR_ARG(kind),
				   STR_ARG(id.n > 0 ? id : digest_of(receiving, buf_str(&body)))),
		.body = arena_str(receiving->arena, buf_str(&body)),
	};
}

static void answer_with(struct receiving *receiving, int status, struct str type, struct str body)
{
	receiving->answer->status = status;
	receiving->answer->type = type;
	receiving->answer->body = body;
}

/* ---- Meta: WhatsApp, Facebook pages, Instagram ------------------------------------------ */

/* value of field `messages`: messages that came, and what became of those that were sent. */
static void take_whatsapp(struct receiving *receiving, yyjson_val *value)
{
	struct str route = id_of(json_get(json_get(value, "metadata"), "phone_number_id"));
	yyjson_arr_iter each = yyjson_arr_iter_with(json_get(value, "messages"));
	yyjson_val *item;

	while ((item = yyjson_arr_iter_next(&each)) != NULL) {
		struct str id = id_of(json_get(item, "id"));

		add(receiving, STR("message"), route, id, id, item);
	}
	each = yyjson_arr_iter_with(json_get(value, "statuses"));
	while ((item = yyjson_arr_iter_next(&each)) != NULL) {
		struct str id = id_of(json_get(item, "id")), status = json_str(json_get(item, "status"));

		if (id.n > 0 && status.n > 0 && status.n < 32)
			add(receiving, STR("status"), route, id,
			    arena_fmt(receiving->arena, "%.*s:%.*s", STR_ARG(id), STR_ARG(status)), item);
	}
}

static void take_entry(struct receiving *receiving, yyjson_val *entry, bool whatsapp)
{
	struct str route = id_of(json_get(entry, "id"));
	yyjson_arr_iter each = yyjson_arr_iter_with(json_get(entry, "changes"));
	yyjson_val *item;

	while ((item = yyjson_arr_iter_next(&each)) != NULL) {
		if (whatsapp && str_eq(json_str(json_get(item, "field")), STR("messages")))
			take_whatsapp(receiving, json_get(item, "value"));
		else
			add(receiving, STR("change"), route, STR_NONE, STR_NONE, item);
	}
	each = yyjson_arr_iter_with(json_get(entry, "messaging"));
	while ((item = yyjson_arr_iter_next(&each)) != NULL) {
		struct str id = id_of(json_get(json_get(item, "message"), "mid"));

		add(receiving, STR("message"), route, id, id, item);
	}
}

static void take_meta(struct receiving *receiving)
{
	bool whatsapp = str_eq(json_str(json_get(receiving->body, "object")), STR("whatsapp_business_account"));
	yyjson_arr_iter each = yyjson_arr_iter_with(json_get(receiving->body, "entry"));
	yyjson_val *entry;

	while ((entry = yyjson_arr_iter_next(&each)) != NULL)
		take_entry(receiving, entry, whatsapp);
}

static struct str percent_decoded(struct arena *arena, struct str text)
{
	char *out = arena_alloc(arena, text.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		uint8_t byte;
		bool escaped =
			text.p[i] == '%' && i + 2 < text.n && hex_read((struct str){text.p + i + 1, 2}, &byte, 1);

		out[n++] = escaped ? (char)byte : text.p[i];
		i += escaped ? 2 : 0;
	}
	return (struct str){out, n};
}

static struct str query_value(struct arena *arena, struct str query, struct str name)
{
	bool more = true;

	while (more) {
		struct str pair, key, value;

		more = str_cut(query, '&', &pair, &query);
		if (str_cut(pair, '=', &key, &value) && str_eq(key, name))
			return percent_decoded(arena, value);
	}
	return STR_NONE;
}

/* GET ?hub.mode=subscribe&hub.verify_token=...&hub.challenge=...: the challenge comes back. */
static void shake_hands(struct receiving *receiving)
{
	const struct webhook_request *request = receiving->request;
	struct arena *arena = receiving->arena;
	struct str mode = query_value(arena, request->query, STR("hub.mode"));
	struct str token = query_value(arena, request->query, STR("hub.verify_token"));
	struct str challenge = query_value(arena, request->query, STR("hub.challenge"));

	if (request->verify_token.n == 0 || !str_eq(mode, STR("subscribe")) ||
	    !str_eq_secret(token, request->verify_token) || challenge.n == 0 || challenge.n > WEBHOOK_ID_BYTES_MAX)
		answer_with(receiving, 403, STR_NONE, STR_NONE);
	else
		answer_with(receiving, 200, STR("text/plain"), challenge);
}

/* ---- the others ------------------------------------------------------------------------- */

static void take_telegram(struct receiving *receiving)
{
	struct str id = id_of(json_get(receiving->body, "update_id"));

	if (id.n > 0)
		add(receiving, STR("update"), STR_NONE, id, id, receiving->body);
}

/* Interactions want an answer with a type; events want none at all. A ping of either is no event. */
static void take_discord(struct receiving *receiving)
{
	struct str route = id_of(json_get(receiving->body, "application_id"));
	yyjson_val *event = json_get(receiving->body, "event");
	int64_t type = -1;

	(void)json_int(json_get(receiving->body, "type"), &type);
	if (event != NULL || type == 0) {
		if (event != NULL)
			add(receiving, STR("event"), route, STR_NONE, STR_NONE, event);
		answer_with(receiving, 204, STR_NONE, STR_NONE);
		return;
	}
	if (type == 1) {
		answer_with(receiving, 200, STR("application/json"), STR("{\"type\":1}"));
		return;
	}
	add(receiving, STR("interaction"), route, STR_NONE, id_of(json_get(receiving->body, "id")), receiving->body);
	answer_with(receiving, 200, STR("application/json"), STR("{\"type\":5}")); /* the answer comes later */
}

static void take_tiktok(struct receiving *receiving)
{
	struct str user = id_of(json_get(receiving->body, "user_openid"));

	add(receiving, STR("event"), user, STR_NONE,
	    arena_fmt(receiving->arena, "%.*s:%.*s:%.*s", STR_ARG(id_of(json_get(receiving->body, "event"))),
		      STR_ARG(user), STR_ARG(id_of(json_get(receiving->body, "create_time")))),
	    receiving->body);
}

static const struct platform platforms[] = {
	{"meta", proof_meta, 403, take_meta},
	{"telegram", proof_telegram, 401, take_telegram},
	{"discord", proof_discord, 401, take_discord},
	{"tiktok", proof_tiktok, 401, take_tiktok},
};

static const struct platform *platform_of(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(platforms); i++)
		if (str_eq(name, str_of(platforms[i].name)))
			return &platforms[i];
	return NULL;
}

bool webhook_knows(struct str platform)
{
	return platform_of(platform) != NULL;
}

void webhook_receive(struct arena *arena, const struct webhook_request *request, struct webhook_answer *ret_answer)
{
	struct receiving receiving = {.arena = arena, .request = request, .answer = ret_answer};
	const struct platform *platform = platform_of(request->platform);

	CHECK(platform != NULL);
	*ret_answer = (struct webhook_answer){.status = 200};
	if (platform->take == take_meta && str_eq(request->method, STR("GET")))
		return shake_hands(&receiving);
	if (!str_eq(request->method, STR("POST")))
		return answer_with(&receiving, 405, STR_NONE, STR_NONE);
	if (!platform->proven(request))
		return answer_with(&receiving, platform->refused, STR_NONE, STR_NONE);
	if (json_read(arena, request->body, &receiving.body) != OK || !yyjson_is_obj(receiving.body))
		return;
	platform->take(&receiving);
}
