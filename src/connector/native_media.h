/* Operations on files, as steps of a connector. */
#ifndef GATEHOUSE_CONNECTOR_NATIVE_MEDIA_H
#define GATEHOUSE_CONNECTOR_NATIVE_MEDIA_H

#include "connector/native.h"

/* media.encrypt   with { file: {"$media": n} }
 *                 gives { file: {"$media": m}, key: BASE64, iv: BASE64, size: BYTES }: AES-256-CBC, PKCS#7 */
struct native_table media_natives(void);

#endif
