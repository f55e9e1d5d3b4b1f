/* Names of folders: IMAP writes them in a UTF-7 of its own, tools in UTF-8.
 *
 *   Source     RFC 3501 section 5.1.3 */
#ifndef GATEHOUSE_EMAIL_FOLDER_NAME_H
#define GATEHOUSE_EMAIL_FOLDER_NAME_H

#include "base/str.h"

#define FOLDER_NAME_BYTES_MAX 1024 /* as sent; servers allow 255 */

/* Append the name as IMAP writes it.
 *   Errors     ERR_RPC_PARAMS: no UTF-8, a control character, or too long */
NODISCARD enum err folder_name_encode(struct str name, struct buf *out);
/* Append it as UTF-8; one that is not well-formed comes as it is. */
void folder_name_decode(struct str sent, struct buf *out);

#endif
