/* What to exclude. First the texts themselves, each as an exact negative; then runs of words that many cheap terms
 * share: none of them cost enough alone, together they do. Nothing is suggested that is in a term that sells, in a
 * keyword, or in the name of the brand, and nothing by bad luck alone. A term's cost is saved once: by its own
 * negative, else by the dearest run that it contains. */
#include <math.h>
#include <stdlib.h>

#include "analytics/ngram.h"
#include "analytics/waste.h"

#define EXACT_TRIED_MAX 300  /* texts, from the dearest: each may have to be looked for in all that sells */
#define PHRASE_TRIED_MAX 200 /* runs, likewise */
#define PHRASE_TERMS_MIN 2
#define PHRASE_THRESHOLDS 2.0 /* a run must have cost so many thresholds */

struct search {
	struct analysis *analysis;
	struct waste_judgement *judgement;
	struct ngram_table runs;
	struct str *brands; /* their words */
};

static bool must_stay(const struct waste_term *term)
{
	return term->sells || term->status == TERM_ADDED;
}

/* Whether its cost could be saved: it sells nothing, and is not excluded already. */
static bool could_go(const struct waste_term *term)
{
	return !term->sells && term->status == TERM_NONE && term->figures.cost_micros > 0;
}

static enum err words_prepare(struct search *search)
{
	struct arena *arena = search->analysis->arena;
	struct waste_judgement *judgement = search->judgement;
	const struct waste_input *input = judgement->input;

	for (size_t i = 0; i < judgement->count; i++) {
		struct waste_term *term = &judgement->terms[i];

		term->words = text_words(arena, term->text);
		if (term->words.p == NULL)
			return ERR_LIMIT;
	}
	search->brands = arena_try_alloc(arena, (input->brand_count + 1) * sizeof(*search->brands));
	if (search->brands == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < input->brand_count; i++) {
		struct str small = text_lower(arena, input->brands[i]);

		search->brands[i] = text_words(arena, small);
		if (small.p == NULL || search->brands[i].p == NULL)
			return ERR_LIMIT;
	}
	return OK;
}

static enum err runs_count(struct search *search)
{
	const struct waste_judgement *judgement = search->judgement;
	size_t words = 0;

	for (size_t i = 0; i < judgement->count; i++)
		for (size_t j = 0; could_go(&judgement->terms[i]) && j < judgement->terms[i].words.n; j++)
			words += j == 0 || judgement->terms[i].words.p[j] == ' ';
	TRY(ngram_table_make(search->analysis->arena, words, &search->runs));
	for (size_t i = 0; i < judgement->count; i++) {
		const struct waste_term *term = &judgement->terms[i];

		if (could_go(term))
			ngram_count(&search->runs, term->words, (uint32_t)i + 1, term->figures.cost_micros,
				    term->figures.clicks);
	}
	for (size_t i = 0; i < judgement->count; i++)
		if (must_stay(&judgement->terms[i]))
			ngram_guard(&search->runs, judgement->terms[i].words);
	if (search->runs.full)
		analysis_warn(search->analysis, "phrases_left_out",
			      "there are more runs of words than are counted; the dearest are");
	return OK;
}

static bool is_brand(const struct search *search, struct str words)
{
	for (size_t i = 0; i < search->judgement->input->brand_count; i++)
		if (words_contain(search->brands[i], words) || words_contain(words, search->brands[i]))
			return true;
	return false;
}

/* Whether a term that must stay contains these words. The table knows it of short ones, and of most others: what
 * contains them contains their beginning. */
static bool is_kept(const struct search *search, struct str words)
{
	const struct waste_judgement *judgement = search->judgement;
	struct str runs[NGRAM_TERM_MAX];
	size_t n = ngram_split(words, runs);
	const struct ngram *known;

	if (n == 0)
		return true; /* punctuation only */
	/* Those of the first word come first: "a", "a b", "a b c". */
	known = ngram_find(&search->runs, runs[n == 1 ? 0 : n == 3 ? 1 : 2]);
	if (known != NULL && !known->guarded)
		return false;
	for (size_t i = 0; i < judgement->count; i++)
		if (must_stay(&judgement->terms[i]) && words_contain(judgement->terms[i].words, words))
			return true;
	return false;
}

/* ---- ids ---- */

static void id_add(struct str ids[WASTE_IDS_MAX], size_t *count, struct str id)
{
	for (size_t i = 0; i < *count; i++)
		if (str_eq(ids[i], id))
			return;
	if (id.n > 0 && *count < WASTE_IDS_MAX)
		ids[(*count)++] = id;
}

static void ids_add(struct negative *negative, const struct waste_term *term)
{
	for (size_t i = 0; i < term->row_count; i++) {
		const struct term *row = term->rows[i].term;

		id_add(negative->campaign_ids, &negative->campaign_count, row->campaign_id);
		id_add(negative->ad_group_ids, &negative->ad_group_count, row->ad_group_id);
	}
}

/* ---- exact ---- */

static void exact_find(struct search *search, struct negative_list *list)
{
	struct waste_judgement *judgement = search->judgement;
	size_t tried = 0;

	for (size_t i = 0; i < judgement->count && list->exact_count < WASTE_EXACT_MAX && tried < EXACT_TRIED_MAX;
	     i++) {
		struct waste_term *term = &judgement->terms[i];
		struct negative *negative = &list->exact[list->exact_count];

		if (!term->waste || term->confidence < CONFIDENCE_MEDIUM || !could_go(term))
			continue;
		tried++;
		if (!judgement->input->placements && (is_brand(search, term->words) || is_kept(search, term->words)))
			continue;
		*negative = (struct negative){.text = term->text,
					      .term = term,
					      .campaign_level = term->performance_max,
					      .saves_micros = term->figures.cost_micros,
					      .terms = 1};
		ids_add(negative, term);
		term->saved = true;
		list->saves_micros += negative->saves_micros;
		list->exact_count++;
	}
}

/* ---- phrases ---- */

/* A run that begins or ends with a word that says nothing is no better than what is between. */
static bool says_something(struct str run)
{
	struct str word, rest = run;

	(void)word_take(&rest, &word);
	if (word_is_empty(word))
		return false;
	while (word_take(&rest, &word))
		;
	return !word_is_empty(word);
}

static bool is_candidate(const struct search *search, const struct ngram *run)
{
	const struct waste_judgement *judgement = search->judgement;
	double p_zero;

	return run->text.p != NULL && !run->guarded && run->terms >= PHRASE_TERMS_MIN &&
	       (double)run->cost_micros >= PHRASE_THRESHOLDS * judgement->threshold_micros &&
	       says_something(run->text) &&
	       confidence_of(&judgement->input->account, run->clicks, &p_zero) >= CONFIDENCE_MEDIUM &&
	       !is_brand(search, run->text);
}

/* The dearest first; of those alike the longest, which excludes the least beside. */
static int compare_runs(const void *a, const void *b)
{
	const struct ngram *x = *(const struct ngram *const *)a, *y = *(const struct ngram *const *)b;
	int order = (x->cost_micros < y->cost_micros) - (x->cost_micros > y->cost_micros);

	order = order != 0 ? order : (x->text.n < y->text.n) - (x->text.n > y->text.n);
	return order != 0 ? order : str_cmp(x->text, y->text);
}

/* Whether a longer one is in exactly the same terms. */
static bool is_covered(struct ngram *const *runs, size_t count, const struct ngram *run)
{
	for (size_t i = 0; i < count; i++)
		if (runs[i] != run && runs[i]->terms == run->terms && runs[i]->text.n > run->text.n &&
		    words_contain(runs[i]->text, run->text))
			return true;
	return false;
}

/* Candidates into negatives that save nothing yet.
 *   Errors     ERR_LIMIT (arena) */
static enum err phrases_choose(struct search *search, struct negative_list *list)
{
	size_t count = 0, slots = search->runs.mask + 1;
	struct ngram **runs;

	for (size_t i = 0; i < slots; i++)
		count += is_candidate(search, &search->runs.slots[i]);
	runs = arena_try_alloc(search->analysis->arena, (count + 1) * sizeof(struct ngram *));
	if (runs == NULL)
		return ERR_LIMIT;
	count = 0;
	for (size_t i = 0; i < slots; i++)
		if (is_candidate(search, &search->runs.slots[i]))
			runs[count++] = &search->runs.slots[i];
	qsort(runs, count, sizeof(struct ngram *), compare_runs);
	if (count > PHRASE_TRIED_MAX)
		count = PHRASE_TRIED_MAX;
	for (size_t i = 0; i < count && list->phrase_count < WASTE_PHRASE_MAX; i++) {
		if (is_covered(runs, count, runs[i]))
			continue;
		runs[i]->rank = (int)list->phrase_count;
		list->phrases[list->phrase_count++] =
			(struct negative){.text = runs[i]->text, .campaign_level = true, .terms = runs[i]->terms};
	}
	return OK;
}

/* The first of the chosen that the term contains; -1: none. */
static int phrase_in(const struct search *search, const struct waste_term *term)
{
	struct str runs[NGRAM_TERM_MAX];
	size_t n = ngram_split(term->words, runs);
	int best = -1;

	for (size_t i = 0; i < n; i++) {
		const struct ngram *run = ngram_find(&search->runs, runs[i]);

		if (run != NULL && run->rank >= 0 && (best < 0 || run->rank < best))
			best = run->rank;
	}
	return best;
}

static int compare_saves(const void *a, const void *b)
{
	const struct negative *x = a, *y = b;
	int order = (x->saves_micros < y->saves_micros) - (x->saves_micros > y->saves_micros);

	return order != 0 ? order : str_cmp(x->text, y->text);
}

/* Count what each saves beside the exact ones; those that save nothing are dropped. */
static void phrases_count(struct search *search, struct negative_list *list)
{
	struct waste_judgement *judgement = search->judgement;

	for (size_t i = 0; list->phrase_count > 0 && i < judgement->count; i++) {
		struct waste_term *term = &judgement->terms[i];
		int rank = term->saved || !could_go(term) ? -1 : phrase_in(search, term);

		if (rank < 0)
			continue;
		term->saved = true;
		list->phrases[rank].saves_micros += term->figures.cost_micros;
		list->saves_micros += term->figures.cost_micros;
		list->long_tail_micros += term->waste ? 0 : term->figures.cost_micros;
		ids_add(&list->phrases[rank], term);
	}
	qsort(list->phrases, list->phrase_count, sizeof(*list->phrases), compare_saves);
	while (list->phrase_count > 0 && list->phrases[list->phrase_count - 1].saves_micros == 0)
		list->phrase_count--;
}

enum err negatives_find(struct analysis *analysis, struct waste_judgement *judgement, struct negative_list *ret_list)
{
	struct search search = {.analysis = analysis, .judgement = judgement};
	struct negative_list list = {
		.exact = arena_try_alloc(analysis->arena, WASTE_EXACT_MAX * sizeof(*list.exact)),
		.phrases = arena_try_alloc(analysis->arena, WASTE_PHRASE_MAX * sizeof(*list.phrases))};

	if (list.exact == NULL || list.phrases == NULL)
		return ERR_LIMIT;
	if (!judgement->input->placements) {
		TRY(words_prepare(&search));
		TRY(runs_count(&search));
	}
	exact_find(&search, &list);
	if (!judgement->input->placements && !isnan(judgement->threshold_micros)) {
		TRY(phrases_choose(&search, &list));
		phrases_count(&search, &list);
	}
	*ret_list = list;
	return OK;
}
