/* The list of blocked addresses: prefixes sorted by length and bytes, so that an address is looked up by one binary
 * search for each length that occurs (a list of single IPv4 addresses and some /24: two). A fiber on loop 0 reads the
 * rows when the store's generation has moved and gives each loop its own copy: a request takes no lock for it. */
#include "gateway/blocklist.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"

#define FOLLOWER_MAGIC 0x424c4b46u /* "BLKF" */
#define ROWS_ARENA_BYTES (16 * 1024 * 1024)
#define LENGTHS 129

struct entry {
	struct prefix prefix;
	int64_t until_ms;
};

struct blocklist {
	size_t first[LENGTHS + 1]; /* by length: where its entries begin */
	struct entry entries[];
};

struct block_follower {
	uint32_t magic;
	struct gateway *gateway;
	struct group group; /* loop 0's */
	int64_t generation; /* when the rows were last read; -1 never */
	bool failing;	    /* said so already */
};

static int compare(const void *a, const void *b)
{
	const struct prefix *x = &((const struct entry *)a)->prefix, *y = &((const struct entry *)b)->prefix;

	return x->bits != y->bits ? (x->bits > y->bits) - (x->bits < y->bits)
				  : memcmp(x->bytes, y->bytes, sizeof(x->bytes));
}

struct blocklist *blocklist_new(const struct blocked *rows, size_t count)
{
	struct blocklist *list = calloc(1, sizeof(*list) + count * sizeof(list->entries[0]));
	size_t kept = 0;

	CHECK(list != NULL);
	for (size_t i = 0; i < count; i++) {
		struct entry *entry = &list->entries[kept];

		entry->until_ms = rows[i].until_ms;
		if (prefix_parse(rows[i].prefix, &entry->prefix) != OK)
			continue;
		prefix_cut(&entry->prefix);
		kept++;
	}
	if (kept == 0) {
		free(list);
		return NULL;
	}
	qsort(list->entries, kept, sizeof(list->entries[0]), compare);
	for (size_t i = 0; i < kept; i++)
		list->first[list->entries[i].prefix.bits + 1] = i + 1;
	for (size_t bits = 1; bits <= LENGTHS; bits++)
		if (list->first[bits] == 0)
			list->first[bits] = list->first[bits - 1];
	return list;
}

void blocklist_free(struct blocklist *list)
{
	free(list);
}

static const struct entry *find(const struct blocklist *list, const struct prefix *whole, uint8_t bits)
{
	struct entry wanted = {.prefix = *whole};
	size_t from = list->first[bits], count = list->first[bits + 1] - from;

	if (count == 0)
		return NULL;
	wanted.prefix.bits = bits;
	prefix_cut(&wanted.prefix);
	return bsearch(&wanted, &list->entries[from], count, sizeof(wanted), compare);
}

bool blocklist_has(const struct blocklist *list, const struct address *address, int64_t now_ms, int64_t *ret_left_ms)
{
	struct prefix whole;

	if (list == NULL || !prefix_of(address, &whole))
		return false;
	for (unsigned bits = 0; bits < LENGTHS; bits++) {
		const struct entry *entry = find(list, &whole, (uint8_t)bits);

		if (entry == NULL || (entry->until_ms != 0 && entry->until_ms <= now_ms))
			continue;
		*ret_left_ms = entry->until_ms == 0 ? 0 : entry->until_ms - now_ms;
		return true;
	}
	return false;
}

/* ---- following the rows -------------------------------------------------------------- */

struct delivery {
	struct gateway *gateway;
	const struct blocked *rows;
	size_t count;
};

static enum err deliver_here(void *arg)
{
	const struct delivery *delivery = arg;
	struct gateway_loop *here = gateway_here(delivery->gateway);

	blocklist_free(here->blocked);
	here->blocked = blocklist_new(delivery->rows, delivery->count);
	return OK;
}

AWAITS static enum err look(struct block_follower *follower)
{
	/* Read before the rows: what changes in between is looked at once more. */
	int64_t generation = identity_generation(follower->gateway->identity);
	struct delivery delivery = {.gateway = follower->gateway};
	struct blocked *rows;

	if (generation == follower->generation)
		return OK;
	AUTO(arena) *arena = arena_new(ROWS_ARENA_BYTES);

	TRY(blocked_list(follower->gateway->db, arena, STR(""), BLOCKED_MAX + 64, &rows, &delivery.count));
	delivery.rows = rows;
	for (unsigned i = 0; i < loop_count(); i++)
		TRY(loop_call(loop_at(i), "blocked", deliver_here, &delivery));
	follower->generation = generation;
	return OK;
}

static AWAITS void follower_main(void *arg)
{
	struct block_follower *follower = arg;
	int64_t seen = follower->generation;

	while (identity_await(follower->gateway->identity, seen) == OK) {
		enum err err;

		seen = identity_generation(follower->gateway->identity);
		err = look(follower);

		if (err == ERR_CANCELED)
			break;
		if (err != OK && !follower->failing)
			log_error("blocked.failing", LOG_ERR(err));
		follower->failing = err != OK;
	}
}

AWAITS enum err blocklist_start(struct gateway *gateway, struct block_follower **ret_follower)
{
	struct block_follower *follower = calloc(1, sizeof(*follower));
	enum err err;

	CHECK(follower != NULL && loop_index(loop_self()) == 0);
	*follower = (struct block_follower){.magic = FOLLOWER_MAGIC, .gateway = gateway, .generation = -1};
	group_init(&follower->group, loop_self());
	err = look(follower); /* who was blocked before a restart is so at once */
	if (err == OK)
		err = group_spawn(&follower->group, "blocked", follower_main, follower);
	if (err != OK) {
		free(follower);
		return err;
	}
	*ret_follower = follower;
	return OK;
}

AWAITS void blocklist_stop(struct block_follower *follower)
{
	if (follower == NULL)
		return;
	CHECK_OBJ(follower, FOLLOWER_MAGIC);
	group_cancel(&follower->group);
	if (group_join(&follower->group) != OK)
		log_warn("blocked.slow_stop", LOG_BOOL("failing", follower->failing));
	follower->magic = 0;
	free(follower);
}
