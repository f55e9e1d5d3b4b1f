/* Envelopes, flags and structures as JSON. All texts are a stranger's: decoded, made valid UTF-8, and bounded by what
 * one response may hold. */
#include "email/message_out.h"

#include "base/clock.h"
#include "email/search.h"
#include "email/text.h"

enum err mail_metas_read(struct arena *arena, const struct imap_response *first, size_t cap,
			 struct mail_meta **ret_metas, size_t *ret_count)
{
	struct mail_meta *metas = arena_try_alloc(arena, (cap + 1) * sizeof *metas);
	size_t count = 0;

	if (metas == NULL)
		return ERR_LIMIT;
	for (; first != NULL && count < cap; first = first->next) {
		struct mail_meta *meta = &metas[count];
		uint64_t uid;

		if (!str_eq_nocase(first->name, STR("FETCH")) ||
		    !imap_number(imap_item(first->first, STR("UID")), &uid) || uid == 0 || uid > UINT32_MAX)
			continue;
		*meta = (struct mail_meta){.uid = (uint32_t)uid, .items = first->first};
		if (imap_parts_read(arena, imap_item(first->first, STR("BODYSTRUCTURE")), &meta->parts) != OK)
			meta->parts = (struct imap_parts){NULL, 0}; /* it is listed all the same */
		count += imap_item(first->first, STR("ENVELOPE")) != NULL;
	}
	*ret_metas = metas;
	*ret_count = count;
	return OK;
}

static void put_decoded(struct buf *out, const char *name, struct str text, void (*decode)(struct str, struct buf *))
{
	AUTO_BUF plain = {0};

	decode(text, &plain);
	out_text(out, name, buf_str(&plain));
}

/* ("name" NIL "mailbox" "host"); one without a host begins or ends a group, and is nobody. */
static bool is_somebody(const struct imap_node *address)
{
	return imap_text(imap_at(address, 2)).n > 0 && imap_text(imap_at(address, 3)).n > 0;
}

static void put_address(struct buf *out, const struct imap_node *address)
{
	struct str name = imap_text(imap_at(address, 0)), mailbox = imap_text(imap_at(address, 2));
	struct str host = imap_text(imap_at(address, 3));
	AUTO_BUF whole = {0}, plain = {0};

	buf_put(&whole, mailbox);
	buf_put_byte(&whole, '@');
	buf_put(&whole, host);
	mail_put_utf8(buf_str(&whole), &plain);
	buf_put_byte(out, '{');
	if (name.n > 0)
		put_decoded(out, "name", name, mail_decode_words);
	out_text(out, "address", buf_str(&plain));
	buf_put_byte(out, '}');
}

static void put_addresses(struct buf *out, const char *name, const struct imap_node *list)
{
	out_key(out, name);
	buf_put_byte(out, '[');
	for (const struct imap_node *at = imap_at(list, 0); at != NULL; at = at->next) {
		if (!is_somebody(at))
			continue;
		out_next(out);
		put_address(out, at);
	}
	buf_put_byte(out, ']');
}

static void put_flags(struct buf *out, const struct imap_node *flags)
{
	static const struct {
		const char *name;
		struct str flag;
	} known[] = {
		{"seen", {"\\Seen", 5}},
		{"answered", {"\\Answered", 9}},
		{"flagged", {"\\Flagged", 8}},
		{"draft", {"\\Draft", 6}},
	};

	out_key(out, "flags");
	buf_put_byte(out, '{');
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		bool set = false;

		for (const struct imap_node *at = imap_at(flags, 0); at != NULL; at = at->next)
			set = set || str_eq_nocase(imap_text(at), known[i].flag);
		out_flag(out, known[i].name, set);
	}
	buf_put_byte(out, '}');
}

static void put_id(struct op *op, const struct mail_meta *meta, struct str folder, uint32_t validity)
{
	const struct message_ref ref = {op->account.alias, folder, validity, meta->uid};
	AUTO_BUF id = {0};

	message_ref_put(&id, &ref);
	out_text(&op->out, "id", buf_str(&id));
}

void mail_meta_put(struct op *op, const struct mail_meta *meta, struct str folder, uint32_t validity)
{
	const struct imap_node *envelope = imap_item(meta->items, STR("ENVELOPE"));
	const struct imap_node *from = imap_at(imap_at(envelope, ENVELOPE_FROM), 0);
	struct str thread = imap_text(imap_item(meta->items, STR("X-GM-THRID")));
	struct buf *out = &op->out;
	char iso[CLOCK_ISO_LEN + 1];
	int64_t date_ms;
	uint64_t size = 0;

	put_id(op, meta, folder, validity);
	out_text(out, "folder", folder);
	out_number(out, "uid", meta->uid);
	if (imap_text(imap_at(envelope, ENVELOPE_MESSAGE_ID)).n > 0)
		put_decoded(out, "message_id", imap_text(imap_at(envelope, ENVELOPE_MESSAGE_ID)), mail_put_utf8);
	if (thread.n > 0)
		out_text(out, "thread_id", thread);
	if (mail_date_read(imap_text(imap_item(meta->items, STR("INTERNALDATE"))), &date_ms)) {
		clock_iso(date_ms, iso);
		out_text(out, "date", str_of(iso));
	}
	if (is_somebody(from)) {
		out_key(out, "from");
		put_address(out, from);
	}
	put_addresses(out, "to", imap_at(envelope, ENVELOPE_TO));
	put_addresses(out, "cc", imap_at(envelope, ENVELOPE_CC));
	put_decoded(out, "subject", imap_text(imap_at(envelope, ENVELOPE_SUBJECT)), mail_decode_words);
	put_flags(out, imap_item(meta->items, STR("FLAGS")));
	if (imap_number(imap_item(meta->items, STR("RFC822.SIZE")), &size))
		out_number(out, "size", size);
	out_flag(out, "has_attachments", mail_attachment_count(&meta->parts) > 0);
	out_number(out, "attachments_count", mail_attachment_count(&meta->parts));
}

size_t mail_attachment_count(const struct imap_parts *parts)
{
	size_t count = 0;

	for (size_t i = 0; i < parts->count; i++)
		count += imap_part_is_attachment(&parts->items[i]);
	return count;
}

static void put_mime(struct buf *out, const struct imap_part *part)
{
	AUTO_BUF mime = {0}, plain = {0};

	buf_put(&mime, part->type);
	buf_put_byte(&mime, '/');
	buf_put(&mime, part->subtype);
	for (size_t i = 0; i < mime.n; i++)
		if (mime.p[i] >= 'A' && mime.p[i] <= 'Z')
			mime.p[i] |= 0x20;
	mail_put_utf8(buf_str(&mime), &plain);
	out_text(out, "mime", buf_str(&plain));
}

void mail_attachments_put(struct op *op, const struct imap_parts *parts)
{
	struct buf *out = &op->out;

	out_key(out, "attachments");
	buf_put_byte(out, '[');
	for (size_t i = 0; i < parts->count; i++) {
		const struct imap_part *part = &parts->items[i];
		bool is_inline = !imap_part_is_attachment(part);

		if (is_inline && (str_eq_nocase(part->type, STR("text")) || part->id.n == 0))
			continue; /* the text itself */
		out_next(out);
		buf_put_byte(out, '{');
		out_text(out, "part", str_of(part->path));
		if (part->filename.n > 0)
			put_decoded(out, "filename", part->filename, mail_decode_filename);
		put_mime(out, part);
		out_number(out, "size",
			   str_eq_nocase(part->encoding, STR("base64")) ? part->bytes / 78 * 57 : part->bytes);
		out_flag(out, "inline", is_inline);
		buf_put_byte(out, '}');
	}
	buf_put_byte(out, ']');
}
