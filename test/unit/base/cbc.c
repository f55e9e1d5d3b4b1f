/* AES-256-CBC against a published vector, and in pieces of every length. */
#include "../unit.h"

#include "base/cbc.h"

/* NIST SP 800-38A, F.2.5 */
static const uint8_t key[CBC_KEY_BYTES] = {0x60, 0x3d, 0xeb, 0x10, 0x15, 0xca, 0x71, 0xbe, 0x2b, 0x73, 0xae,
					   0xf0, 0x85, 0x7d, 0x77, 0x81, 0x1f, 0x35, 0x2c, 0x07, 0x3b, 0x61,
					   0x08, 0xd7, 0x2d, 0x98, 0x10, 0xa3, 0x09, 0x14, 0xdf, 0xf4};
static const uint8_t iv[CBC_BLOCK_BYTES] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
static const uint8_t plain[32] = {0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96, 0xe9, 0x3d, 0x7e,
				  0x11, 0x73, 0x93, 0x17, 0x2a, 0xae, 0x2d, 0x8a, 0x57, 0x1e, 0x03,
				  0xac, 0x9c, 0x9e, 0xb7, 0x6f, 0xac, 0x45, 0xaf, 0x8e, 0x51};
static const char wanted[] = "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d";

START_TEST(vector)
{
	AUTO(cbc) *cbc = cbc_new(key, iv);
	AUTO_BUF out = {0}, hex = {0};

	cbc_put(cbc, (struct str){(const char *)plain, sizeof(plain)}, &out);
	cbc_end(cbc, &out);
	ck_assert_uint_eq(out.n, 48); /* whole blocks get one of padding */
	buf_put_hex(&hex, out.p, 32);
	ck_bytes(buf_str(&hex), str_of(wanted));
}
END_TEST

START_TEST(pieces_are_one_text)
{
	for (size_t step = 1; step <= sizeof(plain); step++) {
		AUTO(cbc) *whole = cbc_new(key, iv);
		AUTO(cbc) *parts = cbc_new(key, iv);
		AUTO_BUF a = {0}, b = {0};
		struct str text = {(const char *)plain, sizeof(plain) - 3};

		cbc_put(whole, text, &a);
		cbc_end(whole, &a);
		for (; text.n > 0; text = str_skip(text, step))
			cbc_put(parts, (struct str){text.p, text.n < step ? text.n : step}, &b);
		cbc_put(parts, STR(""), &b);
		cbc_end(parts, &b);
		ck_bytes(buf_str(&b), buf_str(&a));
	}
}
END_TEST

START_TEST(nothing_is_a_block)
{
	AUTO(cbc) *cbc = cbc_new(key, iv);
	AUTO_BUF out = {0};

	cbc_end(cbc, &out);
	ck_assert_uint_eq(out.n, CBC_BLOCK_BYTES);
}
END_TEST

UNIT_MAIN("cbc", vector, pieces_are_one_text, nothing_is_a_block)
