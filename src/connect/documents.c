/* Documents of strangers. Which status means that there is none is a matter of experience: servers answer 404, 401,
 * 405 or a page of their application for what they do not have, proxies 502. Whoever answers 500 may have it tomorrow.
 *
 * What is kept is looked at rarely, when somebody signs in or a machine's token ends: a short list and a lock do. */
#include "connect/documents.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "http/fetch.h"

#define DOCUMENTS_MAGIC 0x646f6373u /* "docs" */
#define REDIRECTS 2

struct kept {
	struct buf issuer, ca_file, text;
	bool allow_private;
	int64_t until_ms; /* monotonic; 0: nothing is kept here */
};

struct documents {
	uint32_t magic;
	pthread_mutex_t lock;
	struct kept kept[DOCUMENTS_MAX];
};

struct documents *documents_new(void)
{
	struct documents *documents = calloc(1, sizeof(*documents));

	CHECK(documents != NULL);
	documents->magic = DOCUMENTS_MAGIC;
	CHECK(pthread_mutex_init(&documents->lock, NULL) == 0);
	return documents;
}

void documents_free(struct documents *documents)
{
	if (documents == NULL)
		return;
	CHECK_OBJ(documents, DOCUMENTS_MAGIC);
	for (size_t i = 0; i < DOCUMENTS_MAX; i++) {
		buf_free(&documents->kept[i].issuer);
		buf_free(&documents->kept[i].ca_file);
		buf_free(&documents->kept[i].text);
	}
	pthread_mutex_destroy(&documents->lock);
	documents->magic = 0;
	free(documents);
}

AWAITS enum err documents_fetch(struct arena *arena, const struct connect_at *at, struct str url, struct str *ret_text,
				int64_t *ret_fresh_ms)
{
	const struct fetch fetch = {.url = url,
				    .headers = STR("Accept: application/json\r\n"),
				    .redirects = REDIRECTS,
				    .allow_private = at->allow_private,
				    .ca_file = at->ca_file};
	struct fetched fetched;
	enum err err = http_fetch(arena, &fetch, &fetched);

	if (err == ERR_UPSTREAM_GARBAGE || err == ERR_UPSTREAM_TOO_LARGE)
		return ERR_NOT_FOUND;
	TRY(err);
	if (fetched.status == 429 || (fetched.status >= 500 && fetched.status != 502))
		return ERR_UPSTREAM_BUSY;
	if (fetched.status != 200)
		return ERR_NOT_FOUND;
	*ret_text = fetched.body;
	*ret_fresh_ms = fetched.fresh_ms;
	return OK;
}

static bool is_of(const struct kept *kept, const struct connect_at *at, struct str issuer)
{
	return str_eq(buf_str(&kept->issuer), issuer) && kept->allow_private == at->allow_private &&
	       str_eq(buf_str(&kept->ca_file), str_of(at->ca_file));
}

enum err documents_get(struct documents *documents, struct arena *arena, const struct connect_at *at, struct str issuer,
		       struct str *ret_text)
{
	int64_t now_ms = clock_ms();
	enum err err = ERR_NOT_FOUND;

	CHECK_OBJ(documents, DOCUMENTS_MAGIC);
	pthread_mutex_lock(&documents->lock);
	for (size_t i = 0; i < DOCUMENTS_MAX; i++) {
		const struct kept *kept = &documents->kept[i];

		if (kept->until_ms <= now_ms || !is_of(kept, at, issuer))
			continue;
		*ret_text = arena_str(arena, buf_str(&kept->text));
		err = OK;
		break;
	}
	pthread_mutex_unlock(&documents->lock);
	return err;
}

/* Its own place, or of the one that ends first. */
static struct kept *place_for(struct documents *documents, const struct connect_at *at, struct str issuer)
{
	struct kept *first = &documents->kept[0];

	for (size_t i = 0; i < DOCUMENTS_MAX; i++) {
		if (is_of(&documents->kept[i], at, issuer))
			return &documents->kept[i];
		if (documents->kept[i].until_ms < first->until_ms)
			first = &documents->kept[i];
	}
	return first;
}

static void set(struct buf *buf, struct str text)
{
	buf->n = 0;
	buf_put(buf, text);
}

void documents_keep(struct documents *documents, const struct connect_at *at, struct str issuer, struct str text,
		    int64_t fresh_ms)
{
	struct kept *kept;

	CHECK_OBJ(documents, DOCUMENTS_MAGIC);
	if (fresh_ms < 0 || text.n > DOCUMENT_KEPT_BYTES_MAX || issuer.n > URL_BYTES_MAX)
		return;
	if (fresh_ms == 0)
		fresh_ms = DOCUMENT_MS;
	pthread_mutex_lock(&documents->lock);
	kept = place_for(documents, at, issuer);
	set(&kept->issuer, issuer);
	set(&kept->ca_file, str_of(at->ca_file));
	set(&kept->text, text);
	kept->allow_private = at->allow_private;
	kept->until_ms = clock_ms() + (fresh_ms < DOCUMENT_MS_MAX ? fresh_ms : DOCUMENT_MS_MAX);
	pthread_mutex_unlock(&documents->lock);
}
