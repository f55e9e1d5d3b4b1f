/* A file as a tool's argument: whichever form it was given in, it is here afterwards, of a type and a size that are
 * wanted, and can be read from any offset. Where a platform fetches files itself, only an address is made. */
#include "media/media_private.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "http/client.h"

#define JSON_TREE_RATIO 8 /* copies of the text, and the room that the reader takes in advance: some five times it */

/* ---- what is known of it ---- */

int64_t media_size(const struct media *media)
{
	CHECK_OBJ(media, MEDIA_MAGIC);
	return media->size;
}

struct str media_mime(const struct media *media)
{
	CHECK_OBJ(media, MEDIA_MAGIC);
	return media->mime;
}

struct str media_name(const struct media *media)
{
	CHECK_OBJ(media, MEDIA_MAGIC);
	return media->name;
}

struct str media_sha256(const struct media *media)
{
	CHECK_OBJ(media, MEDIA_MAGIC);
	return media->sha256;
}

struct str media_url(const struct media *media)
{
	CHECK_OBJ(media, MEDIA_MAGIC);
	return media->url;
}

void media_close(struct media *media)
{
	if (media == NULL)
		return;
	CHECK_OBJ(media, MEDIA_MAGIC);
	sealed_file_close(media->file);
	if (media->record != NULL)
		crypto_wipe(media->record, SEALED_RECORD_BYTES);
	free(media->record);
	if (media->charged_bytes > 0)
		use_give(media->store, media->tenant_id, media->charged_bytes);
	atomic_fetch_sub(&media->store->counters.open, 1);
	arena_free(media->arena);
	media->magic = 0;
	free(media);
}

/* ---- reading ---- */

static enum err read_record(void *arg)
{
	struct media *media = arg;

	return sealed_file_read(media->file, media->record_number, media->record, media->record_bytes);
}

AWAITS enum err media_read(struct media *media, int64_t offset, size_t wanted, struct str *ret_piece)
{
	int64_t record = offset / SEALED_RECORD_BYTES, left;
	struct str piece;

	CHECK_OBJ(media, MEDIA_MAGIC);
	CHECK(media->file != NULL && offset >= 0);
	if (offset >= media->size) {
		*ret_piece = STR("");
		return OK;
	}
	if (media->record == NULL || media->record_number != record) {
		enum err err;

		if (media->record == NULL)
			media->record = malloc(SEALED_RECORD_BYTES);
		CHECK(media->record != NULL);
		left = media->size - record * SEALED_RECORD_BYTES;
		media->record_number = record;
		media->record_bytes = left < SEALED_RECORD_BYTES ? (size_t)left : SEALED_RECORD_BYTES;
		err = work_run(read_record, media);
		if (err != OK) {
			media->record_number = -1;
			return err;
		}
	}
	piece = str_skip((struct str){(const char *)media->record, media->record_bytes},
			 (size_t)(offset % SEALED_RECORD_BYTES));
	*ret_piece = (struct str){piece.p, piece.n < wanted ? piece.n : wanted};
	return OK;
}

/* ---- opening ---- */

bool wish_fits(const struct media_wish *wish, struct str mime, struct buf *problem)
{
	for (size_t i = 0; i < wish->mime_count; i++)
		if (sniff_fits(mime, wish->mimes[i]))
			return true;
	if (wish->mime_count == 0)
		return true;
	buf_put_fmt(problem, "the file is %.*s; wanted: ", STR_ARG(mime));
	for (size_t i = 0; i < wish->mime_count; i++)
		buf_put_fmt(problem, "%s%.*s", i == 0 ? "" : ", ", STR_ARG(wish->mimes[i]));
	return false;
}

static enum err check(const struct media_wish *wish, int64_t size, struct str mime, struct buf *problem)
{
	if (wish->bytes_max > 0 && size > wish->bytes_max) {
		buf_put_fmt(problem, "the file has %lld bytes, and may have %lld here", (long long)size,
			    (long long)wish->bytes_max);
		return ERR_LIMIT;
	}
	return wish_fits(wish, mime, problem) ? OK : ERR_RPC_PARAMS;
}

static void take_row(struct media *media, const struct media_row *row)
{
	media->size = row->size;
	media->mime = arena_str(media->arena, row->mime);
	media->name = arena_str(media->arena, row->name);
	media->sha256 = arena_str(media->arena, row->sha256);
}

/* The address of ours that a platform can fetch it from. */
static enum err point_to(struct media_store *store, const struct media_row *row, struct buf *problem,
			 struct media *media)
{
	struct str origin = store->spec.origin(store->spec.arg);
	int64_t end_ms = clock_wall_ms() + MEDIA_SIGNED_MS;
	AUTO_BUF url = {0};

	if (origin.n == 0) {
		buf_put(problem, STR("the platform fetches files itself, and the gateway does not know its own public "
				     "address: an operator sets `public_url`; or give the file as {\"url\": ...}"));
		return ERR_RPC_PARAMS;
	}
	buf_put(&url, origin);
	address_put(store, row->id, row->mime, end_ms < row->expires_ms ? end_ms : row->expires_ms, &url);
	media->url = arena_str(media->arena, buf_str(&url));
	return OK;
}

AWAITS static enum err open_row(struct media_store *store, struct arena *arena, const struct media_wish *wish,
				const struct media_row *row, struct buf *problem, struct media **ret_media)
{
	struct media *media = NULL;
	struct media_row again;
	enum err err;

	if (!wish->pull && !row_is_here(store, row)) {
		TRY(fetch_upload(store, wish, row, &media));
		media->name = arena_str(media->arena, row->name);
		*ret_media = media;
		return OK;
	}
	TRY(media_new(store, wish->tenant_id, &media));
	take_row(media, row);
	err = wish->pull ? point_to(store, row, problem, media)
			 : upload_open(store, arena, &wish->tenant_id, row->id, false, &again, &media->file);
	if (err != OK) {
		media_close(media);
		return err;
	}
	*ret_media = media;
	return OK;
}

AWAITS static enum err open_whole(struct media_store *store, struct arena *arena, const struct media_wish *wish,
				  struct str id, struct buf *problem, struct media **ret_media)
{
	struct media_row row;

	if (id.n != ID_LEN)
		return ERR_NOT_FOUND;
	TRY(media_row_get(store->spec.db, arena, wish->tenant_id, id, clock_wall_ms(), &row));
	if (row.sha256.n == 0) {
		buf_put_fmt(problem, "this upload is not complete: %lld of %lld bytes are here",
			    (long long)row.received, (long long)row.size);
		return ERR_RPC_PARAMS;
	}
	TRY(check(wish, row.size, row.mime, problem));
	return open_row(store, arena, wish, &row, problem, ret_media);
}

AWAITS static enum err open_upload(struct media_store *store, struct arena *arena, const struct media_wish *wish,
				   struct str id, struct buf *problem, struct media **ret_media)
{
	enum err err = open_whole(store, arena, wish, id, problem, ret_media);

	if (err == ERR_NOT_FOUND)
		buf_put(problem, STR("there is no such upload, or it has expired: upload the file again"));
	return err;
}

/* ---- given with the call ---- */

struct decoding {
	struct str text;
	struct buf bytes;
};

static enum err decode(void *arg)
{
	struct decoding *decoding = arg;
	size_t room = decoding->text.n / 4 * 3 + 3;

	TRY(base64_get(decoding->text, buf_reserve(&decoding->bytes, room), room, &decoding->bytes.n));
	return decoding->bytes.n == 0 ? ERR_RPC_PARAMS : OK;
}

AWAITS static enum err spool_whole(struct media_store *store, const struct media_wish *wish, struct str bytes,
				   struct media **ret_media, struct buf *problem)
{
	struct spool spool;
	enum err err;

	TRY(spool_begin(store, wish->tenant_id, 0, &spool));
	err = spool_put(&spool, bytes);
	if (err == OK)
		err = spool_finish(&spool, ret_media);
	if (err == ERR_LIMIT)
		buf_put(problem, spool.over_quota ? STR("there is no room for this file: delete uploads, or wait until "
							"some expire")
						  : STR("the file is larger than files may be here"));
	spool_end(&spool);
	return err;
}

/* For a platform that fetches it, it becomes an upload that lives as long as its address. */
AWAITS static enum err keep(struct media_store *store, struct arena *arena, const struct media_wish *wish,
			    const struct given *given, struct str bytes, struct buf *problem, struct media **ret_media)
{
	const struct media_offer offer = {
		.tenant_id = wish->tenant_id,
		.principal = wish->principal,
		.name = given->name,
		.mime = given->mime,
		.size = (int64_t)bytes.n,
		.life_ms = MEDIA_SIGNED_MS,
	};
	struct media_upload upload;

	TRY(media_upload_begin(store, arena, &offer, problem, &upload));
	TRY(media_upload_put(store, arena, wish->tenant_id, upload.id, 0, bytes, problem, &upload));
	return open_upload(store, arena, wish, upload.id, problem, ret_media);
}

AWAITS static enum err open_decoded(struct media_store *store, struct arena *arena, const struct media_wish *wish,
				    const struct given *given, struct str bytes, struct buf *problem,
				    struct media **ret_media)
{
	struct str head = {bytes.p, bytes.n < SNIFF_BYTES ? bytes.n : SNIFF_BYTES};
	struct str mime = sniff_mime(head, given->mime);
	struct media *media;

	TRY(check(wish, (int64_t)bytes.n, mime, problem));
	if (wish->pull)
		return keep(store, arena, wish, given, bytes, problem, ret_media);
	TRY(spool_whole(store, wish, bytes, &media, problem));
	media->mime = arena_str(media->arena, mime);
	media->name = file_name(media->arena, given->name, mime);
	atomic_fetch_add(&store->counters.inlined, 1);
	atomic_fetch_add(&store->counters.bytes, bytes.n);
	*ret_media = media;
	return OK;
}

AWAITS static enum err open_inline(struct media_store *store, struct arena *arena, const struct media_wish *wish,
				   const struct given *given, struct buf *problem, struct media **ret_media)
{
	struct decoding decoding = {.text = given->value};
	enum err err;

	if (given->value.n / 4 * 3 > MEDIA_INLINE_BYTES_MAX) {
		buf_put_fmt(problem, "a file of more than %d bytes is uploaded, not given as base64: POST it to /media",
			    MEDIA_INLINE_BYTES_MAX);
		return ERR_LIMIT;
	}
	err = work_run(decode, &decoding);
	if (err == ERR_RPC_PARAMS)
		buf_put(problem, STR("this is not base64, or of an empty file"));
	if (err == OK)
		err = open_decoded(store, arena, wish, given, buf_str(&decoding.bytes), problem, ret_media);
	buf_free(&decoding.bytes);
	return err;
}

/* ---- any form ---- */

AWAITS static enum err point_at(struct media_store *store, const struct media_wish *wish, const struct given *given,
				struct buf *problem, struct media **ret_media)
{
	struct media *media;
	struct url url;

	if (!url_is_usable(given->value, atomic_load(&store->allow_private), &url)) {
		buf_put(problem, STR("the address of a file must be an https URL"));
		return ERR_RPC_PARAMS;
	}
	TRY(media_new(store, wish->tenant_id, &media));
	media->url = arena_str(media->arena, given->value);
	media->mime = arena_str(media->arena, sniff_mime(STR(""), given->mime));
	media->name = file_name(media->arena, given->name.n > 0 ? given->name : url_name(media->arena, given->value),
				media->mime);
	*ret_media = media;
	return OK;
}

struct reading {
	struct arena *arena;
	struct str json;
	struct buf *problem;
	struct given given;
};

static enum err read_on_worker(void *arg)
{
	struct reading *reading = arg;

	return given_read(reading->arena, reading->json, reading->problem, &reading->given);
}

AWAITS enum err media_open(struct media_store *store, const struct media_wish *wish, struct buf *problem,
			   struct media **ret_media)
{
	AUTO(arena) *arena = arena_new(wish->given.n * JSON_TREE_RATIO + MEDIA_ARENA_BYTES);
	struct reading reading = {.arena = arena, .json = wish->given, .problem = problem};

	CHECK_OBJ(store, MEDIA_STORE_MAGIC);
	TRY(work_run(read_on_worker, &reading));
	switch (reading.given.kind) {
	case GIVEN_UPLOAD:
		return open_upload(store, arena, wish, reading.given.value, problem, ret_media);
	case GIVEN_BASE64:
		return open_inline(store, arena, wish, &reading.given, problem, ret_media);
	default:
		return wish->pull ? point_at(store, wish, &reading.given, problem, ret_media)
				  : fetch_url(store, wish, &reading.given, problem, ret_media);
	}
}

AWAITS enum err media_open_signed(struct media_store *store, struct arena *arena, struct str id, struct str signature,
				  struct media_upload *ret_upload, struct media **ret_media)
{
	struct media *media = NULL;
	struct media_row row;
	enum err err;

	CHECK_OBJ(store, MEDIA_STORE_MAGIC);
	if (!address_is_good(store, id, signature, clock_wall_ms()))
		return ERR_NOT_FOUND;
	TRY(media_row_find(store->spec.db, arena, id, clock_wall_ms(), &row));
	if (row.sha256.n == 0)
		return ERR_NOT_FOUND;
	*ret_upload = upload_of(store, &row);
	if (!ret_upload->here) {
		*ret_media = NULL;
		return OK;
	}
	TRY(media_new(store, row.tenant_id, &media));
	take_row(media, &row);
	err = upload_open(store, arena, NULL, id, false, &row, &media->file);
	if (err != OK) {
		media_close(media);
		return err;
	}
	*ret_media = media;
	return OK;
}
