/* People's sessions in the browser, found by the MAC of their cookie. */
#ifndef GATEHOUSE_STORE_WEB_SESSION_H
#define GATEHOUSE_STORE_WEB_SESSION_H

#include "store/store.h"

#define WEB_SESSION_MAC_BYTES 32
#define WEB_SESSIONS_PER_USER_MAX 32 /* browsers one person signs in with; the oldest give way */
#define WEB_SESSION_SWEEP_ROWS 64    /* expired ones that go with each new one: more than come */

struct web_session {
	uint8_t mac[WEB_SESSION_MAC_BYTES];
	struct str tenant_id, user_id;
	int64_t created_ms, seen_ms, expires_ms;
};

/* Keep a new session; those that expired by `created_ms` are swept, a batch at a time, and the user's oldest beyond
 * WEB_SESSIONS_PER_USER_MAX end.
 *   Errors     ERR_EXISTS, ERR_NOT_FOUND (tenant, user), ERR_DB ... */
NODISCARD enum err web_session_insert(struct db *db, const struct web_session *session) AWAITS;

/* One that has not expired.
 *   ret_session strings in `arena`
 *   Errors      ERR_NOT_FOUND */
NODISCARD enum err web_session_find(struct db *db, struct arena *arena, const uint8_t mac[WEB_SESSION_MAC_BYTES],
				    int64_t now_ms, struct web_session *ret_session) AWAITS;

/* It was used: seen_ms and expires_ms count. One that is gone meanwhile does no harm. */
NODISCARD enum err web_session_touch(struct db *db, const struct web_session *session) AWAITS;

/* End it; one that is gone already is fine. */
NODISCARD enum err web_session_remove(struct db *db, const uint8_t mac[WEB_SESSION_MAC_BYTES]) AWAITS;

#endif
