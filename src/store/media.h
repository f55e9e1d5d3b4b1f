/* Files that callers have uploaded, as rows: whose they are, how much of them has come, and the key of each, sealed
 * (see room vault). Their bytes are room media's. */
#ifndef GATEHOUSE_STORE_MEDIA_H
#define GATEHOUSE_STORE_MEDIA_H

#include "store/store.h"

#define MEDIA_PER_TENANT_MAX 10000 /* count: each is a file in one directory */
#define MEDIA_SEALED_BYTES_MAX 256 /* of a key */
#define MEDIA_SWEEP_ROWS 1000	   /* forgotten in one write */

struct media_row {
	struct str id;	      /* what its key is sealed for: known before the row is there */
	struct str tenant_id; /* empty: nobody's, where nobody has to sign in */
	struct str principal;
	struct str place; /* address of the replica that has the file; empty: there is no fleet */
	struct str name, mime;
	struct str sha256;		/* hexadecimal; empty: it is not whole yet */
	int64_t size;			/* it counts from the beginning */
	int64_t received;		/* bytes that are safe on disk */
	struct str sealed;		/* the key */
	int64_t created_ms, expires_ms; /* wall time */
};

/* Keep a new one; `received` is 0, `sha256` empty.
 *   quota_bytes  of all that the tenant has with it. PostgreSQL looks before others' latest writes: of uploads that
 *                begin in the same moment one more may come in
 *   Errors       ERR_LIMIT: the quota, or MEDIA_PER_TENANT_MAX; ERR_NOT_FOUND: the key that it is sealed with has
 *                gone; ERR_DB ... */
NODISCARD enum err media_row_insert(struct db *db, const struct media_row *row, int64_t quota_bytes) AWAITS;

/* A tenant's that has not expired; whosever it is, for those who have its address.
 *   ret_row    in `arena`
 *   Errors     ERR_NOT_FOUND, ERR_DB ... */
NODISCARD enum err media_row_get(struct db *db, struct arena *arena, struct str tenant_id, struct str id,
				 int64_t now_ms, struct media_row *ret_row) AWAITS;
NODISCARD enum err media_row_find(struct db *db, struct arena *arena, struct str id, int64_t now_ms,
				  struct media_row *ret_row) AWAITS;

/* More of it has come; it is whole.
 *   Errors     ERR_NOT_FOUND: it has gone, or somebody else brought the same; ERR_DB ... */
NODISCARD enum err media_row_advance(struct db *db, struct str tenant_id, struct str id, int64_t from, int64_t to)
	AWAITS;
NODISCARD enum err media_row_finish(struct db *db, struct str tenant_id, struct str id, struct str mime,
				    struct str sha256) AWAITS;

/* A caller's that have not expired, the latest first; `sealed` is left out.
 *   ret_rows   in `arena` */
NODISCARD enum err media_row_list(struct db *db, struct arena *arena, struct str tenant_id, struct str principal,
				  int64_t now_ms, size_t limit, struct media_row **ret_rows, size_t *ret_count) AWAITS;

/* What a tenant's files take. */
NODISCARD enum err media_row_used(struct db *db, struct str tenant_id, int64_t *ret_bytes) AWAITS;

/* Forget one.
 *   Errors     ERR_NOT_FOUND, ERR_DB ... */
NODISCARD enum err media_row_delete(struct db *db, struct str tenant_id, struct str id) AWAITS;

/* Forget those that have expired, MEDIA_SWEEP_ROWS at most.
 *   ret_count  how many there were */
NODISCARD enum err media_row_sweep(struct db *db, int64_t now_ms, size_t *ret_count) AWAITS;

/* Whether there is a row for a file. */
NODISCARD enum err media_row_exists(struct db *db, struct str id, bool *ret_there) AWAITS;

#endif
