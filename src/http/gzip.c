/* gzip of large answers, at a level where compressing costs less than sending over a WAN
 * (about 10 ms a megabyte). Up to 64 KB that is less than a millisecond and done here; more
 * would hold up every other request of the loop and goes to a worker thread. */
#include <limits.h>
#include <zlib.h>

#include "base/check.h"
#include "http/gzip.h"

#define LEVEL 4
#define GZIP_WINDOW_BITS (15 + 16) /* zlib's way to ask for the gzip format */
#define INLINE_BYTES_MAX 65536

struct gzip_job {
	const struct piece *pieces;
	size_t count;
	struct buf *out;
};

static enum err gzip_run(void *arg)
{
	struct gzip_job *job = arg;
	z_stream z = {0};
	size_t total = 0;

	for (size_t i = 0; i < job->count; i++)
		total += job->pieces[i].str.n;
	CHECK(total < UINT_MAX / 2);
	if (deflateInit2(&z, LEVEL, Z_DEFLATED, GZIP_WINDOW_BITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return ERR_LIMIT;
	/* With room for the worst case deflate never stops for lack of it. */
	z.avail_out = (unsigned)deflateBound(&z, total);
	z.next_out = (unsigned char *)buf_reserve(job->out, z.avail_out);
	for (size_t i = 0; i < job->count; i++) {
		z.next_in = (unsigned char *)job->pieces[i].str.p;
		z.avail_in = (unsigned)job->pieces[i].str.n;
		if (z.avail_in > 0)
			CHECK(deflate(&z, Z_NO_FLUSH) == Z_OK);
	}
	CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
	job->out->n += z.total_out;
	deflateEnd(&z);
	return OK;
}

AWAITS enum err gzip_pieces(const struct piece *pieces, size_t count, struct buf *out)
{
	struct gzip_job job = {.pieces = pieces, .count = count, .out = out};
	size_t total = 0;

	for (size_t i = 0; i < count; i++)
		total += pieces[i].str.n;
	return total <= INLINE_BYTES_MAX ? gzip_run(&job) : work_run(gzip_run, &job);
}
