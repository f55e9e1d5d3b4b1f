/* What a FETCH tells of a message: its envelope, and the tree of its parts as a flat list.
 *
 *   Source     RFC 9051 section 7.5.2 */
#ifndef GATEHOUSE_EMAIL_IMAP_STRUCTURE_H
#define GATEHOUSE_EMAIL_IMAP_STRUCTURE_H

#include "email/imap_parse.h"

#define IMAP_PARTS_MAX 200    /* of a message: what mail programs make has a dozen */
#define IMAP_PART_PATH_MAX 64 /* bytes of "1.2.3", NUL included */

struct imap_part {
	char path[IMAP_PART_PATH_MAX];		    /* as FETCH wants it */
	struct str type, subtype;		    /* as they were sent: "TEXT", "PLAIN" */
	struct str charset, encoding, filename, id; /* filename still encoded; all may be empty */
	struct str disposition;			    /* "attachment", "inline" or empty */
	uint64_t bytes;				    /* encoded */
};
struct imap_parts {
	struct imap_part *items;
	size_t count;
};

/* The leaves of a BODYSTRUCTURE in order; a message within the message is one leaf. In `arena`; slices of the response.
 *   Errors     ERR_UPSTREAM_GARBAGE, ERR_LIMIT */
NODISCARD enum err imap_parts_read(struct arena *arena, const struct imap_node *structure,
				   struct imap_parts *ret_parts);

/* Whether it is of this type, without regard to case. */
bool imap_part_is(const struct imap_part *part, struct str type, struct str subtype);
/* Whether it is the message's text, and not a file that happens to be text. */
bool imap_part_is_text(const struct imap_part *part, struct str subtype);
/* Whether a person would call it an attachment. */
bool imap_part_is_attachment(const struct imap_part *part);
/* The part with this path; the first text of a subtype. NULL none. */
const struct imap_part *imap_parts_find(const struct imap_parts *parts, struct str path);
const struct imap_part *imap_parts_text(const struct imap_parts *parts, struct str subtype);

/* The fields of an ENVELOPE by their places. */
enum imap_envelope {
	ENVELOPE_DATE,
	ENVELOPE_SUBJECT,
	ENVELOPE_FROM,
	ENVELOPE_SENDER,
	ENVELOPE_REPLY_TO,
	ENVELOPE_TO,
	ENVELOPE_CC,
	ENVELOPE_BCC,
	ENVELOPE_IN_REPLY_TO,
	ENVELOPE_MESSAGE_ID,
};

#endif
