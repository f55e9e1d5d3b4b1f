/* What is remembered of providers: discovery documents as text and keys, both on loop 0, where every fetch is made; the
 * caller's fiber waits meanwhile, so that its arena may be filled from there. A provider that does not answer is no
 * reason to forget what it said before. */
#include "signin/provider.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/client.h"
#include "http/fetch.h"

#define PROVIDERS_MAX 32 /* more than a configuration may name; the oldest gives way after reloads */
#define FRESH_MS (60 * 60 * 1000LL)
#define KEYS_AGAIN_MS 60000 /* what a stranger's tokens with made-up key ids can make us ask */
#define FETCH_ARENA_BYTES (1024 * 1024)

struct remembered {
	struct blob *issuer; /* NULL: free */
	struct blob *document;
	int64_t document_ms; /* clock_ms(); 0 never */
	struct jose_keys *keys;
	int64_t keys_ms;
};

struct providers {
	struct remembered entry[PROVIDERS_MAX];
	size_t next; /* the one to give way */
};

struct providers *providers_new(void)
{
	struct providers *providers = calloc(1, sizeof(*providers));

	CHECK(providers != NULL);
	return providers;
}

static void forget(struct remembered *entry)
{
	blob_unref(entry->issuer);
	blob_unref(entry->document);
	jose_keys_unref(entry->keys);
	*entry = (struct remembered){0};
}

void providers_free(struct providers *providers)
{
	if (providers == NULL)
		return;
	for (size_t i = 0; i < PROVIDERS_MAX; i++)
		forget(&providers->entry[i]);
	free(providers);
}

/* The entry of an issuer, made when there is none. Not to be kept across an await. */
static struct remembered *entry_of(struct providers *providers, struct str issuer)
{
	struct remembered *entry;

	for (size_t i = 0; i < PROVIDERS_MAX; i++)
		if (providers->entry[i].issuer != NULL && str_eq(providers->entry[i].issuer->str, issuer))
			return &providers->entry[i];
	entry = &providers->entry[providers->next++ % PROVIDERS_MAX];
	forget(entry);
	entry->issuer = blob_new(issuer);
	return entry;
}

enum err provider_facts_read(struct arena *arena, struct str json, struct str issuer, bool plain,
			     struct provider_facts *ret_facts)
{
	struct provider_facts facts;
	yyjson_val *root, *methods;
	struct url url;

	if (json_read(arena, json, &root) != OK || !yyjson_is_obj(root))
		return ERR_TOKEN_INVALID;
	methods = json_get(root, "token_endpoint_auth_methods_supported");
	facts = (struct provider_facts){
		.authorization_endpoint = json_str(json_get(root, "authorization_endpoint")),
		.token_endpoint = json_str(json_get(root, "token_endpoint")),
		.jwks_uri = json_str(json_get(root, "jwks_uri")),
		.userinfo_endpoint = json_str(json_get(root, "userinfo_endpoint")),
		.iss_promised = yyjson_is_true(json_get(root, "authorization_response_iss_parameter_supported")),
		.basic = !yyjson_is_arr(methods) || json_lists(methods, STR("client_secret_basic")),
	};
	if (!str_eq(json_str(json_get(root, "issuer")), issuer) ||
	    !url_is_usable(facts.authorization_endpoint, plain, &url) ||
	    !url_is_usable(facts.token_endpoint, plain, &url) || !url_is_usable(facts.jwks_uri, plain, &url))
		return ERR_TOKEN_INVALID;
	if (!url_is_usable(facts.userinfo_endpoint, plain, &url))
		facts.userinfo_endpoint = STR_NONE;
	*ret_facts = facts;
	return OK;
}

struct asking {
	struct signin *signin;
	const struct provider_settings *settings;
	struct arena *arena;
	struct provider_facts facts;
	struct str jwks_uri;
	bool again;
	struct jose_keys *keys;
};

AWAITS static enum err fetch_json(struct arena *arena, const struct provider_settings *settings, struct str url,
				  struct str *ret_body)
{
	const struct fetch fetch = {
		.url = url,
		.headers = STR("Accept: application/json\r\n"),
		.allow_private = settings->allow_private,
	};
	struct fetched fetched;

	TRY(http_fetch(arena, &fetch, &fetched));
	if (fetched.status != 200)
		return ERR_UPSTREAM_GARBAGE;
	*ret_body = fetched.body;
	return OK;
}

/* The document's address: the well-known path goes behind the issuer's own. */
static struct str discovery_url(struct arena *arena, struct str issuer)
{
	if (str_ends(issuer, STR("/")))
		issuer.n--;
	return arena_fmt(arena, "%.*s/.well-known/openid-configuration", STR_ARG(issuer));
}

AWAITS static enum err discover(void *arg)
{
	struct asking *asking = arg;
	struct providers *providers = asking->signin->providers;
	struct str issuer = asking->settings->issuer, body;
	bool plain = asking->settings->allow_private;
	struct remembered *entry = entry_of(providers, issuer);
	AUTO(arena) *arena = NULL;
	enum err err;

	if (entry->document_ms != 0 && clock_ms() - entry->document_ms < FRESH_MS)
		return provider_facts_read(asking->arena, entry->document->str, issuer, plain, &asking->facts);
	arena = arena_new(FETCH_ARENA_BYTES);
	err = fetch_json(arena, asking->settings, discovery_url(arena, issuer), &body);
	if (err == OK)
		err = provider_facts_read(asking->arena, body, issuer, plain, &asking->facts);
	entry = entry_of(providers, issuer);
	if (err != OK) {
		log_warn("provider.unreachable", LOG_STR("issuer", issuer), LOG_ERR(err));
		return entry->document == NULL || fiber_status() != OK
			       ? err
			       : provider_facts_read(asking->arena, entry->document->str, issuer, plain,
						     &asking->facts);
	}
	blob_unref(entry->document);
	entry->document = blob_new(body);
	entry->document_ms = clock_ms();
	return OK;
}

AWAITS enum err provider_facts_get(struct signin *signin, struct arena *arena, const struct provider_settings *settings,
				   struct provider_facts *ret_facts)
{
	struct asking asking = {.signin = signin, .settings = settings, .arena = arena};

	TRY(loop_call(loop_at(0), "provider", discover, &asking));
	*ret_facts = asking.facts;
	return OK;
}

AWAITS static enum err fetch_keys(void *arg)
{
	struct asking *asking = arg;
	struct providers *providers = asking->signin->providers;
	struct str issuer = asking->settings->issuer, body;
	struct remembered *entry = entry_of(providers, issuer);
	int64_t age_ms = clock_ms() - entry->keys_ms;
	AUTO(arena) *arena = NULL;
	struct jose_keys *keys;
	enum err err;

	if (entry->keys != NULL && age_ms < (asking->again ? KEYS_AGAIN_MS : FRESH_MS)) {
		asking->keys = jose_keys_ref(entry->keys);
		return OK;
	}
	arena = arena_new(FETCH_ARENA_BYTES);
	err = fetch_json(arena, asking->settings, asking->jwks_uri, &body);
	if (err == OK)
		err = jose_keys_read(body, &keys);
	entry = entry_of(providers, issuer);
	if (err == OK) {
		jose_keys_unref(entry->keys);
		entry->keys = keys;
		entry->keys_ms = clock_ms();
	} else {
		log_warn("provider.no_keys", LOG_STR("issuer", issuer), LOG_ERR(err));
		if (entry->keys == NULL)
			return err;
	}
	asking->keys = jose_keys_ref(entry->keys);
	return OK;
}

AWAITS enum err provider_keys_get(struct signin *signin, const struct provider_settings *settings, struct str jwks_uri,
				  bool again, struct jose_keys **ret_keys)
{
	struct asking asking = {.signin = signin, .settings = settings, .jwks_uri = jwks_uri, .again = again};

	TRY(loop_call(loop_at(0), "provider", fetch_keys, &asking));
	*ret_keys = asking.keys;
	return OK;
}
