/* Mail for connectors: six operations over IMAP and SMTP, as native operations of connectors/email.yaml.
 *
 *     op_*.c ─▶ sessions.c ─▶ imap_session.c ─▶ link.c (libcurl: TCP, TLS, sign-in)
 *        │  └─▶ smtp.c ────────────────────────▶┘
 *        └─▶ compose.c, text.c (GMime), on worker threads
 */
#ifndef GATEHOUSE_EMAIL_EMAIL_H
#define GATEHOUSE_EMAIL_EMAIL_H

#include "connector/native.h"

struct email_room;

/*   ret_room   email_room_free when no call runs any more
 *   Errors     ERR_SYSTEM: libcurl does not start
 *   Runs on    loop 0 */
NODISCARD enum err email_room_new(struct email_room **ret_room);
/* Closes what is kept on all loops; NULL is fine.
 *   Runs on    loop 0 */
void email_room_free(struct email_room *room) AWAITS;

/* email.list_accounts, .list_folders, .search, .read, .send, .draft; lives as long as the room. */
const struct native_table *email_natives(struct email_room *room);

#endif
