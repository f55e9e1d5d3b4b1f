/* `gatehouse signing-key list|rotate`: the keys that sign access tokens. They follow each other by themselves
 * (oauth.signing_key); an operator who does not trust the present one any more makes the next one come now. */
#include "base/clock.h"
#include "cli/installation.h"
#include "identity/signing.h"
#include "store/signing_key.h"

static const char *state_of(const struct signing_key *keys, size_t count, size_t i, int64_t now_ms)
{
	if (keys[i].active_ms > now_ms)
		return "next";
	return i + 1 < count && keys[i + 1].active_ms <= now_ms ? "shown" : "signs";
}

static void put_key(struct buf *out, const struct signing_key *key, const char *state, bool json)
{
	char from[CLOCK_ISO_LEN + 1];

	clock_iso(key->active_ms, from);
	buf_put_fmt(out, json ? "{\"kid\":\"%.*s\",\"state\":\"%s\",\"signs_from\":\"%s\"}" : "%.*s  %-5s  %s\n",
		    STR_ARG(key->kid), state, from);
}

AWAITS static enum err list(struct installation *installation)
{
	bool json = installation->invocation->json;
	int64_t now_ms = clock_wall_ms();
	struct signing_key *keys;
	AUTO_BUF out = {0};
	size_t count;

	TRY(signing_key_list(installation->db, installation->arena, now_ms, &keys, &count));
	if (json)
		buf_put_byte(&out, '[');
	else
		buf_put_fmt(&out, "%-26s  %-5s  %s\n", "KID", "STATE", "SIGNS FROM");
	for (size_t i = 0; i < count; i++) {
		buf_put(&out, json && i > 0 ? STR(",") : STR(""));
		put_key(&out, &keys[i], state_of(keys, count, i, now_ms), json);
	}
	buf_put(&out, json ? STR("]\n") : STR(""));
	command_print(&out);
	return OK;
}

int signing_key_list_run(const struct invocation *invocation)
{
	return installation_run(invocation, INSTALLATION_USE, list, NULL);
}

AWAITS static enum err rotate(struct installation *installation)
{
	struct signing *signing = signing_new(installation->db, installation->keys.seal);
	enum err err = signing_rotate(signing);

	signing_free(signing);
	TRY(err);
	TRY(installation_audit(installation, "signing_key.rotated", STR(""), STR("")));
	return list(installation);
}

int signing_key_rotate_run(const struct invocation *invocation)
{
	return installation_run(invocation, INSTALLATION_USE, rotate, NULL);
}
