/* Keys of persons: one for each user, and one for each tenant (for what only its keys and machines do). What was sealed
 * with such a key says nothing any more once the key is destroyed, wherever copies of it lie. */
#ifndef GATEHOUSE_STORE_PERSON_KEY_H
#define GATEHOUSE_STORE_PERSON_KEY_H

#include "store/store.h"

/* A subject's key as it is kept: sealed.
 *   ret_sealed  in `arena`; empty: it was destroyed, and none is made again
 *   Errors      ERR_NOT_FOUND: none was needed yet, or no such subject */
NODISCARD enum err person_key_get(struct db *db, struct arena *arena, struct str subject, struct str *ret_sealed)
	AWAITS;

/* Keep a first key of a user or tenant; where there is one already, it stays: read it afterwards. Of anybody else
 * nothing is kept.
 *   Errors     ERR_DB ... */
NODISCARD enum err person_key_put(struct db *db, struct str subject, struct str sealed) AWAITS;

#endif
