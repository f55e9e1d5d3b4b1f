/* Idempotency-Key: an operation at most once, however often its request arrives. The first one leaves a row, does its
 * work and keeps the answer in it, sealed, since a new key may stand in it; a second one with the same key gets that
 * answer, or 409 while the first is at work, or 422 when it asks for something else. What failed on our side leaves no
 * row: it may be tried again. */
#include "portal/work.h"

#include "base/check.h"
#include "rt/fiber.h"
#include "store/idempotency.h"

#define IDEMPOTENCY_KEY_MAX 128
#define SHIELD_MS 5000

static void put_bound(const struct work *work, struct buf *out)
{
	buf_put_fmt(out, "answer 1\n%s\n%.*s", work->call->caller->principal, STR_ARG(work->call->idempotency_key));
}

/* What makes two requests the same. Keyed: a body may hold a secret that could be guessed by its digest. */
static void digest_of(const struct work *work, uint8_t out[32])
{
	const struct api_call *call = work->call;
	struct str whole;
	AUTO_BUF text = {0};

	buf_put_fmt(&text, "%.*s\n%.*s\n%.*s\n", STR_ARG(call->method), STR_ARG(call->path), STR_ARG(call->query));
	buf_put(&text, call->body);
	whole = buf_str(&text);
	crypto_mac(work->portal->spec.key, &whole, 1, out);
	crypto_wipe(text.p, text.n);
}

/* As it goes over the wire: type, headers, an empty line, the body. */
static void seal_answer(const struct work *work, struct buf *out)
{
	AUTO_BUF plain = {0}, bound = {0};

	put_bound(work, &bound);
	buf_put_fmt(&plain, "%.*s\r\n%.*s\r\n", STR_ARG(work->call->content_type), STR_ARG(buf_str(&work->headers)));
	buf_put(&plain, work->call->answer);
	crypto_seal(work->portal->spec.key, buf_str(&plain), buf_str(&bound), out);
	crypto_wipe(plain.p, plain.n);
}

static enum err replay(struct work *work, const struct idempotency *kept)
{
	char *plain = arena_try_alloc(work->arena, kept->answer.n + 1);
	AUTO_BUF bound = {0};
	struct str text, head;
	const char *end;
	size_t n;

	if (plain == NULL)
		return ERR_LIMIT;
	put_bound(work, &bound);
	TRY(crypto_open(work->portal->spec.key, kept->answer, buf_str(&bound), plain, &n));
	text = (struct str){plain, n};
	end = memmem(text.p, text.n, "\r\n", 2);
	CHECK(end != NULL); /* sealed by us */
	work->call->content_type = (struct str){text.p, (size_t)(end - text.p)};
	text = str_skip(text, work->call->content_type.n + 2);
	end = str_starts(text, STR("\r\n")) ? text.p : (const char *)memmem(text.p, text.n, "\r\n\r\n", 4) + 2;
	head = (struct str){text.p, (size_t)(end - text.p)};
	buf_put(&work->headers, head);
	buf_put(&work->headers, STR("Idempotency-Replayed: true\r\n"));
	work->call->answer = str_skip(text, head.n + 2);
	work->call->status = kept->status;
	return OK;
}

AWAITS static enum err answer_again(struct work *work, const struct idempotency *kept, const uint8_t digest[32])
{
	if (memcmp(kept->digest, digest, sizeof(kept->digest)) != 0)
		return ERR_API_KEY_REUSED;
	if (kept->status == 0)
		return ERR_API_KEY_BUSY;
	return replay(work, kept);
}

AWAITS static enum err keep(struct work *work, struct str principal)
{
	AUTO_BUF sealed = {0};

	seal_answer(work, &sealed);
	return idempotency_finish(work->portal->spec.db, str_of(work->call->caller->tenant_id), principal,
				  work->call->idempotency_key, work->call->status, buf_str(&sealed));
}

/* Do the work and keep what came out; a caller who went away meanwhile must find it when they ask again. */
AWAITS static enum err first_time(struct work *work, struct str principal)
{
	enum err err = operate(work);
	struct fiber_shield shield;
	enum err kept;

	if (err != OK && err != ERR_CANCELED && err != ERR_TIMEOUT) {
		problem_answer(work, err);
		err = OK;
	}
	shield = fiber_shield_begin(SHIELD_MS);
	if (err == OK && work->call->status < 500)
		kept = keep(work, principal);
	else
		kept = idempotency_forget(work->portal->spec.db, str_of(work->call->caller->tenant_id), principal,
					  work->call->idempotency_key);
	fiber_shield_end(shield);
	return err == OK ? kept : err;
}

AWAITS enum err idempotent_operate(struct work *work)
{
	struct str key = work->call->idempotency_key, principal = str_of(work->call->caller->principal);
	struct idempotency kept;
	uint8_t digest[32];
	enum err err;

	if (key.n == 0 || key.n > IDEMPOTENCY_KEY_MAX || !str_is_printable(key))
		return work_fail(work, ERR_API_QUERY, NULL, "Idempotency-Key must have 1 to %d printable characters",
				 IDEMPOTENCY_KEY_MAX);
	digest_of(work, digest);
	err = idempotency_begin(work->portal->spec.db, work->arena, str_of(work->call->caller->tenant_id), principal,
				key, digest, work->call->now_ms, &kept);
	if (err == ERR_EXISTS)
		return answer_again(work, &kept, digest);
	TRY(err);
	return first_time(work, principal);
}
