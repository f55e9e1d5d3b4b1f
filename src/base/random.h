/* Random bytes and ids. Batched per thread, so that a request id costs no system call. */
#ifndef GATEHOUSE_BASE_RANDOM_H
#define GATEHOUSE_BASE_RANDOM_H

#include "base/str.h"

/* Fill `out` from the kernel's generator, through a per-thread pool that is wiped as used.
 *   Runs on    any thread; aborts when the kernel has no randomness */
void random_bytes(void *out, size_t n);

/* Append `n` random bytes (RANDOM_TEXT_BYTES_MAX at most) as base64url: what a key, a secret, a cookie or a state is.
 * Nothing of them stays elsewhere; who made `out` wipes it. */
#define RANDOM_TEXT_BYTES_MAX 64
void random_text_put(struct buf *out, size_t n);

#define ID_LEN 26 /* Crockford base32 of 48 bits of wall ms and 80 random bits (a ULID) */

/* A new sortable id; `out` gets ID_LEN bytes and a NUL.
 *   Runs on    any thread */
void random_id(char out[ID_LEN + 1]);

/* The same with a time of the caller's choice: ids of one millisecond have no order among themselves. */
void random_id_at(int64_t wall_ms, char out[ID_LEN + 1]);

/* base64url without padding. Encode appends; decode is strict (no padding, no foreign
 * characters, no stray bits) and writes at most `cap` bytes.
 *   Errors     ERR_RPC_PARAMS */
void base64url_put(struct buf *out, const void *bytes, size_t n);
NODISCARD enum err base64url_get(struct str text, void *out, size_t cap, size_t *ret_n);

/* Standard base64 with padding, strict (MCP header values).
 *   Errors     ERR_RPC_PARAMS */
void base64_put(struct buf *out, const void *bytes, size_t n);
NODISCARD enum err base64_get(struct str text, void *out, size_t cap, size_t *ret_n);

#endif
