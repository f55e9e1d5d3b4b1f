/* Spend on searches that sell nothing. Rows of one text are summed; a text is waste when it has sold nothing and has
 * cost as much as a sale may cost. Whether that is more than bad luck is said beside it: with few clicks nobody knows.
 *
 * What to do about it is found in negative.c. Placements (Meta, which tells no searches) are judged the same way, by
 * campaign. */
#include "analytics/waste.h"

#include <math.h>
#include <stdlib.h>

#include "analytics/figures.h"
#include "analytics/words.h"

#define SOLD_MIN 1e-9	      /* conversions; less is rounding */
#define CLICKS_OF_A_SALE 20.0 /* when no sale is known to tell what one costs */
#define P_ZERO_HIGH 0.05
#define P_ZERO_MEDIUM 0.20

/* Parts of what a sale costs. */
static const double threshold_cpas[] = {
	[WASTE_ANY_SPEND] = 0,
	[WASTE_HALF_CPA] = 0.5,
	[WASTE_ONE_CPA] = 1,
	[WASTE_TWO_CPA] = 2,
};

enum confidence_level confidence_of(const struct figures *account, int64_t clicks, double *ret_p_zero)
{
	double rate = figures_cvr(account);

	*ret_p_zero = isnan(rate) ? NAN : pow(1 - fmin(fmax(rate, 0), 1), (double)clicks);
	return *ret_p_zero <= P_ZERO_HIGH     ? CONFIDENCE_HIGH
	       : *ret_p_zero <= P_ZERO_MEDIUM ? CONFIDENCE_MEDIUM
					      : CONFIDENCE_LOW;
}

static double threshold_of(struct analysis *analysis, const struct waste_input *input)
{
	double parts = threshold_cpas[input->threshold], cpa = figures_cpa(&input->account);

	if (parts == 0)
		return 0;
	if (!isnan(cpa))
		return parts * cpa;
	analysis_warn(analysis, "cpa_undefined", "nothing was sold, so that 20 clicks stand for what a sale costs");
	return parts * CLICKS_OF_A_SALE * figures_cpc(&input->account);
}

/* ---- rows into terms ---- */

static int compare_texts(const void *a, const void *b)
{
	const struct waste_row *x = a, *y = b;
	int order = str_cmp(x->text, y->text);

	return order != 0 ? order : (x->term > y->term) - (x->term < y->term);
}

static int compare_placements(const void *a, const void *b)
{
	const struct waste_row *x = a, *y = b;
	int order = str_cmp(x->term->campaign_id, y->term->campaign_id);

	return order != 0 ? order : compare_texts(a, b);
}

static int compare_cost(const void *a, const void *b)
{
	const struct waste_term *x = a, *y = b;
	int order =
		(x->figures.cost_micros < y->figures.cost_micros) - (x->figures.cost_micros > y->figures.cost_micros);

	order = order != 0 ? order : str_cmp(x->text, y->text);
	return order != 0 ? order : str_cmp(x->main->campaign_id, y->main->campaign_id);
}

static bool same_term(const struct waste_row *a, const struct waste_row *b, bool placements)
{
	return str_eq(a->text, b->text) && (!placements || str_eq(a->term->campaign_id, b->term->campaign_id));
}

static enum err rows_sort(struct analysis *analysis, const struct waste_input *input, struct waste_row **ret_rows,
			  size_t *ret_count)
{
	size_t n = input->term_count < WASTE_ROWS_MAX ? input->term_count : WASTE_ROWS_MAX;
	struct waste_row *rows = arena_try_alloc(analysis->arena, n * sizeof(*rows));

	if (rows == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < n; i++) {
		const struct term *term = &input->terms[i];

		rows[i] = (struct waste_row){.term = term, .text = term->text};
		if (!input->placements)
			rows[i].text = text_lower(analysis->arena, term->text);
		if (rows[i].text.p == NULL && term->text.n > 0)
			return ERR_LIMIT;
	}
	if (n > 0)
		qsort(rows, n, sizeof(*rows), input->placements ? compare_placements : compare_texts);
	if (n < input->term_count)
		analysis_warn(analysis, "terms_left_out", "only the first 200000 rows are looked at");
	*ret_rows = rows;
	*ret_count = n;
	return OK;
}

/* Added anywhere it is a keyword; excluded only where it is excluded everywhere. */
static enum term_status status_with(const struct waste_term *term, enum term_status more)
{
	if (term->row_count == 0)
		return more;
	if (term->status == TERM_ADDED || more == TERM_ADDED)
		return TERM_ADDED;
	return term->status == more ? more : TERM_NONE;
}

static void term_add(struct waste_term *term, const struct term *row)
{
	figures_add(&term->figures, &row->figures);
	term->status = status_with(term, row->status);
	term->performance_max |= row->performance_max;
	term->learning |= row->learning;
	if (term->main == NULL || row->figures.cost_micros > term->main->figures.cost_micros)
		term->main = row;
	term->row_count++;
}

static enum err terms_sum(struct analysis *analysis, const struct waste_input *input, struct waste_judgement *judgement)
{
	struct waste_row *rows;
	size_t n, count = 0;

	TRY(rows_sort(analysis, input, &rows, &n));
	for (size_t i = 0; i < n; i++)
		count += i == 0 || !same_term(&rows[i - 1], &rows[i], input->placements);
	judgement->terms = arena_try_alloc(analysis->arena, count * sizeof(*judgement->terms));
	if (judgement->terms == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || !same_term(&rows[i - 1], &rows[i], input->placements))
			judgement->terms[judgement->count++] =
				(struct waste_term){.text = rows[i].text, .rows = &rows[i]};
		term_add(&judgement->terms[judgement->count - 1], rows[i].term);
	}
	if (count > 0)
		qsort(judgement->terms, count, sizeof(*judgement->terms), compare_cost);
	return OK;
}

/* ---- judging ---- */

static void judge(struct waste_judgement *judgement)
{
	const struct waste_input *input = judgement->input;

	for (size_t i = 0; i < judgement->count; i++) {
		struct waste_term *term = &judgement->terms[i];
		int64_t cost = term->figures.cost_micros;

		term->sells = term->figures.conversions >= SOLD_MIN;
		term->waste = !term->sells && cost > 0 && (double)cost >= judgement->threshold_micros;
		term->confidence = confidence_of(&input->account, term->figures.clicks, &term->p_zero);
		judgement->cost_micros += cost;
		judgement->waste_micros += term->waste ? cost : 0;
		judgement->waste_count += term->waste;
	}
}

enum err waste_analyse(struct analysis *analysis, const struct waste_input *input)
{
	struct waste_judgement judgement = {.input = input};
	struct negative_list negatives;

	if (input->placements)
		analysis_warn(analysis, "meta_has_no_search_terms", "placements are judged in their place");
	judgement.threshold_micros = threshold_of(analysis, input);
	TRY(terms_sum(analysis, input, &judgement));
	judge(&judgement);
	TRY(negatives_find(analysis, &judgement, &negatives));
	analysis->no_data = judgement.count == 0;
	waste_put(analysis->data, &judgement, &negatives);
	if (analysis->chart && judgement.waste_count > 0)
		waste_draw(analysis, &judgement);
	return OK;
}
