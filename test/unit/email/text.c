/* Parts and headers as mail has them, as text; and messages that are made, read back. */
#include "../unit.h"

#include <gmime/gmime.h>

#include "email/compose.h"
#include "email/smtp.h"
#include "email/text.h"

#define TEXT_OF(call)                                                                                                  \
	({                                                                                                             \
		static struct buf out;                                                                                 \
		out.n = 0;                                                                                             \
		call;                                                                                                  \
		buf_str(&out);                                                                                         \
	})

START_TEST(decoding)
{
	g_mime_init();
	ck_str(TEXT_OF(mail_decode(STR("aGVs\r\nbG8="), STR("BASE64"), &out)), "hello");
	ck_str(TEXT_OF(mail_decode(STR("a=3Db=\r\nc"), STR("quoted-printable"), &out)), "a=bc");
	ck_str(TEXT_OF(mail_decode(STR("plain"), STR("7bit"), &out)), "plain");
	ck_str(TEXT_OF(mail_decode_text(STR("gr=FC=DFe"), STR("quoted-printable"), STR("iso-8859-1"), &out)),
	       "gr\xC3\xBC\xC3\x9F"
	       "e");
	ck_str(TEXT_OF(mail_decode_text(STR("\xff!"), STR("8bit"), STR("no-such-charset"), &out)), "\xEF\xBF\xBD!");
	ck_str(TEXT_OF(mail_decode_text(STR("\x82\xa0"), STR("8bit"), STR("Shift_JIS"), &out)), "\xE3\x81\x82");
	ck_str(TEXT_OF(mail_decode_words(STR("=?utf-8?q?Gr=C3=BC=C3=9Fe?= =?utf-8?b?IQ==?="), &out)),
	       "Gr\xC3\xBC\xC3\x9F"
	       "e!");
	ck_str(TEXT_OF(mail_decode_words(STR("a\r\n b"), &out)), "a   b");
	ck_str(TEXT_OF(mail_decode_filename(STR("utf-8'de'm%C3%A4rz.pdf"), &out)), "m\xC3\xA4rz.pdf");
	ck_str(TEXT_OF(mail_decode_filename(STR("it's 'quoted'.txt"), &out)), "it's 'quoted'.txt");
	ck_str(TEXT_OF(mail_snippet(STR("  a\r\n\r\n b \xC2\xA0 c "), 200, &out)), "a b c");
	ck_str(TEXT_OF(mail_snippet(STR("\xC3\xA4\xC3\xA4\xC3\xA4"), 2, &out)), "\xC3\xA4\xC3\xA4");
}
END_TEST

START_TEST(html)
{
	static const struct {
		const char *html, *text;
	} cases[] = {
		{"<p>One</p><p>Two&nbsp;&amp; three</p>", "One\n\nTwo & three"},
		{"<html><head><title>t</title></head><body>a<br>b</body>", "a\nb"},
		{"a<script>if (1 < 2) alert('</p>')</script>b", "ab"},
		{"a<style>p { }</style", "a"},
		{"<ul><li>x<li>y</ul>z", "- x\n- y\nz"},
		{"1 &lt; 2 &#x41;&#66;&#0; &unknown; & co", "1 < 2 AB\xEF\xBF\xBD &unknown; & co"},
		{"<!-- no <b>text</b> -->yes", "yes"},
		{"<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"},
		{"a < b", "a < b"},
		{"<a href='http://x'", ""},
		{"", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		ck_bytes(TEXT_OF(mail_html_text(str_of(cases[i].html), &out)), str_of(cases[i].text));
}
END_TEST

static struct mail_draft draft_of(const struct str *to)
{
	return (struct mail_draft){.from_name = STR("J\xC3\xBCrgen, Dr."),
				   .from_address = STR("j@here.example"),
				   .to = to,
				   .to_count = 1,
				   .subject = STR("Gr\xC3\xBC\xC3\x9F"
						  "e"),
				   .text = STR("Hallo\n.\nEnde \xE2\x82\xAC")};
}

static bool holds(struct str text, const char *part)
{
	return memmem(text.p, text.n, part, strlen(part)) != NULL;
}

START_TEST(composing)
{
	AUTO(arena) *arena = arena_new(64 << 20);
	struct str to = STR("M\xC3\xBCller <m@there.example>"), bcc = STR("secret@there.example");
	struct mail_file file = {STR("\xC3\xA4.pdf"), STR("application/pdf"), STR("PDF\0bytes")};
	struct mail_draft draft = draft_of(&to);

	g_mime_init();
	draft.bcc = &bcc;
	draft.bcc_count = 1;
	draft.html = STR("<p>Hallo</p>");
	draft.files = &file;
	draft.file_count = 1;
	draft.in_reply_to = STR("<a@b>");
	draft.references = STR("<z@b> <a@b>");
	ck_ok(mail_compose(arena, &draft));
	ck_assert_uint_eq(draft.recipient_count, 2);
	ck_str(draft.recipients[0], "m@there.example");
	ck_str(draft.recipients[1], "secret@there.example");
	ck_assert(holds(draft.bytes, "multipart/mixed") && holds(draft.bytes, "multipart/alternative"));
	ck_assert(holds(draft.bytes, "In-Reply-To: <a@b>\r\n") && holds(draft.bytes, "References: <z@b> <a@b>\r\n"));
	ck_assert(!holds(draft.bytes, "secret@") && !holds(draft.bytes, "Bcc"));
	ck_assert(holds(draft.bytes, arena_str(arena, draft.message_id).p));
	for (size_t i = 0; i < draft.bytes.n; i++) {
		ck_assert((unsigned char)draft.bytes.p[i] < 0x80);
		ck_assert(draft.bytes.p[i] != '\n' || (i > 0 && draft.bytes.p[i - 1] == '\r'));
	}
}
END_TEST

START_TEST(composing_refuses)
{
	static const char *const bad[] = {"",
					  "nobody",
					  "a@b, c@d",
					  "a@b\r\nBcc: x@y",
					  "group: a@b;",
					  "a b@c",
					  "<a@b> <c@d>",
					  "a@b>\r\nRCPT TO:<c@d"};
	AUTO(arena) *arena = arena_new(64 << 20);
	struct str to = STR("a@b.example");
	struct mail_draft draft = draft_of(&to);

	g_mime_init();
	draft.subject = STR("x\r\nBcc: a@b");
	ck_err(mail_compose(arena, &draft), ERR_RPC_PARAMS);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		to = str_of(bad[i]);
		draft = draft_of(&to);
		ck_assert_msg(mail_compose(arena, &draft) == ERR_RPC_PARAMS, "%s", bad[i]);
		ck_assert(draft.problem.n > 0);
	}
}
END_TEST

START_TEST(smtp_lines)
{
	struct str text;
	size_t n;
	int code;

	ck_str(TEXT_OF(smtp_data_put(&out, STR("a\r\n.\r\n..b\r\nc"))), "a\r\n..\r\n...b\r\nc\r\n.\r\n");
	ck_str(TEXT_OF(smtp_data_put(&out, STR("a\r\n"))), "a\r\n.\r\n");
	ck_ok(smtp_reply_read(STR("250-one\r\n250 two\r\nrest"), &code, &text, &n));
	ck_assert(code == 250 && n == 18);
	ck_str(text, "two");
	ck_ok(smtp_reply_read(STR("250-one\r\n250 tw"), &code, &text, &n));
	ck_assert_uint_eq(n, 0);
	ck_err(smtp_reply_read(STR("hello\r\n"), &code, &text, &n), ERR_UPSTREAM_GARBAGE);
	ck_err(smtp_reply_read(STR("2500 x\r\n"), &code, &text, &n), ERR_UPSTREAM_GARBAGE);
}
END_TEST

UNIT_MAIN("text", decoding, html, composing, composing_refuses, smtp_lines)
