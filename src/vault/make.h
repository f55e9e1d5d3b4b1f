/* Making a data key. Private to the room. */
#ifndef GATEHOUSE_VAULT_MAKE_H
#define GATEHOUSE_VAULT_MAKE_H

#include "vault/vault.h"

/* Offer a fresh key as this version, made now or at `made_ms` if that is later: a rotation must take what it has made
 * for made, whatever the clocks of two machines say; where the version is there already, or no such tenant, nothing is
 * kept. Errors     ERR_DB, or what the KEK says */
NODISCARD enum err data_key_make(struct vault *vault, struct str tenant_id, int64_t version, int64_t made_ms) AWAITS;

#endif
