/* The request parser under arbitrary bytes, with an oracle: however the input is cut, the
 * outcome is the same, and what was accepted keeps the framing rules.
 * The first byte says how large the pieces of the second run are. */
#include <stdlib.h>

#include "base/check.h"
#include "http/request_parser.h"
#include "http/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	enum err err;
	bool complete;
	size_t left;
	struct request_head *head;
};

static struct outcome run(struct arena *arena, struct str input, size_t step)
{
	static const struct request_limits limits = {.head_bytes_max = 1024, .body_bytes_max = 2048};
	struct request_parser *parser = request_parser_new(arena, &limits);
	struct outcome outcome = {.head = request_parser_head(parser)};

	while (input.n > 0 && !outcome.complete && outcome.err == OK) {
		size_t n = input.n < step ? input.n : step;
		char *copy = malloc(n);
		struct str piece = {copy, n};

		CHECK(copy != NULL);
		memcpy(copy, input.p, n);
		outcome.err = request_parser_feed(parser, &piece, &outcome.complete);
		input = str_skip(input, n - piece.n);
		free(copy);
	}
	outcome.left = input.n;
	return outcome;
}

static void check_accepted(struct arena *arena, const struct request_head *head)
{
	const struct http_fields *fields = &head->fields;
	struct http_target target;

	CHECK(!fields->repeated[HTTP_HOST] && !fields->repeated[HTTP_CONTENT_LENGTH]);
	CHECK(fields->first[HTTP_CONTENT_LENGTH] < 0 || fields->first[HTTP_TRANSFER_ENCODING] < 0);
	CHECK(head->minor == 0 || fields->first[HTTP_HOST] >= 0);
	CHECK(head->body.n <= 2048 && head->method.n > 0);
	for (size_t i = 0; i < fields->count; i++) {
		CHECK(fields->field[i].name.n > 0);
		CHECK(memchr(fields->field[i].value.p, '\n', fields->field[i].value.n) == NULL);
		CHECK(memchr(fields->field[i].value.p, '\0', fields->field[i].value.n) == NULL);
	}
	if (http_target_parse(arena, head->target, str_eq(head->method, STR("OPTIONS")), &target) == OK)
		CHECK(target.path.p[0] == '/' || str_eq(target.path, STR("*")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct outcome whole, cut;
	struct str input;

	if (size < 2)
		return 0;
	input = (struct str){(const char *)data + 1, size - 1};
	whole = run(arena, input, input.n);
	cut = run(arena, input, 1 + data[0] % 64);
	/* How much framing a body may cost is judged now and then, so there the cut may matter. */
	if (whole.err == ERR_HTTP_BODY_TOO_LARGE || cut.err == ERR_HTTP_BODY_TOO_LARGE)
		return 0;
	CHECK(whole.complete == cut.complete);
	if (!whole.complete)
		return 0;
	CHECK(whole.left == cut.left);
	CHECK(str_eq(whole.head->body, cut.head->body) && str_eq(whole.head->target, cut.head->target));
	CHECK(whole.head->fields.count == cut.head->fields.count);
	check_accepted(arena, whole.head);
	return 0;
}
