/* One-time codes: the vectors of RFC 6238 appendix B (their last six digits) and RFC 4648, the window, and that no
 * step counts twice. */
#include "../unit.h"

#include "signin/totp.h"

#define SECRET STR("12345678901234567890")

START_TEST(the_rfcs_codes)
{
	static const struct {
		int64_t seconds;
		const char *code;
	} vectors[] = {
		{59, "287082"},		{1111111109, "081804"}, {1111111111, "050471"},
		{1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"},
	};
	char code[TOTP_DIGITS + 1];

	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		totp_code(SECRET, vectors[i].seconds / 30, code);
		ck_assert_str_eq(code, vectors[i].code);
	}
}
END_TEST

START_TEST(one_step_off_is_near_enough)
{
	int64_t step;

	for (int off = -2; off <= 2; off++) {
		bool near = off >= -1 && off <= 1;

		ck_assert_int_eq(totp_matches(SECRET, STR("050471"), (1111111111 + 30 * off) * 1000LL, 0, &step), near);
		if (near)
			ck_assert_int_eq(step, 1111111111 / 30);
	}
	ck_assert(totp_matches(SECRET, STR("050 471"), 1111111111000, 0, &step));
	ck_assert(!totp_matches(SECRET, STR("05047"), 1111111111000, 0, &step));
	ck_assert(!totp_matches(SECRET, STR("0504711"), 1111111111000, 0, &step));
	ck_assert(!totp_matches(SECRET, STR("05047x"), 1111111111000, 0, &step));
	ck_assert(!totp_matches(SECRET, STR(""), 1111111111000, 0, &step));
}
END_TEST

START_TEST(no_step_counts_twice)
{
	int64_t step;

	ck_assert(totp_matches(SECRET, STR("050471"), 1111111111000, 1111111111 / 30 - 1, &step));
	ck_assert(!totp_matches(SECRET, STR("050471"), 1111111111000, 1111111111 / 30, &step));
}
END_TEST

START_TEST(base32)
{
	static const struct {
		const char *bytes, *text;
	} vectors[] = {
		{"", ""},
		{"f", "MY"},
		{"fo", "MZXQ"},
		{"foo", "MZXW6"},
		{"foob", "MZXW6YQ"},
		{"fooba", "MZXW6YTB"},
		{"foobar", "MZXW6YTBOI"},
	};

	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		AUTO_BUF out = {0};

		base32_put(&out, (const uint8_t *)vectors[i].bytes, strlen(vectors[i].bytes));
		ck_bytes(buf_str(&out), str_of(vectors[i].text));
	}
}
END_TEST

UNIT_MAIN("totp", the_rfcs_codes, one_step_off_is_near_enough, no_step_counts_twice, base32)
