/* Any text as a certificate: refused with a sentence, or the same fingerprint each time. */
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "net/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	const struct str pem = {(const char *)bytes, n};
	uint8_t one[32], two[32];
	AUTO_BUF problem = {0};

	if (tls_pem_fingerprint(pem, &problem, one) != OK) {
		CHECK(problem.n > 0);
		return 0;
	}
	CHECK(tls_pem_fingerprint(pem, &problem, two) == OK && memcmp(one, two, sizeof(one)) == 0);
	return 0;
}
