/* One block of memory holds all of it, settings with secrets among them: it is wiped when the last reference goes. Two
 * are the same when the digest over everything that they were made from is, so that a reload leaves alone what it does
 * not change, and replaces an upstream whose file on disk has been edited. */
#include "gateway/local.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/crypto.h"
#include "base/limits.h"
#include "base/secret_text.h"
#include "connector/connector.h"
#include "gateway/local_events.h"
#include "upstream/upstream.h"

#define LOCAL_MAGIC 0x4c4f4341u		      /* "LOCA" */
#define LOCAL_ARENA_BYTES (128 * 1024 * 1024) /* settings of 64 accounts, as texts and as trees */

struct upstream_local {
	uint32_t magic;
	atomic_uint refs;
	struct arena *arena;
	struct connector *connector;
	struct str settings;
	const struct connector_setup *setup;
	const struct local_account *accounts;
	size_t account_count;
	struct str webhook_secret, webhook_verify_token;
	uint8_t digest[32];
};

static void put_cell(struct buf *out, struct str cell)
{
	buf_put_fmt(out, "%zu:", cell.n);
	buf_put(out, cell);
}

static void take_digest(const struct local_spec *spec, uint8_t ret_digest[32])
{
	AUTO_BUF all = {0};

	put_cell(&all, spec->text);
	put_cell(&all, spec->settings);
	put_cell(&all, spec->webhook_secret);
	put_cell(&all, spec->webhook_verify_token);
	for (size_t i = 0; i < spec->account_count; i++) {
		put_cell(&all, spec->accounts[i].name);
		put_cell(&all, spec->accounts[i].settings);
	}
	crypto_sha256(buf_str(&all), ret_digest);
	crypto_wipe(all.p, all.n);
}

struct upstream_local *local_new(const struct local_spec *spec)
{
	struct upstream_local *local = calloc(1, sizeof(*local));
	struct arena *arena = arena_new(LOCAL_ARENA_BYTES);
	struct local_account *accounts = arena_zalloc(arena, (spec->account_count + 1) * sizeof(*accounts));

	CHECK(local != NULL);
	for (size_t i = 0; i < spec->account_count; i++)
		accounts[i] = (struct local_account){
			arena_str(arena, spec->accounts[i].name), arena_str(arena, spec->accounts[i].settings),
			connector_setup_new(spec->connector, spec->accounts[i].settings, arena)};
	*local = (struct upstream_local){.magic = LOCAL_MAGIC,
					 .arena = arena,
					 .connector = connector_ref(spec->connector),
					 .settings = arena_str(arena, spec->settings),
					 .setup = connector_setup_new(spec->connector, spec->settings, arena),
					 .accounts = accounts,
					 .account_count = spec->account_count,
					 .webhook_secret = arena_str(arena, spec->webhook_secret),
					 .webhook_verify_token = arena_str(arena, spec->webhook_verify_token)};
	atomic_init(&local->refs, 1);
	take_digest(spec, local->digest);
	return local;
}

struct upstream_local *local_ref(struct upstream_local *local)
{
	CHECK_OBJ(local, LOCAL_MAGIC);
	atomic_fetch_add_explicit(&local->refs, 1, memory_order_relaxed);
	return local;
}

void local_unref(struct upstream_local *local)
{
	if (local == NULL)
		return;
	CHECK_OBJ(local, LOCAL_MAGIC);
	if (atomic_fetch_sub_explicit(&local->refs, 1, memory_order_acq_rel) != 1)
		return;
	connector_unref(local->connector);
	arena_free_wiped(local->arena);
	local->magic = 0;
	free(local);
}

bool local_same(const struct upstream_local *a, const struct upstream_local *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return memcmp(a->digest, b->digest, sizeof(a->digest)) == 0;
}

struct connector *local_connector(const struct upstream_local *local)
{
	CHECK_OBJ(local, LOCAL_MAGIC);
	return local->connector;
}

const struct local_account *local_account_find(const struct upstream_local *local, struct str name)
{
	CHECK_OBJ(local, LOCAL_MAGIC);
	for (size_t i = 0; i < local->account_count; i++)
		if (str_eq(local->accounts[i].name, name))
			return &local->accounts[i];
	return NULL;
}

size_t local_accounts(const struct upstream_local *local, const struct local_account **ret_accounts)
{
	CHECK_OBJ(local, LOCAL_MAGIC);
	*ret_accounts = local->accounts;
	return local->account_count;
}

struct str local_webhook_secret(const struct upstream_local *local)
{
	CHECK_OBJ(local, LOCAL_MAGIC);
	return local->webhook_secret;
}

struct str local_webhook_verify_token(const struct upstream_local *local)
{
	CHECK_OBJ(local, LOCAL_MAGIC);
	return local->webhook_verify_token;
}

struct str local_settings(const struct upstream_local *local)
{
	CHECK_OBJ(local, LOCAL_MAGIC);
	return local->settings;
}

const struct connector_setup *local_setup(const struct upstream_local *local, const struct local_account *account)
{
	CHECK_OBJ(local, LOCAL_MAGIC);
	return account == NULL ? local->setup : account->setup;
}

void local_place_cut(struct str place, struct str *ret_upstream, struct str *ret_account)
{
	if (!str_cut(place, '.', ret_upstream, ret_account))
		*ret_account = STR("");
}

struct str local_place(struct arena *arena, struct str upstream, struct str account)
{
	return account.n == 0 ? upstream : arena_fmt(arena, "%.*s.%.*s", STR_ARG(upstream), STR_ARG(account));
}

/* ---- its offer ------------------------------------------------------------------------ */

void local_offer(const struct upstream_spec *spec, struct arena *arena, struct local_offer *ret_offer)
{
	const struct upstream_local *local = spec->local;
	struct connector *connector = local->connector;
	size_t count = connector_is_internal(connector) ? 0 : connector_tool_count(connector);
	struct offer_item *items = arena_zalloc(arena, (count + 1) * sizeof(*items));
	struct str *names = arena_zalloc(arena, (local->account_count + 1) * sizeof(*names));
	AUTO_BUF who = {0};

	for (size_t i = 0; i < local->account_count; i++)
		names[i] = local->accounts[i].name;
	for (size_t i = 0; i < count; i++)
		items[i] = (struct offer_item){
			connector_tool_name(connector, i),
			connector_tool_definition(connector, i, arena, names, local->account_count)};
	buf_put(&who, STR("{\"name\":"));
	buf_put_json(&who, connector_name(connector));
	if (connector_title(connector).n > 0) {
		buf_put(&who, STR(",\"title\":"));
		buf_put_json(&who, connector_title(connector));
	}
	buf_put(&who, STR(",\"version\":\"" GATEHOUSE_VERSION "\"}"));
	*ret_offer = (struct local_offer){.server_info = arena_str(arena, buf_str(&who)),
					  .instructions = STR_NONE,
					  .tools = items,
					  .tool_count = count};
	local_events_offer(spec, arena, ret_offer);
}
