/* Shared immutable bytes: header and bytes in one allocation, references counted with the
 * usual order (relaxed up, release down, acquire before the free). */
#include "base/blob.h"

#include <stdlib.h>

#include "base/check.h"

#define BLOB_MAGIC 0x626c6f62u

struct blob *blob_new(struct str s)
{
	struct blob *blob;
	char *bytes;

	CHECK(s.n <= SIZE_MAX - sizeof(*blob) - 1);
	blob = malloc(sizeof(*blob) + s.n + 1);
	CHECK(blob != NULL);
	bytes = (char *)(blob + 1);
	if (s.n > 0)
		memcpy(bytes, s.p, s.n);
	bytes[s.n] = '\0';
	blob->magic = BLOB_MAGIC;
	atomic_init(&blob->refs, 1);
	blob->str = (struct str){bytes, s.n};
	return blob;
}

struct blob *blob_ref(struct blob *blob)
{
	CHECK_OBJ(blob, BLOB_MAGIC);
	CHECK(atomic_fetch_add_explicit(&blob->refs, 1, memory_order_relaxed) > 0);
	return blob;
}

void blob_unref(struct blob *blob)
{
	unsigned before;

	if (blob == NULL)
		return;
	CHECK_OBJ(blob, BLOB_MAGIC);
	before = atomic_fetch_sub_explicit(&blob->refs, 1, memory_order_release);
	CHECK(before > 0);
	if (before > 1)
		return;
	atomic_thread_fence(memory_order_acquire);
	blob->magic = 0;
	free(blob);
}
