/* Offers: what an upstream said it has, in one arena. The keeper fills one while it reads the
 * lists (lists.c); once published nobody changes it any more, and it lives as long as anybody
 * holds a reference. What clients see of it is the catalog's business. */
#include "base/check.h"
#include "upstream/lists.h"

#define OFFER_BYTES_MAX (256u * 1024 * 1024) /* four lists of large answers; what is over is refused */

static struct str copy_of(struct arena *arena, struct str s)
{
	return s.p == NULL ? STR_NONE : arena_str(arena, s);
}

struct offer *offer_new(const struct hello *hello)
{
	struct arena *arena = arena_new(OFFER_BYTES_MAX);
	struct offer *offer = ARENA_NEW(arena, struct offer);

	offer->magic = OFFER_MAGIC;
	atomic_init(&offer->refs, 1);
	offer->arena = arena;
	offer->revision = hello->revision;
	offer->server_info = copy_of(arena, hello->server_info);
	offer->instructions = copy_of(arena, hello->instructions);
	offer->capabilities = copy_of(arena, hello->capabilities);
	offer->completions = hello->completions;
	offer->logging = hello->logging;
	offer->subscribe = hello->subscribe;
	offer->extensions = hello->extensions;
	return offer;
}

static bool same_text(struct str a, struct str b)
{
	return (a.p == NULL) == (b.p == NULL) && str_eq(a, b);
}

bool offer_same(const struct offer *a, const struct offer *b)
{
	if (a->revision != b->revision || !same_text(a->server_info, b->server_info) ||
	    !same_text(a->instructions, b->instructions) || !same_text(a->capabilities, b->capabilities))
		return false;
	for (enum offer_kind kind = 0; kind < OFFER_KINDS; kind++) {
		if (a->list[kind].count != b->list[kind].count)
			return false;
		for (size_t i = 0; i < a->list[kind].count; i++)
			if (!str_eq(a->list[kind].items[i].json, b->list[kind].items[i].json))
				return false;
	}
	return true;
}

struct offer *offer_ref(struct offer *offer)
{
	CHECK_OBJ(offer, OFFER_MAGIC);
	atomic_fetch_add_explicit(&offer->refs, 1, memory_order_relaxed);
	return offer;
}

void offer_unref(struct offer *offer)
{
	if (offer == NULL)
		return;
	CHECK_OBJ(offer, OFFER_MAGIC);
	if (atomic_fetch_sub_explicit(&offer->refs, 1, memory_order_acq_rel) != 1)
		return;
	offer->magic = 0;
	arena_free(offer->arena);
}
