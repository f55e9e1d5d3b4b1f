/* Building with GMime. Nothing of a caller gets into a header but through its encoder, and what has a control character
 * is refused before. Bcc is not written at all: it is only whom the message is sent to.
 *
 *     mixed ─┬─ alternative ─┬─ text/plain
 *            │               └─ text/html       (each level only when it holds more than one)
 *            └─ files …
 */
#include "email/compose.h"

#include <gmime/gmime.h>
#include <stdio.h>

#include "base/random.h"

static struct str refuse(struct arena *arena, const char *what, struct str text)
{
	return arena_fmt(arena, "%s: %.*s", what, STR_ARG(str_shorten(text, 200)));
}

/* --- whom --- */

static bool is_address(struct str address)
{
	struct str local, domain;

	if (address.n > MAIL_ADDRESS_BYTES_MAX || !str_is_printable(address) || !str_cut(address, '@', &local, &domain))
		return false;
	for (size_t i = 0; i < address.n; i++)
		if (strchr(" <>,;:\\\"()[]", address.p[i]) != NULL)
			return false;
	return local.n > 0 && domain.n > 0 && memchr(domain.p, '@', domain.n) == NULL;
}

static void add_recipient(struct mail_draft *draft, struct arena *arena, struct str address)
{
	for (size_t i = 0; i < draft->recipient_count; i++)
		if (str_eq_nocase(draft->recipients[i], address))
			return;
	draft->recipients[draft->recipient_count++] = arena_str(arena, address);
}

/* One text of a caller's: exactly one address, with or without a name. `list` NULL: it is in no header. */
static enum err add_address(struct mail_draft *draft, struct arena *arena, struct str given, InternetAddressList *list)
{
	InternetAddressList *parsed = NULL;
	InternetAddress *one;
	const char *address = NULL;
	enum err err = ERR_RPC_PARAMS;

	if (given.n <= 2 * MAIL_ADDRESS_BYTES_MAX && !str_has_control(given))
		parsed = internet_address_list_parse(NULL, arena_str(arena, given).p);
	if (parsed != NULL && internet_address_list_length(parsed) == 1) {
		one = internet_address_list_get_address(parsed, 0);
		if (INTERNET_ADDRESS_IS_MAILBOX(one))
			address = internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(one));
		if (address != NULL && is_address(str_of(address))) {
			add_recipient(draft, arena, str_of(address));
			if (list != NULL)
				internet_address_list_add(list, one);
			err = OK;
		}
	}
	if (parsed != NULL)
		g_object_unref(parsed);
	if (err != OK)
		draft->problem = refuse(arena, "that is no mail address", given);
	return err;
}

static enum err add_addresses(struct mail_draft *draft, struct arena *arena, const struct str *given, size_t count,
			      InternetAddressList *list)
{
	if (count > MAIL_RECIPIENTS_MAX) {
		draft->problem = STR("there are too many recipients: 100 are the most");
		return ERR_RPC_PARAMS;
	}
	for (size_t i = 0; i < count; i++)
		TRY(add_address(draft, arena, given[i], list));
	return OK;
}

static enum err write_recipients(struct mail_draft *draft, struct arena *arena, GMimeMessage *message)
{
	draft->recipients = arena_alloc(arena, 3 * MAIL_RECIPIENTS_MAX * sizeof *draft->recipients);
	draft->recipient_count = 0;
	TRY(add_addresses(draft, arena, draft->to, draft->to_count,
			  g_mime_message_get_addresses(message, GMIME_ADDRESS_TYPE_TO)));
	TRY(add_addresses(draft, arena, draft->cc, draft->cc_count,
			  g_mime_message_get_addresses(message, GMIME_ADDRESS_TYPE_CC)));
	return add_addresses(draft, arena, draft->bcc, draft->bcc_count, NULL);
}

/* --- what --- */

static GMimeObject *text_part(struct arena *arena, const char *subtype, struct str text)
{
	GMimeTextPart *part = g_mime_text_part_new_with_subtype(subtype);

	g_mime_text_part_set_charset(part, "utf-8");
	g_mime_text_part_set_text(part, arena_str(arena, text).p);
	g_mime_part_set_content_encoding(GMIME_PART(part), GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
	return GMIME_OBJECT(part);
}

static GMimeObject *joined(const char *subtype, GMimeObject *first, GMimeObject *second)
{
	GMimeMultipart *both = g_mime_multipart_new_with_subtype(subtype);

	g_mime_multipart_add(both, first);
	g_mime_multipart_add(both, second);
	g_object_unref(first);
	g_object_unref(second);
	return GMIME_OBJECT(both);
}

/* Types that may not be in base64, or that are none, go as plain bytes. */
static void split_mime(struct arena *arena, struct str mime, struct str *ret_type, struct str *ret_subtype)
{
	bool fits = str_cut(mime, '/', ret_type, ret_subtype) && ret_type->n > 0 && ret_subtype->n > 0 &&
		    !str_eq_nocase(*ret_type, STR("message")) && !str_eq_nocase(*ret_type, STR("multipart"));

	for (size_t i = 0; i < mime.n; i++)
		fits = fits && ((unsigned char)mime.p[i] > ' ' && (unsigned char)mime.p[i] < 0x7f &&
				strchr("()<>@,;:\\\"[]?=", mime.p[i]) == NULL);
	*ret_type = fits ? arena_str(arena, *ret_type) : STR("application");
	*ret_subtype = fits ? arena_str(arena, *ret_subtype) : STR("octet-stream");
}

static GMimeObject *file_part(struct arena *arena, const struct mail_file *file)
{
	struct str type, subtype;
	GMimeDataWrapper *content;
	GMimeStream *stream;
	GMimePart *part;

	split_mime(arena, file->mime, &type, &subtype);
	part = g_mime_part_new_with_type(type.p, subtype.p);
	stream = g_mime_stream_mem_new_with_buffer(file->bytes.p, file->bytes.n);
	content = g_mime_data_wrapper_new_with_stream(stream, GMIME_CONTENT_ENCODING_DEFAULT);
	g_mime_part_set_content(part, content);
	g_mime_part_set_content_encoding(part, GMIME_CONTENT_ENCODING_BASE64);
	g_mime_part_set_filename(part, arena_str(arena, file->name).p);
	g_object_unref(content);
	g_object_unref(stream);
	return GMIME_OBJECT(part);
}

static GMimeObject *body_of(struct arena *arena, const struct mail_draft *draft)
{
	GMimeObject *body = NULL;
	GMimeMultipart *mixed;

	if (draft->text.n > 0 || draft->html.n == 0)
		body = text_part(arena, "plain", draft->text);
	if (draft->html.n > 0) {
		GMimeObject *html = text_part(arena, "html", draft->html);

		body = body == NULL ? html : joined("alternative", body, html);
	}
	if (draft->file_count == 0)
		return body;
	mixed = g_mime_multipart_new_with_subtype("mixed");
	g_mime_multipart_add(mixed, body);
	g_object_unref(body);
	for (size_t i = 0; i < draft->file_count; i++) {
		GMimeObject *file = file_part(arena, &draft->files[i]);

		g_mime_multipart_add(mixed, file);
		g_object_unref(file);
	}
	return GMIME_OBJECT(mixed);
}

/* --- the message --- */

static void write_id(struct mail_draft *draft, struct arena *arena, GMimeMessage *message)
{
	struct str local, domain;
	char id[ID_LEN + 1];
	AUTO_BUF random = {0};

	(void)str_cut(draft->from_address, '@', &local, &domain);
	random_id(id);
	random_text_put(&random, 12);
	draft->message_id = arena_fmt(arena, "<%s.%.*s@%.*s>", id, STR_ARG(buf_str(&random)), STR_ARG(domain));
	g_mime_message_set_message_id(
		message, arena_str(arena, (struct str){draft->message_id.p + 1, draft->message_id.n - 2}).p);
}

static enum err write_headers(struct mail_draft *draft, struct arena *arena, GMimeMessage *message)
{
	GDateTime *now = g_date_time_new_now_utc();

	g_mime_message_set_date(message, now);
	g_date_time_unref(now);
	if (str_has_control(draft->subject) || str_has_control(draft->from_name) ||
	    str_has_control(draft->in_reply_to) || str_has_control(draft->references)) {
		draft->problem = STR("a header may have no line ends or other control characters");
		return ERR_RPC_PARAMS;
	}
	g_mime_message_add_mailbox(message, GMIME_ADDRESS_TYPE_FROM,
				   draft->from_name.n > 0 ? arena_str(arena, draft->from_name).p : NULL,
				   arena_str(arena, draft->from_address).p);
	g_mime_message_set_subject(message, arena_str(arena, draft->subject).p, "utf-8");
	write_id(draft, arena, message);
	if (draft->in_reply_to.n > 0)
		g_mime_object_set_header(GMIME_OBJECT(message), "In-Reply-To", arena_str(arena, draft->in_reply_to).p,
					 NULL);
	if (draft->references.n > 0)
		g_mime_object_set_header(GMIME_OBJECT(message), "References", arena_str(arena, draft->references).p,
					 NULL);
	return write_recipients(draft, arena, message);
}

static enum err write_bytes(struct mail_draft *draft, struct arena *arena, GMimeMessage *message)
{
	GMimeFormatOptions *format = g_mime_format_options_new();
	GByteArray *bytes = g_byte_array_new();
	GMimeStream *stream = g_mime_stream_mem_new_with_byte_array(bytes);
	char *copy = NULL;

	g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(stream), FALSE);
	g_mime_format_options_set_newline_format(format, GMIME_NEWLINE_FORMAT_DOS);
	if (g_mime_object_write_to_stream(GMIME_OBJECT(message), format, stream) >= 0 &&
	    bytes->len <= MAIL_MESSAGE_BYTES_MAX)
		copy = arena_try_alloc(arena, bytes->len);
	if (copy != NULL) {
		memcpy(copy, bytes->data, bytes->len);
		draft->bytes = (struct str){copy, bytes->len};
	}
	g_object_unref(stream);
	g_byte_array_free(bytes, TRUE);
	g_mime_format_options_free(format);
	return copy != NULL ? OK : ERR_LIMIT;
}

enum err mail_compose(struct arena *arena, struct mail_draft *draft)
{
	GMimeMessage *message = g_mime_message_new(TRUE);
	enum err err = write_headers(draft, arena, message);

	if (err == OK) {
		GMimeObject *body = body_of(arena, draft);

		g_mime_message_set_mime_part(message, body);
		g_object_unref(body);
		err = write_bytes(draft, arena, message);
	}
	g_object_unref(message);
	return err;
}
