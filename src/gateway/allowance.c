/* A loop's table of allowances, tenants' and callers' in one: a caller's refers to its tenant's, so that a tenant's row
 * is read once however many call. One that no longer holds (the store or the configuration has changed, or the month is
 * over) is made anew when it is needed; who still runs with the old one keeps it. */
#include "gateway/allowance.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/json.h"
#include "gateway/memo.h"
#include "store/tenant.h"
#include "store/usage.h"

#define ALLOWANCE_MAGIC 0x414c4f57u /* "ALOW" */
#define TERMS_ARENA_BYTES_MAX 65536 /* a tenant's row, and its limits read */

struct allowances {
	struct map by_key;
	struct list by_use; /* the latest first */
};

struct allowances *allowances_new(void)
{
	struct allowances *allowances = calloc(1, sizeof(*allowances));

	CHECK(allowances != NULL);
	list_init(&allowances->by_use);
	return allowances;
}

void allowance_unref(struct allowance *allowance)
{
	if (allowance == NULL)
		return;
	CHECK_OBJ(allowance, ALLOWANCE_MAGIC);
	if (--allowance->refs > 0)
		return;
	allowance_unref(allowance->tenant);
	meter_unref(allowance->meter);
	free(allowance->networks);
	allowance->magic = 0;
	free(allowance);
}

static struct allowance *allowance_ref(struct allowance *allowance)
{
	CHECK_OBJ(allowance, ALLOWANCE_MAGIC);
	allowance->refs++;
	return allowance;
}

static void leave(struct allowances *table, struct allowance *allowance)
{
	(void)map_remove(&table->by_key, allowance->key);
	list_remove(&allowance->by_use);
	allowance_unref(allowance);
}

/* In place of the one that was there. */
static void enter(struct allowances *table, struct allowance *allowance)
{
	struct allowance *before = map_get(&table->by_key, allowance->key);

	if (before != NULL)
		leave(table, before);
	map_put(&table->by_key, allowance->key, allowance_ref(allowance));
	list_add_head(&table->by_use, &allowance->by_use);
	if (table->by_key.used > ALLOWANCES_PER_LOOP_MAX)
		leave(table, LIST_OBJ(table->by_use.prev, struct allowance, by_use));
}

void allowances_free(struct allowances *allowances)
{
	while (!list_empty(&allowances->by_use))
		leave(allowances, LIST_OBJ(allowances->by_use.next, struct allowance, by_use));
	map_free(&allowances->by_key);
	free(allowances);
}

/* ---- making one ----------------------------------------------------------------- */

/* What cannot be read covers nothing: a list that was damaged must not let everybody in. */
static void read_networks(struct arena *arena, struct str text, struct allowance *allowance)
{
	yyjson_val *list, *item;
	size_t index, max;

	allowance->anywhere = text.n == 0;
	if (text.n == 0 || json_read(arena, text, &list) != OK || !yyjson_is_arr(list))
		return;
	allowance->anywhere = yyjson_arr_size(list) == 0;
	allowance->networks = calloc(yyjson_arr_size(list) + 1, sizeof(allowance->networks[0]));
	CHECK(allowance->networks != NULL);
	yyjson_arr_foreach(list, index, max, item)
	{
		if (prefix_parse(json_str(item), &allowance->networks[allowance->network_count]) == OK)
			allowance->network_count++;
	}
}

AWAITS static enum err read_tenant(struct request *req, struct str tenant_id, struct allowance *allowance)
{
	AUTO(arena) *arena = arena_new(TERMS_ARENA_BYTES_MAX);
	struct tenant tenant;
	enum err err = tenant_get(req->gateway->db, arena, tenant_id, &tenant);

	if (err == ERR_NOT_FOUND)
		return ERR_KEY_INVALID;
	TRY(err);
	/* The latest, which the request may have begun before. */
	allowance->terms = plan_terms(req->here->config, tenant.plan, tenant.limits, arena);
	read_networks(arena, tenant.networks, allowance);
	return OK;
}

static struct allowance *allowance_new(const struct request *req, struct str tenant_id, struct str principal)
{
	struct allowance *allowance = calloc(1, sizeof(*allowance));

	CHECK(allowance != NULL);
	CHECK(tenant_id.n + principal.n <= sizeof(allowance->key_text));
	allowance->magic = ALLOWANCE_MAGIC;
	allowance->refs = 1;
	list_init(&allowance->by_use);
	memcpy(allowance->key_text, tenant_id.p, tenant_id.n);
	memcpy(allowance->key_text + tenant_id.n, principal.p, principal.n);
	allowance->key = (struct str){allowance->key_text, tenant_id.n + principal.n};
	/* Asked before anything is read: what changes meanwhile only makes this look older than it is. */
	allowance->generation = identity_generation(req->gateway->identity);
	allowance->config_number = req->here->config_number;
	return allowance;
}

static bool holds(const struct request *req, const struct allowance *allowance)
{
	return allowance->generation == identity_generation(req->gateway->identity) &&
	       allowance->config_number == req->here->config_number && clock_wall_ms() < allowance->month_end_ms;
}

AWAITS static enum err look_up(struct request *req, struct str tenant_id, struct str principal,
			       struct allowance **ret_allowance);

AWAITS static enum err fill(struct request *req, struct str tenant_id, struct str principal,
			    struct allowance *allowance)
{
	int64_t now_ms = clock_wall_ms();

	allowance->month_end_ms = usage_month_end_ms(now_ms);
	if (principal.n == 0)
		TRY(read_tenant(req, tenant_id, allowance));
	else
		TRY(look_up(req, tenant_id, STR(""), &allowance->tenant));
	return meters_get(req->gateway->meters, tenant_id, principal, usage_month_of(now_ms), &allowance->meter);
}

/*   ret_allowance  one reference */
AWAITS static enum err look_up(struct request *req, struct str tenant_id, struct str principal,
			       struct allowance **ret_allowance)
{
	char key[2 * ID_LEN];
	struct allowance *allowance;
	enum err err;

	CHECK(tenant_id.n + principal.n <= sizeof(key));
	memcpy(key, tenant_id.p, tenant_id.n);
	memcpy(key + tenant_id.n, principal.p, principal.n);
	allowance = map_get(&req->here->allowances->by_key, (struct str){key, tenant_id.n + principal.n});
	if (allowance != NULL && holds(req, allowance)) {
		list_remove(&allowance->by_use);
		list_add_head(&req->here->allowances->by_use, &allowance->by_use);
		*ret_allowance = allowance_ref(allowance);
		return OK;
	}
	allowance = allowance_new(req, tenant_id, principal);
	err = fill(req, tenant_id, principal, allowance);
	if (err != OK) {
		allowance_unref(allowance);
		return err;
	}
	enter(req->here->allowances, allowance);
	*ret_allowance = allowance;
	return OK;
}

static bool is_callers(const struct allowance *allowance, const struct caller *caller)
{
	return allowance->key.n == 2 * ID_LEN && memcmp(allowance->key_text, caller->tenant_id, ID_LEN) == 0 &&
	       memcmp(allowance->key_text + ID_LEN, caller->principal, ID_LEN) == 0;
}

AWAITS enum err allowance_find(struct request *req)
{
	const struct caller *caller = &req->caller;
	struct memo *memo = memo_of(req);

	if (caller->tenant_id[0] == '\0' || caller->principal[0] == '\0' || caller->credential == CREDENTIAL_OPERATOR)
		return OK;
	if (likely(memo != NULL && memo->allowance != NULL && is_callers(memo->allowance, caller) &&
		   holds(req, memo->allowance))) {
		req->allowance = allowance_ref(memo->allowance);
		return OK;
	}
	TRY(look_up(req, str_of(caller->tenant_id), str_of(caller->principal), &req->allowance));
	if (memo != NULL) {
		allowance_unref(memo->allowance);
		memo->allowance = allowance_ref(req->allowance);
	}
	return OK;
}

bool allowance_covers(const struct allowance *allowance, const struct address *address)
{
	const struct allowance *tenant = allowance == NULL ? NULL : allowance->tenant;

	if (tenant == NULL || tenant->anywhere)
		return true;
	for (size_t i = 0; i < tenant->network_count; i++)
		if (prefix_covers(&tenant->networks[i], address))
			return true;
	return false;
}

/* ---- calls ---------------------------------------------------------------------- */

/* The caller's first: it is given back only when the tenant's is used up, and then nobody misses it in between. */
AWAITS enum err allowance_take(struct meters *meters, struct allowance *allowance, enum plan_limit *ret_limit)
{
	const struct terms *terms;
	enum err err;

	if (allowance == NULL)
		return OK;
	terms = &allowance->tenant->terms;
	*ret_limit = PLAN_PRINCIPAL_MONTH;
	TRY(meters_take(meters, allowance->meter, terms->principal_month_max));
	*ret_limit = PLAN_TENANT_MONTH;
	err = meters_take(meters, allowance->tenant->meter, terms->tenant_month_max);
	if (err != OK)
		meter_give_back(allowance->meter, terms->principal_month_max);
	return err;
}

void allowance_failed(struct allowance *allowance)
{
	if (allowance == NULL)
		return;
	meter_failed(allowance->meter);
	meter_failed(allowance->tenant->meter);
}
