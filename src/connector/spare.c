/* Buffers that requests are composed in: large enough for nearly all, so that they do not move and leave copies behind,
 * wiped when the request is over, and kept for the next ones of the loop. */
#include <stdlib.h>

#include "base/check.h"
#include "base/crypto.h"
#include "connector/runner.h"
#include "rt/loop.h"

#define SPARES_MAX 128	 /* of a loop: 512 KB, a URL and a head for each of 64 requests */
#define SPARE_BYTES 4096 /* of a URL or a head with a token in it */

struct spares {
	struct shelf {
		size_t count;
		struct buf buf[SPARES_MAX];
	} shelf[LOOPS_MAX];
};

struct spares *spares_new(void)
{
	struct spares *spares = calloc(1, sizeof(*spares));

	CHECK(spares != NULL);
	return spares;
}

void spares_free(struct spares *spares)
{
	if (spares == NULL)
		return;
	for (size_t i = 0; i < LOOPS_MAX; i++)
		while (spares->shelf[i].count > 0)
			buf_free(&spares->shelf[i].buf[--spares->shelf[i].count]);
	free(spares);
}

struct buf spares_take(struct spares *spares)
{
	struct shelf *shelf = &spares->shelf[loop_index(loop_self())];
	struct buf buf = {0};

	if (shelf->count > 0)
		return shelf->buf[--shelf->count];
	buf_reserve(&buf, SPARE_BYTES);
	return buf;
}

void spares_give(struct spares *spares, struct buf *buf)
{
	struct shelf *shelf = &spares->shelf[loop_index(loop_self())];

	crypto_wipe(buf->p, buf->n);
	buf->n = 0;
	if (buf->cap == SPARE_BYTES && shelf->count < SPARES_MAX)
		shelf->buf[shelf->count++] = *buf;
	else
		buf_free(buf);
	*buf = (struct buf){0};
}
