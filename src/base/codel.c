/* The control law. Two sides of the target, and one time at which the level moves:
 *
 *               a wait over the target: next = now + interval / sqrt(rises + 1)
 *      BELOW ------------------------------------------------------------------> ABOVE --+ at `next`: level + 1
 *    +--   ^                                                                     |  ^    |
 *    |     +---- a wait within it, or none for an interval: next = + interval ---+  +----+
 *    +---> at `next`: level - 1
 *
 * A wait that is told when it ends covers the time that it has lasted, so few long waits leave no gap. */
#include "base/codel.h"

#include "base/str.h"

/* 1000 / sqrt(rises + 1): beyond, a level moves four times an interval. */
static const uint16_t permille_of_interval[] = {1000, 707, 577, 500, 447, 408, 378, 354,
						333,  316, 302, 289, 277, 267, 258, 250};

static int64_t rise_ms(const struct codel *codel, const struct codel_law *law)
{
	return law->interval_ms * permille_of_interval[codel->rises] / 1000;
}

static void rise(struct codel *codel, const struct codel_law *law, int64_t now_ms)
{
	if (codel->level < law->level_max) {
		codel->level++;
		codel->rises += codel->rises < ARRAY_LEN(permille_of_interval) - 1;
	}
	codel->next_ms = now_ms + rise_ms(codel, law);
}

/* Below the target all the time until now. */
static void fall(struct codel *codel, const struct codel_law *law, int64_t now_ms)
{
	while (codel->level > 0 && now_ms >= codel->next_ms) {
		codel->level--;
		codel->next_ms += law->interval_ms;
	}
	if (codel->level == 0 && now_ms - codel->next_ms >= CODEL_MEMORY * law->interval_ms)
		codel->rises = 0;
}

/* Nothing has waited since the latest wait, until now. */
static void rest(struct codel *codel, const struct codel_law *law, int64_t now_ms)
{
	if (now_ms - codel->last_ms <= law->interval_ms)
		return;
	if (codel->above) {
		codel->above = false;
		codel->next_ms = codel->last_ms + law->interval_ms;
	}
	fall(codel, law, now_ms);
}

/* Without a law. */
static bool is_off(struct codel *codel, const struct codel_law *law)
{
	if (law->target_ms > 0 && law->interval_ms > 0)
		return false;
	*codel = (struct codel){0};
	return true;
}

unsigned codel_take(struct codel *codel, const struct codel_law *law, int64_t now_ms, int64_t delay_ms)
{
	bool above = delay_ms > law->target_ms;

	if (is_off(codel, law))
		return 0;
	if (now_ms < codel->last_ms)
		now_ms = codel->last_ms;
	rest(codel, law, now_ms - delay_ms);
	if (above && !codel->above)
		codel->next_ms = now_ms + rise_ms(codel, law);
	else if (above && now_ms >= codel->next_ms)
		rise(codel, law, now_ms);
	else if (!above && codel->above)
		codel->next_ms = now_ms + law->interval_ms;
	else if (!above)
		fall(codel, law, now_ms);
	codel->above = above;
	codel->last_ms = now_ms;
	return codel->level;
}

unsigned codel_rest(struct codel *codel, const struct codel_law *law, int64_t now_ms)
{
	if (is_off(codel, law))
		return 0;
	rest(codel, law, now_ms);
	return codel->level;
}

int64_t codel_rest_at_ms(const struct codel *codel, const struct codel_law *law)
{
	int64_t next_ms = codel->above ? codel->last_ms + law->interval_ms : codel->next_ms;

	return codel->level == 0 ? 0 : next_ms + (codel->level - 1) * law->interval_ms;
}
