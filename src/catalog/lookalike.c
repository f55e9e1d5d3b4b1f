/* Tools of different upstreams whose names look alike: one of them may want to be called for the
 * other. Where one name needs letters of another alphabet to look like the other, that one is marked,
 * else both. Equal names are no finding: clients see them with their upstreams in front. */
#include "base/check.h"
#include "base/log.h"
#include "catalog/shelf.h"
#include "catalog/suspicion.h"

#define NAMES_ARENA_BYTES_MAX (1024u * 1024 * 1024)

/* A tool under its look. */
struct seen_name {
	struct catalog_item *item;
	unsigned before; /* its suspicions at the last comparison */
};

static void mark_one(struct catalog_item *item, const struct catalog_item *like)
{
	if ((item->mark.suspicions & SUSPICION(LOOKALIKE)) != 0)
		return;
	item->mark.suspicions |= SUSPICION(LOOKALIKE);
	log_debug("catalog.lookalike", LOG_STR("tool", item->label), LOG_STR("like", like->label));
}

/* What one tenant brought must not hold back what others use. */
static bool has_owner(const struct catalog_item *item)
{
	return upstream_owner(item->upstream).n > 0;
}

static void mark_pair(struct catalog_item *a, struct catalog_item *b)
{
	bool a_poses = (a->mark.suspicions & SUSPICION(MIXED_NAME)) != 0;
	bool b_poses = (b->mark.suspicions & SUSPICION(MIXED_NAME)) != 0;

	if (has_owner(a) != has_owner(b)) {
		mark_one(has_owner(a) ? a : b, has_owner(a) ? b : a);
		return;
	}
	if (a_poses || !b_poses)
		mark_one(a, b);
	if (b_poses || !a_poses)
		mark_one(b, a);
}

/* Whether some caller sees both. */
static bool may_meet(const struct catalog_item *a, const struct catalog_item *b)
{
	struct str owner_a = upstream_owner(a->upstream), owner_b = upstream_owner(b->upstream);

	return owner_a.n == 0 || owner_b.n == 0 || str_eq(owner_a, owner_b);
}

static void compare_one(struct map *by_look, struct arena *arena, struct catalog_item *item)
{
	struct catalog_item *other;
	AUTO_BUF look = {0};

	suspicion_skeleton(item->original, &look);
	other = map_get(by_look, buf_str(&look));
	if (other == NULL)
		map_put(by_look, arena_str(arena, buf_str(&look)), item);
	else if (other->upstream != item->upstream && !str_eq(other->original, item->original) && may_meet(other, item))
		mark_pair(other, item);
}

/* Every tool of all shelves, its old mark noted and taken away. */
static size_t collect(struct shelf *const *shelves, size_t count, struct arena *arena, struct seen_name **ret_names)
{
	size_t names = 0, at = 0, tools;

	for (size_t s = 0; s < count; s++) {
		shelf_tools(shelves[s], &tools);
		names += tools;
	}
	*ret_names = arena_alloc(arena, (names + 1) * sizeof(struct seen_name));
	for (size_t s = 0; s < count; s++) {
		struct catalog_item *items = shelf_tools(shelves[s], &tools);

		for (size_t i = 0; i < tools; i++) {
			(*ret_names)[at++] = (struct seen_name){&items[i], items[i].mark.suspicions};
			items[i].mark.suspicions &= ~SUSPICION(LOOKALIKE);
		}
	}
	return names;
}

void shelves_compare_names(struct shelf *const *shelves, size_t count, bool *ret_changed)
{
	AUTO(arena) *arena = arena_new(NAMES_ARENA_BYTES_MAX);
	struct map by_look = {0};
	struct seen_name *names;
	size_t total = collect(shelves, count, arena, &names), at = 0;

	for (size_t i = 0; i < total; i++)
		compare_one(&by_look, arena, names[i].item);
	for (size_t s = 0; s < count; s++) {
		size_t tools;

		shelf_tools(shelves[s], &tools);
		ret_changed[s] = false;
		for (size_t end = at + tools; at < end; at++)
			ret_changed[s] |= names[at].before != names[at].item->mark.suspicions;
	}
	map_free(&by_look);
}
