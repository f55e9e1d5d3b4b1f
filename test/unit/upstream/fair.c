/* Places and lines: who gets the next place, and what becomes of those for whom there is no room. */
#include "../rt/runtime.h"

#include "base/random.h"
#include "upstream/fair.h"

#define CALLS_MAX 512
#define TENANTS 6
#define INTERVAL_MS 60 /* of standing queues */
#define TARGET_MS 40

struct scene {
	struct fair fair;
	char order[CALLS_MAX]; /* the tenants that got places, as they got them */
	size_t served;
	size_t served_of[TENANTS];
	struct call {
		struct scene *scene;
		struct wait go;
		struct fiber *fiber;
		enum err got;
		char tenant;
		unsigned weight, rank;
		int64_t target_ms;
		bool inside, over;
	} call[CALLS_MAX];
	size_t calls;
};

static struct scene scene; /* too large for a stack */

static void scene_begin(struct fair_bounds bounds)
{
	scene = (struct scene){0};
	fair_init(&scene.fair, &bounds);
}

AWAITS static void turns(int n)
{
	while (n-- > 0)
		ck_ok(fiber_yield());
}

AWAITS static void call_main(void *arg)
{
	struct call *call = arg;
	struct fair_caller caller = {{&call->tenant, 1}, {call->weight, call->rank, call->target_ms, INTERVAL_MS}};

	call->got = fair_enter(&scene.fair, &caller);
	if (call->got == OK) {
		scene.order[scene.served++] = call->tenant;
		scene.served_of[call->tenant - 'a']++;
		call->inside = true;
		(void)(wait_for(&call->go, NULL, NULL) == OK); /* canceled or not, it stays until then */
		call->inside = false;
		fair_leave(&scene.fair);
	}
	call->over = true;
}

/* One more call of a tenant, which has its place or waits when this returns. */
AWAITS static struct call *arrive_weighing(char tenant, unsigned weight)
{
	struct call *call = &scene.call[scene.calls++];

	ck_assert_uint_le(scene.calls, CALLS_MAX);
	*call = (struct call){.scene = &scene, .tenant = tenant, .weight = weight};
	ck_ok(fiber_spawn(loop_self(), "call", call_main, call, 0, &call->fiber));
	turns(2);
	return call;
}

AWAITS static struct call *arrive(char tenant)
{
	return arrive_weighing(tenant, 1);
}

/* The call that has its place for the longest time ends; false: none has one. */
AWAITS static bool finish_one(void)
{
	for (size_t i = 0; i < scene.calls; i++) {
		if (!scene.call[i].inside)
			continue;
		wait_done(&scene.call[i].go, OK);
		turns(3);
		return true;
	}
	return false;
}

AWAITS static void scene_end(size_t places)
{
	while (finish_one())
		;
	ck_assert_uint_eq(scene.fair.free, places);
	ck_assert_uint_eq(scene.fair.queued, 0);
	ck_assert_uint_eq(scene.fair.lines.used, 0);
	fair_end(&scene.fair);
}

/* What waits behind a crowd of one tenant is served in one place's time. */
AWAITS static void modest_body(void *arg)
{
	scene_begin((struct fair_bounds){.places = 2, .queue_max = 300});
	for (int i = 0; i < 200; i++)
		(void)arrive('a');
	ck_assert_uint_eq(scene.fair.queued, 198);
	for (int round = 0; round < 20; round++) {
		size_t before = scene.served;

		(void)arrive('b');
		ck_assert(finish_one());
		ck_assert(finish_one());
		/* The crowd's line is new as well in the first round. */
		ck_assert_int_eq(scene.order[round == 0 ? before + 1 : before], 'b');
		ck_assert(finish_one());
	}
	ck_assert_uint_eq(scene.served_of[1], 20);
	scene_end(2);
}

START_TEST(one_call_does_not_wait_behind_a_crowd)
{
	run(1, modest_body);
}
END_TEST

/* Who always waits gets its weight's share within one turn, whatever the others do. */
AWAITS static void shares_body(void *arg)
{
	static const unsigned weight[] = {1, 2, 4};

	scene_begin((struct fair_bounds){.places = 1, .queue_max = 400});
	(void)arrive('f');
	for (int i = 0; i < 60; i++)
		for (size_t t = 0; t < ARRAY_LEN(weight); t++)
			(void)arrive_weighing((char)('a' + t), weight[t]);
	for (int i = 1; i <= 98; i++) {
		ck_assert(finish_one());
		for (size_t t = 0; t < ARRAY_LEN(weight); t++)
			ck_assert_int_le(abs((int)scene.served_of[t] * 7 - i * (int)weight[t]), 7 * (int)weight[t]);
	}
	scene_end(1);
}

START_TEST(weights_share_the_places)
{
	run(1, shares_body);
}
END_TEST

/* Coming and going wins nothing: a tenant that always has just one call waiting has no more than its share. */
AWAITS static void comer_body(void *arg)
{
	struct call *comer = NULL;

	scene_begin((struct fair_bounds){.places = 1, .queue_max = 400});
	for (int i = 0; i < 60; i++)
		for (char tenant = 'a'; tenant < 'd'; tenant++)
			(void)arrive(tenant);
	for (int i = 0; i < 120; i++) {
		if (comer == NULL || comer->inside || comer->over)
			comer = arrive('d');
		ck_assert(finish_one());
	}
	ck_assert_uint_ge(scene.served_of[3], 29);
	ck_assert_uint_le(scene.served_of[3], 32);
	for (int t = 0; t < 3; t++)
		ck_assert_uint_ge(scene.served_of[t], 28);
	scene_end(1);
}

START_TEST(coming_and_going_wins_nothing)
{
	run(1, comer_body);
}
END_TEST

AWAITS static void bounds_body(void *arg)
{
	struct call *last, *refused;

	scene_begin((struct fair_bounds){.places = 1, .queue_max = 6, .line_max = 5});
	(void)arrive('a');
	for (int i = 0; i < 5; i++)
		last = arrive('a');
	refused = arrive('a');
	ck_assert(refused->over);
	ck_err(refused->got, ERR_QUEUE_TENANT);
	(void)arrive('b');
	ck_assert_uint_eq(scene.fair.queued, 6);
	/* Full. Who has fewer takes the room of the longest line's last; who has as many is refused. */
	(void)arrive('c');
	ck_assert(last->over);
	ck_err(last->got, ERR_QUEUE_TENANT);
	(void)arrive('b');
	(void)arrive('c');
	ck_assert_uint_eq(scene.fair.queued, 6);
	refused = arrive('b');
	ck_err(refused->got, ERR_QUEUE_FULL);
	refused = arrive('a');
	ck_err(refused->got, ERR_QUEUE_FULL);
	(void)arrive('d');
	ck_assert_uint_eq(atomic_load(&scene.fair.counts.lines), 4);
	ck_assert_uint_eq(atomic_load(&scene.fair.counts.refused), 7);
	ck_assert_uint_eq(scene.fair.queued, 6);
	scene_end(1);
	ck_assert_uint_eq(atomic_load(&scene.fair.counts.waits), 6);
}

START_TEST(lines_and_the_queue_are_bounded)
{
	run(1, bounds_body);
}
END_TEST

AWAITS static void leaving_body(void *arg)
{
	struct call *late, *gone;

	scene_begin((struct fair_bounds){.places = 1, .queue_max = 8, .wait_ms = 40});
	(void)arrive('a');
	gone = arrive('b');
	late = arrive('b');
	fiber_cancel(gone->fiber);
	turns(2);
	ck_err(gone->got, ERR_CANCELED);
	while (!late->over)
		ck_ok(fiber_sleep(20));
	ck_err(late->got, ERR_QUEUE_TIMEOUT);
	ck_assert_uint_eq(scene.fair.lines.used, 0);
	/* A place that was handed over to somebody who is canceled in the same moment is not lost. */
	gone = arrive('c');
	wait_done(&scene.call[0].go, OK);
	fiber_cancel(gone->fiber);
	turns(4);
	scene_end(1);
}

START_TEST(who_waits_may_leave)
{
	run(1, leaving_body);
}
END_TEST

/* Anything in any order: no place is lost, none is given twice, and at the end nobody waits. */
AWAITS static void storm_body(void *arg)
{
	uint64_t random = (uintptr_t)arg * 0x9e3779b97f4a7c15ull + 1;

	scene_begin((struct fair_bounds){.places = 3, .queue_max = 12, .line_max = 7});
	for (int step = 0; step < 900; step++) {
		size_t inside = 0;

		random = random * 6364136223846793005ull + 1442695040888963407ull;
		if (scene.calls < CALLS_MAX && (random >> 40) % 5 < 3)
			(void)arrive_weighing((char)('a' + (random >> 33) % TENANTS), 1 + (random >> 50) % 3);
		else if ((random >> 40) % 5 == 3 && scene.calls > 0 && !scene.call[scene.calls - 1].over &&
			 !scene.call[scene.calls - 1].inside)
			fiber_cancel(scene.call[scene.calls - 1].fiber);
		else
			(void)finish_one();
		turns(1);
		for (size_t i = 0; i < scene.calls; i++)
			inside += scene.call[i].inside;
		ck_assert_uint_le(scene.fair.queued, 12);
		ck_assert_uint_le(scene.fair.lines.used, TENANTS);
		ck_assert_uint_eq(inside + scene.fair.free, 3);
		ck_assert(scene.fair.free == 0 || scene.fair.queued == 0);
	}
	scene_end(3);
}

START_TEST(no_place_is_lost)
{
	run(1, storm_body);
}
END_TEST

/* One more call that says how long it would wait. */
AWAITS static struct call *arrive_patient(char tenant, unsigned rank)
{
	struct call *call = &scene.call[scene.calls++];

	ck_assert_uint_le(scene.calls, CALLS_MAX);
	*call = (struct call){.scene = &scene, .tenant = tenant, .rank = rank, .target_ms = TARGET_MS};
	ck_ok(fiber_spawn(loop_self(), "call", call_main, call, 0, &call->fiber));
	turns(2);
	return call;
}

/* The only place changes hands every 100 ms, so that who stands behind one call waits longer than the target. */
AWAITS static void serve_slowly(int calls)
{
	while (calls-- > 0) {
		ck_ok(fiber_sleep(100));
		ck_assert(finish_one());
	}
}

/* Tenants keep each other waiting: the lowest rank is turned away first, then the next one; what goes on with a call
 * never is, nor is who finds a free place; and when nobody has to wait any more, everybody may. */
AWAITS static void ranks_body(void *arg)
{
	struct call *low;

	scene_begin((struct fair_bounds){.name = STR("fx"), .places = 1, .queue_max = 100});
	(void)arrive_patient('a', RANK_HIGH);
	for (char tenant = 'b'; tenant < 'f'; tenant++)
		(void)arrive_patient(tenant, RANK_HIGH);
	serve_slowly(1);
	ck_assert_uint_eq(scene.fair.codel.level, 0); /* one long wait is a burst */
	serve_slowly(1);
	ck_assert_uint_eq(fair_level(&scene.fair), 1);
	low = arrive_patient('f', RANK_LOW);
	ck_assert(low->over);
	ck_err(low->got, ERR_SHED);
	ck_assert(!arrive_patient('f', RANK_NORMAL)->over);
	serve_slowly(1);
	ck_assert_uint_eq(fair_level(&scene.fair), 2);
	ck_err(arrive_patient('f', RANK_NORMAL)->got, ERR_SHED);
	ck_assert(!arrive_patient('a', RANK_IN_FLIGHT)->over);
	ck_assert_uint_eq(scene.fair.counts.refused, 2);
	while (finish_one())
		;
	ck_assert_uint_eq(scene.fair.free, 1);
	low = arrive_patient('f', RANK_LOW); /* a free place is anybody's */
	ck_assert(low->inside);
	ck_ok(fiber_sleep(6 * INTERVAL_MS));
	ck_assert_uint_eq(fair_level(&scene.fair), 0);
	low = arrive_patient('f', RANK_LOW);
	ck_assert(!low->over);
	scene_end(1);
}

START_TEST(the_lowest_rank_may_not_wait)
{
	run(1, ranks_body);
}
END_TEST

/* The next rank is not turned away before those that were let in of the last one are gone. */
AWAITS static void patience_body(void *arg)
{
	scene_begin((struct fair_bounds){.name = STR("fx"), .places = 1, .queue_max = 100});
	(void)arrive_patient('a', RANK_HIGH);
	for (int i = 0; i < 3; i++)
		(void)arrive_patient('b', RANK_LOW);
	for (char tenant = 'c'; tenant < 'f'; tenant++)
		(void)arrive_patient(tenant, RANK_HIGH);
	serve_slowly(2);
	ck_assert_uint_eq(fair_level(&scene.fair), 1);
	serve_slowly(2);
	ck_assert_uint_eq(scene.fair.ranked[RANK_LOW], 2);
	ck_assert_uint_eq(fair_level(&scene.fair), 1);
	ck_assert(!arrive_patient('f', RANK_NORMAL)->over);
	scene_end(1);
}

START_TEST(who_was_let_in_is_waited_for)
{
	run(1, patience_body);
}
END_TEST

/* A tenant's own crowd waits long and is no reason to turn anybody away; nor is a queue without a target. */
AWAITS static void crowd_body(void *arg)
{
	scene_begin((struct fair_bounds){.name = STR("fx"), .places = 1, .queue_max = 100});
	for (int i = 0; i < 9; i++)
		(void)arrive_patient('a', RANK_HIGH);
	for (int i = 0; i < 5; i++) {
		serve_slowly(1);
		ck_assert_uint_eq(fair_level(&scene.fair), 0);
	}
	ck_assert(!arrive_patient('b', RANK_LOW)->over);
	scene_end(1);
	scene_begin((struct fair_bounds){.places = 1, .queue_max = 100});
	for (char tenant = 'a'; tenant < 'g'; tenant++)
		(void)arrive(tenant);
	serve_slowly(4);
	ck_assert_uint_eq(fair_level(&scene.fair), 0);
	ck_assert(!arrive('a')->over);
	scene_end(1);
}

START_TEST(a_crowd_of_ones_own_sheds_nobody)
{
	run(1, crowd_body);
}
END_TEST

UNIT_MAIN("fair", one_call_does_not_wait_behind_a_crowd, weights_share_the_places, coming_and_going_wins_nothing,
	  lines_and_the_queue_are_bounded, who_waits_may_leave, no_place_is_lost, the_lowest_rank_may_not_wait,
	  who_was_let_in_is_waited_for, a_crowd_of_ones_own_sheds_nobody)
