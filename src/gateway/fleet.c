/* Who is there, and where a request belongs.
 *
 * One fiber on loop 0 says every second that this process lives and reads who else does. What it has read becomes a
 * snapshot, sorted by id, that is given to every loop when it differs from the last one. When nobody can be asked, or
 * what was known is lost, the last one stays for a while: a node that is not there any more refuses its connections,
 * and that is found out by asking it.
 *
 * Rendezvous hashing: each node has a weight for the session's number, the heaviest one is its home. When a node goes,
 * only its own sessions move; when one comes, it takes only what is its. The hash has no key of the process in it,
 * since all replicas must find the same. */
#include "gateway/fleet.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "base/random.h"
#include "gateway/forward.h"
#include "http/client.h"

#define FLEET_MAGIC 0x464c4545u /* "FLEE" */
#define FLEET_ARENA_BYTES (1 << 20)
#define FLEET_SET STR("nodes")
#define FLEET_DOUBT_MS 3000 /* a lost set is whole again after two beats */
#define FLEET_LEAVE_MS 1000 /* to say goodbye; who does not is forgotten a little later */

struct fleet {
	uint32_t magic;
	struct gateway *gateway;
	struct str address; /* the configuration's of the start, which the process keeps */
	struct tls *tls;    /* NULL: plain HTTP */
	struct group group; /* loop 0's */
	bool looking;	    /* under way: who comes meanwhile does without */
	bool failing;	    /* said so already */
	bool joined, left;
	int64_t doubt_until_ms; /* on loop_now(): who is missing may only be late */
};

static uint64_t self;
static pthread_once_t self_once = PTHREAD_ONCE_INIT;

static void self_make(void)
{
	while (self == 0)
		random_bytes(&self, sizeof(self));
}

uint64_t fleet_self(void)
{
	pthread_once(&self_once, self_make);
	return self;
}

/* ---- snapshots ----------------------------------------------------------------------- */

static int compare_nodes(const void *a, const void *b)
{
	const struct fleet_node *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

struct fleet_nodes *fleet_nodes_new(const struct state_member *members, size_t count, struct str own_address)
{
	size_t bytes = own_address.n;
	struct fleet_nodes *nodes;
	char *text;

	for (size_t i = 0; i < count; i++)
		bytes += members[i].words.n;
	nodes = calloc(1, sizeof(*nodes) + (count + 1) * sizeof(nodes->node[0]) + bytes);
	CHECK(nodes != NULL);
	atomic_init(&nodes->refs, 1);
	text = (char *)&nodes->node[count + 1];
	for (size_t i = 0; i <= count; i++) {
		const struct state_member own = {.id = fleet_self(), .words = own_address};
		const struct state_member *member = i == count ? &own : &members[i];

		if ((i < count && member->id == own.id) || member->id == 0 || member->words.n == 0)
			continue;
		memcpy(text, member->words.p, member->words.n);
		nodes->node[nodes->count++] = (struct fleet_node){.id = member->id, .address = {text, member->words.n}};
		text += member->words.n;
	}
	qsort(nodes->node, nodes->count, sizeof(nodes->node[0]), compare_nodes);
	return nodes;
}

struct fleet_nodes *fleet_nodes_ref(struct fleet_nodes *nodes)
{
	atomic_fetch_add_explicit(&nodes->refs, 1, memory_order_relaxed);
	return nodes;
}

void fleet_nodes_unref(struct fleet_nodes *nodes)
{
	if (nodes != NULL && atomic_fetch_sub_explicit(&nodes->refs, 1, memory_order_acq_rel) == 1)
		free(nodes);
}

static bool same_nodes(const struct fleet_nodes *a, const struct fleet_nodes *b)
{
	if (a == NULL || a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->node[i].id != b->node[i].id || !str_eq(a->node[i].address, b->node[i].address))
			return false;
	return true;
}

const struct fleet_node *fleet_find(const struct fleet_nodes *nodes, uint64_t id)
{
	const struct fleet_node wanted = {.id = id};

	return bsearch(&wanted, nodes->node, nodes->count, sizeof(wanted), compare_nodes);
}

/* ---- where a request belongs ----------------------------------------------------------- */

static bool is_gone(const struct fleet_wish *wish, uint64_t id)
{
	for (size_t i = 0; i < wish->gone_count; i++)
		if (wish->gone[i] == id)
			return true;
	return false;
}

/* FNV-1a of the number, begun with the node, and stirred: near inputs must have far weights. */
static uint64_t weight(uint64_t id, struct str number)
{
	uint64_t h = id ^ 0xcbf29ce484222325;

	for (size_t i = 0; i < number.n; i++)
		h = (h ^ (uint8_t)number.p[i]) * 0x100000001b3;
	h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9;
	h = (h ^ h >> 27) * 0x94d049bb133111eb;
	return h ^ h >> 31;
}

static const struct fleet_node *heaviest(const struct fleet_nodes *nodes, const struct fleet_wish *wish)
{
	const struct fleet_node *best = NULL;
	uint64_t most = 0;

	for (size_t i = 0; i < nodes->count; i++) {
		uint64_t w = weight(nodes->node[i].id, wish->number);

		if (is_gone(wish, nodes->node[i].id) || (best != NULL && w <= most))
			continue;
		best = &nodes->node[i];
		most = w;
	}
	return best;
}

static const struct fleet_node *living(const struct fleet_nodes *nodes, const struct fleet_wish *wish, uint64_t id)
{
	return id == 0 || is_gone(wish, id) ? NULL : fleet_find(nodes, id);
}

enum fleet_place fleet_home_of(const struct fleet_nodes *nodes, const struct fleet_wish *wish,
			       const struct fleet_node **ret_node)
{
	const struct fleet_node *node = living(nodes, wish, wish->thing);

	if (node == NULL)
		node = living(nodes, wish, wish->session);
	if (node == NULL && wish->number.p != NULL)
		node = heaviest(nodes, wish);
	if (node == NULL)
		return wish->thing == 0 && wish->session == 0 ? FLEET_HERE : FLEET_LOST;
	if (node->id == fleet_self())
		return FLEET_HERE;
	*ret_node = node;
	return FLEET_THERE;
}

/* ---- keeping up with the others ---------------------------------------------------------- */

struct delivery {
	struct gateway *gateway;
	struct fleet_nodes *nodes;
};

static enum err deliver_here(void *arg)
{
	const struct delivery *delivery = arg;
	struct gateway_loop *here = gateway_here(delivery->gateway);

	fleet_nodes_unref(here->nodes);
	here->nodes = fleet_nodes_ref(delivery->nodes);
	forward_forget(here);
	return OK;
}

AWAITS static enum err publish(struct fleet *fleet, struct fleet_nodes *nodes)
{
	struct delivery delivery = {fleet->gateway, nodes};

	if (same_nodes(gateway_here(fleet->gateway)->nodes, nodes))
		return OK;
	log_info("fleet.nodes", LOG_INT("count", nodes->count));
	/* This loop last: it is the one that is compared with, should another one have no fiber to spare. */
	for (unsigned i = loop_count(); i-- > 0;)
		TRY(loop_call(loop_at(i), "fleet", deliver_here, &delivery));
	return OK;
}

static bool is_member(const struct state_member *members, size_t count, uint64_t id)
{
	for (size_t i = 0; i < count; i++)
		if (members[i].id == id)
			return true;
	return false;
}

/* The members, and those of the last snapshot that are not among them. */
static struct state_member *with_missing(struct arena *arena, const struct state_member *members, size_t *count,
					 const struct fleet_nodes *before)
{
	struct state_member *all = arena_zalloc(arena, (*count + before->count) * sizeof(*all));
	size_t n = *count;

	if (n > 0)
		memcpy(all, members, n * sizeof(*all));
	for (size_t i = 0; i < before->count; i++)
		if (!is_member(members, *count, before->node[i].id))
			all[n++] = (struct state_member){.id = before->node[i].id, .words = before->node[i].address};
	*count = n;
	return all;
}

AWAITS static enum err look(struct fleet *fleet)
{
	const struct state_member own = {.id = fleet_self(), .words = fleet->address};
	int64_t now_ms = loop_now(loop_self());
	AUTO(arena) *arena = arena_new(FLEET_ARENA_BYTES);
	AUTO(fleet_nodes) *nodes = NULL;
	struct state_member *members;
	size_t count;

	TRY(state_members(fleet->gateway->state, arena, FLEET_SET, &members, &count));
	/* Our own place is gone: the set was lost, with its server or while that could not be reached. Until the others
	 * have had time to come back nobody is taken for dead. */
	if (fleet->joined && !is_member(members, count, own.id))
		fleet->doubt_until_ms = now_ms + FLEET_DOUBT_MS;
	if (now_ms < fleet->doubt_until_ms)
		members = with_missing(arena, members, &count, gateway_here(fleet->gateway)->nodes);
	nodes = fleet_nodes_new(members, count, fleet->address);
	TRY(publish(fleet, nodes));
	if (fleet->left)
		return OK;
	fleet->joined = true;
	return state_join(fleet->gateway->state, FLEET_SET, &own, FLEET_NODE_LIFE_MS);
}

AWAITS static void look_once(struct fleet *fleet)
{
	enum err err;

	if (fleet->looking)
		return;
	fleet->looking = true;
	err = look(fleet);
	fleet->looking = false;
	if (err != OK && err != ERR_CANCELED && !fleet->failing)
		log_warn("fleet.failing", LOG_ERR(err), LOG_CSTR("effect", "the nodes known last are asked on"));
	fleet->failing = err != OK;
}

AWAITS_ENTRY static void keeper_main(void *arg)
{
	struct fleet *fleet = arg;

	while (fiber_sleep(FLEET_BEAT_MS) == OK)
		look_once(fleet);
}

AWAITS static enum err look_there(void *arg)
{
	look_once(arg);
	return OK;
}

AWAITS void fleet_look(struct fleet *fleet)
{
	struct gateway_loop *here = gateway_here(fleet->gateway);
	int64_t now_ms = loop_now(here->loop);

	CHECK_OBJ(fleet, FLEET_MAGIC);
	if (now_ms - here->looked_ms < FLEET_LOOK_MS)
		return;
	here->looked_ms = now_ms;
	(void)!loop_call(loop_at(0), "fleet", look_there, fleet);
}

/* ---- life ------------------------------------------------------------------------------- */

static enum err load_tls(struct fleet *fleet, const struct config *config, struct buf *problem)
{
	const struct tls_client_spec spec = {.ca_file = config->fleet.ca_file.n == 0 ? NULL : config->fleet.ca_file.p};

	/* Strings of a config are NUL-terminated. Others may be at https even if this one is not. */
	return tls_client_new(&spec, problem, &fleet->tls);
}

AWAITS enum err fleet_start(struct gateway *gateway, struct buf *problem, struct fleet **ret_fleet)
{
	const struct config *config = gateway->started_config;
	struct fleet *fleet;
	enum err err;

	*ret_fleet = NULL;
	if (config->fleet.address.n == 0)
		return OK;
	fleet = calloc(1, sizeof(*fleet));
	CHECK(fleet != NULL && loop_index(loop_self()) == 0);
	*fleet = (struct fleet){.magic = FLEET_MAGIC, .gateway = gateway, .address = config->fleet.address};
	group_init(&fleet->group, loop_self());
	err = load_tls(fleet, config, problem);
	if (err == OK) {
		AUTO(fleet_nodes) *alone = fleet_nodes_new(NULL, 0, fleet->address);

		err = publish(fleet, alone);
	}
	if (err == OK)
		err = group_spawn(&fleet->group, "fleet", keeper_main, fleet);
	if (err != OK) {
		tls_unref(fleet->tls);
		free(fleet);
		return err;
	}
	look_once(fleet);
	*ret_fleet = fleet;
	return OK;
}

AWAITS void fleet_leave(struct fleet *fleet)
{
	struct fiber_shield shield;

	if (fleet == NULL)
		return;
	CHECK_OBJ(fleet, FLEET_MAGIC);
	fleet->left = true;
	shield = fiber_shield_begin(FLEET_LEAVE_MS);
	if (state_leave(fleet->gateway->state, FLEET_SET, fleet_self()) != OK)
		log_info("fleet.left_unsaid", LOG_INT("forgotten_in_ms", FLEET_NODE_LIFE_MS));
	fiber_shield_end(shield);
}

AWAITS void fleet_stop(struct fleet *fleet)
{
	if (fleet == NULL)
		return;
	CHECK_OBJ(fleet, FLEET_MAGIC);
	group_cancel(&fleet->group);
	if (group_join(&fleet->group) != OK)
		log_warn("fleet.slow_stop", LOG_BOOL("failing", fleet->failing));
	for (unsigned i = 0; i < loop_count(); i++)
		(void)!loop_call(loop_at(i), "fleet", forward_forget_all, fleet->gateway);
	tls_unref(fleet->tls);
	fleet->magic = 0;
	free(fleet);
}

struct tls *fleet_tls(const struct fleet *fleet)
{
	CHECK_OBJ(fleet, FLEET_MAGIC);
	return fleet->tls;
}
