/* Any bytes as what an IMAP server sends: framed, parsed, and looked at as a message's structure; as a reply of SMTP, a
 * folder's name, a part, a header and HTML. */
#include <gmime/gmime.h>
#include <stdint.h>

#include "base/check.h"
#include "email/folder_name.h"
#include "email/imap_structure.h"
#include "email/smtp.h"
#include "email/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void read_responses(struct str text)
{
	while (text.n > 0) {
		AUTO(arena) *arena = arena_new(64u << 20);
		struct imap_framer framer = {0};
		struct imap_response *response;
		struct imap_parts parts;
		size_t whole;

		if (imap_frame(&framer, text, &whole) != OK || whole == 0)
			return;
		CHECK(whole <= text.n);
		if (imap_parse(arena, (struct str){text.p, whole}, &response) == OK)
			(void)!imap_parts_read(arena, imap_item(response->first, STR("BODYSTRUCTURE")), &parts);
		text = str_skip(text, whole);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	const struct str text = {(const char *)bytes, n};
	AUTO_BUF out = {0}, again = {0}, sent = {0};
	struct str words;
	size_t whole;
	int code;

	g_mime_init();
	read_responses(text);
	if (smtp_reply_read(text, &code, &words, &whole) == OK)
		CHECK(whole <= n);
	mail_html_text(text, &out);
	mail_decode_words(text, &out);
	mail_decode_filename(text, &out);
	mail_decode_text(text, STR("quoted-printable"), STR("utf-7"), &out);
	mail_decode_text(text, STR("base64"), STR("iso-2022-jp"), &out);
	mail_snippet(text, 100, &out);
	if (folder_name_encode(text, &sent) == OK) {
		folder_name_decode(buf_str(&sent), &again);
		CHECK(str_eq(buf_str(&again), text));
	}
	return 0;
}
