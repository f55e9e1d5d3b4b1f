/* Any bytes through json_read; what is accepted is written, read again and written again: the
 * two texts must be the same bytes, number lexemes included. */
#include <stdint.h>

#include "base/check.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct arena *arena = arena_new(64u << 20);
	AUTO_BUF once = {0};
	AUTO_BUF twice = {0};
	yyjson_val *root;
	int64_t value;

	if (json_read(arena, (struct str){(const char *)bytes, n}, &root) == OK) {
		(void)json_int(root, &value);
		json_write(&once, root);
		CHECK(json_read(arena, buf_str(&once), &root) == OK);
		json_write(&twice, root);
		CHECK(str_eq(buf_str(&once), buf_str(&twice)));
	}
	arena_free(arena);
	return 0;
}
