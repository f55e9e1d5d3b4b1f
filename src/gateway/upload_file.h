/* The bytes of a file, by its public address. */
#ifndef GATEHOUSE_GATEWAY_UPLOAD_FILE_H
#define GATEHOUSE_GATEWAY_UPLOAD_FILE_H

#include "gateway/request.h"

/* Answer GET or HEAD of a public address.
 *   Errors     ERR_NOT_FOUND, ERR_HTTP_METHOD, ERR_MEDIA_AWAY, ERR_BLOCKED, ERR_RATE_LIMITED; ERR_IO, ERR_CRYPTO: it
 * cannot be read, the answer may have begun */
NODISCARD enum err upload_file_serve(struct request *req, struct str id, struct str signature) AWAITS;

#endif
