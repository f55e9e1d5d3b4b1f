/* What files are, by table: bytes, what was said, what they are taken for. */
#include "../unit.h"

#include "media/sniff.h"

#define CASE(bytes, said, mime)                                                                                        \
	{                                                                                                              \
		{bytes, sizeof(bytes) - 1}, said, mime                                                                 \
	}
#define UNKNOWN "application/octet-stream"

static const struct {
	struct str head;
	const char *said, *mime;
} table[] = {
	CASE("\xff\xd8\xff\xe0", "", "image/jpeg"),
	CASE("\xff\xd8\xff\xe0", "image/png", "image/jpeg"),
	CASE("\x89PNG\r\n\x1a\n....", "text/html", "image/png"),
	CASE("GIF89a", "", "image/gif"),
	CASE("RIFF....WEBPVP8 ", "image/jpeg", "image/webp"),
	CASE("RIFF....WAVEfmt ", "", "audio/wav"),
	CASE("\0\0\0\x18"
	     "ftypmp42",
	     "", "video/mp4"),
	CASE("\0\0\0\x18"
	     "ftypisom",
	     "audio/mp4", "audio/mp4"),
	CASE("\0\0\0\x18"
	     "ftypisom",
	     "video/quicktime", "video/mp4"),
	CASE("\0\0\0\x14"
	     "ftypqt  ",
	     "video/mp4", "video/quicktime"),
	CASE("\0\0\0\x18"
	     "ftypheic",
	     "", "image/heic"),
	CASE("\0\0\0\x18"
	     "ftypM4A ",
	     "", "audio/mp4"),
	CASE("\x1a\x45\xdf\xa3....\x42\x82\x84webm", "", "video/webm"),
	CASE("\x1a\x45\xdf\xa3....\x42\x82\x84webm", "audio/webm", "audio/webm"),
	CASE("\x1a\x45\xdf\xa3....matroska", "", "video/x-matroska"),
	CASE("ID3\x04", "", "audio/mpeg"),
	CASE("\xff\xfb\x90\x44", "", "audio/mpeg"),
	CASE("\xff\xf1\x50\x80", "", "audio/aac"),
	CASE("OggS\0\x02............\0\0\0\0....\1\x13OpusHead", "audio/opus", "audio/opus"),
	CASE("OggS\0\x02............\0\0\0\0....\1\x13OpusHead", "", "audio/ogg"),
	CASE("%PDF-1.7", "", "application/pdf"),
	CASE("PK\003\004....", "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	     "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
	CASE("PK\003\004....", "application/pdf", "application/zip"), /* a PDF would show */
	CASE("PK\003\004....", "image/png", "application/zip"),
	CASE("PK\003\004....", UNKNOWN, "application/zip"),
	CASE("hello, world", "text/plain; charset=utf-8", "text/plain"),
	CASE("hello, world", "", UNKNOWN),
	CASE("hello, world", "image/png", UNKNOWN), /* a claim that the bytes would show */
	CASE("<svg", "image/svg+xml", "image/svg+xml"),
	CASE("hello, world", "text/html\r\nX: y", UNKNOWN),
	CASE("hello, world", "text", UNKNOWN),
	CASE("hello, world", "/plain", UNKNOWN),
	CASE("", "video/mp4", UNKNOWN),
	CASE("", "", UNKNOWN),
	CASE("\xff", "", UNKNOWN),
	CASE("RIFF", "", UNKNOWN),
};

START_TEST(by_table)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct str got = sniff_mime(table[i].head, str_of(table[i].said));

		ck_assert_msg(str_eq(got, str_of(table[i].mime)), "case %zu: got %.*s, want %s", i, STR_ARG(got),
			      table[i].mime);
	}
}
END_TEST

START_TEST(transport_streams_have_packets)
{
	char bytes[400] = {0};

	bytes[0] = 0x47;
	ck_str(sniff_mime((struct str){bytes, sizeof(bytes)}, STR("")), UNKNOWN);
	bytes[188] = 0x47;
	ck_str(sniff_mime((struct str){bytes, sizeof(bytes)}, STR("")), "video/mp2t");
}
END_TEST

START_TEST(patterns)
{
	ck_assert(sniff_fits(STR("image/png"), STR("image/png")));
	ck_assert(sniff_fits(STR("image/png"), STR("image/*")));
	ck_assert(!sniff_fits(STR("image/png"), STR("image/jpeg")));
	ck_assert(!sniff_fits(STR("imagine/png"), STR("image/*")));
	ck_assert(!sniff_fits(STR("image/"), STR("image/*")));
	ck_assert(!sniff_fits(STR("text/plain"), STR("image/*")));
}
END_TEST

START_TEST(names_and_harm)
{
	ck_str(sniff_extension(STR("image/jpeg")), ".jpg");
	ck_str(sniff_extension(STR("video/mp4")), ".mp4");
	ck_str(sniff_extension(STR("text/plain")), "");
	ck_assert(sniff_is_inert(STR("image/png")) && sniff_is_inert(STR("video/mp4")));
	ck_assert(!sniff_is_inert(STR("image/svg+xml")) && !sniff_is_inert(STR("text/html")) &&
		  !sniff_is_inert(STR("application/pdf")));
}
END_TEST

UNIT_MAIN("sniff", by_table, transport_streams_have_packets, patterns, names_and_harm)
