/* Reports of ad platforms are asked of the upstreams that the configuration has for them. All three questions read the
 * configuration of now, and hold it while a platform is asked.
 *
 *     upstreams of connector `ads` ── settings google, meta, tiktok ──▶ names of upstreams ──▶ their accounts
 *                                                                                               │ credential?
 *     report ◀── local_ask (local_call.c) ◀──────────────── place ◀────────────────────────────┘
 *
 * Whether somebody holds a credential somewhere is asked with each answer, also with those from memory: so it is kept
 * until the store's generation moves. Only that there is one is kept; what it is worth is found out when it is used. */
#include "gateway/ads.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/json.h"
#include "base/map.h"
#include "connector/connector.h"
#include "gateway/local.h"
#include "store/credential.h"

#define UPSTREAMS_MAX 256 /* an `ads` upstream names one for each platform, and tenants may have their own */
#define SETTINGS_ARENA_BYTES (64 * 1024) /* settings of one upstream: some short texts */
#define ROW_ARENA_BYTES (16 * 1024)	 /* a credential without what is sealed */
#define KEY_BYTES_MAX 256		 /* an id, a place and a holder */
#define ADS_PLACES_MAGIC 0x41445053u

struct held {
	int64_t generation; /* of the store */
	bool there;
	size_t key_bytes;
	char key[];
};

struct ads_places {
	uint32_t magic;
	struct gateway *gateway;
	pthread_mutex_t lock; /* held for a look-up */
	struct map held;
};

struct ads_places *ads_places_new(struct gateway *gateway)
{
	struct ads_places *places = calloc(1, sizeof(*places));

	CHECK(places != NULL);
	places->magic = ADS_PLACES_MAGIC;
	places->gateway = gateway;
	pthread_mutex_init(&places->lock, NULL);
	return places;
}

void ads_places_free(struct ads_places *places)
{
	if (places == NULL)
		return;
	CHECK_OBJ(places, ADS_PLACES_MAGIC);
	map_free_values(&places->held, free);
	pthread_mutex_destroy(&places->lock);
	places->magic = 0;
	free(places);
}

/* ---- which upstreams ------------------------------------------------------------------ */

/* Upstreams of the platforms, without another tenant's. */
struct found {
	const struct upstream_spec *spec[UPSTREAMS_MAX];
	size_t count;
};

static bool may_use(const struct upstream_spec *spec, struct str tenant_id)
{
	return spec->owner.n == 0 || tenant_id.p == NULL || str_eq(spec->owner, tenant_id);
}

static const struct upstream_spec *spec_named(const struct config *config, struct str name, struct str tenant_id)
{
	for (size_t i = 0; i < config->upstream_count; i++) {
		const struct upstream_spec *spec = &config->upstreams[i];

		if (str_eq(spec->name, name) && spec->kind == UPSTREAM_LOCAL && may_use(spec, tenant_id))
			return spec;
	}
	return NULL;
}

static void found_add(struct found *found, const struct upstream_spec *spec)
{
	for (size_t i = 0; i < found->count; i++)
		if (found->spec[i] == spec)
			return;
	if (spec != NULL && found->count < UPSTREAMS_MAX)
		found->spec[found->count++] = spec;
}

/* What the upstreams of connector `ads` name, in the order of the configuration.
 *   tenant_id  p NULL: of all tenants */
static void find_upstreams(const struct config *config, struct str tenant_id, enum ads_platform platform,
			   struct found *found)
{
	for (size_t i = 0; i < config->upstream_count; i++) {
		const struct upstream_spec *spec = &config->upstreams[i];
		AUTO(arena) *arena = NULL;
		yyjson_val *settings;

		if (spec->kind != UPSTREAM_LOCAL || !may_use(spec, tenant_id) ||
		    !str_eq(connector_name(local_connector(spec->local)), STR("ads")))
			continue;
		arena = arena_new(SETTINGS_ARENA_BYTES);
		if (json_read(arena, local_settings(spec->local), &settings) != OK)
			continue;
		found_add(found,
			  spec_named(config, json_str(json_get(settings, ads_platform_name(platform))), tenant_id));
	}
}

/* ---- who holds a credential -------------------------------------------------------------- */

static struct str put_key(const struct ads_place *place, char out[static KEY_BYTES_MAX])
{
	const struct str pieces[] = {place->tenant_id, place->upstream, place->account, place->holder};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		CHECK(n + pieces[i].n + 1 <= KEY_BYTES_MAX);
		if (pieces[i].n > 0)
			memcpy(out + n, pieces[i].p, pieces[i].n);
		n += pieces[i].n;
		out[n++] = '\n';
	}
	return (struct str){out, n};
}

static bool recall(struct ads_places *places, struct str key, int64_t generation, bool *ret_there)
{
	const struct held *held;
	bool known;

	pthread_mutex_lock(&places->lock);
	held = places->held.used == 0 ? NULL : map_get(&places->held, key);
	known = held != NULL && held->generation == generation;
	if (known)
		*ret_there = held->there;
	pthread_mutex_unlock(&places->lock);
	return known;
}

static void remember(struct ads_places *places, struct str key, int64_t generation, bool there)
{
	struct held *held = calloc(1, sizeof(*held) + key.n);

	CHECK(held != NULL);
	*held = (struct held){.generation = generation, .there = there, .key_bytes = key.n};
	memcpy(held->key, key.p, key.n);
	pthread_mutex_lock(&places->lock);
	free(map_remove(&places->held, key));
	if (places->held.used >= ADS_PLACES_KEPT_MAX)
		map_free_values(&places->held, free);
	map_put(&places->held, (struct str){held->key, held->key_bytes}, held);
	pthread_mutex_unlock(&places->lock);
}

AWAITS static enum err holds(struct ads_places *places, const struct ads_place *place, bool *ret_there)
{
	struct gateway *gateway = places->gateway;
	int64_t generation = identity_generation(gateway->identity); /* before the row: what changes is asked anew */
	char key_bytes[KEY_BYTES_MAX];
	struct str key = put_key(place, key_bytes);
	AUTO(arena) *arena = NULL;
	struct credential_row *rows;
	size_t count = 0;

	if (recall(places, key, generation, ret_there))
		return OK;
	arena = arena_new(ROW_ARENA_BYTES);
	TRY(credential_list(gateway->db, arena, place->tenant_id, local_place(arena, place->upstream, place->account),
			    place->holder, STR(""), 1, &rows, &count));
	*ret_there = count > 0;
	remember(places, key, generation, *ret_there);
	return OK;
}

/* Whether nobody has to connect anything there: the gateway gets tokens as itself, or needs none. */
static bool needs_nobody(const struct upstream_spec *spec)
{
	return spec->auth.kind == UPSTREAM_AUTH_NONE ||
	       (spec->auth.kind == UPSTREAM_AUTH_OAUTH && spec->auth.oauth.flow != AUTH_FLOW_CODE);
}

/* ---- places ------------------------------------------------------------------------------ */

struct place_list {
	struct arena *arena;
	struct ads_place *places;
	size_t count;
};

/* The accounts of an upstream: those that are connected, or all of them. */
AWAITS static enum err add_places(struct ads_places *places, const struct upstream_spec *spec, bool all,
				  struct str tenant_id, struct str holder, struct place_list *list)
{
	static const struct local_account only;
	const struct local_account *accounts;
	size_t account_count = local_accounts(spec->local, &accounts);
	bool each_user = spec->auth.each == UPSTREAM_EACH_USER;

	if (each_user && holder.n == 0)
		return OK;
	if (account_count == 0) {
		accounts = &only;
		account_count = 1;
	}
	for (size_t i = 0; i < account_count; i++) {
		struct ads_place place = {.tenant_id = arena_str(list->arena, tenant_id),
					  .upstream = arena_str(list->arena, spec->name),
					  .account = arena_str(list->arena, accounts[i].name),
					  .holder = each_user ? arena_str(list->arena, holder) : STR("")};

		place.connected = needs_nobody(spec);
		if (!place.connected && !all)
			TRY(holds(places, &place, &place.connected));
		if (place.connected || all)
			list->places[list->count++] = place;
	}
	return OK;
}

AWAITS static enum err places_of(void *arg, struct str tenant_id, struct str holder, enum ads_platform platform,
				 struct arena *arena, struct ads_place **ret_places, size_t *ret_count)
{
	struct ads_places *places = arg;
	AUTO(config) *config = config_ref(gateway_here(places->gateway)->config);
	struct place_list list = {.arena = arena};
	struct found found = {0};

	find_upstreams(config, tenant_id, platform, &found);
	list.places = arena_try_alloc(arena, (found.count * LOCAL_ACCOUNTS_MAX + 1) * sizeof(*list.places));
	if (list.places == NULL)
		return ERR_LIMIT;
	/* Where none is connected who asks needs to know where one could be. */
	for (int all = 0; all < 2 && list.count == 0; all++)
		for (size_t i = 0; i < found.count; i++)
			TRY(add_places(places, found.spec[i], all == 1, tenant_id, holder, &list));
	*ret_places = list.places;
	*ret_count = list.count;
	return OK;
}

/* ---- calls ------------------------------------------------------------------------------- */

/* {"error":{"class","message","retry_after_s"}}: see struct connector_call. */
static enum err read_failure(struct arena *arena, struct str result, struct ads_failure *ret_failure)
{
	yyjson_val *root, *error;

	TRY(json_read(arena, result, &root));
	error = json_get(root, "error");
	*ret_failure = (struct ads_failure){.class = json_str(json_get(error, "class")),
					    .message = json_str(json_get(error, "message"))};
	(void)json_int(json_get(error, "retry_after_s"), &ret_failure->retry_after_s);
	return ERR_TOOL_FAILED;
}

static enum err refuse(struct ads_failure *ret_failure, const char *class, const char *message)
{
	*ret_failure = (struct ads_failure){.class = str_of(class), .message = str_of(message)};
	return ERR_TOOL_FAILED;
}

AWAITS static enum err call(void *arg, const struct ads_place *place, const char *tool, struct str arguments,
			    struct arena *arena, struct str *ret_result, struct ads_failure *ret_failure)
{
	struct gateway *gateway = ((struct ads_places *)arg)->gateway;
	AUTO(config) *config = config_ref(gateway_here(gateway)->config);
	const struct upstream_spec *spec = spec_named(config, place->upstream, place->tenant_id);
	const struct local_ask ask = {.tenant_id = place->tenant_id,
				      .holder = place->holder,
				      .account = place->account,
				      .tool = str_of(tool),
				      .arguments = arguments,
				      .request_id = STR("ads"),
				      .bare = true};
	struct connector_call made;
	enum err err = spec == NULL ? ERR_NOT_FOUND : local_ask(gateway, spec, &ask, arena, &made);

	if (err == ERR_NOT_FOUND)
		return refuse(ret_failure, "not_connected", "the upstream of the platform is not there any more");
	if (err == ERR_LIMIT)
		return refuse(ret_failure, "too_large", "the report is larger than what can be read at once");
	if (err == ERR_REFUSED_ADDRESS)
		return refuse(ret_failure, "unsupported", "the platform is at an address that upstreams may not reach");
	TRY(err);
	if (made.failed)
		return read_failure(arena, made.result, ret_failure);
	*ret_result = made.result;
	return OK;
}

/* ---- tenants ------------------------------------------------------------------------------- */

static void put_places(const struct upstream_spec *spec, struct buf *out)
{
	const struct local_account *accounts;
	size_t count = local_accounts(spec->local, &accounts);

	if (count == 0)
		buf_put_fmt(out, "%.*s,", STR_ARG(spec->name));
	for (size_t i = 0; i < count; i++)
		buf_put_fmt(out, "%.*s.%.*s,", STR_ARG(spec->name), STR_ARG(accounts[i].name));
}

AWAITS static enum err tenants(void *arg, struct str after, size_t limit, struct arena *arena, struct str **ret_tenants,
			       size_t *ret_count)
{
	struct gateway *gateway = ((struct ads_places *)arg)->gateway;
	struct found found = {0};
	AUTO_BUF names = {0};

	for (int platform = 0; platform < ADS_PLATFORMS; platform++)
		find_upstreams(gateway_here(gateway)->config, STR_NONE, (enum ads_platform)platform, &found);
	buf_put_byte(&names, ',');
	for (size_t i = 0; i < found.count; i++)
		put_places(found.spec[i], &names);
	return credential_tenants(gateway->db, arena, buf_str(&names), after, limit, ret_tenants, ret_count);
}

struct ads_source ads_source_of(struct ads_places *places)
{
	CHECK_OBJ(places, ADS_PLACES_MAGIC);
	return (struct ads_source){.places = places_of, .call = call, .tenants = tenants, .arg = places};
}
