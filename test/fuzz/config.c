/* The configuration reader: any text gives a snapshot or at least one problem, never both, and
 * never a crash. */
#include "base/check.h"
#include "gateway/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	AUTO(config) *config = NULL;
	AUTO_BUF problem = {0};
	enum err err = config_parse((struct str){(const char *)bytes, n}, STR("fuzz.yaml"), &problem, &config);

	CHECK((err == OK) == (config != NULL));
	CHECK((err == OK) == (problem.n == 0));
	return 0;
}
