/* One file read piece by piece, and written encrypted into another. What is done on the loop is 64 KiB of AES, some
 * 50 us, between a read and a write on workers. */
#include "media/media_private.h"

#include "base/check.h"

AWAITS static enum err copy(struct media *media, struct cbc *cbc, struct spool *spool)
{
	AUTO_BUF out = {0};
	struct str piece;

	for (int64_t at = 0; at < media->size; at += (int64_t)piece.n) {
		TRY(media_read(media, at, MEDIA_PIECE_BYTES, &piece));
		out.n = 0;
		cbc_put(cbc, piece, &out);
		TRY(spool_put(spool, buf_str(&out)));
	}
	out.n = 0;
	cbc_end(cbc, &out);
	return spool_put(spool, buf_str(&out));
}

AWAITS enum err media_encrypt(struct media *media, struct media **ret_media, uint8_t ret_key[CBC_KEY_BYTES],
			      uint8_t ret_iv[CBC_BLOCK_BYTES])
{
	AUTO(cbc) *cbc = NULL;
	struct media *made;
	struct spool spool;
	enum err err;

	CHECK_OBJ(media, MEDIA_MAGIC);
	TRY(spool_begin(media->store, media->tenant_id, media->size + CBC_BLOCK_BYTES, &spool));
	random_bytes(ret_key, CBC_KEY_BYTES);
	random_bytes(ret_iv, CBC_BLOCK_BYTES);
	cbc = cbc_new(ret_key, ret_iv);
	err = copy(media, cbc, &spool);
	if (err == OK)
		err = spool_finish(&spool, &made);
	spool_end(&spool);
	if (err != OK) {
		crypto_wipe(ret_key, CBC_KEY_BYTES);
		return err;
	}
	made->mime = STR("application/octet-stream");
	made->name = arena_str(made->arena, media->name);
	*ret_media = made;
	return OK;
}
