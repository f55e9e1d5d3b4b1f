/* Cutting a byte stream into lines, with a bound on how long one may be. Private to rt. */
#ifndef GATEHOUSE_RT_LINE_H
#define GATEHOUSE_RT_LINE_H

#include "base/str.h"

struct line_reader {
	struct buf held; /* the beginning of a line whose end has not come yet */
	size_t bytes_max;
	bool cut; /* too long: give its beginning, drop the rest; else it is an error */
	bool dropping;
};

/* Start with nothing held; free what is held. Both leave the struct usable again. */
void line_reader_init(struct line_reader *reader, size_t bytes_max, bool cut);
void line_reader_free(struct line_reader *reader);

/* Take bytes and call `on` for each line that is complete, without its \n or \r\n. A line that
 * lies whole in `bytes` is not copied.
 *   Errors     ERR_LIMIT: a line of more than bytes_max (only without `cut`) */
NODISCARD enum err line_reader_take(struct line_reader *reader, struct str bytes,
				    void (*on)(void *arg, struct str line), void *arg);

/* The stream has ended: a last line without an end is a line. */
void line_reader_end(struct line_reader *reader, void (*on)(void *arg, struct str line), void *arg);

#endif
