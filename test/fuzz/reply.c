/* Replies of a state server: any bytes, in pieces of any size, give the same replies as in one piece, and never more
 * than the bounds. */
#include <stdlib.h>

#include "base/check.h"
#include "state/reply.h"

static uint64_t sum_of(const struct reply *reply, size_t *items)
{
	uint64_t sum = (uint64_t)reply->kind * 31 + (uint64_t)reply_number(reply) + str_hash(reply_text(reply));

	CHECK(++*items <= REPLY_ITEMS_MAX);
	for (size_t i = 0; i < reply->count; i++)
		sum = sum * 31 + sum_of(reply_item(reply, i), items);
	return sum;
}

/* Read everything; stops at an error. */
static uint64_t digest(struct str input, size_t step, enum err *ret_err)
{
	struct reply_reader *reader = reply_reader_new();
	uint64_t sum = 0;

	*ret_err = OK;
	while (input.n > 0 && *ret_err == OK) {
		struct str piece = {input.p, step < input.n ? step : input.n};
		struct reply *reply;

		input = str_skip(input, piece.n);
		*ret_err = reply_reader_feed(reader, piece);
		while (*ret_err == OK && (*ret_err = reply_reader_next(reader, &reply)) == OK && reply != NULL) {
			size_t items = 0;

			sum = sum * 31 + sum_of(reply, &items);
			reply_free(reply);
		}
	}
	reply_reader_free(reader);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	size_t step = n == 0 ? 1 : 1 + bytes[0] % 16;
	struct str input = {(const char *)bytes, n};
	enum err whole, pieces;
	uint64_t a = digest(input, n == 0 ? 1 : n, &whole);
	uint64_t b = digest(input, step, &pieces);

	CHECK((whole == OK) == (pieces == OK));
	CHECK(a == b || whole != OK);
	return 0;
}
