/* A mailbox brings a child's messages to the fiber that made the call, on whatever loop it
 * lives. Written by the child's home loop, read by the caller's. */
#ifndef GATEHOUSE_UPSTREAM_MAILBOX_H
#define GATEHOUSE_UPSTREAM_MAILBOX_H

#include "mcp/message.h"
#include "rt/loop.h"

#define MAILBOX_LETTERS_MAX 256 /* unread; further notifications are dropped, an answer never is */

struct server_request;

/* One message, with the arena that it lies in; or an error. */
struct letter {
	struct letter *next;
	struct arena *arena; /* owned; NULL with an error */
	struct mcp_message message;
	struct server_request *request; /* the server asks something, instead of a message; owned */
	enum err err;
	bool last; /* the answer, or why there will be none */
};

/* A letter with a message that lies in `arena`, which is then the letter's. */
struct letter *letter_new(struct arena *arena, const struct mcp_message *message, bool last);
/* A letter with a request of the server's, whose reference it takes over: refused if never read. */
struct letter *letter_asking(struct server_request *request);
/* A last letter that says why there is no answer. */
struct letter *letter_error(enum err err);
/* Free it, its arena and its request. */
void letter_free(struct letter *letter);
DEFINE_AUTO(letter, letter_free);

struct mailbox;

/* For the calling fiber's loop; one reference. */
struct mailbox *mailbox_new(void);
struct mailbox *mailbox_ref(struct mailbox *mailbox);
void mailbox_unref(struct mailbox *mailbox);
DEFINE_AUTO(mailbox, mailbox_unref);

/* Put a letter in, which is then the mailbox's.
 *   Runs on    any loop */
void mailbox_put(struct mailbox *mailbox, struct letter *letter);

/* Wait for the next letter.
 *   timeout_ms   0 none
 *   ret_letter   the caller's
 *   Errors       ERR_UPSTREAM_TIMEOUT, ERR_CANCELED, ERR_TIMEOUT
 *   Runs on      the loop that made it, one fiber */
NODISCARD enum err mailbox_take(struct mailbox *mailbox, int64_t timeout_ms, struct letter **ret_letter) AWAITS;

#endif
