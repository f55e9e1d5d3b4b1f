/* Lines cut from a stream: however it is cut into reads, the lines are the same. */
#include "../unit.h"

#include "rt/line.h"

struct sheet {
	struct buf text; /* the lines, each followed by '|' */
	size_t count;
};

static void on_line(void *arg, struct str line)
{
	struct sheet *sheet = arg;

	buf_put(&sheet->text, line);
	buf_put_byte(&sheet->text, '|');
	sheet->count++;
}

/* Feed `bytes` in pieces of `piece` bytes. */
static enum err feed(struct line_reader *reader, struct str bytes, size_t piece, struct sheet *sheet)
{
	while (bytes.n > 0) {
		size_t n = bytes.n < piece ? bytes.n : piece;

		TRY(line_take(reader, (struct str){bytes.p, n}, on_line, sheet));
		bytes = str_skip(bytes, n);
	}
	line_end(reader, on_line, sheet);
	return OK;
}

static void same(const char *bytes, size_t bytes_max, bool cuts, const char *want)
{
	for (size_t piece = 1; piece <= strlen(bytes) + 1; piece++) {
		struct line_reader reader = {.bytes_max = bytes_max, .cuts = cuts};
		struct sheet sheet = {.count = 0};

		ck_ok(feed(&reader, str_of(bytes), piece, &sheet));
		ck_bytes(buf_str(&sheet.text), str_of(want));
		buf_free(&reader.held);
		buf_free(&sheet.text);
	}
}

START_TEST(pieces_do_not_matter)
{
	same("one\ntwo\r\n\n\nfive\n", 100, false, "one|two|||five|");
	same("no end", 100, false, "no end|");
	same("cr\rin the middle\n\r\n", 100, false, "cr\rin the middle||");
	same("", 100, false, "");
	same("12345678\n87654321\n", 8, false, "12345678|87654321|");
}
END_TEST

START_TEST(a_long_line_is_cut)
{
	same("123456789abc\nx\n123456789", 8, true, "12345678|x|12345678|");
	same("12345678\n123456789\n", 8, true, "12345678|12345678|");
}
END_TEST

START_TEST(or_refused)
{
	static const char text[] = "12345678\n123456789\n";

	for (size_t piece = 1; piece < sizeof(text); piece++) {
		struct line_reader reader = {.bytes_max = 8};
		struct sheet sheet = {.count = 0};

		ck_err(feed(&reader, str_of(text), piece, &sheet), ERR_LIMIT);
		ck_bytes(buf_str(&sheet.text), STR("12345678|"));
		buf_free(&reader.held);
		buf_free(&sheet.text);
	}
}
END_TEST

/* 16 MB in one line, 64 KB at a time: quadratic work would take minutes. */
START_TEST(a_huge_line_is_linear)
{
	static char block[64 * 1024];
	struct line_reader reader = {.bytes_max = 32 << 20};
	struct sheet sheet = {.count = 0};

	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 256; i++)
		ck_ok(line_take(&reader, (struct str){block, sizeof(block)}, on_line, &sheet));
	ck_ok(line_take(&reader, STR("\nshort\n"), on_line, &sheet));
	ck_assert_uint_eq(sheet.count, 2);
	ck_assert_uint_eq(sheet.text.n, 256 * sizeof(block) + sizeof("|short|") - 1);
	ck_assert_uint_eq(reader.held.cap, 0); /* its memory is not kept */
	buf_free(&sheet.text);
}
END_TEST

UNIT_MAIN("line", pieces_do_not_matter, a_long_line_is_cut, or_refused, a_huge_line_is_linear)
