/* `gatehouse key create|list|revoke`. The raw key is printed once, alone on standard output, and
 * only after its row is in the audit trail; what is said about it goes to standard error. */
#include <stdio.h>

#include "base/clock.h"
#include "cli/installation.h"
#include "gateway/conf_value.h"
#include "identity/identity.h"

const struct option key_create_options[] = {
	{"tenant", "NAME", "whose key it is (needed)"},
	{"role", "ROLE", "owner, admin, member or viewer; default member"},
	{"name", "TEXT", "what it is for, shown in lists"},
	{"expires", "TIME", "how long it works: 12h, 90d; default for ever"},
	{NULL, NULL, NULL},
};

const struct option key_list_options[] = {
	{"tenant", "NAME", "only this tenant's"},
	{NULL, NULL, NULL},
};

struct key_wanted {
	struct str tenant, role, name;
	int64_t expires_ms;
};

static enum err refuse(struct installation *installation, enum err err, const struct key_wanted *wanted)
{
	if (err == ERR_NOT_FOUND)
		return installation_fail(installation, err,
					 "there is no tenant \"%.*s\"; `gatehouse tenant create %.*s` makes it",
					 STR_ARG(wanted->tenant), STR_ARG(wanted->tenant));
	if (err == ERR_RPC_PARAMS)
		return installation_fail(installation, ERR_USAGE,
					 "--role is owner, admin, member or viewer, --name at most 128 bytes of UTF-8");
	return err;
}

static void print_key(const struct invocation *invocation, const struct key_wanted *wanted, const char *raw,
		      const char *id)
{
	char until[CLOCK_ISO_LEN + 1];

	if (invocation->json) {
		printf("{\"key\":\"%s\",\"id\":\"%s\",\"tenant\":\"%.*s\",\"role\":\"%.*s\"}\n", raw, id,
		       STR_ARG(wanted->tenant), STR_ARG(wanted->role));
		return;
	}
	printf("%s\n", raw);
	fflush(stdout);
	clock_iso(wanted->expires_ms, until);
	fprintf(stderr, "key %s of tenant %.*s, role %.*s, works %s%s; it is shown only now\n", id,
		STR_ARG(wanted->tenant), STR_ARG(wanted->role), wanted->expires_ms == 0 ? "until revoked" : "until ",
		wanted->expires_ms == 0 ? "" : until);
}

AWAITS static enum err create(struct installation *installation)
{
	const struct key_wanted *wanted = installation->arg;
	char raw[API_KEY_TEXT_LEN + 1], id[ID_LEN + 1];
	struct tenant tenant;
	enum err err = identity_key_create(installation->db, installation->keys.api_key, wanted->tenant, wanted->role,
					   wanted->name, wanted->expires_ms, raw, id);

	if (err != OK)
		return refuse(installation, err, wanted);
	err = tenant_find(installation->db, installation->arena, wanted->tenant, &tenant);
	if (err == OK)
		err = installation_audit(installation, "api_key.created", tenant.id, str_of(id));
	if (err == OK)
		print_key(installation->invocation, wanted, raw, id);
	crypto_wipe(raw, sizeof(raw));
	return err;
}

int key_create_run(const struct invocation *invocation)
{
	const struct options *options = &invocation->options;
	struct str expires = options_get(options, "expires");
	struct key_wanted wanted = {
		.tenant = options_get(options, "tenant"),
		.role = options_has(options, "role") ? options_get(options, "role") : STR("member"),
		.name = options_get(options, "name"),
	};
	int64_t life_ms;

	if (wanted.tenant.p == NULL)
		return command_misused(invocation, "--tenant is missing");
	if (expires.p != NULL) {
		if (conf_parse_ms(expires, &life_ms) != OK || life_ms <= 0 || life_ms > INT64_MAX / 2)
			return command_misused(invocation, "--expires takes a time such as 12h or 90d");
		wanted.expires_ms = clock_wall_ms() + life_ms;
	}
	return installation_run(invocation, INSTALLATION_USE, create, &wanted);
}

static const char *state_of(const struct api_key *key)
{
	if (key->revoked_ms != 0)
		return "revoked";
	if (key->tenant_disabled)
		return "disabled";
	return key->expires_ms != 0 && key->expires_ms <= clock_wall_ms() ? "expired" : "live";
}

static void put_time_json(struct buf *out, const char *name, int64_t at_ms)
{
	char text[CLOCK_ISO_LEN + 1];

	clock_iso(at_ms, text);
	buf_put_fmt(out, at_ms == 0 ? ",\"%s\":null" : ",\"%s\":\"%s\"", name, text);
}

static void put_key_json(struct buf *out, const struct api_key *key)
{
	buf_put_fmt(out,
		    "{\"id\":\"%.*s\",\"tenant\":\"%.*s\",\"hint\":\"%.*s\",\"role\":\"%.*s\",\"state\":\"%s\","
		    "\"name\":",
		    STR_ARG(key->id), STR_ARG(key->tenant_name), STR_ARG(key->hint), STR_ARG(key->role), state_of(key));
	buf_put_json(out, key->name);
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
	TRY(api_key_revoke(installation->db, key->id, clock_wall_ms()));
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
