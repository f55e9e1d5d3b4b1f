/* What a FETCH has brought of a message, written as the tools give it. */
#ifndef GATEHOUSE_EMAIL_MESSAGE_OUT_H
#define GATEHOUSE_EMAIL_MESSAGE_OUT_H

#include "email/imap_structure.h"
#include "email/op.h"

#define MAIL_META_ITEMS "UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE"

struct mail_meta {
	uint32_t uid;
	const struct imap_node *items; /* all that came */
	struct imap_parts parts;
};

/* The messages among responses; what does not name a UID and an envelope is left out.
 *   ret_metas  in `arena`, at most `cap`
 *   Errors     ERR_LIMIT */
NODISCARD enum err mail_metas_read(struct arena *arena, const struct imap_response *first, size_t cap,
				   struct mail_meta **ret_metas, size_t *ret_count);

/* Members of an object: id, folder, uid, message_id, date, from, to, cc, subject, flags, size and how many attachments.
 *   Runs on    a worker thread: names are decoded */
void mail_meta_put(struct op *op, const struct mail_meta *meta, struct str folder, uint32_t validity);
/* An array of the attachments under "attachments". */
void mail_attachments_put(struct op *op, const struct imap_parts *parts);
size_t mail_attachment_count(const struct imap_parts *parts);

#endif
