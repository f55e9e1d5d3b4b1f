/* email.search: numbers first, then what is shown of the newest of them, then the beginning of each one's text.
 *
 *     UID SEARCH ─▶ newest below the cursor ─▶ UID FETCH (envelope, structure) ─▶ UID FETCH BODY.PEEK[part]<0.n> ─▶
 * JSON
 *
 * The texts of a page are asked for by part: messages whose text is part "1.1" in one command. Nothing is marked as
 * read. */
#include <stdlib.h>

#include "email/message_out.h"
#include "email/search.h"
#include "email/text.h"

#define PAGE_DEFAULT 20
#define PAGE_MAX 50
#define SCAN_MAX 400	   /* messages looked at for those with attachments: servers cannot search for that */
#define SNIPPET_BYTES 1600 /* fetched: HTML begins with much that is no text */
#define SNIPPET_CHARACTERS 200

struct found {
	struct mail_meta meta;
	const struct imap_part *text; /* NULL none */
	struct str bytes;	      /* its beginning, encoded */
	bool asked;
};

struct search {
	struct str folder;
	size_t limit, total, count;
	uint32_t below;	   /* UIDs from here on were given before; 0: none */
	uint32_t validity; /* that the cursor is of; 0: no cursor */
	uint32_t next;	   /* the cursor for more; 0: there is no more */
	bool files_only;
	struct found *found;
};

/* --- arguments --- */

/* "VALIDITY.UID", as `next` was given. */
static enum err read_cursor(struct op *op, struct search *search)
{
	struct str cursor = op_text(op, "cursor"), validity, uid;
	uint64_t numbers[2];

	if (cursor.n == 0)
		return OK;
	if (!str_cut(cursor, '.', &validity, &uid) || str_to_u64(validity, &numbers[0]) != OK ||
	    str_to_u64(uid, &numbers[1]) != OK || numbers[0] > UINT32_MAX || numbers[1] > UINT32_MAX)
		return mail_fault_set(&op->fault, "invalid", "that is no cursor of this tool");
	search->validity = (uint32_t)numbers[0];
	search->below = (uint32_t)numbers[1];
	return OK;
}

static enum err read_arguments(struct op *op, struct search *search)
{
	int64_t limit = op_int(op, "limit", PAGE_DEFAULT);

	search->folder = op_text(op, "folder").n > 0 ? op_text(op, "folder") : STR("INBOX");
	search->limit = limit < 1 ? 1 : limit > PAGE_MAX ? PAGE_MAX : (size_t)limit;
	search->files_only = op_flag(op, "has_attachment");
	search->found = arena_zalloc(op->arena, PAGE_MAX * sizeof *search->found);
	return read_cursor(op, search);
}

/* --- what is found --- */

static int newest_first(const void *a, const void *b)
{
	uint32_t x = ((const struct mail_meta *)a)->uid, y = ((const struct mail_meta *)b)->uid;

	return x < y ? 1 : x > y ? -1 : 0;
}

/* What is shown of so many messages; those that fit are added until the page is full. */
AWAITS static enum err add_messages(struct imap_session *session, struct op *op, const uint32_t *uids, size_t count)
{
	struct search *search = op->state;
	bool gmail = (imap_session_abilities(session) & IMAP_CAN_GMAIL) != 0;
	AUTO_IMAP_COMMAND command = {0};
	struct imap_response *first;
	struct mail_meta *metas;
	size_t got;

	imap_put(&command, "UID FETCH ");
	for (size_t i = 0; i < count; i++)
		imap_put_fmt(&command, "%s%u", i > 0 ? "," : "", uids[i]);
	imap_put(&command, gmail ? " (" MAIL_META_ITEMS " X-GM-THRID)" : " (" MAIL_META_ITEMS ")");
	TRY(imap_run(session, &command, op->arena, &op->fault, &first, NULL));
	TRY(mail_metas_read(op->arena, first, count, &metas, &got));
	qsort(metas, got, sizeof *metas, newest_first);
	for (size_t i = 0; i < got && search->count < search->limit; i++) {
		struct found *found = &search->found[search->count];

		search->next = metas[i].uid;
		if (search->files_only && mail_attachment_count(&metas[i].parts) == 0)
			continue;
		*found = (struct found){.meta = metas[i]};
		found->text = imap_parts_text(&metas[i].parts, STR("plain"));
		if (found->text == NULL)
			found->text = imap_parts_text(&metas[i].parts, STR("html"));
		search->count++;
	}
	return OK;
}

/* The newest below the cursor, some at a time where most may not fit. */
AWAITS static enum err take_page(struct imap_session *session, struct op *op, const uint32_t *uids, size_t count)
{
	struct search *search = op->state;
	size_t at = 0, scanned = 0;

	while (at < count && search->below != 0 && uids[at] >= search->below)
		at++;
	while (at < count && search->count < search->limit && scanned < SCAN_MAX) {
		size_t wanted = search->files_only ? PAGE_MAX : search->limit - search->count;
		size_t n = count - at < wanted ? count - at : wanted;

		search->next = uids[at + n - 1];
		TRY(add_messages(session, op, uids + at, n));
		at += n;
		scanned += n;
	}
	if (count == 0 || search->next <= uids[count - 1])
		search->next = 0;
	return OK;
}

/* --- beginnings of texts --- */

/* All messages whose text is the same part, in one command. */
AWAITS static enum err fetch_texts(struct imap_session *session, struct op *op, struct str path)
{
	struct search *search = op->state;
	AUTO_IMAP_COMMAND command = {0};
	struct imap_response *first;
	struct str item;
	bool any = false;

	imap_put(&command, "UID FETCH ");
	for (size_t i = 0; i < search->count; i++) {
		struct found *found = &search->found[i];

		if (found->text == NULL || !str_eq(str_of(found->text->path), path))
			continue;
		imap_put_fmt(&command, "%s%u", any ? "," : "", found->meta.uid);
		any = found->asked = true;
	}
	imap_put_fmt(&command, " (UID BODY.PEEK[%.*s]<0.%d>)", STR_ARG(path), SNIPPET_BYTES);
	TRY(imap_run(session, &command, op->arena, &op->fault, &first, NULL));
	item = arena_fmt(op->arena, "BODY[%.*s]", STR_ARG(path));
	for (; first != NULL; first = first->next) {
		uint64_t uid;

		if (!imap_number(imap_item(first->first, STR("UID")), &uid))
			continue;
		for (size_t i = 0; i < search->count; i++)
			if (search->found[i].meta.uid == uid && imap_item(first->first, item) != NULL)
				search->found[i].bytes = imap_text(imap_item(first->first, item));
	}
	return OK;
}

AWAITS static enum err search_folder(struct imap_session *session, void *arg)
{
	struct op *op = arg;
	struct search *search = op->state;
	bool gmail = (imap_session_abilities(session) & IMAP_CAN_GMAIL) != 0;
	AUTO_IMAP_COMMAND command = {0};
	struct imap_response *first;
	uint32_t validity, *uids;
	size_t count;
	enum err err;

	TRY(imap_open_folder(session, search->folder, false, op->arena, &op->fault, &validity));
	if (search->validity != 0 && search->validity != validity)
		return mail_fault_set(&op->fault, "invalid", "the folder was made anew since that page; search again");
	search->validity = validity;
	TRY(mail_search_put(&command, op->call->with, gmail, &op->fault));
	TRY(imap_run(session, &command, op->arena, &op->fault, &first, NULL));
	err = mail_search_uids(op->arena, first, &uids, &count);
	if (err != OK)
		return mail_fault_set(&op->fault, err == ERR_LIMIT ? "too_large" : "transient",
				      err == ERR_LIMIT ? "too much was found; narrow the search"
						       : "what the server found is not as IMAP has it");
	search->total = count;
	TRY(take_page(session, op, uids, count));
	for (size_t i = 0; i < search->count; i++)
		if (search->found[i].text != NULL && !search->found[i].asked)
			TRY(fetch_texts(session, op, str_of(search->found[i].text->path)));
	return OK;
}

/* --- the result --- */

static void put_snippet(struct buf *out, const struct found *found)
{
	AUTO_BUF text = {0}, plain = {0}, snippet = {0};

	if (found->text == NULL)
		return;
	mail_decode_text(found->bytes, found->text->encoding, found->text->charset, &text);
	if (imap_part_is(found->text, STR("text"), STR("html")))
		mail_html_text(buf_str(&text), &plain);
	mail_snippet(imap_part_is(found->text, STR("text"), STR("html")) ? buf_str(&plain) : buf_str(&text),
		     SNIPPET_CHARACTERS, &snippet);
	out_text(out, "snippet", buf_str(&snippet));
}

static enum err write_result(void *arg)
{
	struct op *op = arg;
	const struct search *search = op->state;
	struct buf *out = &op->out;

	buf_put(out, STR("{\"messages\":["));
	for (size_t i = 0; i < search->count; i++) {
		out_next(out);
		buf_put_byte(out, '{');
		mail_meta_put(op, &search->found[i].meta, search->folder, search->validity);
		put_snippet(out, &search->found[i]);
		buf_put_byte(out, '}');
	}
	buf_put_byte(out, ']');
	out_number(out, "total", search->total);
	if (search->next != 0) {
		out_key(out, "next");
		buf_put_fmt(out, "\"%u.%u\"", search->validity, search->next);
	}
	buf_put_byte(out, '}');
	return OK;
}

AWAITS enum err op_run_search(struct op *op)
{
	struct search *search = ARENA_NEW(op->arena, struct search);

	op->state = search;
	TRY(read_arguments(op, search));
	TRY(op_with_session(op, search_folder));
	return work_run(write_result, op);
}
