/* The waste tool's answer as JSON and as a picture: totals over all terms, the dearest of them one by one, and what to
 * exclude. Placements have two names where searches have a text, and exclusions where those have negatives. Everything
 * has been decided before (waste.c, negative.c). */
#include <math.h>

#include "analytics/chart.h"
#include "analytics/put.h"
#include "analytics/waste.h"

static const char *const threshold_names[] = {
	[WASTE_ANY_SPEND] = "any_spend",
	[WASTE_HALF_CPA] = "half_cpa",
	[WASTE_ONE_CPA] = "one_cpa",
	[WASTE_TWO_CPA] = "two_cpa",
};
static const char *const status_names[] = {
	[TERM_NONE] = "NONE",
	[TERM_ADDED] = "ADDED",
	[TERM_EXCLUDED] = "EXCLUDED",
};
static const char *const confidence_names[] = {
	[CONFIDENCE_LOW] = "low",
	[CONFIDENCE_MEDIUM] = "medium",
	[CONFIDENCE_HIGH] = "high",
};

static void put_money(struct buf *out, const char *name, int64_t micros)
{
	put_name(out, name);
	put_amount(out, micros);
}

static void put_strings(struct buf *out, const char *name, const struct str *items, size_t count)
{
	put_open(out, name, '[');
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_put_byte(out, ',');
		buf_put_json(out, items[i]);
	}
	buf_put_byte(out, ']');
}

static void put_totals(struct buf *out, const struct waste_judgement *judgement, const struct negative_list *negatives)
{
	const struct waste_input *input = judgement->input;
	int64_t hidden = input->account.cost_micros - judgement->cost_micros;

	put_text(out, "entity_kind", input->placements ? STR("placement") : STR("search_term"));
	put_text(out, "threshold", str_of(threshold_names[input->threshold]));
	put_name(out, "threshold_amount");
	put_amount_of(out, judgement->threshold_micros);
	put_name(out, "account_cpa_amount");
	put_amount_of(out, figures_cpa(&input->account));
	put_name(out, "account_cvr_ratio");
	put_ratio(out, figures_cvr(&input->account));
	put_number(out, "term_count", judgement->count);
	put_money(out, "terms_cost_amount", judgement->cost_micros);
	put_number(out, "waste_count", judgement->waste_count);
	put_money(out, "waste_total_amount", judgement->waste_micros);
	put_name(out, "waste_pct");
	put_pct(out, 100 * ratio((double)judgement->waste_micros, (double)judgement->cost_micros));
	put_money(out, "unreported_cost_amount", hidden > 0 ? hidden : 0);
	put_money(out, "long_tail_waste_amount", negatives->long_tail_micros);
	put_money(out, "saves_total_amount", negatives->saves_micros);
}

/* "facebook/feed" in two members. */
static void put_placement(struct buf *out, struct str text)
{
	struct str publisher, position;

	(void)str_cut(text, '/', &publisher, &position);
	put_text(out, "publisher_platform", publisher);
	put_text(out, "platform_position", position);
}

static void put_ad_groups(struct buf *out, const struct waste_term *term)
{
	struct str ids[WASTE_IDS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < term->row_count && count < ARRAY_LEN(ids); i++) {
		struct str id = term->rows[i].term->ad_group_id;
		size_t seen = 0;

		while (seen < count && !str_eq(ids[seen], id))
			seen++;
		if (seen == count && id.n > 0)
			ids[count++] = id;
	}
	put_strings(out, "ad_group_ids", ids, count);
}

static void put_term(struct buf *out, const struct waste_term *term, bool placement)
{
	const struct figures *of = &term->figures;

	if (placement) {
		put_text(out, "campaign_id", term->main->campaign_id);
		put_placement(out, term->text);
		put_bool(out, "learning", term->learning);
	} else {
		put_text(out, "term", term->text);
		put_text(out, "campaign_id", term->main->campaign_id);
		put_ad_groups(out, term);
		put_text(out, "status", str_of(status_names[term->status]));
		put_text(out, "match_type", term->main->match_type);
	}
	put_money(out, "cost_amount", of->cost_micros);
	put_number(out, "clicks", (uint64_t)of->clicks);
	put_number(out, "impressions", (uint64_t)of->impressions);
	put_name(out, "conversions");
	put_count(out, of->conversions);
	put_name(out, "cpa_amount");
	put_amount_of(out, figures_cpa(of));
	put_name(out, "roas_ratio");
	put_ratio(out, figures_roas(of));
	put_bool(out, "is_waste", term->waste);
	put_name(out, "p_zero_ratio");
	put_ratio(out, term->p_zero);
	put_text(out, "confidence", str_of(confidence_names[term->confidence]));
	buf_put_byte(out, '}');
}

static void put_terms(struct buf *out, const struct waste_judgement *judgement)
{
	put_open(out, "terms", '[');
	for (size_t i = 0; i < judgement->count && i < WASTE_TERMS_TOLD; i++) {
		put_item(out, i);
		put_term(out, &judgement->terms[i], judgement->input->placements);
	}
	buf_put_byte(out, ']');
}

static void put_negative(struct buf *out, const struct negative *negative)
{
	put_text(out, "text", negative->text);
	put_text(out, "match_type", negative->term != NULL ? STR("EXACT") : STR("PHRASE"));
	put_text(out, "level", negative->campaign_level ? STR("campaign") : STR("ad_group"));
	put_strings(out, "campaign_ids", negative->campaign_ids, negative->campaign_count);
	put_strings(out, "ad_group_ids", negative->ad_group_ids,
		    negative->campaign_level ? 0 : negative->ad_group_count);
	put_number(out, "term_count", negative->terms);
	put_money(out, "saves_amount", negative->saves_micros);
	buf_put_byte(out, '}');
}

static void put_negatives(struct buf *out, const struct negative_list *negatives)
{
	size_t n = 0;

	put_open(out, "negatives", '[');
	for (size_t i = 0; i < negatives->exact_count; i++) {
		put_item(out, n++);
		put_negative(out, &negatives->exact[i]);
	}
	for (size_t i = 0; i < negatives->phrase_count; i++) {
		put_item(out, n++);
		put_negative(out, &negatives->phrases[i]);
	}
	buf_put_byte(out, ']');
}

static void put_exclusions(struct buf *out, const struct negative_list *negatives)
{
	put_open(out, "exclusions", '[');
	for (size_t i = 0; i < negatives->exact_count; i++) {
		const struct negative *one = &negatives->exact[i];

		put_item(out, i);
		put_text(out, "action", STR("exclude_placement"));
		put_text(out, "campaign_id", one->term->main->campaign_id);
		put_placement(out, one->text);
		put_bool(out, "learning", one->term->learning);
		put_money(out, "saves_amount", one->saves_micros);
		buf_put_byte(out, '}');
	}
	buf_put_byte(out, ']');
}

static void put_excluded(struct buf *out, const struct waste_judgement *judgement)
{
	size_t n = 0;

	put_open(out, "already_excluded", '[');
	for (size_t i = 0; i < judgement->count && n < WASTE_TERMS_TOLD; i++) {
		const struct waste_term *term = &judgement->terms[i];

		if (term->status != TERM_EXCLUDED)
			continue;
		put_item(out, n++);
		put_text(out, "term", term->text);
		put_text(out, "campaign_id", term->main->campaign_id);
		put_money(out, "cost_amount", term->figures.cost_micros);
		put_name(out, "conversions");
		put_count(out, term->figures.conversions);
		buf_put_byte(out, '}');
	}
	buf_put_byte(out, ']');
}

void waste_put(struct buf *out, const struct waste_judgement *judgement, const struct negative_list *negatives)
{
	bool placements = judgement->input->placements;

	buf_put_byte(out, '{');
	put_totals(out, judgement, negatives);
	put_terms(out, judgement);
	if (placements) {
		put_exclusions(out, negatives);
	} else {
		put_negatives(out, negatives);
		put_excluded(out, judgement);
	}
	buf_put_byte(out, '}');
}

void waste_draw(struct analysis *analysis, const struct waste_judgement *judgement)
{
	struct chart_bar bars[CHART_BARS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < judgement->count && n < ARRAY_LEN(bars); i++) {
		const struct waste_term *term = &judgement->terms[i];

		if (term->waste)
			bars[n++] = (struct chart_bar){
				.name = term->text, .value = (double)term->figures.cost_micros / MICROS, .other = NAN};
	}
	chart_bars(analysis->svg, STR("Spend that sold nothing"), analysis->currency, bars, n);
}
