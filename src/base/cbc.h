/* AES-256-CBC with PKCS#7 padding, of what comes in pieces: only for platforms that want their files so. It does not
 * show whether something was altered; whatever the house keeps itself is sealed (crypto.h).
 *   Source     NIST SP 800-38A section 6.2, RFC 5652 section 6.3 */
#ifndef GATEHOUSE_BASE_CBC_H
#define GATEHOUSE_BASE_CBC_H

#include "base/str.h"

#define CBC_KEY_BYTES 32
#define CBC_BLOCK_BYTES 16 /* of the IV too; a text grows by 1 to as many */

struct cbc;

/* Begin to encrypt.
 *   Runs on    any thread, one at a time, as all of these */
struct cbc *cbc_new(const uint8_t key[CBC_KEY_BYTES], const uint8_t iv[CBC_BLOCK_BYTES]);
void cbc_free(struct cbc *cbc); /* NULL is fine */
DEFINE_AUTO(cbc, cbc_free);

/* Append what of it is whole blocks; the last block. */
void cbc_put(struct cbc *cbc, struct str plain, struct buf *out);
void cbc_end(struct cbc *cbc, struct buf *out);

#endif
