/* Single flight: one piece of work under a key at a time on a loop, however many ask for it.
 * The work runs as a fiber of its own, so that it ends whoever leaves; REQUEST_TIMEOUT_MS bounds
 * it, since no caller's deadline does. */
#include <stdlib.h>

#include "base/check.h"
#include "rt/loop_private.h"

struct flight {
	struct loop *loop;
	struct str key; /* behind the struct */
	enum err (*work)(void *arg);
	void *arg;
	void (*release)(void *arg);
	struct list waiters;
	char bytes[];
};

AWAITS static void flight_main(void *arg)
{
	struct flight *flight = arg;
	enum err err = flight->work(flight->arg);
	struct list *link;

	/* Gone before the callers run: who asks from now on starts a new one. */
	CHECK(map_remove(&flight->loop->flights, flight->key) == flight);
	while ((link = list_pop(&flight->waiters)) != NULL)
		wait_done(LIST_OBJ(link, struct wait, link), err);
	if (flight->release != NULL)
		flight->release(flight->arg);
	free(flight);
}

static enum err flight_start(struct flight *flight)
{
	int64_t deadline_ms = loop_now(flight->loop) + REQUEST_TIMEOUT_MS;

	TRY(fiber_spawn(flight->loop, "flight", flight_main, flight, deadline_ms, NULL));
	CHECK(map_put(&flight->loop->flights, flight->key, flight) == NULL);
	return OK;
}

static struct flight *flight_new(struct str key, enum err (*work)(void *arg), void *arg, void (*release)(void *arg))
{
	struct flight *flight = malloc(sizeof(*flight) + key.n);

	CHECK(flight != NULL);
	*flight = (struct flight){.loop = loop_current, .work = work, .arg = arg, .release = release};
	if (key.n > 0)
		memcpy(flight->bytes, key.p, key.n);
	flight->key = (struct str){flight->bytes, key.n};
	list_init(&flight->waiters);
	return flight;
}

static bool forget_caller(void *arg)
{
	struct wait *wait = arg;

	list_remove(&wait->link);
	return true;
}

/* `arg` is taken over: it is released after the work, or at once when it is not needed. */
static enum err flight_find(struct str key, enum err (*work)(void *arg), void *arg, void (*release)(void *arg),
			    struct flight **ret_flight)
{
	struct flight *flight = map_get(&loop_current->flights, key);
	enum err err = OK;

	if (flight == NULL) {
		flight = flight_new(key, work, arg, release);
		err = flight_start(flight);
		if (err == OK)
			release = NULL;
		else
			free(flight);
	}
	if (release != NULL)
		release(arg);
	if (err == OK)
		*ret_flight = flight;
	return err;
}

AWAITS enum err flight_join(struct str key, enum err (*work)(void *arg), void *arg, void (*release)(void *arg))
{
	struct wait wait = WAIT_INIT;
	struct flight *flight;
	enum err err = fiber_status();

	if (err != OK) {
		if (release != NULL)
			release(arg);
		return err;
	}
	TRY(flight_find(key, work, arg, release, &flight));
	list_add_tail(&flight->waiters, &wait.link);
	return wait_for(&wait, forget_caller, &wait);
}

enum err flight_begin(struct str key, enum err (*work)(void *arg), void *arg, void (*release)(void *arg))
{
	struct flight *flight;

	return flight_find(key, work, arg, release, &flight);
}
