/* Sleep that a change ends. The poller naps between two polls and is woken when somebody asks it to look; fibers that
 * follow the store nap until the poller has seen a change. All of them live on loop 0; who asks may be anywhere. */
#include "base/check.h"
#include "identity/identity_private.h"

#define LOOK_MS 5 /* before a look that was asked for: what others ask meanwhile is the same look */
#define DRAIN_MS 5000

struct nap {
	struct wait wait;
	struct timer timer;
};

static void nap_over(struct timer *timer)
{
	struct nap *nap = CONTAINER_OF(timer, struct nap, timer);

	list_remove(&nap->wait.link);
	wait_done(&nap->wait, OK);
}

static bool leave(void *arg)
{
	list_remove(&((struct nap *)arg)->wait.link);
	return true;
}

/*   list       of who is woken together; NULL: the caller knows how */
AWAITS static enum err nap_for(struct nap *nap, struct list *list, int64_t ms)
{
	enum err err;

	nap->wait = WAIT_INIT;
	list_init(&nap->wait.link);
	if (list != NULL)
		list_add_tail(list, &nap->wait.link);
	timer_set(loop_self(), &nap->timer, ms, nap_over);
	err = wait_for(&nap->wait, leave, nap);
	timer_stop(&nap->timer);
	return err;
}

static void wake(struct nap *nap)
{
	timer_stop(&nap->timer);
	wait_done(&nap->wait, OK);
}

/* ---- the poller ------------------------------------------------------------------ */

static void look_arrived(struct task *task)
{
	struct identity *identity = CONTAINER_OF(task, struct identity, look);
	struct nap *nap = identity->napping;

	atomic_store(&identity->look_posted, false);
	identity->look_asked = true;
	identity->napping = NULL;
	if (nap != NULL && !nap->wait.done) /* else its time has just come */
		wake(nap);
}

void identity_look(struct identity *identity)
{
	CHECK_OBJ(identity, IDENTITY_MAGIC);
	if (!atomic_exchange(&identity->look_posted, true))
		loop_post(loop_at(0), &identity->look);
}

AWAITS enum err nap_until_poll(struct identity *identity)
{
	struct nap nap = {0};
	enum err err = OK;

	if (!identity->look_asked) {
		identity->napping = &nap;
		err = nap_for(&nap, NULL, IDENTITY_POLL_MS);
		identity->napping = NULL;
	}
	if (err == OK && identity->look_asked)
		err = fiber_sleep(LOOK_MS);
	identity->look_asked = false;
	return err;
}

void naps_init(struct identity *identity)
{
	list_init(&identity->sleepers);
	identity->look.run = look_arrived;
}

/* A task that is on its way cannot be called back. */
AWAITS void naps_drain(struct identity *identity)
{
	struct fiber_shield shield = fiber_shield_begin(DRAIN_MS);

	CHECK(list_empty(&identity->sleepers));
	while (atomic_load(&identity->look_posted))
		CHECK(fiber_yield() == OK);
	fiber_shield_end(shield);
}

/* ---- who follows ----------------------------------------------------------------- */

void naps_end(struct identity *identity)
{
	struct list *link;

	while ((link = list_pop(&identity->sleepers)) != NULL)
		wake(LIST_OBJ(link, struct nap, wait.link));
}

AWAITS enum err identity_await(struct identity *identity, int64_t seen)
{
	struct nap nap = {0};

	CHECK_OBJ(identity, IDENTITY_MAGIC);
	if (identity_generation(identity) != seen)
		return fiber_yield();
	return nap_for(&nap, &identity->sleepers, IDENTITY_POLL_MS);
}
