/* The client's reader of answers: any bytes, in pieces of any size, end in the same way as in
 * one piece. */
#include <stdlib.h>

#include "base/check.h"
#include "http/client_private.h"

struct digest {
	struct reply reply;
	size_t body_bytes;
	uint64_t body_sum;
};

static enum err take_body(void *owner, struct str piece)
{
	struct digest *digest = owner;

	digest->body_bytes += piece.n;
	for (size_t i = 0; i < piece.n; i++)
		digest->body_sum = digest->body_sum * 31 + (unsigned char)piece.p[i];
	return OK;
}

/* The outcome as one number: state, status, fields, body. */
static uint64_t read_all(struct str input, size_t step)
{
	struct arena *arena = arena_new(1 << 20);
	struct digest digest = {.reply.on_body = take_body};
	uint64_t sum;
	enum err err = OK;

	digest.reply.owner = &digest;
	reply_reset(&digest.reply, arena);
	while (input.n > 0 && err == OK && digest.reply.state != REPLY_DONE) {
		size_t take = step < input.n ? step : input.n;
		char *block = malloc(take); /* of its own, so that a kept pointer is caught */

		CHECK(block != NULL);
		memcpy(block, input.p, take);
		err = reply_read(&digest.reply, (struct str){block, take});
		free(block);
		input = str_skip(input, take);
	}
	if (err == OK)
		err = reply_finish(&digest.reply);
	sum = (uint64_t)digest.reply.state * 1000 + digest.reply.llhttp.status_code;
	if (err == OK) {
		sum = sum * 31 + digest.body_bytes;
		sum = sum * 31 + digest.body_sum;
		for (size_t i = 0; i < digest.reply.fields.count; i++)
			sum = sum * 31 + str_hash(digest.reply.fields.field[i].name) +
			      str_hash(digest.reply.fields.field[i].value);
	} else {
		sum = (uint64_t)err;
	}
	arena_free(arena);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct str input = {(const char *)bytes, n};

	CHECK(read_all(input, n == 0 ? 1 : n) == read_all(input, n == 0 ? 1 : 1 + bytes[n - 1] % 16));
	return 0;
}
