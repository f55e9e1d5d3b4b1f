/* Temporary files: what was fetched, given with a call, or made of another file. They have no name, so that they are
 * gone with the process, and a key that nothing else knows. Bytes are gathered into slices, which a worker seals,
 * hashes and writes; what is taken is counted before it is written. */
#include "media/media_private.h"

#include "base/check.h"

struct slice {
	struct spool *spool;
	struct str bytes;
};

static enum err create_on_worker(void *arg)
{
	struct media *media = arg;
	uint8_t key[CRYPTO_KEY_BYTES];
	char id[ID_LEN + 1];

	random_id(id);
	random_bytes(key, sizeof(key));
	return sealed_file_create(media->store->spec.directory, str_of(id), key, true, &media->file);
}

AWAITS enum err spool_begin(struct media_store *store, struct str tenant_id, int64_t bytes_max, struct spool *ret_spool)
{
	struct spool spool = {.bytes_max = bytes_max};
	int64_t file_bytes_max = (int64_t)atomic_load(&store->file_bytes_max);
	enum err err;

	if (spool.bytes_max > file_bytes_max || spool.bytes_max <= 0)
		spool.bytes_max = file_bytes_max;
	TRY(media_row_used(store->spec.db, tenant_id, &spool.used_bytes));
	TRY(media_new(store, tenant_id, &spool.media));
	err = work_run(create_on_worker, spool.media);
	if (err != OK) {
		media_close(spool.media);
		return err;
	}
	spool.media->size = 0;
	sha256_stream_init(&spool.digest);
	*ret_spool = spool;
	return OK;
}

static enum err write_on_worker(void *arg)
{
	struct slice *slice = arg;
	struct spool *spool = slice->spool;

	sha256_stream_put(&spool->digest, slice->bytes);
	return sealed_file_write(spool->media->file, spool->media->size, slice->bytes);
}

/* Whole records, or the last of all. */
AWAITS static enum err write_slice(struct spool *spool, struct str bytes)
{
	struct media *media = spool->media;
	struct slice slice = {spool, bytes};

	if (bytes.n == 0)
		return OK;
	if (use_take(media->store, media->tenant_id, (int64_t)bytes.n, spool->used_bytes) != OK) {
		spool->over_quota = true;
		return ERR_LIMIT;
	}
	media->charged_bytes += (int64_t)bytes.n;
	TRY(work_run(write_on_worker, &slice));
	media->size += (int64_t)bytes.n;
	return OK;
}

AWAITS enum err spool_put(struct spool *spool, struct str bytes)
{
	CHECK_OBJ(spool->media, MEDIA_MAGIC);
	if (spool->bytes + (int64_t)bytes.n > spool->bytes_max)
		return ERR_LIMIT;
	spool->bytes += (int64_t)bytes.n;
	while (bytes.n > 0) {
		size_t room = MEDIA_SLICE_BYTES - spool->waiting.n, n = bytes.n < room ? bytes.n : room;

		buf_put(&spool->waiting, (struct str){bytes.p, n});
		bytes = str_skip(bytes, n);
		if (spool->waiting.n < MEDIA_SLICE_BYTES)
			continue;
		TRY(write_slice(spool, buf_str(&spool->waiting)));
		spool->waiting.n = 0;
	}
	return OK;
}

AWAITS enum err spool_finish(struct spool *spool, struct media **ret_media)
{
	struct media *media = spool->media;
	uint8_t digest[32];
	AUTO_BUF hex = {0};

	TRY(write_slice(spool, buf_str(&spool->waiting)));
	sha256_stream_end(&spool->digest, digest);
	buf_put_hex(&hex, digest, sizeof(digest));
	media->sha256 = arena_str(media->arena, buf_str(&hex));
	spool->media = NULL;
	*ret_media = media;
	return OK;
}

void spool_end(struct spool *spool)
{
	crypto_wipe(spool->waiting.p, spool->waiting.cap);
	buf_free(&spool->waiting);
	media_close(spool->media);
	spool->media = NULL;
}
