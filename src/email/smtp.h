/* Handing a message to the account's mail server.
 *
 *   Source     RFC 5321, RFC 6409 */
#ifndef GATEHOUSE_EMAIL_SMTP_H
#define GATEHOUSE_EMAIL_SMTP_H

#include "base/arena.h"
#include "email/link.h"

#define SMTP_RECIPIENTS_MAX 200 /* to, cc and bcc together; what most servers take at once is 100 */
#define SMTP_REPLY_BYTES_MAX 8192

struct smtp_recipient {
	struct str address; /* no angle brackets; checked by who made it */
	int reply;	    /* out: 0: not asked; 2xx: taken */
	struct str text;    /* out: the server's words, in the arena */
};
struct smtp_message {
	struct str from;
	struct smtp_recipient *recipients;
	size_t recipient_count;
	struct str bytes; /* with CRLF line ends */
};

/* Send it once. A recipient that is refused does not keep the others from it.
 *   fault      on ERR_TOOL_FAILED. Class unknown_outcome: the message was handed over whole, and the answer was lost;
 *              with any other, nobody gets it
 *   Errors     ERR_TOOL_FAILED, ERR_REFUSED_ADDRESS, ERR_CANCELED (before it was handed over)
 *   Runs on    a fiber */
NODISCARD enum err smtp_send(const struct mail_link_spec *spec, struct smtp_message *message, struct arena *arena,
			     struct mail_fault *fault) AWAITS;

/* A reply in what has come, "250-a CR LF 250 b CR LF": its code and last line's words.
 *   ret_bytes  of it; 0: it is not whole
 *   Errors     ERR_UPSTREAM_GARBAGE
 *   Runs on    any thread */
NODISCARD enum err smtp_reply_read(struct str bytes, int *ret_code, struct str *ret_text, size_t *ret_bytes);

/* Append a message as DATA wants it: a dot that begins a line is doubled, the last line ended, and a dot alone behind
 * it. */
void smtp_data_put(struct buf *out, struct str message);

#endif
