/* What follows from a secret's new value is a reload: it asks for all of them, applies the file as a whole or not at
 * all, and restarts no more than the upstreams whose settings came out different. The server's key is not looked at
 * again: everything that is sealed hangs on it. */
#include "gateway/secret_watch.h"

#include "base/check.h"
#include "gateway/config_secrets.h"
#include "gateway/operator_key.h"
#include "gateway/reload.h"

#define OPERATOR_KEY STR("operator-key")
#define RELOAD_MS 60000 /* asks for each secret again */

/* The operator's key is known by its MAC alone, so the first look finds it new. A reload that has begun ends, also when
 * the gateway stops: half of one would be worse than a late end. */
AWAITS static enum err on_changed(void *arg, struct str name, const struct secret_text *value)
{
	struct gateway *gateway = arg;
	struct fiber_shield shield;
	AUTO_BUF problem = {0};
	enum err err;

	if (str_eq(name, OPERATOR_KEY) && operator_key_is(gateway->config, gateway->api_key, secret_text_str(value)))
		return OK;
	shield = fiber_shield_begin(RELOAD_MS);
	err = gateway_reload(gateway, &problem);
	fiber_shield_end(shield);
	return err;
}

/* A file names fewer than may be watched. */
static void watch(struct gateway *gateway, struct str name, struct secret_text *known)
{
	CHECK(secrets_watch(gateway->secrets, name, known, on_changed, gateway) == OK);
}

void secret_watch_apply(struct gateway *gateway)
{
	const struct config *config = gateway->config;

	secrets_unwatch(gateway->secrets, on_changed, gateway);
	for (size_t i = 0; i < config->named_secret_count; i++)
		watch(gateway, config->named_secrets[i].name, config->named_secrets[i].text);
	if (config->identity.operator_key_file.n == 0)
		watch(gateway, OPERATOR_KEY, NULL);
}

AWAITS enum err secret_watch_start(struct gateway *gateway)
{
	secret_watch_apply(gateway);
	return secrets_follow(gateway->secrets);
}
