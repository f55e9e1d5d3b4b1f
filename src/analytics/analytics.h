/* The seven computations over ad reports. Each takes rows and appends the tool's `data` object as JSON, and perhaps a
 * picture. Pure: the same input gives the same bytes; no clock, no files, no randomness but from `seed`. They may take
 * long (the optimizer: a tenth of a second and more): callers use a worker thread for large input.
 *
 * Names of members say their units: *_amount is money in the account's currency (major units, exact to its micros),
 * *_ratio 0 to 1 or a quotient, *_pct a percentage, *_days, *_s; counts are named by what they count.
 *
 *   Memory     scratch from `arena`; ERR_LIMIT when it is over
 *   Runs on    any thread
 *   Source     doc/decisions/0018-ad-analytics.md; formulas: doc/guides/ad-analytics.md */
#ifndef GATEHOUSE_ANALYTICS_ANALYTICS_H
#define GATEHOUSE_ANALYTICS_ANALYTICS_H

#include "analytics/rows.h"
#include "base/arena.h"
#include "base/str.h"

/* What a computation is given beside its rows, and tells beside its data. */
struct analysis {
	struct arena *arena;
	struct day_range range; /* that the caller asked for */
	struct str currency;	/* ISO 4217 */
	bool chart;		/* draw one into `svg`, too */
	struct buf *data;	/* the `data` object is appended */
	struct buf *svg;	/* a whole SVG document, or nothing */
	/* Warnings: static codes with what there is to say, in the order found; the caller writes them. */
	struct analysis_warning {
		const char *code; /* "cpa_undefined" */
		const char *detail;
	} warnings[8];
	size_t warning_count;
	bool no_data; /* nothing to say about: `data` is still an object */
};

/* Note a warning once; more than fit are dropped. */
void analysis_warn(struct analysis *analysis, const char *code, const char *detail);

/* ---- health.c ---- */
NODISCARD enum err health_analyse(struct analysis *analysis, const struct history *history);

/* ---- anomaly.c: the last seven days of history->range against the seven before ---- */
NODISCARD enum err anomaly_analyse(struct analysis *analysis, const struct history *history);

/* ---- waste.c ---- */
enum waste_threshold { WASTE_ANY_SPEND, WASTE_HALF_CPA, WASTE_ONE_CPA, WASTE_TWO_CPA };
struct waste_input {
	const struct term *terms;
	size_t term_count;
	struct figures account; /* of the same range and the same campaigns: CPA, CPC, CVR, what terms do not tell */
	bool placements;	/* rows are placements: no negatives, but exclusions */
	enum waste_threshold threshold;
	const struct str *brands; /* lower case; never suggested */
	size_t brand_count;
};
NODISCARD enum err waste_analyse(struct analysis *analysis, const struct waste_input *input);

/* ---- quality.c ---- */
NODISCARD enum err quality_analyse(struct analysis *analysis, const struct keyword *keywords, size_t count,
				   bool worst_only);

/* ---- pmax.c ---- */
struct pmax_input {
	const struct asset_group *groups;
	size_t group_count;
	const struct search_category *categories;
	size_t category_count;
	const struct term *terms; /* of Performance Max campaigns; may be none */
	size_t term_count;
};
NODISCARD enum err pmax_analyse(struct analysis *analysis, const struct pmax_input *input);

/* ---- auction.c ---- */
struct auction_input {
	const struct auction_week *weeks;
	size_t week_count;
	const struct competitor *competitors;
	size_t competitor_count;
	bool competitors_permitted;
};
NODISCARD enum err auction_analyse(struct analysis *analysis, const struct auction_input *input);
struct relevance_input { /* Meta */
	const struct ranked_ad *ads;
	size_t ad_count;
	const struct pressure_week *weeks;
	size_t week_count;
};
NODISCARD enum err relevance_analyse(struct analysis *analysis, const struct relevance_input *input);

/* ---- budget.c (fit.c, allocate.c, bootstrap.c) ---- */
enum budget_shift { BUDGET_CONSERVATIVE, BUDGET_MODERATE, BUDGET_AGGRESSIVE }; /* 15, 30, 50 % a unit */
struct budget_input {
	const struct history *history;
	const struct simulation *simulations;
	size_t simulation_count;
	enum budget_shift shift;
	bool conversions; /* the objective; else their value, which falls back to this */
	uint64_t seed;	  /* of the bootstrap: the same for the same data */
};
NODISCARD enum err budget_analyse(struct analysis *analysis, const struct budget_input *input);

#endif
