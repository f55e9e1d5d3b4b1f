/* Any two texts as schema and value: the first line is the schema, the rest the value. Compiling
 * refuses or succeeds, validating ends, and a failure names a path that leads somewhere. */
#include <stdint.h>

#include "base/check.h"
#include "schema/schema.h"

#define FUZZ_ARENA_BYTES_MAX (16u << 20)

static void check_failure(const struct schema_failure *failure, yyjson_val *value)
{
	CHECK(failure->keyword.n > 0 && failure->message.n > 0);
	CHECK(str_is_utf8(failure->message));
	CHECK(failure->path.n == 0 || failure->path.n > 2000 ||
	      yyjson_ptr_getn(value, failure->path.p, failure->path.n) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	AUTO(arena) *arena = arena_new(FUZZ_ARENA_BYTES_MAX);
	AUTO(schema) *schema = NULL;
	AUTO_BUF problem = {0};
	struct schema_failure failure;
	struct str schema_text, value_text;
	yyjson_val *root, *value;
	enum err err;

	str_cut((struct str){(const char *)bytes, n}, '\n', &schema_text, &value_text);
	if (json_read(arena, schema_text, &root) != OK)
		return 0;
	if (schema_compile(root, &problem, &schema) != OK) {
		CHECK(schema == NULL && problem.n > 0);
		return 0;
	}
	if (json_read(arena, value_text, &value) != OK)
		return 0;
	err = schema_validate(schema, value, arena, &failure);
	CHECK(err == OK || err == ERR_MCP_ARGUMENTS || err == ERR_LIMIT);
	if (err == ERR_MCP_ARGUMENTS)
		check_failure(&failure, value);
	return 0;
}
