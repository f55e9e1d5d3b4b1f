/* Archived trails: bytes that were not written with the key never pass, and are refused with a sentence. */
#include "audit/archive.h"
#include "base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	AUTO(secret) *key = secret_random();
	AUTO_BUF problem = {0};
	struct archive_ends ends;

	CHECK(archive_check_text((struct str){(const char *)bytes, n}, key, &ends, &problem) == ERR_DB_CORRUPT);
	CHECK(problem.n > 0);
	return 0;
}
