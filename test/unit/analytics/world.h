/* Campaigns with known response curves, for tests of what reads their days. */
#ifndef GATEHOUSE_TEST_WORLD_H
#define GATEHOUSE_TEST_WORLD_H

#include <math.h>
#include <stdlib.h>

#include "analytics/civil.h"
#include "analytics/rows.h"

#define HISTORY_CAMPAIGNS 50
#define HISTORY_DAYS 90
#define HISTORY_END 20777 /* 2026-11-20 */

struct truth {
	double a, k, spend; /* a day, about */
	double noise;	    /* of a day's value, as a part of it */
	double order;	    /* value of a conversion */
};

struct world {
	struct campaign campaigns[HISTORY_CAMPAIGNS];
	char ids[HISTORY_CAMPAIGNS][8];
	struct campaign_day days[HISTORY_CAMPAIGNS * HISTORY_DAYS];
	struct history history;
	uint64_t random;
};

static double world_random(struct world *world)
{
	world->random = world->random * 6364136223846793005 + 1442695040888963407;
	return (double)(world->random >> 11) / 9007199254740992.0;
}

/* 90 days of `n` campaigns: spend moves by 40 % up and down, weekends bring less, money is multiplied by `scale`. */
static UNUSED struct world *world_make(const struct truth *truths, size_t n, int scale, uint64_t seed)
{
	static const double weekdays[] = {1.1, 1.1, 1.0, 1.0, 1.0, 0.9, 0.9};
	struct world *world = calloc(1, sizeof(*world));

	world->random = seed;
	world->history = (struct history){.campaigns = world->campaigns,
					  .campaign_count = n,
					  .days = world->days,
					  .day_count = n * HISTORY_DAYS,
					  .range = {HISTORY_END - 29, HISTORY_END}};
	for (size_t i = 0; i < n; i++) {
		const struct truth *truth = &truths[i];

		snprintf(world->ids[i], sizeof(world->ids[i]), "%zu", 100 + i);
		world->campaigns[i] = (struct campaign){.id = str_of(world->ids[i]),
							.name = str_of(world->ids[i]),
							.status = CAMPAIGN_ACTIVE,
							.budget_micros = -1,
							.lost_to_budget = 0.3};
		for (int d = 0; d < HISTORY_DAYS; d++) {
			civil_day day = HISTORY_END - HISTORY_DAYS + 1 + d;
			int64_t cost = llround(truth->spend * (0.6 + 0.8 * world_random(world)) * MICROS);
			double value = truth->a * log1p((double)cost / MICROS / truth->k) *
				       weekdays[civil_weekday(day)] *
				       (1 + truth->noise * (2 * world_random(world) - 1));

			world->days[i * HISTORY_DAYS + (size_t)d] =
				(struct campaign_day){.campaign = (uint32_t)i,
						      .day = day,
						      .figures = {.cost_micros = cost * scale,
								  .value_micros = llround(value * MICROS) * scale,
								  .impressions = cost / 10000,
								  .clicks = cost / 500000,
								  .conversions = value / truth->order}};
		}
	}
	return world;
}

#endif
