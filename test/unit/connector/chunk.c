/* Plans for files in parts: whatever the size, TikTok takes the plan and a call can make the requests. */
#include "../unit.h"

#include "connector/chunk.h"
#include "media/media.h"

#define MB (1024LL * 1024)
#define OTHER_REQUESTS 30 /* of a call: announcing, polls */

START_TEST(tiktok_takes_each_plan)
{
	static const int64_t sizes[] = {1,
					5 * MB - 1,
					5 * MB,
					64 * MB,
					64 * MB + 1,
					69 * MB,
					1024 * MB - 1,
					1024 * MB,
					2560 * MB + 7,
					MEDIA_BYTES_MAX - 1,
					MEDIA_BYTES_MAX};

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		int64_t bytes = chunk_tiktok_bytes(sizes[i]), count = chunk_tiktok_count(sizes[i]);

		ck_assert_int_eq(count, sizes[i] / bytes);
		ck_assert_int_ge(count, 1);
		ck_assert_int_le(count, CONNECTOR_REQUESTS_MAX - OTHER_REQUESTS);
		ck_assert(bytes == sizes[i] ? bytes <= 64 * MB : bytes >= 5 * MB && bytes <= 64 * MB);
		ck_assert_int_le(sizes[i] - bytes * (count - 1), 128 * MB);
	}
}
END_TEST

UNIT_MAIN("connector/chunk", tiktok_takes_each_plan)
