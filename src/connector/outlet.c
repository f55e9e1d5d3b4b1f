/* Pools by origin, CA file and reach. A loop's table is touched by that loop alone; a pool is closed only while no
 * request uses it, so who has an outlet may wait with it. Trusted certificates are read on a worker thread and shared
 * by all loops for an hour. */
#include "connector/outlet.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/list.h"
#include "base/map.h"
#include "net/tls.h"

#define OUTLET_MAGIC 0x434f4f54u

struct outlet {
	uint32_t magic;
	unsigned users;
	struct list link; /* the latest used last */
	struct http_pool *pool;
	struct str key;
	char bytes[]; /* of the key */
};

struct table {
	struct map map;
	struct list all;
};

struct trust {
	struct tls *tls;
	int64_t read_ms; /* on clock of the loop that read it */
	struct str ca_file;
	char bytes[]; /* of ca_file */
};

struct outlets {
	struct table table[LOOPS_MAX];
	pthread_mutex_t lock; /* of trust */
	struct map trust;
};

struct outlets *outlets_new(void)
{
	struct outlets *outlets = calloc(1, sizeof(*outlets));

	CHECK(outlets != NULL);
	pthread_mutex_init(&outlets->lock, NULL);
	for (size_t i = 0; i < LOOPS_MAX; i++)
		list_init(&outlets->table[i].all);
	return outlets;
}

static void outlet_close(struct table *table, struct outlet *outlet)
{
	CHECK(outlet->users == 0);
	map_remove(&table->map, outlet->key);
	list_remove(&outlet->link);
	http_pool_free(outlet->pool);
	outlet->magic = 0;
	free(outlet);
}

AWAITS static enum err close_table(void *arg)
{
	struct table *table = arg;

	while (!list_empty(&table->all))
		outlet_close(table, LIST_OBJ(table->all.next, struct outlet, link));
	map_free(&table->map);
	return OK;
}

AWAITS void outlets_free(struct outlets *outlets)
{
	struct trust *trust;
	size_t cursor = 0;

	if (outlets == NULL)
		return;
	for (unsigned i = 0; i < loop_count(); i++)
		if (outlets->table[i].map.used > 0)
			(void)loop_call(loop_at(i), "close outlets", close_table, &outlets->table[i]);
	while ((trust = map_next(&outlets->trust, &cursor)) != NULL) {
		tls_unref(trust->tls);
		free(trust);
	}
	map_free(&outlets->trust);
	pthread_mutex_destroy(&outlets->lock);
	free(outlets);
}

/* ---- certificates ---- */

struct reading {
	const char *ca_file;
	struct tls *tls;
};

static enum err read_trusted(void *arg)
{
	struct reading *reading = arg;

	return tls_client_new(&(struct tls_client_spec){.ca_file = reading->ca_file}, NULL, &reading->tls);
}

static struct tls *trust_get(struct outlets *outlets, struct str ca_file, int64_t now_ms)
{
	struct trust *trust;
	struct tls *tls = NULL;

	pthread_mutex_lock(&outlets->lock);
	trust = map_get(&outlets->trust, ca_file);
	if (trust != NULL && trust->read_ms + OUTLET_TLS_MS > now_ms)
		tls = tls_ref(trust->tls);
	pthread_mutex_unlock(&outlets->lock);
	return tls;
}

/* Who finds the table full goes without being remembered. */
static void trust_put(struct outlets *outlets, struct str ca_file, struct tls *tls, int64_t now_ms)
{
	struct trust *trust;

	pthread_mutex_lock(&outlets->lock);
	trust = map_get(&outlets->trust, ca_file);
	if (trust == NULL && outlets->trust.used < OUTLET_TLS_MAX) {
		trust = calloc(1, sizeof(*trust) + ca_file.n);
		CHECK(trust != NULL);
		memcpy(trust->bytes, ca_file.p, ca_file.n);
		trust->ca_file = (struct str){trust->bytes, ca_file.n};
		map_put(&outlets->trust, trust->ca_file, trust);
	}
	if (trust != NULL) {
		tls_unref(trust->tls);
		trust->tls = tls_ref(tls);
		trust->read_ms = now_ms;
	}
	pthread_mutex_unlock(&outlets->lock);
}

AWAITS static enum err trust_of(struct outlets *outlets, struct str given, struct tls **ret_tls)
{
	struct str ca_file = given.p == NULL ? STR("") : given;
	int64_t now_ms = loop_now(loop_self());
	struct reading reading = {NULL, trust_get(outlets, ca_file, now_ms)};
	AUTO_BUF name = {0};

	if (reading.tls == NULL) {
		buf_put(&name, ca_file);
		buf_put_byte(&name, '\0');
		reading.ca_file = ca_file.n > 0 ? name.p : NULL;
		TRY(work_run(read_trusted, &reading));
		trust_put(outlets, ca_file, reading.tls, now_ms);
	}
	*ret_tls = reading.tls;
	return OK;
}

/* ---- pools ---- */

static void put_key(const struct url *url, const struct connector_terms *terms, struct buf *out)
{
	buf_reserve(out, url->host.n + terms->ca_file.n + 16);
	buf_put_byte(out, url->tls ? 's' : '-');
	buf_put_byte(out, terms->allow_private ? 'p' : '-');
	buf_put_u64(out, url->port);
	buf_put_byte(out, ' ');
	for (size_t i = 0; i < url->host.n; i++)
		buf_put_byte(out, url->host.p[i] >= 'A' && url->host.p[i] <= 'Z' ? (char)(url->host.p[i] | 0x20)
										 : url->host.p[i]);
	buf_put_byte(out, ' ');
	if (url->tls)
		buf_put(out, terms->ca_file);
}

/* Room for one more: the idle pool that was used longest ago goes. */
static enum err make_room(struct table *table)
{
	if (table->map.used < OUTLET_POOLS_MAX)
		return OK;
	for (struct list *link = table->all.next; link != &table->all; link = link->next) {
		struct outlet *outlet = LIST_OBJ(link, struct outlet, link);

		if (outlet->users == 0) {
			outlet_close(table, outlet);
			return OK;
		}
	}
	return ERR_UPSTREAM_BUSY;
}

static struct outlet *outlet_open(struct table *table, struct str key, const struct url *url,
				  const struct connector_terms *terms, struct tls *tls)
{
	struct outlet *outlet = calloc(1, sizeof(*outlet) + key.n);
	struct http_pool_spec spec = {
		.url = {.tls = url->tls, .host = url->host, .port = url->port, .path = STR("/"), .text = STR("")},
		.tls = tls,
		.guard = {.allow_private = terms->allow_private},
		.connections_max = OUTLET_CONNECTIONS_MAX,
		.idle_ms = OUTLET_IDLE_MS,
		.connect_timeout_ms = OUTLET_CONNECT_MS,
	};

	CHECK(outlet != NULL);
	outlet->magic = OUTLET_MAGIC;
	memcpy(outlet->bytes, key.p, key.n);
	outlet->key = (struct str){outlet->bytes, key.n};
	outlet->pool = http_pool_new(loop_self(), &spec);
	list_add_tail(&table->all, &outlet->link);
	map_put(&table->map, outlet->key, outlet);
	return outlet;
}

AWAITS enum err outlet_take(struct outlets *outlets, const struct url *url, const struct connector_terms *terms,
			    struct outlet **ret_outlet)
{
	struct table *table = &outlets->table[loop_index(loop_self())];
	AUTO(tls) *tls = NULL;
	struct outlet *outlet;
	AUTO_BUF key = {0};

	put_key(url, terms, &key);
	outlet = map_get(&table->map, buf_str(&key));
	if (outlet == NULL && url->tls) {
		TRY(trust_of(outlets, terms->ca_file, &tls));
		outlet = map_get(&table->map, buf_str(&key)); /* somebody else may have opened it meanwhile */
	}
	if (outlet == NULL) {
		TRY(make_room(table));
		outlet = outlet_open(table, buf_str(&key), url, terms, tls);
	}
	list_remove(&outlet->link);
	list_add_tail(&table->all, &outlet->link);
	outlet->users++;
	*ret_outlet = outlet;
	return OK;
}

struct http_pool *outlet_pool(struct outlet *outlet)
{
	CHECK_OBJ(outlet, OUTLET_MAGIC);
	return outlet->pool;
}

void outlet_back(struct outlet *outlet)
{
	if (outlet == NULL)
		return;
	CHECK_OBJ(outlet, OUTLET_MAGIC);
	CHECK(outlet->users > 0);
	outlet->users--;
}
