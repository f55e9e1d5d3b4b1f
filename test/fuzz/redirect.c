/* Redirect URIs and resource indicators of strangers: what is accepted can stand in a header and in a page's policy,
 * leads where its beginning says, and matches itself; a match never changes the host. The input is two texts, apart by
 * a line break. */
#include "base/check.h"
#include "authclient/redirect.h"
#include "oauth/resource.h"

static void check_allowed(struct str uri)
{
	const struct str schemes[] = {STR("com.example.app")};

	if (!redirect_allowed(uri, schemes, 1))
		return;
	CHECK(str_is_printable(uri) && memchr(uri.p, ' ', uri.n) == NULL && memchr(uri.p, '#', uri.n) == NULL);
	CHECK(!str_starts(uri, STR("http:")) || redirect_is_loopback(uri));
	CHECK(!str_starts(uri, STR("javascript")) && !str_starts(uri, STR("data")) && !str_starts(uri, STR("file")));
	CHECK(redirect_matches(uri, uri));
	CHECK(redirect_host(uri).n > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static const struct str resources[] = {{"https://gate.example/mcp", 24}, {"http://127.0.0.1:8080/mcp/a", 27}};
	struct str one, other, found;

	str_cut((struct str){(const char *)bytes, n}, '\n', &one, &other);
	check_allowed(one);
	check_allowed(other);
	if (redirect_matches(one, other) && !str_eq(one, other)) {
		CHECK(redirect_is_loopback(one) && redirect_is_loopback(other));
		CHECK(str_eq(redirect_host(one), redirect_host(other)));
	}
	if (resource_match(resources, ARRAY_LEN(resources), one, &found) == OK)
		CHECK(found.p == resources[0].p || found.p == resources[1].p);
	return 0;
}
