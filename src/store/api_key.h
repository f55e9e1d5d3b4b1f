/* API keys as rows: never the key, only its HMAC. */
#ifndef GATEHOUSE_STORE_API_KEY_H
#define GATEHOUSE_STORE_API_KEY_H

#include "base/random.h"
#include "store/store.h"

struct api_key {
	struct str id; /* ULID */
	struct str tenant_id, tenant_name;
	struct str name;	/* for people; may be empty */
	struct str hint;	/* the first characters, "gh_Ab3d": to recognise it in lists */
	struct str role;	/* owner, admin, member, viewer */
	struct str user_id;	/* whose it is; empty: the tenant's */
	struct str description; /* for people */
	struct str toolsets;	/* names between spaces; empty: not narrowed */
	struct str scopes;	/* between spaces; empty: all */
	struct str successor;	/* rotated: the key that follows; empty: none */
	uint8_t mac[32];	/* HMAC-SHA256(server key, raw key) */
	int64_t created_ms;
	int64_t expires_ms;   /* 0 never */
	int64_t revoked_ms;   /* 0 live */
	int64_t last_used_ms; /* 0 never; written at most once a minute */
	int64_t changed_ms;
	struct str user_role; /* of whose it is; empty: nobody's */
	bool user_disabled;   /* or gone */
	bool tenant_disabled;
};

/* Keep a key; created, live, never used.
 *   Errors     ERR_EXISTS (id or MAC), ERR_NOT_FOUND (tenant), ERR_DB ... */
NODISCARD enum err api_key_insert(struct db *db, const struct api_key *key) AWAITS;

/* By MAC, with its tenant, whatever its state.
 *   Errors     ERR_NOT_FOUND */
NODISCARD enum err api_key_find(struct db *db, struct arena *arena, const uint8_t mac[32], struct api_key *ret_key)
	AWAITS;

/* The same by its whole id. */
NODISCARD enum err api_key_get(struct db *db, struct str scope, struct arena *arena, struct str id,
			       struct api_key *ret_key) AWAITS;

/* A tenant's keys, oldest first, revoked ones too. */
NODISCARD enum err api_key_list(struct db *db, struct arena *arena, struct str tenant_id, struct api_key **ret_keys,
				size_t *ret_count) AWAITS;

/* By id or by a unique prefix of it.
 *   Errors     ERR_NOT_FOUND, ERR_EXISTS (the prefix is ambiguous) */
NODISCARD enum err api_key_revoke(struct db *db, struct str scope, struct str id, int64_t now_ms) AWAITS;

/* Note last use for several keys at once. */
struct api_key_use {
	char id[ID_LEN + 1];
	int64_t used_ms;
};
NODISCARD enum err api_key_touch(struct db *db, const struct api_key_use *uses, size_t count) AWAITS;

/* A page of a tenant's keys after an id (empty: the first), by id. */
NODISCARD enum err api_key_page(struct db *db, struct arena *arena, struct str tenant_id, struct str after,
				size_t limit, struct api_key **ret_keys, size_t *ret_count) AWAITS;

/* Live keys of any tenant that end between two times, have no successor and were not announced yet; note that one was.
 */
NODISCARD enum err api_key_expiring(struct db *db, struct arena *arena, int64_t now_ms, int64_t until_ms, size_t limit,
				    struct api_key **ret_keys, size_t *ret_count) AWAITS;
NODISCARD enum err api_key_noticed(struct db *db, struct str id, int64_t now_ms) AWAITS;

/* Change name, description, toolsets, scopes, role, expires_ms; caches hear of it.
 *   changed_before_ms  of the row that was read: another one has changed it since: ERR_NOT_FOUND */
NODISCARD enum err api_key_update(struct db *db, const struct api_key *key, int64_t changed_before_ms) AWAITS;

/* Keep `fresh` in the place of a live key that has no successor yet; the old one works until then.
 *   Errors     ERR_NOT_FOUND: it is not live, or was rotated before */
NODISCARD enum err api_key_rotate(struct db *db, struct str old_id, int64_t old_until_ms, const struct api_key *fresh)
	AWAITS;

#endif
