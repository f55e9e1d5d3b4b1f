/* Schedules: each is refused with a sentence, or has a next moment that lies ahead and follows it. */
#include "base/check.h"
#include "jobs/cron.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	AUTO_BUF problem = {0};
	struct cron cron;
	int64_t now_ms = 1700000000000;

	if (cron_read((struct str){(const char *)bytes, n}, &cron, &problem) != OK) {
		CHECK(problem.n > 0);
		return 0;
	}
	for (int i = 0; i < 3; i++) {
		int64_t next_ms = cron_next(&cron, now_ms);

		CHECK(next_ms > now_ms);
		if (next_ms == CRON_NEVER_MS)
			break;
		now_ms = next_ms;
	}
	return 0;
}
