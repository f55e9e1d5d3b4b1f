/* Search terms summed and judged, and what to exclude: between the steps of the waste tool. */
#ifndef GATEHOUSE_ANALYTICS_WASTE_H
#define GATEHOUSE_ANALYTICS_WASTE_H

#include "analytics/analytics.h"

#define WASTE_ROWS_MAX 200000 /* rows looked at; the rest is left out, with a warning */
#define WASTE_TERMS_TOLD 50
#define WASTE_EXACT_MAX 100 /* negatives of each kind */
#define WASTE_PHRASE_MAX 50
#define WASTE_IDS_MAX 10 /* campaigns and ad groups named for one term */

enum confidence_level { CONFIDENCE_LOW, CONFIDENCE_MEDIUM, CONFIDENCE_HIGH };

/* A row of the report beside its text in lower case. */
struct waste_row {
	struct str text;
	const struct term *term;
};

/* One text (of placements: in one campaign), summed. */
struct waste_term {
	struct str text, words;
	const struct waste_row *rows;
	size_t row_count;
	const struct term *main; /* the row with the most cost */
	struct figures figures;
	enum term_status status;
	bool performance_max, learning;
	bool waste, sells;
	bool saved; /* its cost is counted by a negative */
	enum confidence_level confidence;
	double p_zero; /* that chance alone made it sell nothing; NaN: nobody knows */
};

struct waste_judgement {
	const struct waste_input *input;
	struct waste_term *terms; /* by cost, descending */
	size_t count;
	double threshold_micros; /* NaN: not known */
	int64_t cost_micros, waste_micros;
	size_t waste_count;
};

/* What to exclude. */
struct negative {
	struct str text;
	const struct waste_term *term; /* exact: it; phrase: NULL */
	bool campaign_level;
	int64_t saves_micros;
	size_t terms; /* phrase: in so many */
	struct str campaign_ids[WASTE_IDS_MAX], ad_group_ids[WASTE_IDS_MAX];
	size_t campaign_count, ad_group_count;
};

struct negative_list {
	struct negative *exact, *phrases; /* by what they save, descending */
	size_t exact_count, phrase_count;
	int64_t saves_micros;	  /* of all, each term once */
	int64_t long_tail_micros; /* of it, of terms each too cheap to be waste alone */
};

/* Chance of selling nothing with so many clicks at the account's rate, and what it means. */
enum confidence_level confidence_of(const struct figures *account, int64_t clicks, double *ret_p_zero);

/* Find negatives; marks terms whose cost is counted.
 *   Errors     ERR_LIMIT (arena) */
NODISCARD enum err negatives_find(struct analysis *analysis, struct waste_judgement *judgement,
				  struct negative_list *ret_list);

/* Append the tool's `data`; draw the dearest waste. */
void waste_put(struct buf *out, const struct waste_judgement *judgement, const struct negative_list *negatives);
void waste_draw(struct analysis *analysis, const struct waste_judgement *judgement);

#endif
