/* An account as the upstream's settings describe it: who, and at which servers.
 *
 *   Source     connectors/email.yaml has the settings */
#ifndef GATEHOUSE_EMAIL_ACCOUNT_H
#define GATEHOUSE_EMAIL_ACCOUNT_H

#include "connector/native.h"
#include "email/link.h"

struct mail_account {
	struct str alias; /* empty: the upstream's only one */
	struct str address, display_name, user;
	struct str domain; /* of the address */
	struct mail_server imap, smtp;
	struct str sent, drafts; /* folders by name; empty: looked for */
	bool append_sent;	 /* the server does not keep what it sends */
};

/*   fault      on ERR_TOOL_FAILED: a setting is missing or wrong */
NODISCARD enum err mail_account_read(const struct native_call *call, struct mail_fault *fault,
				     struct mail_account *ret_account);

#endif
