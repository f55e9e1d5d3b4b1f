/* The endpoint event of an HTTP+SSE server: whatever it says, what comes out is a path on the
 * configured host that can stand in a request line, or nothing. */
#include "base/check.h"
#include "upstream/endpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct str text = {(const char *)bytes, n};
	AUTO_BUF path = {0};
	struct url url;

	CHECK(url_parse(STR("https://old.example/a/b/sse?key=1"), &url) == OK);
	if (endpoint_resolve(&url, text, &path) != NULL) {
		CHECK(path.n == 0);
		return 0;
	}
	CHECK(path.n > 0 && path.p[0] == '/' && path.n <= ENDPOINT_BYTES_MAX + 16);
	for (size_t i = 0; i < path.n; i++)
		CHECK(path.p[i] > 0x20 && path.p[i] < 0x7f && path.p[i] != '#');
	return 0;
}
