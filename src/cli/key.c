/* `gatehouse key create|list|rotate|revoke`. The raw key is printed once, alone on standard output, and
 * only after its row is in the audit trail; what is said about it goes to standard error. */
#include <stdio.h>

#include "base/clock.h"
#include "cli/installation.h"
#include "gateway/conf_value.h"
#include "identity/identity.h"

const struct option key_create_options[] = {
	{"tenant", "NAME", "whose key it is (needed)"},
	{"role", "ROLE", "owner, admin, member, viewer or one of the tenant's own; default member"},
	{"name", "TEXT", "what it is for, shown in lists"},
	{"description", "TEXT", "more about it"},
	{"user", "ID", "whose it is, a user or service account: it may do no more than they, and ends with them"},
	{"scopes", "WORDS", "what it may be used for, between spaces: mcp:read mcp:tools api; default all"},
	{"toolsets", "NAMES", "what it is narrowed to, between spaces; default nothing"},
	{"expires", "TIME", "how long it works: 12h, 90d, or never; default `keys.life` of the configuration"},
	{NULL, NULL, NULL},
};

const struct option key_list_options[] = {
	{"tenant", "NAME", "only this tenant's"},
	{NULL, NULL, NULL},
};

const struct option key_rotate_options[] = {
	{"grace", "TIME", "how long the old key still works; default `keys.grace` of the configuration"},
	{"expires", "TIME", "how long the new key works; default `keys.life` of the configuration"},
	{NULL, NULL, NULL},
};

struct key_wanted {
	struct key_order order;
	int64_t life_ms;  /* -1: nobody said, 0 never */
	int64_t grace_ms; /* -1: nobody said */
};

static void print_key(const struct invocation *invocation, const struct api_key *key, const char *raw)
{
	char until[CLOCK_ISO_LEN + 1];

	if (invocation->json) {
		printf("{\"key\":\"%s\",\"id\":\"%.*s\",\"tenant\":\"%.*s\",\"role\":\"%.*s\"}\n", raw,
		       STR_ARG(key->id), STR_ARG(key->tenant_name), STR_ARG(key->role));
		return;
	}
	printf("%s\n", raw);
	fflush(stdout);
	clock_iso(key->expires_ms, until);
	fprintf(stderr, "key %.*s of tenant %.*s, role %.*s, works %s%s; it is shown only now\n", STR_ARG(key->id),
		STR_ARG(key->tenant_name), STR_ARG(key->role), key->expires_ms == 0 ? "until revoked" : "until ",
		key->expires_ms == 0 ? "" : until);
}

/* When a new key is to end. */
static enum err choose_end(struct installation *installation, int64_t life_ms, int64_t *ret_expires_ms)
{
	const struct identity_settings *settings = &installation->config->identity;
	int64_t now_ms = clock_wall_ms();

	if (identity_key_expiry(settings, life_ms > 0 ? now_ms + life_ms : life_ms, now_ms, ret_expires_ms) == OK)
		return OK;
	return installation_fail(installation, ERR_USAGE,
				 "the configuration allows keys to work for %lld days at most (keys.life_max)",
				 (long long)(settings->key_life_ms_max / (24 * 3600 * 1000)));
}

/* The row goes into the trail before the key is shown. */
AWAITS static enum err show(struct installation *installation, const char *event, struct str target, struct str id,
			    char raw[API_KEY_TEXT_LEN + 1])
{
	struct api_key key;
	enum err err = api_key_get(installation->db, DB_ALL_TENANTS, installation->arena, id, &key);

	if (err == OK)
		err = installation_audit(installation, event, key.tenant_id, target);
	if (err == OK)
		print_key(installation->invocation, &key, raw);
	crypto_wipe(raw, API_KEY_TEXT_LEN);
	return err;
}

AWAITS static enum err create(struct installation *installation)
{
	struct key_wanted *wanted = installation->arg;
	struct str tenant = wanted->order.tenant_name;
	char raw[API_KEY_TEXT_LEN + 1], id[ID_LEN + 1];
	enum err err;

	TRY(choose_end(installation, wanted->life_ms, &wanted->order.expires_ms));
	err = identity_key_create(installation->db, installation->keys.api_key, &wanted->order, &installation->problem,
				  raw, id);
	if (err == ERR_NOT_FOUND)
		return installation_fail(installation, err,
					 "there is no tenant \"%.*s\"; `gatehouse tenant create %.*s` makes it",
					 STR_ARG(tenant), STR_ARG(tenant));
	if (err != OK)
		return err == ERR_RPC_PARAMS ? ERR_USAGE : err;
	return show(installation, "api_key.created", (struct str){id, ID_LEN}, (struct str){id, ID_LEN}, raw);
}

/* A time of the command line; false: it is none. */
static bool read_time(struct str text, int64_t *ret_ms)
{
	return text.p == NULL || (conf_parse_ms(text, ret_ms) == OK && *ret_ms >= 0 && *ret_ms <= INT64_MAX / 2);
}

static bool read_times(const struct options *options, struct key_wanted *wanted)
{
	struct str expires = options_get(options, "expires");

	wanted->life_ms = wanted->grace_ms = -1;
	if (expires.p != NULL && str_eq(expires, STR("never")))
		wanted->life_ms = 0;
	else if (!read_time(expires, &wanted->life_ms) || wanted->life_ms == 0)
		return false;
	return true;
}

int key_create_run(const struct invocation *invocation)
{
	const struct options *options = &invocation->options;
	struct key_wanted wanted = {.order = {
					    .tenant_name = options_get(options, "tenant"),
					    .role = options_get(options, "role"),
					    .name = options_get(options, "name"),
					    .description = options_get(options, "description"),
					    .user_id = options_get(options, "user"),
					    .scopes = options_get(options, "scopes"),
					    .toolsets = options_get(options, "toolsets"),
				    }};

	if (wanted.order.tenant_name.p == NULL)
		return command_misused(invocation, "--tenant is missing");
	if (!read_times(options, &wanted))
		return command_misused(invocation, "--expires takes a time such as 12h or 90d, or never");
	return installation_run(invocation, INSTALLATION_USE, create, &wanted);
}

static const char *state_of(const struct api_key *key)
{
	if (key->revoked_ms != 0)
		return "revoked";
	if (key->tenant_disabled)
		return "disabled";
	if (key->expires_ms != 0 && key->expires_ms <= clock_wall_ms())
		return "expired";
	return key->successor.n > 0 ? "rotated" : "live";
}

static void put_time_json(struct buf *out, const char *name, int64_t at_ms)
{
	char text[CLOCK_ISO_LEN + 1];

	clock_iso(at_ms, text);
	buf_put_fmt(out, at_ms == 0 ? ",\"%s\":null" : ",\"%s\":\"%s\"", name, text);
}

static void put_text_json(struct buf *out, const char *name, struct str text)
{
	buf_put_fmt(out, ",\"%s\":", name);
	if (text.n == 0)
		buf_put(out, STR("null"));
	else
		buf_put_json(out, text);
}

static void put_key_json(struct buf *out, const struct api_key *key)
{
	buf_put_fmt(out,
		    "{\"id\":\"%.*s\",\"tenant\":\"%.*s\",\"hint\":\"%.*s\",\"role\":\"%.*s\",\"state\":\"%s\","
		    "\"name\":",
		    STR_ARG(key->id), STR_ARG(key->tenant_name), STR_ARG(key->hint), STR_ARG(key->role), state_of(key));
	buf_put_json(out, key->name);
	put_text_json(out, "description", key->description);
	put_text_json(out, "user", key->user_id);
	put_text_json(out, "scopes", key->scopes);
	put_text_json(out, "toolsets", key->toolsets);
	put_text_json(out, "successor", key->successor);
	put_time_json(out, "created", key->created_ms);
	put_time_json(out, "expires", key->expires_ms);
	put_time_json(out, "revoked", key->revoked_ms);
	put_time_json(out, "last_used", key->last_used_ms);
	buf_put_byte(out, '}');
}

static void put_key_text(struct buf *out, const struct api_key *key)
{
	char used[CLOCK_ISO_LEN + 1], expires[CLOCK_ISO_LEN + 1];

	clock_iso(key->last_used_ms, used);
	clock_iso(key->expires_ms, expires);
	buf_put_fmt(out, "%.*s  %-16.*s  %-8.*s  %-7.*s  %-8s  %-10.10s  %-10.10s  %.*s\n", STR_ARG(key->id),
		    STR_ARG(key->tenant_name), STR_ARG(key->hint), STR_ARG(key->role), state_of(key),
		    key->expires_ms == 0 ? "never" : expires, key->last_used_ms == 0 ? "never" : used,
		    STR_ARG(key->name));
}

AWAITS static enum err list(struct installation *installation)
{
	const struct invocation *invocation = installation->invocation;
	struct api_key *keys;
	AUTO_BUF out = {0};
	size_t count;

	TRY(installation_keys(installation, options_get(&invocation->options, "tenant"), &keys, &count));
	if (invocation->json)
		buf_put_byte(&out, '[');
	else
		buf_put_fmt(&out, "%-26s  %-16s  %-8s  %-7s  %-8s  %-10s  %-10s  %s\n", "ID", "TENANT", "BEGINS",
			    "ROLE", "STATE", "EXPIRES", "LAST USED", "NAME");
	for (size_t i = 0; i < count; i++) {
		buf_put(&out, invocation->json && i > 0 ? STR(",") : STR(""));
		if (invocation->json)
			put_key_json(&out, &keys[i]);
		else
			put_key_text(&out, &keys[i]);
	}
	buf_put(&out, invocation->json ? STR("]\n") : STR(""));
	command_print(&out);
	return OK;
}

int key_list_run(const struct invocation *invocation)
{
	return installation_run(invocation, INSTALLATION_USE, list, NULL);
}

/* The key that an id, or the beginning of one, means. */
AWAITS static enum err find(struct installation *installation, struct str id, const struct api_key **ret_key)
{
	const struct api_key *found = NULL;
	struct api_key *keys;
	size_t count;

	TRY(installation_keys(installation, STR_NONE, &keys, &count));
	for (size_t i = 0; i < count; i++) {
		if (!str_starts(keys[i].id, id))
			continue;
		if (found != NULL)
			return installation_fail(installation, ERR_EXISTS,
						 "several keys begin with %.*s; give more of the id", STR_ARG(id));
		found = &keys[i];
	}
	if (found == NULL)
		return installation_fail(installation, ERR_NOT_FOUND,
					 "there is no key %.*s; `gatehouse key list` shows them", STR_ARG(id));
	*ret_key = found;
	return OK;
}

AWAITS static enum err retire(struct installation *installation)
{
	const struct api_key *key;

	TRY(find(installation, installation->invocation->options.operands[0], &key));
	TRY(api_key_revoke(installation->db, key->tenant_id, key->id, clock_wall_ms()));
	if (key->revoked_ms == 0)
		TRY(installation_audit(installation, "api_key.revoked", key->tenant_id, key->id));
	printf(installation->invocation->json ? "{\"id\":\"%.*s\",\"state\":\"revoked\"}\n"
					      : "key %.*s is revoked; a running server refuses it within a second\n",
	       STR_ARG(key->id));
	return OK;
}

int key_revoke_run(const struct invocation *invocation)
{
	return installation_run(invocation, INSTALLATION_USE, retire, NULL);
}

AWAITS static enum err rotate(struct installation *installation)
{
	const struct key_wanted *wanted = installation->arg;
	int64_t grace_ms = wanted->grace_ms >= 0 ? wanted->grace_ms : installation->config->identity.key_grace_ms;
	char raw[API_KEY_TEXT_LEN + 1], id[ID_LEN + 1];
	const struct api_key *key;
	int64_t expires_ms;
	enum err err;

	TRY(find(installation, installation->invocation->options.operands[0], &key));
	TRY(choose_end(installation, wanted->life_ms, &expires_ms));
	err = identity_key_rotate(installation->db, installation->keys.api_key, key->id, clock_wall_ms() + grace_ms,
				  expires_ms, raw, id);
	if (err == ERR_NOT_FOUND)
		return installation_fail(installation, err, "key %.*s is %s and cannot be rotated", STR_ARG(key->id),
					 state_of(key));
	TRY(err);
	return show(installation, "api_key.rotated", key->id, (struct str){id, ID_LEN}, raw);
}

int key_rotate_run(const struct invocation *invocation)
{
	struct key_wanted wanted = {0};

	if (!read_times(&invocation->options, &wanted) ||
	    !read_time(options_get(&invocation->options, "grace"), &wanted.grace_ms))
		return command_misused(invocation, "--expires and --grace take a time such as 12h or 90d");
	return installation_run(invocation, INSTALLATION_USE, rotate, &wanted);
}
