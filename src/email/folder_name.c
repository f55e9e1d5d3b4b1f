/* Modified UTF-7: printable ASCII stands for itself, "&" is "&-", and runs of anything else are UTF-16 in base64 with
 * "," for "/" and without padding, between "&" and "-". */
#include "email/folder_name.h"

#include "base/utf8.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/* Bits that wait until six of them are there. */
struct bits {
	uint32_t value;
	unsigned count;
};

static void put_unit(struct buf *out, struct bits *bits, uint32_t unit)
{
	bits->value = bits->value << 16 | unit;
	for (bits->count += 16; bits->count >= 6; bits->count -= 6)
		buf_put_byte(out, digits[bits->value >> (bits->count - 6) & 63]);
	bits->value &= (1u << bits->count) - 1;
}

static void end_run(struct buf *out, struct bits *bits)
{
	if (bits->count > 0)
		buf_put_byte(out, digits[bits->value << (6 - bits->count) & 63]);
	buf_put_byte(out, '-');
	*bits = (struct bits){0, 0};
}

enum err folder_name_encode(struct str name, struct buf *out)
{
	const uint8_t *at = (const uint8_t *)name.p, *end = at + name.n;
	struct bits bits = {0, 0};
	bool in_run = false;

	if (name.n == 0 || name.n > FOLDER_NAME_BYTES_MAX || !str_is_utf8(name) || str_has_control(name))
		return ERR_RPC_PARAMS;
	while (at < end) {
		uint32_t code;

		at += utf8_take(at, end, &code);
		if (code < 0x80) {
			if (in_run)
				end_run(out, &bits);
			in_run = false;
			buf_put_byte(out, (char)code);
			if (code == '&')
				buf_put_byte(out, '-');
			continue;
		}
		if (!in_run)
			buf_put_byte(out, '&');
		in_run = true;
		if (code >= 0x10000) {
			put_unit(out, &bits, 0xD800 | (code - 0x10000) >> 10);
			code = 0xDC00 | ((code - 0x10000) & 0x3FF);
		}
		put_unit(out, &bits, code);
	}
	if (in_run)
		end_run(out, &bits);
	return OK;
}

/* One run of base64 as UTF-8; false: it is none. */
static bool decode_run(struct str run, struct buf *out)
{
	uint32_t value = 0, high = 0;
	unsigned count = 0;

	for (size_t i = 0; i < run.n; i++) {
		const char *digit = run.p[i] == '\0' ? NULL : strchr(digits, run.p[i]);
		uint32_t unit;
		char text[4];

		if (digit == NULL)
			return false;
		value = (value << 6 | (uint32_t)(digit - digits)) & 0x3FFFFF;
		count += 6;
		if (count < 16)
			continue;
		count -= 16;
		unit = value >> count & 0xFFFF;
		if (high == 0 && unit >= 0xD800 && unit < 0xDC00) {
			high = unit;
			continue;
		}
		if ((high != 0) != (unit >= 0xDC00 && unit < 0xE000) || unit == 0)
			return false;
		if (high != 0)
			unit = 0x10000 + ((high & 0x3FF) << 10 | (unit & 0x3FF));
		high = 0;
		buf_put(out, (struct str){text, utf8_put(text, unit)});
	}
	return high == 0 && count < 6 && (value & ((1u << count) - 1)) == 0;
}

void folder_name_decode(struct str sent, struct buf *out)
{
	struct str rest = sent, before, run;
	size_t was = out->n;

	while (rest.n > 0) {
		bool has_run = str_cut(rest, '&', &before, &rest);

		buf_put(out, before);
		if (!has_run)
			return;
		if (!str_cut(rest, '-', &run, &rest) || (run.n > 0 && !decode_run(run, out))) {
			out->n = was;
			buf_put(out, sent);
			return;
		}
		if (run.n == 0)
			buf_put_byte(out, '&');
	}
}
