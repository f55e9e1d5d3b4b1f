/* The folders of an account, and which is for what. */
#ifndef GATEHOUSE_EMAIL_FOLDERS_H
#define GATEHOUSE_EMAIL_FOLDERS_H

#include "email/imap_session.h"

#define MAIL_FOLDERS_MAX 1000 /* listed of an account */
#define MAIL_STATUS_MAX 50    /* folders that are asked one by one how many messages they have */

struct mail_folder {
	struct str path; /* UTF-8, with the server's separators */
	struct str sent; /* as the server writes it */
	struct str role; /* "inbox", "sent", ... or empty; static */
	char separator;	 /* 0: none */
	bool selectable, counted;
	uint64_t messages, unseen;
};
struct mail_folders {
	struct mail_folder *items;
	size_t count;
};

/* List them, with the counts of messages if they are wanted.
 *   Errors     as imap_run, ERR_LIMIT
 *   Runs on    a fiber */
NODISCARD enum err mail_folders_list(struct imap_session *session, bool counts, struct arena *arena,
				     struct mail_fault *fault, struct mail_folders *ret_folders) AWAITS;

/* The path of the folder for a role, in `arena`.
 *   Errors     as imap_run; class not_found */
NODISCARD enum err mail_folder_of_role(struct imap_session *session, struct str role, struct arena *arena,
				       struct mail_fault *fault, struct str *ret_path) AWAITS;

#endif
