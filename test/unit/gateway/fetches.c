/* Fetches: one leads, all others hear what became of it, on whichever loop they wait; a waiter may leave, or wait too
 * long. */
#include "../unit.h"

#include "base/clock.h"
#include "gateway/fetches.h"

#define WAIT_MS 20000 /* never reached: the machine may be busy */

struct wish {
	struct fetches *fetches;
	struct group group;
	int64_t wait_ms;
	bool asked, leads;
	enum fetch_end end;
	enum err err;
};

static AWAITS void want(void *arg)
{
	struct wish *wish = arg;
	struct shared_fetch fetch = {.key = STR("k")};

	wish->asked = true;
	wish->err = fetches_join(wish->fetches, &fetch, wish->wait_ms, &wish->leads, &wish->end);
	if (wish->err == OK && wish->leads)
		fetches_end(wish->fetches, &fetch, FETCH_KEPT);
}

/* Runs on the other loop. */
static AWAITS enum err want_there(void *arg)
{
	want(arg);
	return OK;
}

static AWAITS void call_there(void *arg)
{
	ck_ok(loop_call(loop_at(1), "want", want_there, arg));
}

AWAITS static void lead(struct fetches *fetches, struct shared_fetch *fetch)
{
	enum fetch_end end;
	bool leads = false;

	ck_ok(fetches_join(fetches, fetch, WAIT_MS, &leads, &end));
	ck_assert(leads);
}

static AWAITS void together_body(void *arg)
{
	struct fetches *fetches = fetches_new();
	struct wish wishes[6];
	struct shared_fetch fetch = {.key = STR("k")}, other = {.key = STR("other")};
	struct group group;

	lead(fetches, &fetch);
	lead(fetches, &other); /* another key is nobody's */
	group_init(&group, loop_self());
	for (size_t i = 0; i < ARRAY_LEN(wishes); i++) {
		wishes[i] = (struct wish){.fetches = fetches, .wait_ms = WAIT_MS};
		ck_ok(group_spawn(&group, "want", i % 2 == 0 ? want : call_there, &wishes[i]));
	}
	for (size_t i = 0; i < ARRAY_LEN(wishes); i++)
		while (!*(volatile bool *)&wishes[i].asked)
			ck_ok(fiber_sleep(1));
	ck_ok(fiber_sleep(20)); /* a late one would lead, and find the same end */
	fetches_end(fetches, &fetch, FETCH_PRIVATE);
	ck_ok(group_join(&group));
	for (size_t i = 0; i < ARRAY_LEN(wishes); i++) {
		ck_ok(wishes[i].err);
		ck_assert(!wishes[i].leads);
		ck_assert_int_eq(wishes[i].end, FETCH_PRIVATE);
	}
	fetches_end(fetches, &other, FETCH_LEFT);
	lead(fetches, &fetch); /* anew */
	fetches_end(fetches, &fetch, FETCH_KEPT);
	fetches_free(fetches);
}

START_TEST(all_hear_the_leader)
{
	ck_ok(rt_run(2, together_body, NULL));
}
END_TEST

static AWAITS void leave_body(void *arg)
{
	struct fetches *fetches = fetches_new();
	struct wish gone = {.fetches = fetches, .wait_ms = WAIT_MS}, late = {.fetches = fetches, .wait_ms = 1};
	struct shared_fetch fetch = {.key = STR("k")};
	struct group group;

	lead(fetches, &fetch);
	group_init(&group, loop_self());
	ck_ok(group_spawn(&group, "gone", want, &gone));
	while (!gone.asked)
		ck_ok(fiber_yield());
	group_cancel(&group);
	ck_ok(group_join(&group));
	ck_err(gone.err, ERR_CANCELED);
	want(&late);
	ck_err(late.err, ERR_BUSY);
	fetches_end(fetches, &fetch, FETCH_KEPT); /* nobody is in its list */
	fetches_free(fetches);
}

START_TEST(who_waits_may_leave)
{
	ck_ok(rt_run(1, leave_body, NULL));
}
END_TEST

UNIT_MAIN("fetches", all_hear_the_leader, who_waits_may_leave)
