/* Groups, single flights and gates: fibers that wait for each other. */
#include "runtime.h"

#include "rt/loop_private.h"

AWAITS static void turns(int count)
{
	while (count-- > 0)
		ck_ok(fiber_yield());
}

/* ---- groups ---------------------------------------------------------------------- */

struct crew {
	struct group group;
	int ended, canceled;
	int64_t deadline_ms;
	bool stubborn; /* members wait to be canceled, and then take their time */
};

AWAITS static void member_main(void *arg)
{
	struct crew *crew = arg;
	enum err err;

	crew->deadline_ms = fiber_deadline();
	err = fiber_sleep(crew->stubborn ? 60000 : 30);
	if (crew->stubborn) {
		struct fiber_shield shield = fiber_shield_begin(60000);

		ck_ok(fiber_sleep(30));
		fiber_shield_end(shield);
	}
	crew->canceled += err == ERR_CANCELED;
	crew->ended++;
}

AWAITS static void join_body(void *arg)
{
	struct crew crew = {.ended = 0};
	int64_t deadline_ms = loop_now(loop_self()) + 60000;

	group_init(&crew.group, loop_self());
	ck_ok(group_join(&crew.group)); /* nobody to wait for */
	fiber_deadline_set(deadline_ms);
	for (int i = 0; i < 20; i++)
		ck_ok(group_spawn(&crew.group, "member", member_main, &crew));
	ck_ok(group_join(&crew.group));
	ck_assert_int_eq(crew.ended, 20);
	ck_assert_int_eq(crew.deadline_ms, deadline_ms);
	ck_assert_uint_eq(crew.group.count, 0);
}

START_TEST(join_waits_for_all)
{
	run(1, join_body);
}
END_TEST

AWAITS static void cancel_body(void *arg)
{
	struct crew crew = {.stubborn = true};

	group_init(&crew.group, loop_self());
	for (int i = 0; i < 20; i++)
		ck_ok(group_spawn(&crew.group, "member", member_main, &crew));
	turns(2);
	group_cancel(&crew.group);
	ck_ok(group_join(&crew.group));
	ck_assert_int_eq(crew.ended, 20);
	ck_assert_int_eq(crew.canceled, 20);
}

START_TEST(cancel_reaches_all)
{
	run(1, cancel_body);
}
END_TEST

struct owner {
	struct fiber *fiber;
	struct crew crew;
	enum err joined;
	int ended_at_return;
	bool returned;
};

AWAITS static void owner_main(void *arg)
{
	struct owner *owner = arg;

	group_init(&owner->crew.group, loop_self());
	for (int i = 0; i < 5; i++)
		ck_ok(group_spawn(&owner->crew.group, "member", member_main, &owner->crew));
	owner->joined = group_join(&owner->crew.group);
	owner->ended_at_return = owner->crew.ended;
	owner->returned = true;
}

AWAITS static void canceled_owner_body(void *arg)
{
	struct owner owner = {.crew.stubborn = true};

	ck_ok(fiber_spawn(loop_self(), "owner", owner_main, &owner, 0, &owner.fiber));
	turns(3);
	fiber_cancel(owner.fiber);
	while (!owner.returned)
		ck_ok(fiber_sleep(5));
	ck_err(owner.joined, ERR_CANCELED);
	ck_assert_int_eq(owner.ended_at_return, 5);
	ck_assert_int_eq(owner.crew.canceled, 5);
}

START_TEST(a_canceled_owner_cancels_and_waits)
{
	run(1, canceled_owner_body);
}
END_TEST

/* ---- single flight --------------------------------------------------------------- */

struct errand {
	int runs, released;
	struct wait *go; /* NULL: at once */
	enum err result;
};

struct caller {
	struct errand *errand;
	struct fiber *fiber;
	enum err got;
	bool back;
};

AWAITS static enum err errand_run(void *arg)
{
	struct errand *errand = arg;

	errand->runs++;
	if (errand->go != NULL)
		TRY(wait_for(errand->go, NULL, NULL));
	return errand->result;
}

static void errand_release(void *arg)
{
	((struct errand *)arg)->released++;
}

AWAITS static void caller_main(void *arg)
{
	struct caller *caller = arg;

	caller->got = flight_join(STR("key"), errand_run, caller->errand, errand_release);
	caller->back = true;
}

AWAITS static void flight_body(void *arg)
{
	struct wait go = WAIT_INIT;
	struct errand errand = {.go = &go, .result = ERR_DNS};
	struct caller caller[10];

	for (int i = 0; i < 10; i++) {
		caller[i] = (struct caller){.errand = &errand};
		ck_ok(fiber_spawn(loop_self(), "caller", caller_main, &caller[i], 0, &caller[i].fiber));
	}
	turns(3);
	ck_assert_int_eq(errand.runs, 1);
	ck_assert_int_eq(errand.released, 9);
	fiber_cancel(caller[0].fiber); /* perhaps the one who started it */
	fiber_cancel(caller[7].fiber);
	turns(2);
	ck_assert(caller[0].back && caller[7].back && !caller[1].back);
	wait_done(&go, OK);
	errand.go = NULL;
	turns(4);
	for (int i = 0; i < 10; i++)
		ck_err(caller[i].got, i == 0 || i == 7 ? ERR_CANCELED : ERR_DNS);
	ck_assert_int_eq(errand.released, 10);
	ck_err(flight_join(STR("key"), errand_run, &errand, NULL), ERR_DNS);
	ck_assert_int_eq(errand.runs, 2); /* the result is not kept */
	ck_assert_uint_eq(loop_self()->flights.used, 0);

	go = WAIT_INIT;
	errand.go = &go;
	ck_ok(flight_begin(STR("key"), errand_run, &errand, errand_release)); /* nobody waits */
	ck_ok(flight_begin(STR("key"), errand_run, &errand, errand_release));
	ck_assert_int_eq(errand.released, 11);
	turns(2);
	wait_done(&go, OK);
	turns(3);
	ck_assert_int_eq(errand.runs, 3);
	ck_assert_int_eq(errand.released, 12);
}

START_TEST(one_flight_for_all)
{
	run(1, flight_body);
}
END_TEST

AWAITS static void keys_body(void *arg)
{
	struct wait go = WAIT_INIT;
	struct errand one = {.go = &go, .result = OK}, two = {.result = ERR_IO};
	struct caller caller = {.errand = &one};

	ck_ok(fiber_spawn(loop_self(), "caller", caller_main, &caller, 0, NULL));
	turns(2);
	ck_err(flight_join(STR(""), errand_run, &two, errand_release), ERR_IO);
	ck_assert(!caller.back);
	wait_done(&go, OK);
	turns(3);
	ck_assert(caller.back);
	ck_ok(caller.got);
	ck_assert_int_eq(one.runs + two.runs, 2);
	ck_assert_int_eq(one.released + two.released, 2);
}

START_TEST(another_key_is_another_flight)
{
	run(1, keys_body);
}
END_TEST

/* ---- gates ----------------------------------------------------------------------- */

struct visitor {
	struct gate *gate;
	struct fiber *fiber;
	struct trace *trace;
	int *inside;
	char name;
	struct wait go;
	enum err got;
	bool back;
};

AWAITS static void visitor_main(void *arg)
{
	struct visitor *visitor = arg;

	visitor->got = gate_enter(visitor->gate);
	if (visitor->got == OK) {
		trace_add(visitor->trace, visitor->name);
		++*visitor->inside;
		ck_assert_int_le(*visitor->inside, 2);
		ck_ok(wait_for(&visitor->go, NULL, NULL));
		--*visitor->inside;
		gate_leave(visitor->gate);
	}
	visitor->back = true;
}

AWAITS static void gate_body(void *arg)
{
	struct trace trace = {.n = 0};
	struct visitor visitor[7];
	struct gate gate;
	int inside = 0;

	gate_init(&gate, 2, 4);
	for (int i = 0; i < 7; i++) {
		visitor[i] =
			(struct visitor){.gate = &gate, .trace = &trace, .inside = &inside, .name = (char)('a' + i)};
		ck_ok(fiber_spawn(loop_self(), "visitor", visitor_main, &visitor[i], 0, &visitor[i].fiber));
		turns(2); /* in this order, whatever the shuffle */
	}
	ck_assert(visitor[6].back);
	ck_err(visitor[6].got, ERR_BUSY);
	ck_assert_uint_eq(gate.queued, 4);
	fiber_cancel(visitor[3].fiber);
	turns(2);
	ck_err(visitor[3].got, ERR_CANCELED);
	ck_assert_uint_eq(gate.queued, 3);
	ck_assert_str_eq(trace.text, "ab");
	for (int i = 0; i < 6; i++) {
		wait_done(&visitor[i].go, OK); /* the place goes to the one who waits longest */
		turns(3);
	}
	ck_assert_str_eq(trace.text, "abcef");
	ck_assert_uint_eq(gate.free, 2);
	ck_assert_uint_eq(gate.queued, 0);
}

START_TEST(a_gate_has_places_and_a_queue)
{
	run(1, gate_body);
}
END_TEST

UNIT_MAIN("group", join_waits_for_all, cancel_reaches_all, a_canceled_owner_cancels_and_waits, one_flight_for_all,
	  another_key_is_another_flight, a_gate_has_places_and_a_queue)
