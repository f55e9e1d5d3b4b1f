/* One command at a time: written piece by piece as the server agrees to its literals, then responses are read, framed
 * and parsed until the one with the command's tag. Tags are random: nobody who can get words into a response knows the
 * next.
 *
 *     IDLE ──run──▶ SENDING ──"+"──▶ SENDING … ──▶ READING ──tag──▶ IDLE
 *                      └──────── lost, garbage, time, cancel ────────┴──▶ BROKEN (never used again)
 */
#include "email/imap_session.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/random.h"
#include "email/folder_name.h"

#define SESSION_MAGIC 0x696d6170u
#define READ_BYTES (16 * 1024) /* what is asked of the link at once */
#define TAG_BYTES 6

struct imap_session {
	uint32_t magic;
	struct mail_link *link;
	struct buf in; /* read, not yet taken */
	struct buf tag;
	struct buf host; /* for messages */
	unsigned abilities;
	bool broken;
};

static const struct {
	struct str word;
	enum imap_ability ability;
} abilities[] = {
	{{"UIDPLUS", 7}, IMAP_CAN_UIDPLUS},
	{{"SPECIAL-USE", 11}, IMAP_CAN_SPECIAL_USE},
	{{"LIST-STATUS", 11}, IMAP_CAN_LIST_STATUS},
	{{"X-GM-EXT-1", 10}, IMAP_CAN_GMAIL},
	{{"LIST-EXTENDED", 13}, IMAP_CAN_LIST_EXTENDED},
};

void imap_session_free(struct imap_session *session)
{
	if (session == NULL)
		return;
	CHECK_OBJ(session, SESSION_MAGIC);
	mail_link_close(session->link);
	buf_free(&session->in);
	buf_free(&session->tag);
	buf_free(&session->host);
	session->magic = 0;
	free(session);
}

unsigned imap_session_abilities(const struct imap_session *session)
{
	CHECK_OBJ(session, SESSION_MAGIC);
	return session->abilities;
}

bool imap_session_is_sound(const struct imap_session *session)
{
	CHECK_OBJ(session, SESSION_MAGIC);
	return !session->broken;
}

/* The connection's own errors in words; a canceled caller is not told anything. */
static enum err lost(struct imap_session *session, struct mail_fault *fault, enum err err)
{
	session->broken = true;
	switch (err) {
	case ERR_CLOSED:
	case ERR_IO:
		return mail_fault_set(fault, "transient", "the connection to %.*s was lost",
				      STR_ARG(buf_str(&session->host)));
	case ERR_UPSTREAM_GARBAGE:
		return mail_fault_set(fault, "transient", "%.*s sent what is not IMAP",
				      STR_ARG(buf_str(&session->host)));
	case ERR_LIMIT:
		return mail_fault_set(fault, "too_large", "%.*s sent more than is taken; ask for less",
				      STR_ARG(buf_str(&session->host)));
	case ERR_TIMEOUT:
		return fiber_status() != OK ? err
					    : mail_fault_set(fault, "transient", "%.*s fell silent",
							     STR_ARG(buf_str(&session->host)));
	default:
		return err;
	}
}

/* --- in --- */

/* One response, its bytes copied to the arena for as long as it is looked at. */
AWAITS static enum err take_response(struct imap_session *session, struct arena *arena,
				     struct imap_response **ret_response)
{
	struct imap_framer framer = {0};
	size_t n = 0, got;
	char *copy;

	for (;;) {
		TRY(imap_frame(&framer, buf_str(&session->in), &n));
		if (n > 0)
			break;
		TRY(mail_link_read(session->link, buf_reserve(&session->in, READ_BYTES), READ_BYTES, &got));
		session->in.n += got;
	}
	copy = arena_try_alloc(arena, n);
	if (copy == NULL)
		return ERR_LIMIT;
	memcpy(copy, session->in.p, n);
	buf_drop_front(&session->in, n);
	return imap_parse(arena, (struct str){copy, n}, ret_response);
}

/* What comes until the tag or a "+"; data is put at the end of a list. */
AWAITS static enum err take_reply(struct imap_session *session, struct arena *arena, struct imap_response ***tail,
				  struct imap_response **ret_done)
{
	size_t before = arena_used(arena);

	for (;;) {
		struct imap_response *response;

		TRY(take_response(session, arena, &response));
		if (arena_used(arena) - before > IMAP_REPLY_BYTES_MAX || arena_used(arena) > IMAP_ARENA_BYTES_MAX)
			return ERR_LIMIT;
		if (str_eq(response->tag, STR("*"))) {
			if (response->status == IMAP_BYE)
				return ERR_CLOSED;
			**tail = response;
			*tail = &response->next;
		} else if (str_eq(response->tag, STR("+")) || str_eq(response->tag, buf_str(&session->tag))) {
			*ret_done = response;
			return OK;
		} else {
			return ERR_UPSTREAM_GARBAGE; /* nobody asked that */
		}
	}
}

/* --- out --- */

/* Send the command; an answer that comes before all of it was sent is its refusal. */
AWAITS static enum err send_command(struct imap_session *session, const struct imap_command *command,
				    struct arena *arena, struct imap_response ***tail, struct imap_response **ret_done)
{
	struct str text = buf_str(&command->text);
	size_t from = 0;

	*ret_done = NULL;
	for (size_t i = 0; i <= command->pause_count; i++) {
		size_t to = i < command->pause_count ? command->pauses[i] : text.n;

		TRY(mail_link_write(session->link, (struct str){text.p + from, to - from}));
		from = to;
		if (i == command->pause_count)
			break;
		TRY(take_reply(session, arena, tail, ret_done));
		if (!str_eq((*ret_done)->tag, STR("+")))
			return OK;
	}
	if (command->message.p != NULL)
		TRY(mail_link_write(session->link, command->message));
	TRY(mail_link_write(session->link, STR("\r\n")));
	TRY(take_reply(session, arena, tail, ret_done));
	return str_eq((*ret_done)->tag, STR("+")) ? ERR_UPSTREAM_GARBAGE : OK;
}

static void put_tag(struct imap_session *session, struct imap_command *command)
{
	AUTO_BUF words = {0};

	session->tag.n = 0;
	buf_put_byte(&session->tag, 'G');
	for (unsigned char byte, i = 0; i < 2 * TAG_BYTES; i++) {
		random_bytes(&byte, 1);
		buf_put_byte(&session->tag, "0123456789ABCDEF"[byte & 15]);
	}
	buf_put(&words, buf_str(&session->tag));
	buf_put_byte(&words, ' ');
	buf_put(&words, buf_str(&command->text));
	for (size_t i = 0; i < command->pause_count; i++)
		command->pauses[i] += session->tag.n + 1;
	buf_free(&command->text);
	command->text = words;
	words = (struct buf){0};
}

AWAITS enum err imap_run(struct imap_session *session, struct imap_command *command, struct arena *arena,
			 struct mail_fault *fault, struct imap_response **ret_first, struct imap_response **ret_done)
{
	struct imap_response *first = NULL, **tail = &first, *done = NULL;
	enum err err;

	CHECK_OBJ(session, SESSION_MAGIC);
	CHECK(!session->broken);
	if (command->failed)
		return mail_fault_set(fault, "invalid", "a text is too long or has a NUL");
	put_tag(session, command);
	err = send_command(session, command, arena, &tail, &done);
	if (err != OK)
		return lost(session, fault, err);
	if (done->status != IMAP_OK)
		return mail_fault_set(
			fault, done->status == IMAP_NO ? mail_class_of_imap(done->code, "permission") : "invalid",
			"%.*s says: %.*s", STR_ARG(buf_str(&session->host)), STR_ARG(str_shorten(done->text, 300)));
	if (ret_first != NULL)
		*ret_first = first;
	if (ret_done != NULL)
		*ret_done = done;
	return OK;
}

AWAITS enum err imap_say(struct imap_session *session, const char *words, struct arena *arena, struct mail_fault *fault,
			 struct imap_response **ret_first)
{
	AUTO_IMAP_COMMAND command = {0};

	imap_put(&command, words);
	return imap_run(session, &command, arena, fault, ret_first, NULL);
}

/* --- opening --- */

AWAITS static enum err ask_abilities(struct imap_session *session, struct mail_fault *fault)
{
	AUTO(arena) *arena = arena_new(IMAP_RESPONSE_BYTES_MAX);
	struct imap_response *first;

	TRY(imap_say(session, "CAPABILITY", arena, fault, &first));
	for (; first != NULL; first = first->next) {
		if (!str_eq_nocase(first->name, STR("CAPABILITY")))
			continue;
		for (const struct imap_node *word = first->first; word != NULL; word = word->next)
			for (size_t i = 0; i < ARRAY_LEN(abilities); i++)
				if (str_eq_nocase(imap_text(word), abilities[i].word))
					session->abilities |= abilities[i].ability;
	}
	return OK;
}

AWAITS enum err imap_session_open(const struct mail_link_spec *spec, struct mail_fault *fault,
				  struct imap_session **ret_session)
{
	AUTO(imap_session) *session = NULL;
	struct mail_link *link;

	TRY(mail_link_open(spec, fault, &link));
	session = calloc(1, sizeof *session);
	CHECK(session != NULL);
	session->magic = SESSION_MAGIC;
	session->link = link;
	buf_put(&session->host, spec->server.host);
	TRY(ask_abilities(session, fault));
	*ret_session = session;
	session = NULL;
	return OK;
}

/* The UIDVALIDITY among what SELECT brought: "* OK [UIDVALIDITY 7] ...". */
static bool find_validity(const struct imap_response *first, uint32_t *ret_validity)
{
	for (; first != NULL; first = first->next) {
		struct str word, number;
		uint64_t value;

		if (first->status == IMAP_OK && str_cut(first->code, ' ', &word, &number) &&
		    str_eq_nocase(word, STR("UIDVALIDITY")) && str_to_u64(number, &value) == OK &&
		    value <= UINT32_MAX) {
			*ret_validity = (uint32_t)value;
			return true;
		}
	}
	return false;
}

AWAITS enum err imap_open_folder(struct imap_session *session, struct str folder, bool writable, struct arena *arena,
				 struct mail_fault *fault, uint32_t *ret_validity)
{
	AUTO_IMAP_COMMAND command = {0};
	AUTO_BUF name = {0};
	struct imap_response *first;
	enum err err;

	if (folder_name_encode(folder, &name) != OK)
		return mail_fault_set(fault, "invalid", "that is no name of a folder");
	imap_put(&command, writable ? "SELECT " : "EXAMINE ");
	imap_put_text(&command, buf_str(&name));
	err = imap_run(session, &command, arena, fault, &first, NULL);
	if (err == ERR_TOOL_FAILED && imap_session_is_sound(session) && strcmp(fault->class, "invalid") == 0)
		fault->class = "not_found"; /* most servers give no code here */
	TRY(err);
	if (!find_validity(first, ret_validity))
		return mail_fault_set(fault, "unsupported", "%.*s numbers no messages in %.*s",
				      STR_ARG(buf_str(&session->host)), STR_ARG(folder));
	return OK;
}
