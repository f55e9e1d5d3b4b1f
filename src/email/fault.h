/* Why a mail server did not do what was asked, in the classes of connectors and in words for the caller. Filled where
 * it is known, handed up beside ERR_TOOL_FAILED. */
#ifndef GATEHOUSE_EMAIL_FAULT_H
#define GATEHOUSE_EMAIL_FAULT_H

#include "base/str.h"

#define MAIL_FAULT_BYTES_MAX 512

struct mail_fault {
	const char *class; /* "not_found"; static; NULL: none yet */
	char text[MAIL_FAULT_BYTES_MAX];
};

/* Say why; control characters become spaces. Returns ERR_TOOL_FAILED. */
enum err mail_fault_set(struct mail_fault *fault, const char *class, const char *fmt, ...) PRINTF(3, 4);

/* What a code of IMAP ("OVERQUOTA") or a reply code of SMTP with its words means.
 *   refused    the class of a credential that is not accepted: "token_expired" may be renewed, "token_revoked" not */
const char *mail_class_of_imap(struct str code, const char *refused);
const char *mail_class_of_smtp(int reply, struct str text, const char *refused);

#endif
