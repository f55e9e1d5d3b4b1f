/* A file of sealed records: MEDIA_PIECE_BYTES of it each, under a key of the file's own, bound to its id and their
 * number. So a record is read by itself, and none can be altered, moved or taken from another file. Private to the
 * room.
 *
 *     record 0                        record 1                            the last
 *     nonce, 64 KiB sealed, tag   |   nonce, 64 KiB sealed, tag   |  ...  nonce, the rest, tag
 *
 * All of it blocks: on a worker thread, one call at a time for a file. How long a file is stands elsewhere. */
#ifndef GATEHOUSE_MEDIA_SEALED_FILE_H
#define GATEHOUSE_MEDIA_SEALED_FILE_H

#include "base/crypto.h"
#include "base/random.h"
#include "media/media.h"

#define SEALED_RECORD_BYTES MEDIA_PIECE_BYTES
#define SEALED_PATH_MAX 4096

struct sealed_file;

/* A file that is there; one more. One without a name is gone when it is closed, or the process is.
 *   key        CRYPTO_KEY_BYTES bytes, wiped here
 *   Errors     ERR_NOT_FOUND, ERR_EXISTS, ERR_IO */
NODISCARD enum err sealed_file_open(struct str directory, struct str id, uint8_t key[CRYPTO_KEY_BYTES],
				    struct sealed_file **ret_file);
NODISCARD enum err sealed_file_create(struct str directory, struct str id, uint8_t key[CRYPTO_KEY_BYTES], bool unnamed,
				      struct sealed_file **ret_file);
void sealed_file_close(struct sealed_file *file); /* NULL is fine */
DEFINE_AUTO(sealed_file, sealed_file_close);

/* Take its name away; it need not have one. */
void sealed_file_remove(struct str directory, struct str id);

/* Write from an offset on.
 *   offset     a multiple of SEALED_RECORD_BYTES; `bytes` end at one too, or are the file's last
 *   Errors     ERR_IO: no room on the disk, or worse */
NODISCARD enum err sealed_file_write(struct sealed_file *file, int64_t offset, struct str bytes);

/* What was written outlives the machine's sudden end. */
NODISCARD enum err sealed_file_sync(struct sealed_file *file);

/* Read one record of `n` bytes, all that it has, into `out`.
 *   Errors     ERR_CRYPTO: altered, cut, or of another length; ERR_IO */
NODISCARD enum err sealed_file_read(struct sealed_file *file, int64_t record, void *out, size_t n);

#endif
