/* Uploads. The row comes first, with the whole size, so that a quota is kept before a byte has come; then the pieces,
 * in order, each safe on disk before the row says so; then the end, see whole.c. What breaks off between goes on where
 * the row says, also in another process.
 *
 * One piece of an upload at a time: two would write the same records. */
#include "media/media_private.h"

#include "base/check.h"
#include "base/clock.h"

struct media_upload upload_of(const struct media_store *store, const struct media_row *row)
{
	return (struct media_upload){
		.id = row->id,
		.name = row->name,
		.mime = row->mime,
		.sha256 = row->sha256,
		.size = row->size,
		.received = row->received,
		.expires_ms = row->expires_ms,
		.place = row->place,
		.here = row_is_here(store, row),
	};
}

/* ---- the beginning ---- */

static enum err check_size(const struct media_store *store, int64_t size, struct buf *problem)
{
	int64_t file_bytes_max = (int64_t)atomic_load(&store->file_bytes_max);

	if (size <= 0) {
		buf_put(problem, STR("the file is empty"));
		return ERR_RPC_PARAMS;
	}
	if (size <= file_bytes_max)
		return OK;
	buf_put_fmt(problem, "the file has %lld bytes, and a file may have %lld here (`media.max_file`)",
		    (long long)size, (long long)file_bytes_max);
	return ERR_LIMIT;
}

AWAITS static enum err insert(struct media_store *store, struct media_row *row, struct buf *problem)
{
	int64_t quota_bytes = (int64_t)atomic_load(&store->quota_bytes);
	uint8_t key[CRYPTO_KEY_BYTES];
	AUTO_BUF sealed = {0};
	enum err err = ERR_NOT_FOUND;

	/* A key that was destroyed between sealing and writing is made anew. */
	for (unsigned i = 0; i < 2 && err == ERR_NOT_FOUND; i++) {
		sealed.n = 0;
		TRY(file_key_make(store, row->tenant_id, row->id, key, &sealed));
		crypto_wipe(key, sizeof(key));
		row->sealed = buf_str(&sealed);
		err = media_row_insert(store->spec.db, row, quota_bytes);
	}
	row->sealed = STR_NONE;
	if (err == ERR_LIMIT)
		buf_put_fmt(problem,
			    "there is no room for this file: all files of a tenant together may have %lld bytes "
			    "(`media.quota`); delete some, or wait until some expire",
			    (long long)quota_bytes);
	return err;
}

AWAITS enum err media_upload_begin(struct media_store *store, struct arena *arena, const struct media_offer *offer,
				   struct buf *problem, struct media_upload *ret_upload)
{
	int64_t now_ms = clock_wall_ms();
	struct media_row row = {
		.tenant_id = offer->tenant_id,
		.principal = offer->principal,
		.place = store->spec.place,
		.name = file_name(arena, offer->name, sniff_said(offer->mime)),
		.mime = sniff_said(offer->mime), /* until its bytes have come */
		.size = offer->size,
		.created_ms = now_ms,
		.expires_ms = now_ms + (offer->life_ms > 0 ? offer->life_ms : (int64_t)atomic_load(&store->expire_ms)),
	};
	char id[ID_LEN + 1];

	CHECK_OBJ(store, MEDIA_STORE_MAGIC);
	TRY(check_size(store, offer->size, problem));
	random_id(id);
	row.id = arena_str(arena, str_of(id));
	row.sha256 = STR("");
	TRY(insert(store, &row, problem));
	*ret_upload = upload_of(store, &row);
	return OK;
}

/* ---- pieces ---- */

struct writing {
	struct sealed_file *file;
	int64_t offset;
	struct str bytes;
	bool last;
};

static enum err write_on_worker(void *arg)
{
	struct writing *writing = arg;

	TRY(sealed_file_write(writing->file, writing->offset, writing->bytes));
	return writing->last ? sealed_file_sync(writing->file) : OK;
}

AWAITS static enum err write_piece(struct sealed_file *file, int64_t offset, struct str bytes)
{
	while (bytes.n > 0) {
		size_t n = bytes.n < MEDIA_SLICE_BYTES ? bytes.n : MEDIA_SLICE_BYTES;
		struct writing writing = {file, offset, {bytes.p, n}, n == bytes.n};

		TRY(work_run(write_on_worker, &writing));
		bytes = str_skip(bytes, n);
		offset += (int64_t)n;
	}
	return OK;
}

/* Whether this is the piece that comes next.
 *   ret_known  it has come already */
static enum err check_piece(const struct media_row *row, int64_t offset, struct str bytes, struct buf *problem,
			    bool *ret_known)
{
	int64_t end = offset + (int64_t)bytes.n;

	*ret_known = offset >= 0 && end <= row->received && (bytes.n > 0 || row->received == row->size);
	if (*ret_known)
		return OK;
	if (offset != row->received || bytes.n == 0)
		buf_put_fmt(problem, "the next piece of this upload begins at offset %lld", (long long)row->received);
	else if (end > row->size)
		buf_put_fmt(problem, "this upload was begun with %lld bytes, and this piece ends at %lld",
			    (long long)row->size, (long long)end);
	else if (end != row->size && bytes.n % MEDIA_PIECE_BYTES != 0)
		buf_put_fmt(problem, "the bytes of a piece must be a multiple of %d, but for the last one",
			    MEDIA_PIECE_BYTES);
	else
		return OK;
	return ERR_RPC_PARAMS;
}

AWAITS static enum err put_claimed(struct media_store *store, struct arena *arena, struct media_row *row,
				   int64_t offset, struct str bytes, struct buf *problem)
{
	struct str tenant_id = row->tenant_id;
	AUTO(sealed_file) *file = NULL;
	bool known;

	TRY(upload_open(store, arena, &tenant_id, row->id, true, row, &file));
	TRY(check_piece(row, offset, bytes, problem, &known));
	if (!known) {
		TRY(write_piece(file, offset, bytes));
		TRY(media_row_advance(store->spec.db, row->tenant_id, row->id, offset, offset + (int64_t)bytes.n));
		row->received = offset + (int64_t)bytes.n;
	}
	return row->received == row->size && row->sha256.n == 0 ? upload_finish(store, arena, row, file) : OK;
}

AWAITS enum err media_upload_put(struct media_store *store, struct arena *arena, struct str tenant_id, struct str id,
				 int64_t offset, struct str bytes, struct buf *problem, struct media_upload *ret_upload)
{
	struct media_row row = {.tenant_id = tenant_id, .id = id};
	struct claim claim;
	enum err err;

	CHECK_OBJ(store, MEDIA_STORE_MAGIC);
	if (id.n != ID_LEN)
		return ERR_NOT_FOUND;
	if (!claim_take(store, &claim, id)) {
		buf_put(problem, STR("another piece of this upload is just being taken"));
		return ERR_EXISTS;
	}
	err = put_claimed(store, arena, &row, offset, bytes, problem);
	claim_give(store, &claim);
	if (err == OK)
		*ret_upload = upload_of(store, &row);
	return err;
}

/* ---- what there is ---- */

AWAITS enum err media_upload_get(struct media_store *store, struct arena *arena, struct str tenant_id, struct str id,
				 struct media_upload *ret_upload)
{
	struct media_row row;

	CHECK_OBJ(store, MEDIA_STORE_MAGIC);
	TRY(media_row_get(store->spec.db, arena, tenant_id, id, clock_wall_ms(), &row));
	*ret_upload = upload_of(store, &row);
	return OK;
}

AWAITS enum err media_upload_list(struct media_store *store, struct arena *arena, struct str tenant_id,
				  struct str principal, struct media_upload **ret_uploads, size_t *ret_count,
				  int64_t *ret_used_bytes)
{
	struct media_upload *uploads;
	struct media_row *rows;
	size_t count;

	CHECK_OBJ(store, MEDIA_STORE_MAGIC);
	TRY(media_row_list(store->spec.db, arena, tenant_id, principal, clock_wall_ms(), MEDIA_LIST_MAX, &rows,
			   &count));
	TRY(media_row_used(store->spec.db, tenant_id, ret_used_bytes));
	uploads = arena_try_alloc(arena, (count + 1) * sizeof(*uploads));
	if (uploads == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < count; i++)
		uploads[i] = upload_of(store, &rows[i]);
	*ret_uploads = uploads;
	*ret_count = count;
	return OK;
}

struct removing {
	struct media_store *store;
	struct str id;
};

static enum err remove_on_worker(void *arg)
{
	const struct removing *removing = arg;

	sealed_file_remove(removing->store->spec.directory, removing->id);
	return OK;
}

/* Another replica's file goes with its next sweep: nobody can open it any more. */
AWAITS enum err media_upload_delete(struct media_store *store, struct str tenant_id, struct str id)
{
	struct removing removing = {store, id};

	CHECK_OBJ(store, MEDIA_STORE_MAGIC);
	TRY(media_row_delete(store->spec.db, tenant_id, id));
	return id.n == ID_LEN ? work_run(remove_on_worker, &removing) : OK;
}
