/* The part of assembling that is about trust: tools are compared with their pins (pins.c) and with each
 * other's names before a catalog is built from them. */
#include <stdlib.h>

#include "base/check.h"
#include "gateway/assembly.h"
#include "gateway/assembly_private.h"
#include "gateway/pins.h"

struct names_work {
	struct shelf **shelves;
	bool *changed;
	size_t count;
};

static enum err compare_names(void *arg)
{
	struct names_work *work = arg;

	shelves_compare_names(work->shelves, work->count, work->changed);
	return OK;
}

static struct member *member_of_shelf(struct assembly *assembly, const struct shelf *shelf)
{
	for (size_t i = 0; i < assembly->count; i++)
		if (assembly->members[i].shelf == shelf)
			return &assembly->members[i];
	return NULL;
}

/* A new shelf may make another one's tool a lookalike. */
AWAITS static enum err find_lookalikes(struct assembly *assembly)
{
	struct names_work work = {.shelves = calloc(assembly->count + 1, sizeof(struct shelf *)),
				  .changed = calloc(assembly->count + 1, sizeof(bool))};
	enum err err;

	CHECK(work.shelves != NULL && work.changed != NULL);
	for (size_t i = 0; i < assembly->count; i++)
		if (assembly->members[i].shelf != NULL)
			work.shelves[work.count++] = shelf_ref(assembly->members[i].shelf);
	err = work_run(compare_names, &work);
	for (size_t i = 0; i < work.count; i++) {
		struct member *member = member_of_shelf(assembly, work.shelves[i]);

		if (member != NULL && err == OK)
			member->unjudged |= work.changed[i];
		shelf_unref(work.shelves[i]);
	}
	free(work.shelves);
	free(work.changed);
	return err;
}

static size_t first_unjudged(const struct assembly *assembly)
{
	size_t i = 0;

	while (i < assembly->count && !(assembly->members[i].unjudged && assembly->members[i].shelf != NULL))
		i++;
	return i;
}

AWAITS enum err assembly_judge(struct assembly *assembly)
{
	size_t i = first_unjudged(assembly);

	if (i == assembly->count)
		return OK;
	TRY(find_lookalikes(assembly));
	while ((i = first_unjudged(assembly)) < assembly->count) {
		struct shelf *shelf = shelf_ref(assembly->members[i].shelf);
		struct member *member;
		enum err err;

		assembly->members[i].unjudged = false;
		/* The members stand in the order of the config. */
		err = pins_judge(assembly->gateway->db, shelf, assembly->config->upstreams[i].pin);
		member = member_of_shelf(assembly, shelf);
		if (member != NULL && err != OK)
			member->unjudged = true;
		shelf_unref(shelf);
		TRY(err);
	}
	return OK;
}

struct review {
	struct assembly *assembly;
	struct str upstream;
};

AWAITS static enum err review_on_first_loop(void *arg)
{
	const struct review *review = arg;
	struct assembly *assembly = review->assembly;
	int64_t until_ms = loop_now(loop_self()) + CATALOG_WAIT_MS;
	uint64_t mine = ++assembly->asked;

	for (size_t i = 0; i < assembly->count; i++)
		if (str_eq(upstream_name(assembly->members[i].upstream), review->upstream))
			assembly->members[i].unjudged = true;
	assembly_wake(assembly);
	while (assembly->judged < mine && !assembly->stopping) {
		if (loop_now(loop_self()) > until_ms)
			return ERR_TIMEOUT;
		TRY(fiber_sleep(BURST_MS));
	}
	return OK;
}

AWAITS enum err assembly_review(struct assembly *assembly, struct str upstream)
{
	struct review review = {assembly, upstream};

	return loop_call(loop_at(0), "review", review_on_first_loop, &review);
}
