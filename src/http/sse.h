/* Reading server-sent events from a byte stream: any line ending, BOM, comments, unknown
 * fields, multi-line data. Pure; feeds on pieces of any size. */
#ifndef GATEHOUSE_HTTP_SSE_H
#define GATEHOUSE_HTTP_SSE_H

#include "base/str.h"

struct sse_event {
	struct str type;  /* empty means "message" */
	struct str id;	  /* the last id seen, p NULL when none ever came */
	struct str data;  /* lines joined with \n */
	int64_t retry_ms; /* -1 when this event carried none */
};

struct sse_reader {
	struct buf line, data, type, id;
	bool has_id, has_data, after_cr, started, returned;
	int64_t retry_ms;
	size_t bytes_max; /* of one event */
};

/* Ready for a stream whose events may have `bytes_max` bytes each. */
void sse_reader_init(struct sse_reader *reader, size_t bytes_max);
/* Release its buffers; events it returned are gone too. */
void sse_reader_free(struct sse_reader *reader);

/* Take bytes from *input (advancing it) until an event is complete or the input is used up.
 *   ret_event  slices valid until the next call; ret_complete tells whether there is one
 *   Errors     ERR_UPSTREAM_TOO_LARGE */
NODISCARD enum err sse_read(struct sse_reader *reader, struct str *input, struct sse_event *ret_event,
			    bool *ret_complete);

#endif
