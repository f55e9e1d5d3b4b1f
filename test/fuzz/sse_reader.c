/* The event-stream reader: any bytes, in pieces of any size, give the same events as in one
 * piece, and never more than the bound. */
#include <stdlib.h>

#include "base/check.h"
#include "http/sse.h"

#define EVENT_BYTES_MAX 4096

/* Read everything; the events' lengths and bytes as one hash. Stops at an error. */
static uint64_t digest(struct str input, size_t step, enum err *ret_err)
{
	struct sse_reader reader;
	struct sse_event event;
	uint64_t sum = 0;
	bool complete;

	sse_reader_init(&reader, EVENT_BYTES_MAX);
	*ret_err = OK;
	while (input.n > 0 && *ret_err == OK) {
		struct str piece = {input.p, step < input.n ? step : input.n};

		input = str_skip(input, piece.n);
		while ((*ret_err = sse_read(&reader, &piece, &event, &complete)) == OK && complete) {
			CHECK(event.data.n + event.type.n <= EVENT_BYTES_MAX);
			sum = sum * 31 + str_hash(event.data) + str_hash(event.type) + event.id.n +
			      (uint64_t)event.retry_ms;
		}
	}
	sse_reader_free(&reader);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	size_t step = n == 0 ? 1 : 1 + bytes[0] % 16;
	struct str input = {(const char *)bytes, n};
	enum err whole, pieces;
	uint64_t a = digest(input, n == 0 ? 1 : n, &whole);
	uint64_t b = digest(input, step, &pieces);

	CHECK(a == b || whole != OK || pieces != OK);
	return 0;
}
