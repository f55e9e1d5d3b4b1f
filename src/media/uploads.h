/* The process's store of files, and uploads to it: an upload is begun with its size, which counts at once, comes in
 * pieces in order, and is then whole and named by its id until it expires or is deleted.
 *
 *   Source     doc/rooms/media.md, doc/guides/files.md */
#ifndef GATEHOUSE_MEDIA_UPLOADS_H
#define GATEHOUSE_MEDIA_UPLOADS_H

#include "base/crypto.h"
#include "db/db.h"
#include "media/media.h"

#define MEDIA_NAME_BYTES_MAX 255
#define MEDIA_SIGNED_MS (60 * 60 * 1000LL) /* a public address lives so long, and not longer than its file */
#define MEDIA_LIST_MAX 1000		   /* files of one list */

struct vault;

struct media_settings {
	size_t quota_bytes;    /* of each tenant's files */
	size_t file_bytes_max; /* of one file */
	int64_t expire_ms;     /* after it was begun */
	bool allow_private;    /* addresses that callers name may be private: theirs are not the operator's */
};

struct media_store_spec {
	struct db *db;
	struct vault *vault;
	struct str directory;	  /* made when it is not there */
	struct str place;	  /* address of this replica, as others reach it; empty: there is no fleet */
	struct str fleet_ca_file; /* for theirs; empty: the system's */
	const struct secret *key; /* signs addresses, seals keys of files that are nobody's; borrowed */
	struct media_settings settings;
	/* Where platforms find this gateway: an origin, good until the fiber waits; empty: not known. */
	struct str (*origin)(void *arg);
	void *arg;
};

/* Make the directory, and begin to sweep it: a fiber of loop 0 looks every MEDIA_SWEEP_MS for files that no row knows:
 * expired, deleted elsewhere, or left by a process that was killed.
 *   problem    what is wrong with the directory
 *   Errors     ERR_SYSTEM
 *   Runs on    loop 0, as media_store_stop; nobody uses it any more then (NULL is fine) */
#define MEDIA_SWEEP_MS (10 * 60 * 1000LL)
NODISCARD enum err media_store_start(const struct media_store_spec *spec, struct buf *problem,
				     struct media_store **ret_store) AWAITS;
void media_store_stop(struct media_store *store) AWAITS;

/* New settings, for what begins from now on.
 *   Runs on    any thread */
void media_store_configure(struct media_store *store, const struct media_settings *settings);

/* Forget what has expired in all of the fleet, and remove this replica's files of it: a job's run.
 *   words      gets how much it was */
NODISCARD enum err media_store_sweep(struct media_store *store, struct buf *words) AWAITS;

/* What is known of an upload; texts in the caller's arena. */
struct media_upload {
	struct str id, name, mime;
	struct str sha256; /* hexadecimal; empty: it is not whole yet */
	int64_t size, received;
	int64_t expires_ms; /* wall time */
	struct str place;   /* which replica has it; empty: there is no fleet */
	bool here;	    /* this one */
};

/* Begin one.
 *   name, mime   as they are said to be; may be empty
 *   problem      what is wrong, for the caller, as in all of these
 *   ret_upload   received 0
 *   Errors       ERR_LIMIT: larger than a file may be, or the tenant's quota; ERR_RPC_PARAMS: an empty one; ERR_DB ...
 */
struct media_offer {
	struct str tenant_id, principal, name, mime;
	int64_t size;
	int64_t life_ms; /* 0: as the settings say */
};
NODISCARD enum err media_upload_begin(struct media_store *store, struct arena *arena, const struct media_offer *offer,
				      struct buf *problem, struct media_upload *ret_upload) AWAITS;

/* Take the next piece. The last one makes it whole: then its type and its digest are known.
 *   offset     as much as was received; what was taken already may come again and is passed over
 *   bytes      a multiple of MEDIA_PIECE_BYTES, unless they are the last
 *   Errors     ERR_NOT_FOUND; ERR_RPC_PARAMS: another offset, or too many or odd bytes; ERR_EXISTS: another piece of it
 * is just being taken; ERR_IO, ERR_DB ... */
NODISCARD enum err media_upload_put(struct media_store *store, struct arena *arena, struct str tenant_id, struct str id,
				    int64_t offset, struct str bytes, struct buf *problem,
				    struct media_upload *ret_upload) AWAITS;

/* What is known of one; of a caller's, the latest first, and how much the tenant has in all; delete one, wherever it
 * is. Errors     ERR_NOT_FOUND: none of this tenant; ERR_DB ... */
NODISCARD enum err media_upload_get(struct media_store *store, struct arena *arena, struct str tenant_id, struct str id,
				    struct media_upload *ret_upload) AWAITS;
NODISCARD enum err media_upload_list(struct media_store *store, struct arena *arena, struct str tenant_id,
				     struct str principal, struct media_upload **ret_uploads, size_t *ret_count,
				     int64_t *ret_used_bytes) AWAITS;
NODISCARD enum err media_upload_delete(struct media_store *store, struct str tenant_id, struct str id) AWAITS;

/* Open a file by the two parts of its public address: whoever has it may read.
 *   ret_media  media_close when done; NULL: another replica has it, see ret_upload
 *   Errors     ERR_NOT_FOUND: never given out, or past its time; as media_open */
NODISCARD enum err media_open_signed(struct media_store *store, struct arena *arena, struct str id,
				     struct str signature, struct media_upload *ret_upload, struct media **ret_media)
	AWAITS;

/* For /metrics, since the start; approximate. NULL: nothing yet. */
struct media_stats {
	uint64_t uploads, fetches, inlined; /* files that came whole, by how */
	uint64_t bytes;			    /* of them */
	uint64_t failures;		    /* fetches that gave no file */
	uint64_t open, temporary_bytes;	    /* now */
};
struct media_stats media_store_stats(const struct media_store *store);

#endif
