/* Sessions that are kept: an account's calls use the one of the call before, and no account has more than a few. A
 * loop's own; an account's calls are made on one loop (email.c), so that the bounds are the process's. */
#ifndef GATEHOUSE_EMAIL_SESSIONS_H
#define GATEHOUSE_EMAIL_SESSIONS_H

#include "email/imap_session.h"

#define MAIL_SESSIONS_MAX 4 /* of an account at once: Gmail allows 15, small servers 10 for all programs */
#define MAIL_SESSIONS_IDLE_MAX 2
#define MAIL_SESSIONS_WAIT_MAX 32 /* calls that wait for one */
#define MAIL_SESSION_IDLE_MS 60000
#define MAIL_ACCOUNTS_MAX 4096 /* of a loop, with sessions open */

struct sessions;
/* An empty set, for the running loop; never NULL. */
struct sessions *sessions_new(void);
/* Nobody has one any more; closes those that are kept.
 *   Runs on    the loop */
void sessions_free(struct sessions *sessions);

#define MAIL_KEY_BYTES 32
/* Who may share a session: all that decides where it leads and whose it is. */
void mail_session_key(struct str tenant_id, const struct mail_link_spec *spec, uint8_t out[MAIL_KEY_BYTES]);

/* Have a session while `work` runs: a kept one that still answers, or a new one.
 *   Errors     as imap_session_open, ERR_BUSY, and what `work` returns
 *   Runs on    a fiber of the loop */
NODISCARD enum err sessions_use(struct sessions *sessions, const uint8_t key[MAIL_KEY_BYTES],
				const struct mail_link_spec *spec, struct mail_fault *fault,
				enum err (*work)(struct imap_session *session, void *arg) /* AWAITS */, void *arg)
	AWAITS;

#endif
