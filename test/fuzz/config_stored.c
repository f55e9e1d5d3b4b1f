/* Documents of upstreams and toolsets made at run time: each holds up or has at least one problem that says why, and
 * nothing that holds up runs a program, names a file or goes to a private address. */
#include "base/check.h"
#include "gateway/config_stored.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	AUTO(config) *file = NULL, *whole = NULL;
	AUTO_BUF problem = {0}, other = {0};
	struct str document = {(const char *)bytes, n};
	const struct part part = {.name = STR("fuzz"), .document = document, .tenant_id = STR("T")};
	const struct stored_parts stored = {.parts = {&part, &part}, .count = {1, 1}};
	bool good = config_check_upstream(STR("fuzz"), document, &problem) == OK;
	bool good_set = config_check_toolset(STR("fuzz"), document, &other) == OK;

	CHECK(good == (problem.n == 0) && good_set == (other.n == 0));
	CHECK(config_parse(STR(""), STR("fuzz.yaml"), NULL, &file) == OK);
	whole = config_with_stored(file, &stored);
	CHECK(whole->upstream_count == good && whole->toolset_count == good_set);
	CHECK(whole->skipped_count == (size_t)!good + !good_set);
	if (good) {
		const struct upstream_spec *spec = whole->upstreams;

		CHECK(spec->kind != UPSTREAM_STDIO && !spec->allow_private && spec->ca_file.n == 0);
		CHECK(str_eq(spec->owner, STR("T")));
	}
	return 0;
}
