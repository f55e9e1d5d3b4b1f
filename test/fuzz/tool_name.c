/* Names for clients: whatever an upstream calls its tools, the name fits, is the same each time,
 * and differs when the original does (as far as 32 bits of hash can tell). */
#include "base/check.h"
#include "base/limits.h"
#include "catalog/catalog.h"

static struct str name(struct str upstream, struct str tool, char out[TOOL_NAME_BYTES_MAX + 1])
{
	struct str made = catalog_name(upstream, STR("_"), tool, out);

	CHECK(made.n > 0 && made.n <= TOOL_NAME_BYTES_MAX && made.p[made.n] == '\0');
	for (size_t i = 0; i < made.n; i++) {
		char c = made.p[i];

		CHECK((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
		      c == '-');
	}
	return made;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	char a[TOOL_NAME_BYTES_MAX + 1], b[TOOL_NAME_BYTES_MAX + 1];
	struct str text = {(const char *)bytes, n}, upstream, tool;

	str_cut(text, '\n', &upstream, &tool);
	CHECK(str_eq(name(upstream, tool, a), name(upstream, tool, b)));
	return 0;
}
