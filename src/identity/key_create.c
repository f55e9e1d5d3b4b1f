/* Making an API key and its successor: 256 random bits, shown once, kept as a MAC.
 *
 * The raw text lives in the caller's buffer and nowhere else; copies made on the way are wiped.
 * Needs no running identity, so that the command line can do it beside a running gateway. */
#include "base/check.h"
#include "base/clock.h"
#include "identity/identity_private.h"
#include "store/role.h"
#include "store/tenant.h"
#include "store/user.h"

#define KEY_RANDOM_BYTES 32
#define KEY_NAME_BYTES_MAX 128 /* a line in a list */
#define KEY_DESCRIPTION_BYTES_MAX 512

static void make_raw(char out[API_KEY_TEXT_LEN + 1])
{
	struct buf text = {0};

	buf_put(&text, STR("gh_"));
	random_text_put(&text, KEY_RANDOM_BYTES);
	CHECK(text.n == API_KEY_TEXT_LEN);
	memcpy(out, text.p, API_KEY_TEXT_LEN);
	out[API_KEY_TEXT_LEN] = '\0';
	crypto_wipe(text.p, text.n);
	buf_free(&text);
}

void identity_key_fresh(const struct secret *key, char ret_raw[API_KEY_TEXT_LEN + 1], uint8_t ret_mac[CRYPTO_MAC_BYTES])
{
	struct str raw = {ret_raw, API_KEY_TEXT_LEN};

	make_raw(ret_raw);
	crypto_mac(key, &raw, 1, ret_mac);
}

/* --- what may be ordered --- */

static enum err refuse(struct buf *problem, const char *sentence)
{
	buf_put(problem, str_of(sentence));
	return ERR_RPC_PARAMS;
}

static bool scopes_are_known(struct str text)
{
	struct str word, rest;

	while (text.n > 0) {
		str_cut(text, ' ', &word, &rest);
		if (scopes_of(word) == 0)
			return false;
		text = rest;
	}
	return true;
}

static enum err check_texts(const struct key_order *order, struct buf *problem)
{
	if (order->name.n > KEY_NAME_BYTES_MAX || !str_is_utf8(order->name))
		return refuse(problem, "a key's name has at most 128 bytes of UTF-8");
	if (order->description.n > KEY_DESCRIPTION_BYTES_MAX || !str_is_utf8(order->description))
		return refuse(problem, "a key's description has at most 512 bytes of UTF-8");
	if (!scopes_are_known(order->scopes))
		return refuse(problem, "scopes are mcp:read, mcp:tools and api");
	if (order->toolsets.n >= CALLER_TOOLSETS_MAX || !str_is_printable(order->toolsets))
		return refuse(problem, "the names of a key's toolsets have less than 256 bytes together");
	return OK;
}

/* One that is built in, or the tenant's own. */
AWAITS static enum err check_role(struct db *db, struct arena *arena, struct str tenant_id, struct str role,
				  struct buf *problem)
{
	struct role_row row;
	enum err err;

	if (role_of(role) != ROLE_NONE)
		return OK;
	err = role.n < CALLER_ROLE_MAX ? role_get(db, arena, tenant_id, role, &row) : ERR_NOT_FOUND;
	if (err == ERR_NOT_FOUND)
		return refuse(problem, "a role is owner, admin, member, viewer or one of the tenant's own");
	return err;
}

AWAITS static enum err choose_role(struct db *db, struct arena *arena, const struct key_order *order,
				   struct str tenant_id, struct buf *problem, struct str *ret_role)
{
	struct str role = order->role, within;
	struct user user;
	enum err err;

	if (order->user_id.n == 0) {
		*ret_role = role.n > 0 ? role : STR("member");
		return check_role(db, arena, tenant_id, *ret_role, problem);
	}
	err = user_get(db, tenant_id, arena, order->user_id, &user);
	if (err == ERR_NOT_FOUND || (err == OK && !str_eq(user.tenant_id, tenant_id)))
		return refuse(problem, "the tenant has no such user");
	TRY(err);
	if (role.n == 0)
		role = user.role;
	if (!key_role_within(role, user.role, &within) || !str_eq(within, role))
		return refuse(problem, "a key that is somebody's may do no more than they may");
	*ret_role = role;
	return check_role(db, arena, tenant_id, role, problem);
}

enum err identity_key_expiry(const struct identity_settings *settings, int64_t wanted_ms, int64_t now_ms,
			     int64_t *ret_expires_ms)
{
	int64_t life_ms_max = settings->key_life_ms_max;

	if (wanted_ms < 0 && settings->key_life_ms > 0)
		wanted_ms = now_ms + (life_ms_max > 0 && life_ms_max < settings->key_life_ms ? life_ms_max
											     : settings->key_life_ms);
	if (wanted_ms < 0)
		wanted_ms = 0;
	if (life_ms_max > 0 && (wanted_ms == 0 || wanted_ms > now_ms + life_ms_max))
		return ERR_LIMIT;
	*ret_expires_ms = wanted_ms;
	return OK;
}

/* --- making --- */

struct fresh_key {
	char raw[API_KEY_TEXT_LEN + 1], id[ID_LEN + 1];
};

/* Name and MAC of a new row; `fresh` holds what it points to. */
static void freshen(const struct secret *key, struct fresh_key *fresh, struct api_key *row)
{
	random_id(fresh->id);
	identity_key_fresh(key, fresh->raw, row->mac);
	row->id = (struct str){fresh->id, ID_LEN};
	row->hint = (struct str){fresh->raw, API_KEY_HINT_LEN};
	row->created_ms = clock_wall_ms();
}

static enum err hand_over(struct fresh_key *fresh, enum err err, char ret_raw[API_KEY_TEXT_LEN + 1],
			  char ret_id[ID_LEN + 1])
{
	if (err == OK) {
		memcpy(ret_raw, fresh->raw, sizeof(fresh->raw));
		memcpy(ret_id, fresh->id, sizeof(fresh->id));
	}
	crypto_wipe(fresh, sizeof(*fresh));
	return err;
}

AWAITS enum err identity_key_create(struct db *db, const struct secret *key, const struct key_order *order,
				    struct buf *problem, char ret_raw[API_KEY_TEXT_LEN + 1], char ret_id[ID_LEN + 1])
{
	AUTO(arena) *arena = arena_new(64 * 1024); /* a role may have a good deal of permissions */
	struct fresh_key fresh;
	struct tenant tenant;
	struct api_key row = {
		.name = order->name,
		.description = order->description,
		.scopes = order->scopes,
		.toolsets = order->toolsets,
		.user_id = order->user_id,
		.expires_ms = order->expires_ms,
	};

	TRY(check_texts(order, problem));
	TRY(tenant_find(db, arena, order->tenant_name, &tenant));
	TRY(choose_role(db, arena, order, tenant.id, problem, &row.role));
	row.tenant_id = tenant.id;
	freshen(key, &fresh, &row);
	return hand_over(&fresh, api_key_insert(db, &row), ret_raw, ret_id);
}

AWAITS enum err identity_key_rotate(struct db *db, const struct secret *key, struct str old_id, int64_t old_until_ms,
				    int64_t expires_ms, char ret_raw[API_KEY_TEXT_LEN + 1], char ret_id[ID_LEN + 1])
{
	AUTO(arena) *arena = arena_new(16 * 1024);
	struct fresh_key fresh;
	struct api_key row;

	TRY(api_key_get(db, DB_ALL_TENANTS, arena, old_id, &row));
	row.expires_ms = expires_ms;
	freshen(key, &fresh, &row);
	return hand_over(&fresh, api_key_rotate(db, old_id, old_until_ms, &row), ret_raw, ret_id);
}
