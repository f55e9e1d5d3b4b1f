/* Any bytes as an OpenAPI document: refused with a sentence, or a connector file that compiles (which the room proves
 * itself: an answer of OK means that it did). */
#include <stdint.h>

#include "base/check.h"
#include "openapi/openapi.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	const struct openapi_wish wish = {.source = STR("https://api.example/openapi.json")};
	AUTO_BUF problem = {0}, out = {0};

	if (openapi_to_connector((struct str){(const char *)bytes, n}, &wish, &problem, &out) == OK)
		CHECK(out.n > 0);
	else
		CHECK(problem.n > 0);
	return 0;
}
