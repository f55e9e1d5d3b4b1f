/* Cutting a byte stream into lines, with a bound on how long one may be. Private to rt.
 * Zero-initialise with the first two members set; buf_free(&line->held) when done. */
#ifndef GATEHOUSE_RT_LINE_H
#define GATEHOUSE_RT_LINE_H

#include "base/str.h"

struct line_reader {
	size_t bytes_max; /* of a line without its end */
	bool cuts;	  /* a longer line is given cut; otherwise it is an error */
	bool skipping;	  /* the rest of a line that was cut */
	struct buf held;  /* the beginning of a line whose end has not come yet */
};

/* Take bytes and call on(arg, line) for each line that is complete, without its \n or \r\n.
 * A line that lies whole in `bytes` is not copied; every byte is looked at once.
 *   Errors     ERR_LIMIT a line is too long (only without `cuts`): the reader is of no use then */
NODISCARD enum err line_take(struct line_reader *reader, struct str bytes, void (*on)(void *arg, struct str line),
			     void *arg);

/* The stream has ended: what is left without an end is a line too. */
void line_end(struct line_reader *reader, void (*on)(void *arg, struct str line), void *arg);

#endif
