/* An upload that has come whole is read once from its beginning to its end: what is on the disk opens, its digest is
 * that of what can be read later, and its first bytes say what it is. A worker takes a slice at a time, so that other
 * work comes in between. */
#include "media/media_private.h"

#include <stdlib.h>

#include "base/check.h"

struct reading {
	struct sealed_file *file;
	int64_t at, size;
	struct sha256_stream digest;
	char *record; /* SEALED_RECORD_BYTES */
	char head[SNIFF_BYTES];
	size_t head_bytes;
};

static enum err read_slice(void *arg)
{
	struct reading *reading = arg;

	for (size_t done = 0; done < MEDIA_SLICE_BYTES && reading->at < reading->size; done += SEALED_RECORD_BYTES) {
		int64_t left = reading->size - reading->at;
		struct str plain = {reading->record, left < SEALED_RECORD_BYTES ? (size_t)left : SEALED_RECORD_BYTES};

		TRY(sealed_file_read(reading->file, reading->at / SEALED_RECORD_BYTES, reading->record, plain.n));
		sha256_stream_put(&reading->digest, plain);
		if (reading->at == 0) {
			reading->head_bytes = plain.n < SNIFF_BYTES ? plain.n : SNIFF_BYTES;
			memcpy(reading->head, plain.p, reading->head_bytes);
		}
		reading->at += (int64_t)plain.n;
	}
	return OK;
}

AWAITS static enum err read_all(struct reading *reading)
{
	while (reading->at < reading->size)
		TRY(work_run(read_slice, reading));
	return OK;
}

AWAITS enum err upload_finish(struct media_store *store, struct arena *arena, struct media_row *row,
			      struct sealed_file *file)
{
	struct reading reading = {.file = file, .size = row->size, .record = malloc(SEALED_RECORD_BYTES)};
	uint8_t digest[32];
	AUTO_BUF hex = {0};
	enum err err;

	CHECK(reading.record != NULL);
	sha256_stream_init(&reading.digest);
	err = read_all(&reading);
	crypto_wipe(reading.record, SEALED_RECORD_BYTES);
	free(reading.record);
	TRY(err);
	sha256_stream_end(&reading.digest, digest);
	buf_put_hex(&hex, digest, sizeof(digest));
	row->sha256 = arena_str(arena, buf_str(&hex));
	row->mime = arena_str(arena, sniff_mime((struct str){reading.head, reading.head_bytes}, row->mime));
	TRY(media_row_finish(store->spec.db, row->tenant_id, row->id, row->mime, row->sha256));
	atomic_fetch_add(&store->counters.uploads, 1);
	atomic_fetch_add(&store->counters.bytes, (uint64_t)row->size);
	return OK;
}
