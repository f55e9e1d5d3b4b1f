/* Secrets that are not keys: passwords, tokens, header values. Like a `struct secret` they lie on
 * locked pages that core files leave out, and are wiped when the last reference goes; they are
 * shared by reference, never copied to the heap, never printed. */
#ifndef GATEHOUSE_BASE_SECRET_TEXT_H
#define GATEHOUSE_BASE_SECRET_TEXT_H

#include "base/crypto.h"

#define SECRET_TEXT_BYTES_MAX (64 * 1024) /* certificates with their keys and long assertions are below it */

struct secret_text;

/* A copy of `plain` (at most SECRET_TEXT_BYTES_MAX bytes, may be empty); the caller wipes its own.
 *   Runs on    any thread, as all of these */
struct secret_text *secret_text_new(struct str plain);

/* Room for n bytes, zeroed, to be filled in place through *ret_p before anybody else has it. */
struct secret_text *secret_text_room(size_t n, char **ret_p);

/* What it holds; lives as long as the reference. */
struct str secret_text_str(const struct secret_text *text);

/* One more reference; returns `text`. */
struct secret_text *secret_text_ref(struct secret_text *text);

/* Give one back; the last wipes and releases. NULL is fine. */
void secret_text_unref(struct secret_text *text);
DEFINE_AUTO(secret_text, secret_text_unref);

/* Free an arena that secrets passed through, after overwriting all that was in it. Pieces that arena_try_grow has moved
 * are not found again. NULL is fine. */
struct arena;
void arena_free_wiped(struct arena *arena);

/* A key from the text that an operator keeps: CRYPTO_KEY_BYTES raw bytes, or as many in hexadecimal (either
 * case), base64 or base64url (with or without padding). Line ends behind a written form are passed over.
 *   Errors     ERR_CONFIG: none of these */
NODISCARD enum err secret_from_text(struct str text, struct secret **ret_secret);

#endif
