/* A file encrypted into another: what one platform wants before it takes a file. */
#ifndef GATEHOUSE_MEDIA_ENCRYPT_H
#define GATEHOUSE_MEDIA_ENCRYPT_H

#include "base/cbc.h"
#include "media/media.h"

/* Encrypt with AES-256-CBC under a new random key and IV.
 *   media      what is read
 *   ret_media  the other file, temporary, of the same name; media_close when done
 *   ret_key    and
 *   ret_iv     for the platform; the caller wipes the key
 *   Errors     ERR_LIMIT (the quota), ERR_BUSY, ERR_IO, ERR_CRYPTO ... */
NODISCARD enum err media_encrypt(struct media *media, struct media **ret_media, uint8_t ret_key[CBC_KEY_BYTES],
				 uint8_t ret_iv[CBC_BLOCK_BYTES]) AWAITS;

#endif
