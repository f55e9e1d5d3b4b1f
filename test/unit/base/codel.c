/* The control law as a table: what happens at which time, and the level after it. */
#include "../unit.h"

#include "base/codel.h"

static const struct codel_law law = {.target_ms = 10, .interval_ms = 100, .level_max = 3};

enum { END, WAIT, REST }; /* something has waited for `delay_ms`; nothing waits */
struct step {
	int what;
	int64_t now_ms, delay_ms;
	unsigned level;
};

static const struct step cases[][32] = {
	/* it rises when every wait of an interval was too long, and then sooner: 100, 70, 57 ms */
	{{WAIT, 1000, 11, 0},
	 {WAIT, 1050, 50, 0},
	 {WAIT, 1099, 50, 0},
	 {WAIT, 1100, 50, 1},
	 {WAIT, 1169, 50, 1},
	 {WAIT, 1170, 50, 2},
	 {WAIT, 1226, 50, 2},
	 {WAIT, 1227, 50, 3},
	 {WAIT, 1300, 50, 3},
	 {WAIT, 1400, 50, 3}},
	/* it falls by one for each interval within the target */
	{{WAIT, 1000, 20, 0},
	 {WAIT, 1100, 20, 1},
	 {WAIT, 1170, 20, 2},
	 {WAIT, 1180, 10, 2},
	 {WAIT, 1279, 0, 2},
	 {WAIT, 1280, 0, 1},
	 {WAIT, 1379, 0, 1},
	 {WAIT, 1380, 0, 0},
	 {WAIT, 2000, 0, 0}},
	/* a target that is only just met is met */
	{{WAIT, 1000, 10, 0}, {WAIT, 1050, 10, 0}, {WAIT, 1100, 10, 0}, {WAIT, 1200, 10, 0}},
	/* a burst shorter than an interval changes nothing, however long its waits; nor do many of them */
	{{WAIT, 1000, 90, 0},
	 {WAIT, 1050, 90, 0},
	 {WAIT, 1099, 90, 0},
	 {WAIT, 1101, 5, 0},
	 {WAIT, 1110, 90, 0},
	 {WAIT, 1200, 90, 0},
	 {WAIT, 1205, 0, 0},
	 {WAIT, 1210, 90, 0},
	 {WAIT, 1300, 90, 0},
	 {WAIT, 1309, 90, 0}},
	/* one good wait starts it anew, on the way up and on the way down */
	{{WAIT, 1000, 20, 0},
	 {WAIT, 1090, 5, 0},
	 {WAIT, 1095, 20, 0},
	 {WAIT, 1190, 20, 0},
	 {WAIT, 1195, 20, 1},
	 {WAIT, 1200, 5, 1},
	 {WAIT, 1250, 20, 1},
	 {WAIT, 1260, 5, 1},
	 {WAIT, 1359, 5, 1},
	 {WAIT, 1360, 5, 0}},
	/* an idle gap: time in which nothing waited is time below the target */
	{{WAIT, 1000, 20, 0},
	 {WAIT, 1100, 20, 1},
	 {WAIT, 1170, 20, 2},
	 {REST, 1200, 0, 2},
	 {REST, 1270, 0, 2},
	 {REST, 1271, 0, 1},
	 {REST, 1370, 0, 0}},
	{{WAIT, 1000, 20, 0}, {WAIT, 1100, 20, 1}, {WAIT, 1170, 20, 2}, {REST, 5000, 0, 0}},
	{{WAIT, 1000, 20, 0}, {WAIT, 1100, 20, 1}, {WAIT, 9000, 20, 0}, {WAIT, 9099, 20, 0}, {WAIT, 9100, 20, 1}},
	/* waits that are far apart and long leave no gap: each covers its own time */
	{{WAIT, 1000, 900, 0}, {WAIT, 1500, 480, 1}, {WAIT, 2000, 490, 2}, {WAIT, 2550, 400, 1}},
	/* shedding that has just ended comes back sooner, after a while it does not */
	{{WAIT, 1000, 20, 0},
	 {WAIT, 1100, 20, 1},
	 {WAIT, 1110, 0, 1},
	 {WAIT, 1210, 0, 0},
	 {WAIT, 1300, 20, 0},
	 {WAIT, 1369, 20, 0},
	 {WAIT, 1370, 20, 1}},
	{{WAIT, 1000, 20, 0},
	 {WAIT, 1100, 20, 1},
	 {WAIT, 1110, 0, 1},
	 {WAIT, 1210, 0, 0},
	 {WAIT, 2910, 0, 0},
	 {WAIT, 3000, 20, 0},
	 {WAIT, 3099, 20, 0},
	 {WAIT, 3100, 20, 1}},
	/* a clock that goes back stands still: nothing moves before its time, nothing is undone */
	{{WAIT, 1000, 20, 0},
	 {WAIT, 900, 20, 0},
	 {WAIT, 1099, 20, 0},
	 {WAIT, 1100, 20, 1},
	 {WAIT, 500, 20, 1},
	 {WAIT, 0, 0, 1},
	 {REST, 0, 0, 1},
	 {WAIT, 1199, 0, 1},
	 {WAIT, 1200, 0, 0}},
};

START_TEST(follows_the_table)
{
	struct codel codel = {0};

	for (const struct step *step = cases[_i]; step->what != END; step++) {
		unsigned level = step->what == WAIT ? codel_take(&codel, &law, step->now_ms, step->delay_ms)
						    : codel_rest(&codel, &law, step->now_ms);

		ck_assert_msg(level == step->level, "at %lld: level %u, want %u", (long long)step->now_ms, level,
			      step->level);
		ck_assert_uint_eq(codel.level, level);
	}
}
END_TEST

START_TEST(without_a_target_nothing_is_refused)
{
	const struct codel_law none = {.target_ms = 0, .interval_ms = 100, .level_max = 3};
	struct codel codel = {0};

	for (int64_t now_ms = 0; now_ms < 1000; now_ms += 10)
		(void)codel_take(&codel, &law, now_ms, 50);
	ck_assert_uint_eq(codel.level, 3);
	ck_assert_uint_eq(codel_take(&codel, &none, 1000, 5000), 0); /* it was turned off meanwhile */
	ck_assert_uint_eq(codel_rest(&codel, &none, 1001), 0);
	ck_assert_int_eq(codel_rest_at_ms(&codel, &none), 0);
}
END_TEST

/* Whatever happened, it is at rest when it said so, and not before. */
START_TEST(it_knows_when_it_will_rest)
{
	uint64_t random = 7;
	unsigned looked = 0;

	for (int run = 0; run < 200; run++) {
		struct codel codel = {0}, later;
		int64_t now_ms = 1000, rest_ms;

		for (int step = 0; step < 60; step++) {
			random = random * 6364136223846793005ull + 1442695040888963407ull;
			now_ms += (int64_t)((random >> 33) % 30);
			(void)codel_take(&codel, &law, now_ms, (random >> 50) % 4 == 0 ? 5 : 40);
		}
		rest_ms = codel_rest_at_ms(&codel, &law);
		if (codel.level == 0 || rest_ms - codel.last_ms <= law.interval_ms)
			continue;
		later = codel;
		ck_assert_uint_gt(codel_rest(&later, &law, rest_ms - 1), 0);
		ck_assert_uint_eq(codel_rest(&codel, &law, rest_ms), 0);
		looked++;
	}
	ck_assert_uint_gt(looked, 10);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("codel");

	tcase_add_loop_test(tcase, follows_the_table, 0, ARRAY_LEN(cases));
	tcase_add_test(tcase, without_a_target_nothing_is_refused);
	tcase_add_test(tcase, it_knows_when_it_will_rest);
	return unit_run("codel", tcase);
}
