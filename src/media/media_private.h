/* What the files of the room share.
 *
 *     store.c        start, settings, what temporary files take
 *     sweep.c        files that no row knows
 *     upload.c       uploads: rows and pieces
 *     whole.c        an upload has come whole: its type, its digest
 *     key.c          keys of files, sealed
 *     spool.c        temporary files, written as bytes come
 *     given.c        the three forms of an argument
 *     fetch.c        a file from an address
 *     open.c         media_open and what follows it
 *     address.c      signed addresses
 *     encrypt.c      a file encrypted into another
 *     sealed_file.c  records on disk
 *     sniff.c        what a file is */
#ifndef GATEHOUSE_MEDIA_PRIVATE_H
#define GATEHOUSE_MEDIA_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/map.h"
#include "http/client.h"
#include "media/encrypt.h"
#include "media/sealed_file.h"
#include "media/sniff.h"
#include "media/uploads.h"
#include "rt/loop.h"
#include "store/media.h"

#define MEDIA_STORE_MAGIC 0x4d445354u /* "MDST" */
#define MEDIA_MAGIC 0x4d454449u	      /* "MEDI" */

#define MEDIA_OPEN_MAX 1024		  /* files open at once: descriptors, and a record's memory each */
#define MEDIA_SLICE_BYTES (1024 * 1024)	  /* what a worker seals, writes or hashes at a time: some 2 ms */
#define MEDIA_ARENA_BYTES (64 * 1024)	  /* of a row and what is said of a file */
#define MEDIA_FETCH_MS (10 * 60 * 1000LL) /* from an address, whatever the call's own deadline */
#define MEDIA_SIGNATURE_BYTES 21	  /* when it ends, and 16 bytes of its MAC */
#define MEDIA_SIGNATURE_CHARS 28	  /* base64url */

struct media_counters {
	atomic_ullong uploads, fetches, inlined, bytes, failures, open, temporary_bytes;
};

struct media_store {
	uint32_t magic;
	struct media_store_spec spec; /* its texts in `arena` */
	struct arena *arena;
	atomic_ullong quota_bytes, file_bytes_max;
	atomic_llong expire_ms;
	atomic_bool allow_private;
	struct media_counters counters;
	struct group sweeper; /* loop 0's */
	pthread_mutex_t lock; /* of the two below; held for a look only */
	struct map use;	      /* struct tenant_use by tenant: what its temporary files take */
	struct map claimed;   /* struct claim by id: uploads that a piece is being taken for */
};

struct media {
	uint32_t magic;
	struct media_store *store;
	struct arena *arena;	  /* the texts */
	struct sealed_file *file; /* NULL: with `pull` of an address */
	int64_t size;
	struct str mime, name, sha256, url;
	struct str tenant_id;
	int64_t charged_bytes; /* of temporary_bytes */
	uint8_t *record;       /* the one that was read last; NULL none */
	int64_t record_number;
	size_t record_bytes;
};

/* ---- store.c ---- */

/* One more of a tenant's temporary bytes; give them back.
 *   used_bytes what its uploads take
 *   Errors     ERR_LIMIT: its quota */
NODISCARD enum err use_take(struct media_store *store, struct str tenant_id, int64_t bytes, int64_t used_bytes);
void use_give(struct media_store *store, struct str tenant_id, int64_t bytes);

/* Have an upload for oneself. False: somebody has it. */
struct claim {
	char id[ID_LEN];
};
bool claim_take(struct media_store *store, struct claim *claim, struct str id);
void claim_give(struct media_store *store, struct claim *claim);

/* An empty one, counted among those that are open.
 *   Errors     ERR_BUSY: MEDIA_OPEN_MAX */
NODISCARD enum err media_new(struct media_store *store, struct str tenant_id, struct media **ret_media);

/* ---- key.c ---- */

/* A new key for a file, and sealed for its row; the key of a row.
 *   Errors     as vault_seal and vault_open */
NODISCARD enum err file_key_make(struct media_store *store, struct str tenant_id, struct str id,
				 uint8_t ret_key[CRYPTO_KEY_BYTES], struct buf *sealed) AWAITS;
NODISCARD enum err file_key_open(struct media_store *store, const struct media_row *row,
				 uint8_t ret_key[CRYPTO_KEY_BYTES]) AWAITS;

/* The row of an upload and its file, open; the row is read again when its key was sealed anew meanwhile.
 *   tenant_id  NULL: whosever it is
 *   create     make the file when it is not there, and nothing of it was received
 *   ret_row    in `arena`, as far as it was read when it fails
 *   Errors     ERR_NOT_FOUND: none such, or its file has gone; ERR_DB, ERR_IO, ERR_CRYPTO ... */
NODISCARD enum err upload_open(struct media_store *store, struct arena *arena, const struct str *tenant_id,
			       struct str id, bool create, struct media_row *ret_row, struct sealed_file **ret_file)
	AWAITS;

/* Whether a row's file is here. */
static inline bool row_is_here(const struct media_store *store, const struct media_row *row)
{
	return str_eq(row->place, store->spec.place);
}

/* ---- whole.c ---- */

/* All of it has come: find out what it is, and write that down.
 *   Errors     ERR_CRYPTO: it is not what was written; ERR_IO, ERR_DB ... */
NODISCARD enum err upload_finish(struct media_store *store, struct arena *arena, struct media_row *row,
				 struct sealed_file *file) AWAITS;

/* ---- spool.c: a temporary file that is written as its bytes come ---- */

struct spool {
	struct media *media; /* whose file it is; closed by spool_end, or given away */
	struct sha256_stream digest;
	struct buf waiting; /* of a slice that is not full */
	int64_t bytes, bytes_max;
	int64_t used_bytes; /* by the tenant's uploads, when it was begun */
	bool over_quota;    /* why it could not be taken */
};

/* Begin.
 *   bytes_max  of the file
 *   Errors     ERR_BUSY, ERR_IO, ERR_DB ... */
NODISCARD enum err spool_begin(struct media_store *store, struct str tenant_id, int64_t bytes_max,
			       struct spool *ret_spool) AWAITS;

/* Append bytes.
 *   Errors     ERR_LIMIT: too large, or with `over_quota` the tenant has no room; ERR_IO ... */
NODISCARD enum err spool_put(struct spool *spool, struct str bytes) AWAITS;

/* All is there: size and digest of the file are set.
 *   ret_media  the spool's */
NODISCARD enum err spool_finish(struct spool *spool, struct media **ret_media) AWAITS;
void spool_end(struct spool *spool); /* what was not finished goes */

/* ---- given.c ---- */

enum given_kind { GIVEN_UPLOAD, GIVEN_URL, GIVEN_BASE64 };
struct given {
	enum given_kind kind;
	struct str value;
	struct str mime, name; /* as they were said to be; may be empty */
};

/* Read an argument: no form of three is refused with what there is.
 *   ret_given  in `arena`
 *   Errors     ERR_RPC_PARAMS
 *   Runs on    any thread; a large one takes a while */
NODISCARD enum err given_read(struct arena *arena, struct str json, struct buf *problem, struct given *ret_given);

/* A name for a file, of what somebody gave: no path, no control characters, at most MEDIA_NAME_BYTES_MAX bytes; "file"
 * with the type's extension when nothing is left. */
struct str file_name(struct arena *arena, struct str given, struct str mime);

/* The last part of an address's path, decoded, as a name; empty when there is none. */
struct str url_name(struct arena *arena, struct str url);

/* ---- fetch.c ---- */

/* Have what is at an address.
 *   Errors     as media_open */
NODISCARD enum err fetch_url(struct media_store *store, const struct media_wish *wish, const struct given *given,
			     struct buf *problem, struct media **ret_media) AWAITS;

/* Have another replica's file.
 *   Errors     ERR_MEDIA_AWAY ... */
NODISCARD enum err fetch_upload(struct media_store *store, const struct media_wish *wish, const struct media_row *row,
				struct media **ret_media) AWAITS;

/* ---- upload.c ---- */

/* Borrows the row's texts. */
struct media_upload upload_of(const struct media_store *store, const struct media_row *row);

/* ---- open.c ---- */

/* Whether it is of a type that is wanted. */
bool wish_fits(const struct media_wish *wish, struct str mime, struct buf *problem);

/* ---- address.c ---- */

/* The path of a public address: "/media/ID/SIGNATURE/file.jpg", good until `expires_ms`. */
void address_put(const struct media_store *store, struct str id, struct str mime, int64_t expires_ms, struct buf *out);
/* Whether a signature is ours, for this id, and not past its time. */
bool address_is_good(const struct media_store *store, struct str id, struct str signature, int64_t now_ms);

#endif
