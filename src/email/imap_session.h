/* A session with an IMAP server: commands out, their responses in, one command at a time.
 *
 *   Source     RFC 9051, RFC 3501; LITERAL continuation section 4.3 */
#ifndef GATEHOUSE_EMAIL_IMAP_SESSION_H
#define GATEHOUSE_EMAIL_IMAP_SESSION_H

#include "email/imap_parse.h"
#include "email/link.h"

#define IMAP_LITERALS_MAX 16			 /* of one command: as many as a search has texts */
#define IMAP_ARENA_BYTES_MAX (96u * 1024 * 1024) /* an arena that holds more takes no further response */
#define IMAP_REPLY_BYTES_MAX (32u * 1024 * 1024) /* all responses to one command */

/* A command as it is written. Zero-initialise; buf_free(&command.text). */
struct imap_command {
	struct buf text;
	size_t pauses[IMAP_LITERALS_MAX]; /* places in `text` before which the server must have said "+" */
	size_t pause_count;
	struct str message; /* the last literal, announced by imap_put_message; borrowed */
	bool failed;	    /* a text cannot be sent */
};
#define AUTO_IMAP_COMMAND __attribute__((cleanup(imap_command_free))) struct imap_command
void imap_command_free(struct imap_command *command);

/* Append words of the protocol; a text of the caller's, quoted or as a literal; a message, as the last thing. */
void imap_put(struct imap_command *command, const char *words);
void imap_put_fmt(struct imap_command *command, const char *fmt, ...) PRINTF(2, 3);
void imap_put_text(struct imap_command *command, struct str text);
void imap_put_message(struct imap_command *command, struct str message);

enum imap_ability {
	IMAP_CAN_UIDPLUS = 1 << 0,
	IMAP_CAN_SPECIAL_USE = 1 << 1,
	IMAP_CAN_LIST_STATUS = 1 << 2,
	IMAP_CAN_GMAIL = 1 << 3,
	IMAP_CAN_LIST_EXTENDED = 1 << 4,
};

struct imap_session;

/* Connect, sign in, and ask what the server can.
 *   fault        on ERR_TOOL_FAILED; the session keeps none of the arguments
 *   ret_session  imap_session_free when done
 *   Errors       as mail_link_open
 *   Runs on      a fiber, as all with AWAITS */
NODISCARD enum err imap_session_open(const struct mail_link_spec *spec, struct mail_fault *fault,
				     struct imap_session **ret_session) AWAITS;
void imap_session_free(struct imap_session *session); /* NULL is fine */
DEFINE_AUTO(imap_session, imap_session_free);
unsigned imap_session_abilities(const struct imap_session *session);
/* Whether it can take another command: false once anything went wrong on it. */
bool imap_session_is_sound(const struct imap_session *session);

/* Send a command and take what comes until it is answered.
 *   ret_first  the data that came, in order; `ret_done` the answer. Both in `arena`, may be NULL
 *   fault      on ERR_TOOL_FAILED: the server said NO or BAD, or the connection was lost (class transient)
 *   Errors     ERR_TOOL_FAILED, ERR_CANCELED, ERR_TIMEOUT */
NODISCARD enum err imap_run(struct imap_session *session, struct imap_command *command, struct arena *arena,
			    struct mail_fault *fault, struct imap_response **ret_first, struct imap_response **ret_done)
	AWAITS;
/* The same for a command that is only words. */
NODISCARD enum err imap_say(struct imap_session *session, const char *words, struct arena *arena,
			    struct mail_fault *fault, struct imap_response **ret_first) AWAITS;

/* Open a folder, named in UTF-8, for reading or for changing flags. Again each time, so that what has come is seen.
 *   ret_validity  its UIDVALIDITY
 *   Errors        as imap_run; class not_found */
NODISCARD enum err imap_open_folder(struct imap_session *session, struct str folder, bool writable, struct arena *arena,
				    struct mail_fault *fault, uint32_t *ret_validity) AWAITS;

#endif
