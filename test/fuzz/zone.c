/* Files of time zones, amounts and dates: any bytes are refused or read; what is read stays within its bounds, and
 * amounts and dates come back from what is written of them. */
#include "analytics/civil.h"
#include "analytics/figures.h"
#include "analytics/zone.h"
#include "base/check.h"

static void check_amount(struct str text)
{
	int64_t micros, again;
	AUTO_BUF out = {0};

	if (!micros_read(text, &micros))
		return;
	put_amount(&out, micros);
	CHECK(micros_read(buf_str(&out), &again) && again == micros);
}

static void check_date(struct str text)
{
	civil_day day, again;
	AUTO_BUF out = {0};

	if (!civil_read(text, &day))
		return;
	civil_put(&out, day);
	CHECK(str_starts(text, buf_str(&out)));
	CHECK(civil_read(buf_str(&out), &again) && again == day);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static const int64_t moments_s[] = {0,	       -1,	 1795219200, 4102444800, 253402300800, -62135596800,
					    INT64_MAX, INT64_MIN};
	struct str text = {(const char *)bytes, n};

	for (size_t i = 0; i < ARRAY_LEN(moments_s); i++) {
		int32_t offset_s;

		if (zone_offset(text, moments_s[i], &offset_s))
			CHECK(offset_s >= -200 * 3600 && offset_s <= 200 * 3600);
	}
	(void)zone_name_is_plain(text);
	check_amount(text);
	check_date(text);
	return 0;
}
