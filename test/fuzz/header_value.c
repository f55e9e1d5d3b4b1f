/* Header values both ways: whatever the text, what is written is one clean line that reads back as the
 * same text; whatever the header, reading it refuses or gives UTF-8 (or the header itself). */
#include "base/arena.h"
#include "base/check.h"
#include "mcp/compose.h"

static void there_and_back(struct arena *arena, struct str text)
{
	AUTO_BUF header = {0};
	struct str back;

	mcp_header_encode(text, &header);
	CHECK(str_is_printable(buf_str(&header)));
	if (str_is_utf8(text)) {
		CHECK(mcp_header_decode(arena, buf_str(&header), &back) == OK);
		CHECK(str_eq(back, text));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	AUTO(arena) *arena = arena_new(4 * n + (1 << 16));
	struct str text = {(const char *)bytes, n}, value;

	there_and_back(arena, text);
	if (mcp_header_decode(arena, text, &value) == OK)
		CHECK(value.p == text.p || str_is_utf8(value));
	return 0;
}
