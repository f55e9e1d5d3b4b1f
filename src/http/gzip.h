/* Whole bodies through gzip. */
#ifndef GATEHOUSE_HTTP_GZIP_H
#define GATEHOUSE_HTTP_GZIP_H

#include "net/stream.h"

/* Append the concatenated pieces, compressed, to `out`. Large ones are compressed on a worker
 * thread.
 *   Errors     ERR_LIMIT (zlib has no memory), ERR_BUSY, ERR_CANCELED, ERR_TIMEOUT: answer
 *              uncompressed then
 *   Runs on    a fiber */
NODISCARD enum err gzip_pieces(const struct piece *pieces, size_t count, struct buf *out) AWAITS;

#endif
