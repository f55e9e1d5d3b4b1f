/* A file from an address that a caller named. The fetch is the http room's: https, the address guard at every hop, a
 * bound on size and time. Here its bytes go to disk as they come, and as soon as the first of them are there they must
 * be of a type that is wanted: nobody waits for a film where a picture is.
 *
 * A file that another replica has is fetched in the same way, from that replica, by a signed address. */
#include "media/media_private.h"

#include "base/check.h"
#include "base/clock.h"
#include "http/fetch.h"

#define REDIRECTS 3
#define ARENA_BYTES (1024 * 1024) /* heads of a few answers */

struct fetching {
	const struct media_wish *wish;
	struct buf *problem;
	struct spool spool;
	struct buf head; /* the first SNIFF_BYTES */
	struct str said; /* its type, by the argument or by the server */
	bool judged;	 /* its type is one that is wanted */
};

static enum err judge(struct fetching *fetching)
{
	struct media *media = fetching->spool.media;

	fetching->judged = true;
	media->mime = arena_str(media->arena, sniff_mime(buf_str(&fetching->head), fetching->said));
	return wish_fits(fetching->wish, media->mime, fetching->problem) ? OK : ERR_RPC_PARAMS;
}

AWAITS static enum err take(void *arg, const struct fetched *fetched, struct str piece)
{
	struct fetching *fetching = arg;
	size_t wanted = SNIFF_BYTES - fetching->head.n;

	if (fetching->said.n == 0)
		fetching->said = fetched->content_type;
	buf_put(&fetching->head, (struct str){piece.p, piece.n < wanted ? piece.n : wanted});
	if (!fetching->judged && fetching->head.n == SNIFF_BYTES)
		TRY(judge(fetching));
	return spool_put(&fetching->spool, piece);
}

/* What went wrong, so that the caller can do something about it. */
static enum err explain(struct fetching *fetching, enum err err, int status)
{
	struct buf *problem = fetching->problem;

	if (err == ERR_LIMIT && fetching->spool.over_quota) {
		buf_put(problem, STR("there is no room for this file: delete uploads, or wait until some expire"));
	} else if (err == ERR_LIMIT || err == ERR_UPSTREAM_TOO_LARGE) {
		buf_put_fmt(problem, "the file is larger than the %lld bytes that it may have here",
			    (long long)fetching->spool.bytes_max);
		return ERR_LIMIT;
	} else if (err == ERR_CONFIG) {
		buf_put(problem, STR("the address of a file must be an https URL, and so must what it leads to"));
		return ERR_RPC_PARAMS;
	} else if (err == OK && status / 100 != 2) {
		buf_put_fmt(problem, "the address of the file answered with status %d", status);
		return status / 100 == 5 ? ERR_UPSTREAM_DOWN : ERR_RPC_PARAMS;
	} else if (err == OK && fetching->spool.bytes == 0) {
		buf_put(problem, STR("there is an empty file at this address"));
		return ERR_RPC_PARAMS;
	} else if (err == ERR_REFUSED_ADDRESS) {
		buf_put(problem, STR("the address of the file leads to a private network, where nothing is fetched"));
	} else if (err == ERR_UPSTREAM_GARBAGE) {
		buf_put(problem,
			STR("what is at this address cannot be fetched: too many redirects, or no proper answer"));
	}
	return err;
}

static int64_t time_left(const struct media_wish *wish)
{
	int64_t left_ms = wish->deadline_ms == 0 ? MEDIA_FETCH_MS : wish->deadline_ms - loop_now(loop_self());

	return left_ms < MEDIA_FETCH_MS ? left_ms : MEDIA_FETCH_MS;
}

/* One fetch into the spool. */
AWAITS static enum err run(struct fetching *fetching, struct fetch *fetch)
{
	AUTO(arena) *arena = arena_new(ARENA_BYTES);
	struct fetched fetched = {0};
	enum err err;

	fetch->sink = take;
	fetch->arg = fetching;
	fetch->bytes_max = (size_t)fetching->spool.bytes_max;
	fetch->timeout_ms = time_left(fetching->wish);
	if (fetch->timeout_ms <= 0)
		return ERR_UPSTREAM_TIMEOUT;
	err = http_fetch(arena, fetch, &fetched);
	err = explain(fetching, err, fetched.status);
	if (err == OK && !fetching->judged)
		err = judge(fetching);
	return err;
}

AWAITS static enum err fetch_spooled(struct media_store *store, const struct media_wish *wish, struct fetch *fetch,
				     struct str said, struct buf *problem, struct media **ret_media)
{
	struct fetching fetching = {.wish = wish, .problem = problem, .said = said};
	enum err err;

	TRY(spool_begin(store, wish->tenant_id, wish->bytes_max, &fetching.spool));
	err = run(&fetching, fetch);
	if (err == OK)
		err = explain(&fetching, spool_finish(&fetching.spool, ret_media), 200);
	spool_end(&fetching.spool);
	buf_free(&fetching.head);
	return err;
}

AWAITS enum err fetch_url(struct media_store *store, const struct media_wish *wish, const struct given *given,
			  struct buf *problem, struct media **ret_media)
{
	struct fetch fetch = {.url = given->value,
			      .redirects = REDIRECTS,
			      .allow_private = atomic_load(&store->allow_private),
			      .ca_file = wish->ca_file};
	struct media *media = NULL;
	enum err err = fetch_spooled(store, wish, &fetch, given->mime, problem, &media);

	if (err != OK) {
		atomic_fetch_add(&store->counters.failures, 1);
		return err;
	}
	media->name = file_name(media->arena, given->name.n > 0 ? given->name : url_name(media->arena, given->value),
				media->mime);
	atomic_fetch_add(&store->counters.fetches, 1);
	atomic_fetch_add(&store->counters.bytes, (uint64_t)media->size);
	*ret_media = media;
	return OK;
}

/* The other replica has judged the type; ours to see is that the same came. */
AWAITS enum err fetch_upload(struct media_store *store, const struct media_wish *wish, const struct media_row *row,
			     struct media **ret_media)
{
	struct fetch fetch = {.plain = true, .allow_private = true};
	struct media *media = NULL;
	AUTO_BUF url = {0}, problem = {0};
	enum err err;

	buf_put(&url, row->place);
	address_put(store, row->id, row->mime, clock_wall_ms() + MEDIA_SIGNED_MS, &url);
	fetch.url = buf_str(&url);
	fetch.ca_file = store->spec.fleet_ca_file.n == 0 ? NULL : store->spec.fleet_ca_file.p;
	err = fetch_spooled(store, wish, &fetch, row->mime, &problem, &media);
	if (err != OK)
		return err == ERR_LIMIT || err == ERR_BUSY || err == ERR_CANCELED || err == ERR_TIMEOUT
			       ? err
			       : ERR_MEDIA_AWAY;
	if (!str_eq(media->sha256, row->sha256)) {
		media_close(media);
		return ERR_CRYPTO;
	}
	media->mime = arena_str(media->arena, row->mime);
	*ret_media = media;
	return OK;
}
