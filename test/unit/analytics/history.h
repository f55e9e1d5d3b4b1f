/* Histories made by tests, and looking into the JSON that is made of them. */
#ifndef GATEHOUSE_TEST_ANALYTICS_HISTORY_H
#define GATEHOUSE_TEST_ANALYTICS_HISTORY_H

#include "../unit.h"

#include "analytics/analytics.h"
#include "analytics/civil.h"
#include "analytics/figures.h"
#include "base/json.h"

#define CAMPAIGNS_MAX 60
#define ROWS_MAX 8000

struct made {
	struct campaign campaigns[CAMPAIGNS_MAX];
	struct campaign_day days[ROWS_MAX];
	char names[CAMPAIGNS_MAX][8];
	struct history history;
	struct arena *arena;
	struct buf data, svg;
	struct analysis analysis;
	yyjson_val *root;
};

static inline struct made *made_new(void)
{
	struct made *made = calloc(1, sizeof(*made));

	made->history.campaigns = made->campaigns;
	made->history.days = made->days;
	made->arena = arena_new(16 << 20);
	return made;
}

static inline void made_free(struct made *made)
{
	buf_free(&made->data);
	buf_free(&made->svg);
	arena_free(made->arena);
	free(made);
}

/* One more campaign, "c7".   returns   its index */
static inline uint32_t made_campaign(struct made *made)
{
	size_t i = made->history.campaign_count++;

	(void)snprintf(made->names[i], sizeof(made->names[i]), "c%zu", i);
	made->campaigns[i] = (struct campaign){.id = str_of(made->names[i]),
					       .name = str_of(made->names[i]),
					       .budget_micros = -1,
					       .lost_to_budget = -1};
	return (uint32_t)i;
}

static inline void made_day(struct made *made, uint32_t campaign, civil_day day, struct figures figures)
{
	ck_assert(made->history.day_count < ROWS_MAX);
	made->days[made->history.day_count++] = (struct campaign_day){campaign, day, figures};
}

/* Before a computation, and after it: what it needs, and what came out. */
static inline struct analysis *made_begin(struct made *made)
{
	made->data.n = made->svg.n = 0;
	made->analysis = (struct analysis){
		.arena = made->arena,
		.range = made->history.range,
		.currency = STR("EUR"),
		.chart = true,
		.data = &made->data,
		.svg = &made->svg,
	};
	return &made->analysis;
}

static inline void made_end(struct made *made)
{
	ck_ok(json_read(made->arena, buf_str(&made->data), &made->root));
}

/* Compute over a range and read what came out. */
static inline void made_analyse(struct made *made, civil_day start, civil_day end,
				enum err (*analyse)(struct analysis *analysis, const struct history *history))
{
	made->history.range = (struct day_range){start, end};
	ck_ok(analyse(made_begin(made), &made->history));
	made_end(made);
}

/* What is at a path: "totals.spend_amount", "campaigns.0.id". */
static inline yyjson_val *made_at(const struct made *made, const char *path)
{
	struct str rest = str_of(path), step;
	yyjson_val *value = made->root;
	bool more = true;

	while (more) {
		uint64_t index;

		more = str_cut(rest, '.', &step, &rest);
		if (str_to_u64(step, &index) == OK)
			value = yyjson_arr_get(value, (size_t)index);
		else
			value = yyjson_obj_getn(value, step.p, step.n);
		ck_assert_msg(value != NULL, "nothing at %s", path);
	}
	return value;
}

/* It is written so: a number as its digits, a text with its quotes, null. */
static inline void made_has(const struct made *made, const char *path, const char *want)
{
	AUTO_BUF text = {0};

	json_write(&text, made_at(made, path));
	ck_assert_msg(str_eq(buf_str(&text), str_of(want)), "%s: got %.*s, want %s", path, STR_ARG(buf_str(&text)),
		      want);
}

/* A number for properties: the same for the same seed. */
static inline uint64_t made_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Days of some campaigns, with gaps. */
static inline void made_fill(struct made *made, civil_day start, civil_day end, uint32_t campaigns, uint64_t seed)
{
	for (uint32_t i = 0; i < campaigns; i++) {
		uint32_t campaign = made_campaign(made);

		for (civil_day day = start; day <= end; day++) {
			int64_t clicks = (int64_t)(made_random(&seed) % 90);

			if (made_random(&seed) % 5 == 0)
				continue;
			made_day(made, campaign, day,
				 (struct figures){
					 .cost_micros = clicks * 730000 + (int64_t)(made_random(&seed) % 1000) * 10000,
					 .value_micros = clicks * 1900000,
					 .impressions = clicks * 31 + (int64_t)(made_random(&seed) % 500),
					 .clicks = clicks,
					 .conversions = (double)(made_random(&seed) % 9) / 2,
				 });
		}
	}
}

#endif
