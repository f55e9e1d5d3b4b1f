/* Making an API key: 256 random bits, shown once, kept as a MAC.
 *
 * The raw text lives in the caller's buffer and nowhere else; copies made on the way are wiped.
 * Needs no running identity, so that the command line can do it beside a running gateway. */
#include "base/check.h"
#include "base/clock.h"
#include "identity/identity.h"
#include "store/api_key.h"
#include "store/role.h"
#include "store/tenant.h"

#define KEY_RANDOM_BYTES 32
#define KEY_NAME_BYTES_MAX 128 /* a line in a list */

static void make_raw(char out[API_KEY_TEXT_LEN + 1])
{
	uint8_t bytes[KEY_RANDOM_BYTES];
	struct buf text = {0};

	random_bytes(bytes, sizeof(bytes));
	buf_put(&text, STR("gh_"));
	base64url_put(&text, bytes, sizeof(bytes));
	CHECK(text.n == API_KEY_TEXT_LEN);
	memcpy(out, text.p, API_KEY_TEXT_LEN);
	out[API_KEY_TEXT_LEN] = '\0';
	crypto_wipe(bytes, sizeof(bytes));
	crypto_wipe(text.p, text.n);
	buf_free(&text);
}

void identity_key_fresh(const struct secret *key, char ret_raw[API_KEY_TEXT_LEN + 1], uint8_t ret_mac[CRYPTO_MAC_BYTES])
{
	struct str raw = {ret_raw, API_KEY_TEXT_LEN};

	make_raw(ret_raw);
	crypto_mac(key, &raw, 1, ret_mac);
}

/* One that is built in, or the tenant's own. */
AWAITS static enum err check_role(struct db *db, struct arena *arena, struct str tenant_id, struct str role)
{
	struct role_row row;
	enum err err;

	if (role_of(role) != ROLE_NONE)
		return OK;
	err = role.n < CALLER_ROLE_MAX ? role_get(db, arena, tenant_id, role, &row) : ERR_NOT_FOUND;
	return err == ERR_NOT_FOUND ? ERR_RPC_PARAMS : err;
}

AWAITS enum err identity_key_create(struct db *db, const struct secret *key, struct str tenant_name, struct str role,
				    struct str name, int64_t expires_ms, char ret_raw[API_KEY_TEXT_LEN + 1],
				    char ret_id[ID_LEN + 1])
{
	AUTO(arena) *arena = arena_new(64 * 1024); /* a role may have a good deal of permissions */
	char raw[API_KEY_TEXT_LEN + 1], id[ID_LEN + 1];
	struct tenant tenant;
	struct api_key row;
	enum err err;

	if (name.n > KEY_NAME_BYTES_MAX || !str_is_utf8(name))
		return ERR_RPC_PARAMS;
	TRY(tenant_find(db, arena, tenant_name, &tenant));
	TRY(check_role(db, arena, tenant.id, role));
	random_id(id);
	row = (struct api_key){
		.id = {id, ID_LEN},
		.tenant_id = tenant.id,
		.name = name,
		.hint = {raw, API_KEY_HINT_LEN},
		.role = role,
		.created_ms = clock_wall_ms(),
		.expires_ms = expires_ms,
	};
	identity_key_fresh(key, raw, row.mac);
	err = api_key_insert(db, &row);
	if (err == OK) {
		memcpy(ret_raw, raw, sizeof(raw));
		memcpy(ret_id, id, sizeof(id));
	}
	crypto_wipe(raw, sizeof(raw));
	return err;
}
