/* The statement that rides in every write of a sealed value: it counts on the key's row, and undoes the write
 * (ERR_NOT_FOUND) when that key has been removed or destroyed meanwhile. Private to the store; see sealed.c. */
#ifndef GATEHOUSE_STORE_SEALED_USE_H
#define GATEHOUSE_STORE_SEALED_USE_H

#include "store/cells.h"
#include "store/sealed.h"

#define SEALED_USE(tenant_id, value)                                                                                   \
	STATEMENT("UPDATE data_key SET seals = seals + 1 WHERE tenant_id = ? AND version = ? AND length(wrapped) > 0", \
		  1, DB_T(tenant_id), DB_I(sealed_version(value)))

#endif
