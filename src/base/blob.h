/* Immutable shared bytes: prebuilt lists, file contents, anything written to many peers
 * without a copy. Reference-counted across threads. */
#ifndef GATEHOUSE_BASE_BLOB_H
#define GATEHOUSE_BASE_BLOB_H

#include <stdatomic.h>

#include "base/str.h"

struct blob {
	uint32_t magic;
	atomic_uint refs;
	struct str str; /* the bytes, in the same allocation */
};

/* A new blob with a copy of s and one reference.
 *   Runs on    any thread */
struct blob *blob_new(struct str s);

/* One more reference; returns its argument. */
struct blob *blob_ref(struct blob *blob);

/* One reference less; the last one frees. NULL is fine. */
void blob_unref(struct blob *blob);
DEFINE_AUTO(blob, blob_unref);

#endif
