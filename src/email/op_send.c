/* email.send and email.draft: the message is made once, with its files; one hands it to the account's server and puts a
 * copy where sent mail is, the other only puts it among the drafts.
 *
 *     reply's original (IMAP) ─▶ files (media) ─▶ compose (worker) ─┬─▶ SMTP ─▶ APPEND to sent mail
 *                                                                    └─▶ APPEND to drafts ─▶ its id
 */
#include <stdatomic.h>

#include "email/compose.h"
#include "email/folder_name.h"
#include "email/folders.h"
#include "email/message_out.h"
#include "email/smtp.h"
#include "email/text.h"
#include "media/media.h"

#define SENDS_MAX 16		     /* at once, in the process: each may hold OP_ARENA_BYTES_MAX */
#define SUBJECT_BYTES_MAX 4000	     /* 998 characters */
#define TEXT_BYTES_MAX (1024 * 1024) /* of the text and of the HTML */
#define REFERENCES_BYTES_MAX 4000    /* of a thread's ids: the latest are kept */

struct sending {
	bool is_draft;
	struct mail_draft draft;
	struct message_ref original; /* uid 0: not given, or by its Message-ID */
	struct str original_subject;
	struct str folder;	 /* where it is kept */
	struct str flags;	 /* with which */
	struct message_ref kept; /* uid 0: the server did not say */
	struct smtp_message message;
	bool saved;
};

static atomic_uint sends_now;

/* --- arguments --- */

static enum err read_list(struct op *op, const char *name, const struct str **ret_texts, size_t *ret_count)
{
	yyjson_val *list = json_get(op->call->with, name), *one;
	size_t count = yyjson_arr_size(list), i, max;
	struct str *texts;

	if (count > MAIL_RECIPIENTS_MAX)
		return mail_fault_set(&op->fault, "invalid", "`%s` has more than %d addresses", name,
				      MAIL_RECIPIENTS_MAX);
	texts = arena_zalloc(op->arena, (count + 1) * sizeof *texts);
	yyjson_arr_foreach(list, i, max, one) texts[i] = json_str(one);
	*ret_texts = texts;
	*ret_count = count;
	return OK;
}

/* What is answered: by the id that a tool gave, or by a Message-ID. */
static enum err read_original(struct op *op, struct sending *sending)
{
	struct str given = op_text(op, "reply_to_message_id");

	if (given.n == 0)
		return OK;
	if (given.p[0] != '<')
		return op_message_ref(op, given, &sending->original);
	if (given.n > 998 || given.p[given.n - 1] != '>' || !str_is_printable(given))
		return mail_fault_set(&op->fault, "invalid", "`reply_to_message_id` is no Message-ID");
	sending->draft.in_reply_to = given;
	sending->draft.references = given;
	return OK;
}

static enum err read_arguments(struct op *op, struct sending *sending)
{
	struct mail_draft *draft = &sending->draft;

	TRY(read_list(op, "to", &draft->to, &draft->to_count));
	TRY(read_list(op, "cc", &draft->cc, &draft->cc_count));
	TRY(read_list(op, "bcc", &draft->bcc, &draft->bcc_count));
	TRY(read_original(op, sending));
	draft->from_address = op->account.address;
	draft->from_name = op_text(op, "from_name").n > 0 ? op_text(op, "from_name") : op->account.display_name;
	draft->subject = op_text(op, "subject");
	draft->text = op_text(op, "text");
	draft->html = op_text(op, "html");
	if (draft->subject.n > SUBJECT_BYTES_MAX)
		return mail_fault_set(&op->fault, "invalid", "the subject is longer than 998 characters");
	if (draft->text.n > TEXT_BYTES_MAX || draft->html.n > TEXT_BYTES_MAX)
		return mail_fault_set(&op->fault, "too_large", "the text is longer than 1 MiB; send it as a file");
	if (sending->is_draft)
		return OK;
	if (draft->to_count + draft->cc_count + draft->bcc_count == 0)
		return mail_fault_set(&op->fault, "invalid", "nobody is named in `to`");
	if (draft->text.n == 0 && draft->html.n == 0)
		return mail_fault_set(&op->fault, "invalid", "give `text`, `html` or both");
	return OK;
}

/* --- files --- */

AWAITS static enum err read_file(struct op *op, yyjson_val *value, size_t *left, struct mail_file *ret_file)
{
	struct media *media = op->call->media == NULL ? NULL : op->call->media(op->call->run, value);
	struct mail_file file;
	int64_t size;
	char *bytes;

	if (media == NULL)
		return mail_fault_set(&op->fault, "invalid", "a file of `attachments` is none");
	size = media_size(media);
	if (size < 0 || (size_t)size > *left)
		return mail_fault_set(&op->fault, "too_large", "the files are larger than 20 MiB together");
	*left -= (size_t)size;
	bytes = arena_try_alloc(op->arena, (size_t)size + 1);
	if (bytes == NULL)
		return ERR_LIMIT;
	file = (struct mail_file){.name = media_name(media), .mime = media_mime(media), .bytes = {bytes, 0}};
	while (file.bytes.n < (size_t)size) {
		struct str piece;

		TRY(media_read(media, (int64_t)file.bytes.n, (size_t)size - file.bytes.n, &piece));
		if (piece.n == 0 || piece.n > (size_t)size - file.bytes.n)
			return ERR_IO;
		memcpy(bytes + file.bytes.n, piece.p, piece.n);
		file.bytes.n += piece.n;
	}
	*ret_file = file;
	return OK;
}

AWAITS static enum err read_files(struct op *op, struct sending *sending)
{
	yyjson_val *list = json_get(op->call->with, "attachments");
	size_t count = yyjson_arr_size(list), left = MAIL_FILES_BYTES_MAX;
	struct mail_file *files;

	if (count > MAIL_FILES_MAX)
		return mail_fault_set(&op->fault, "invalid", "there are more than %d files", MAIL_FILES_MAX);
	files = arena_zalloc(op->arena, (count + 1) * sizeof *files);
	for (size_t i = 0; i < count; i++)
		TRY(read_file(op, yyjson_arr_get(list, i), &left, &files[i]));
	sending->draft.files = files;
	sending->draft.file_count = count;
	return OK;
}

/* --- what is answered --- */

/* "References: <a>\r\n <b>" of a header on one line, the last ones where there are too many. */
static struct str unfold_references(struct arena *arena, struct str header)
{
	struct str name, rest, all;
	AUTO_BUF line = {0};

	if (!str_cut(header, ':', &name, &rest))
		return STR_NONE;
	mail_snippet(rest, SIZE_MAX, &line);
	all = buf_str(&line);
	while (all.n > REFERENCES_BYTES_MAX && str_cut(all, ' ', &name, &rest))
		all = rest;
	return str_is_printable(all) && all.n <= REFERENCES_BYTES_MAX ? arena_str(arena, all) : STR_NONE;
}

AWAITS static enum err find_original(struct imap_session *session, void *arg)
{
	struct op *op = arg;
	struct sending *sending = op->state;
	const struct imap_node *envelope;
	AUTO_IMAP_COMMAND command = {0};
	struct imap_response *first;
	struct mail_meta *metas;
	struct str id, before;
	uint32_t validity;
	size_t count;

	TRY(imap_open_folder(session, sending->original.folder, false, op->arena, &op->fault, &validity));
	imap_put_fmt(&command, "UID FETCH %u (UID ENVELOPE BODY.PEEK[HEADER.FIELDS (REFERENCES)])",
		     sending->original.uid);
	TRY(imap_run(session, &command, op->arena, &op->fault, &first, NULL));
	TRY(mail_metas_read(op->arena, first, 1, &metas, &count));
	if (validity != sending->original.validity || count == 0)
		return mail_fault_set(&op->fault, "not_found", "the message that is answered is not there any more");
	envelope = imap_item(metas[0].items, STR("ENVELOPE"));
	id = imap_text(imap_at(envelope, ENVELOPE_MESSAGE_ID));
	sending->original_subject = imap_text(imap_at(envelope, ENVELOPE_SUBJECT));
	if (id.n == 0 || !str_is_printable(id))
		return OK; /* without one a thread cannot be told */
	before = unfold_references(op->arena,
				   imap_text(imap_item(metas[0].items, STR("BODY[HEADER.FIELDS (REFERENCES)]"))));
	sending->draft.in_reply_to = id;
	sending->draft.references =
		before.n == 0 ? id : arena_fmt(op->arena, "%.*s %.*s", STR_ARG(before), STR_ARG(id));
	return OK;
}

/* --- making it --- */

static enum err compose(void *arg)
{
	struct op *op = arg;
	struct sending *sending = op->state;
	AUTO_BUF subject = {0};
	enum err err;

	if (sending->draft.subject.n == 0 && sending->original.uid != 0) {
		AUTO_BUF original = {0};

		mail_decode_words(sending->original_subject, &original);
		if (original.n < 3 || !str_eq_nocase((struct str){original.p, 3}, STR("re:")))
			buf_put(&subject, STR("Re: "));
		mail_snippet(buf_str(&original), SIZE_MAX, &subject);
		sending->draft.subject = arena_str(op->arena, str_shorten(buf_str(&subject), SUBJECT_BYTES_MAX));
	}
	err = mail_compose(op->arena, &sending->draft);
	if (err == ERR_RPC_PARAMS)
		return mail_fault_set(&op->fault, "invalid", "%.*s", STR_ARG(sending->draft.problem));
	if (err == ERR_LIMIT)
		return mail_fault_set(&op->fault, "too_large", "the message is larger than 40 MiB with its files");
	return err;
}

AWAITS static enum err make(struct op *op, struct sending *sending)
{
	TRY(read_arguments(op, sending));
	if (sending->original.uid != 0)
		TRY(op_with_session(op, find_original));
	TRY(read_files(op, sending));
	return work_run(compose, op);
}

/* --- keeping it --- */

/* "APPENDUID 38505 3955" */
static void take_uid(struct sending *sending, struct str code)
{
	struct str word, validity, uid;
	uint64_t numbers[2];

	if (!str_cut(code, ' ', &word, &uid) || !str_eq_nocase(word, STR("APPENDUID")) ||
	    !str_cut(uid, ' ', &validity, &uid) || str_to_u64(validity, &numbers[0]) != OK ||
	    str_to_u64(uid, &numbers[1]) != OK || numbers[0] > UINT32_MAX || numbers[1] > UINT32_MAX)
		return;
	sending->kept.validity = (uint32_t)numbers[0];
	sending->kept.uid = (uint32_t)numbers[1];
}

AWAITS static enum err keep(struct imap_session *session, void *arg)
{
	struct op *op = arg;
	struct sending *sending = op->state;
	AUTO_IMAP_COMMAND command = {0};
	struct imap_response *done;
	AUTO_BUF name = {0};

	if (sending->folder.n == 0)
		TRY(mail_folder_of_role(session, sending->is_draft ? STR("drafts") : STR("sent"), op->arena, &op->fault,
					&sending->folder));
	if (folder_name_encode(sending->folder, &name) != OK)
		return mail_fault_set(&op->fault, "invalid", "the folder that is set for it is none");
	imap_put(&command, "APPEND ");
	imap_put_text(&command, buf_str(&name));
	imap_put_fmt(&command, " (%.*s) ", STR_ARG(sending->flags));
	imap_put_message(&command, sending->draft.bytes);
	TRY(imap_run(session, &command, op->arena, &op->fault, NULL, &done));
	take_uid(sending, done->code);
	sending->saved = true;
	return OK;
}

static void put_strings(struct buf *out, const char *name, const struct smtp_message *message, bool taken)
{
	out_key(out, name);
	buf_put_byte(out, '[');
	for (size_t i = 0; i < message->recipient_count; i++) {
		const struct smtp_recipient *to = &message->recipients[i];

		if ((to->reply < 300) != taken)
			continue;
		out_next(out);
		if (taken) {
			buf_put_json(out, to->address);
			continue;
		}
		buf_put_byte(out, '{');
		out_text(out, "address", to->address);
		out_number(out, "code", (uint64_t)to->reply);
		out_text(out, "text", to->text);
		buf_put_byte(out, '}');
	}
	buf_put_byte(out, ']');
}

/* --- sending --- */

/* After the server has taken it nothing makes the call fail: what was sent is told as sent. */
AWAITS static enum err send_out(struct op *op, struct sending *sending)
{
	struct smtp_message *message = &sending->message;
	struct mail_link_spec spec;
	enum err err;

	message->from = op->account.address;
	message->bytes = sending->draft.bytes;
	message->recipient_count = sending->draft.recipient_count;
	message->recipients = arena_zalloc(op->arena, message->recipient_count * sizeof *message->recipients);
	for (size_t i = 0; i < message->recipient_count; i++)
		message->recipients[i].address = sending->draft.recipients[i];
	TRY(op_spec(op, MAIL_SMTP, &spec));
	err = smtp_send(&spec, message, op->arena, &op->fault);
	op_spec_release(&spec);
	TRY(err);
	if (op->account.append_sent && op_with_session(op, keep) != OK)
		sending->saved = false;
	buf_put_byte(&op->out, '{');
	out_text(&op->out, "message_id", sending->draft.message_id);
	put_strings(&op->out, "accepted", message, true);
	put_strings(&op->out, "rejected", message, false);
	out_flag(&op->out, "saved_to_sent", sending->saved || !op->account.append_sent);
	buf_put_byte(&op->out, '}');
	return OK;
}

AWAITS static enum err put_draft(struct op *op, struct sending *sending)
{
	AUTO_BUF id = {0};

	TRY(op_with_session(op, keep));
	sending->kept.account = op->account.alias;
	sending->kept.folder = sending->folder;
	message_ref_put(&id, &sending->kept);
	buf_put_byte(&op->out, '{');
	if (sending->kept.uid != 0) {
		out_text(&op->out, "id", buf_str(&id));
		out_number(&op->out, "uid", sending->kept.uid);
	}
	out_text(&op->out, "folder", sending->folder);
	out_text(&op->out, "message_id", sending->draft.message_id);
	buf_put_byte(&op->out, '}');
	return OK;
}

AWAITS static enum err run(struct op *op, bool is_draft)
{
	struct sending *sending = ARENA_NEW(op->arena, struct sending);
	enum err err;

	op->state = sending;
	sending->is_draft = is_draft;
	sending->folder = is_draft ? op->account.drafts : op->account.sent;
	sending->flags = is_draft ? STR("\\Draft \\Seen") : STR("\\Seen");
	if (atomic_fetch_add(&sends_now, 1) < SENDS_MAX) {
		err = make(op, sending);
		if (err == OK)
			err = is_draft ? put_draft(op, sending) : send_out(op, sending);
	} else {
		err = mail_fault_set(&op->fault, "transient", "too many messages are being sent now; nothing was sent");
	}
	atomic_fetch_sub(&sends_now, 1);
	return err;
}

AWAITS enum err op_run_send(struct op *op)
{
	return run(op, false);
}

AWAITS enum err op_run_draft(struct op *op)
{
	return run(op, true);
}
