/* Names that look alike. A skeleton is the name with every letter replaced by what it looks like in
 * most typefaces; two names with one skeleton can hardly be told apart by a person who approves a
 * call. Only letters that occur in identifiers are in the table. */
#include "base/utf8.h"
#include "catalog/suspicion.h"

/* By code point. */
static const struct {
	uint32_t code;
	char looks_like;
} lookalikes[] = {
	{0x00B5, 'u'}, {0x0131, 'l'}, {0x0251, 'a'}, {0x0261, 'g'}, {0x0269, 'l'}, {0x0391, 'A'}, {0x0392, 'B'},
	{0x0395, 'E'}, {0x0396, 'Z'}, {0x0397, 'H'}, {0x0399, 'l'}, {0x039A, 'K'}, {0x039C, 'M'}, {0x039D, 'N'},
	{0x039F, 'O'}, {0x03A1, 'P'}, {0x03A4, 'T'}, {0x03A5, 'Y'}, {0x03A7, 'X'}, {0x03B1, 'a'}, {0x03B3, 'y'},
	{0x03B9, 'l'}, {0x03BA, 'k'}, {0x03BD, 'v'}, {0x03BF, 'o'}, {0x03C1, 'p'}, {0x03C3, 'o'}, {0x03C5, 'u'},
	{0x03C7, 'x'}, {0x03F2, 'c'}, {0x03F3, 'j'}, {0x0405, 'S'}, {0x0406, 'l'}, {0x0408, 'J'}, {0x0410, 'A'},
	{0x0412, 'B'}, {0x0415, 'E'}, {0x041A, 'K'}, {0x041C, 'M'}, {0x041D, 'H'}, {0x041E, 'O'}, {0x0420, 'P'},
	{0x0421, 'C'}, {0x0422, 'T'}, {0x0423, 'Y'}, {0x0425, 'X'}, {0x0430, 'a'}, {0x0432, 'B'}, {0x0433, 'r'},
	{0x0435, 'e'}, {0x043A, 'k'}, {0x043E, 'o'}, {0x0440, 'p'}, {0x0441, 'c'}, {0x0443, 'y'}, {0x0445, 'x'},
	{0x0455, 's'}, {0x0456, 'l'}, {0x0457, 'l'}, {0x0458, 'j'}, {0x04BB, 'h'}, {0x04C0, 'l'}, {0x04CF, 'l'},
	{0x0501, 'd'}, {0x051B, 'q'}, {0x051D, 'w'}, {0x0578, 'n'}, {0x057D, 'u'}, {0x0585, 'o'}, {0x2010, '-'},
	{0x2011, '-'}, {0x2012, '-'}, {0x2013, '-'}, {0x2170, 'l'}, {0x2212, '-'},
};

static char look_of(uint32_t code)
{
	size_t low = 0, high = ARRAY_LEN(lookalikes);

	if (code >= 0xFF01 && code <= 0xFF5E)
		return (char)(code - 0xFF01 + '!');
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (lookalikes[middle].code == code)
			return lookalikes[middle].looks_like;
		if (lookalikes[middle].code < code)
			low = middle + 1;
		else
			high = middle;
	}
	return '\0';
}

static char look_of_ascii(char c)
{
	switch (c) {
	case '0':
		return 'O';
	case '1':
	case 'I':
	case '|':
		return 'l';
	default:
		return c;
	}
}

void suspicion_skeleton(struct str name, struct buf *out)
{
	const uint8_t *at = (const uint8_t *)(name.n == 0 ? "" : name.p), *end = at + name.n;

	while (at < end) {
		uint32_t code;
		size_t n = utf8_take(at, end, &code);
		char look = code < 0x80 ? look_of_ascii((char)code) : look_of(code);

		if (look == 'm')
			buf_put(out, STR("rn"));
		else if (look != '\0')
			buf_put_byte(out, look_of_ascii(look));
		else
			buf_put(out, (struct str){(const char *)at, n});
		at += n;
	}
}

unsigned suspicion_of_name(struct str name)
{
	const uint8_t *at = (const uint8_t *)(name.n == 0 ? "" : name.p), *end = at + name.n;
	bool latin = false, posing = false;

	while (at < end) {
		uint32_t code;

		at += utf8_take(at, end, &code);
		latin |= code < 0x80 && ((code | 0x20) >= 'a' && (code | 0x20) <= 'z');
		posing |= code >= 0x80 && look_of(code) != '\0';
	}
	return latin && posing ? SUSPICION(MIXED_NAME) : 0;
}
