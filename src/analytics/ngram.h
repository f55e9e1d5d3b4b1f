/* Runs of one to three words in many terms: how often, at what cost, and whether one of them sells. */
#ifndef GATEHOUSE_ANALYTICS_NGRAM_H
#define GATEHOUSE_ANALYTICS_NGRAM_H

#include "analytics/words.h"
#include "base/err.h"

#define NGRAM_WORDS_MAX 3
#define NGRAM_TERM_WORDS_MAX 24					/* more words of a term are left out */
#define NGRAM_TERM_MAX (NGRAM_TERM_WORDS_MAX * NGRAM_WORDS_MAX) /* runs of a term */
#define NGRAM_SLOTS_MAX (1 << 18) /* some 20 MB; half of them are used, what is not there is found out soon */

struct ngram {
	struct str text; /* its words, in the term where it was first found; p NULL: a free slot */
	uint64_t hash;
	int64_t cost_micros, clicks;
	uint32_t terms; /* that contain it */
	uint32_t last;	/* the term that was counted last */
	bool guarded;	/* in a term that must stay */
	int rank;	/* among those chosen; -1: not chosen */
};

struct ngram_table {
	struct ngram *slots;
	size_t mask, used;
	bool full; /* some runs are not in it; those that are, are counted in full */
};

/* An empty table for the runs of about so many words.
 *   Errors     ERR_LIMIT (arena) */
NODISCARD enum err ngram_table_make(struct arena *arena, size_t words, struct ngram_table *ret_table);

/* Count the runs of a term that sells nothing.
 *   number     of the term, each another, not 0 */
void ngram_count(struct ngram_table *table, struct str words, uint32_t number, int64_t cost_micros, int64_t clicks);

/* What runs of this term are in the table must stay. */
void ngram_guard(struct ngram_table *table, struct str words);

/* NULL: it is not there. */
struct ngram *ngram_find(const struct ngram_table *table, struct str run);

/* The runs of a term, from its front, the shorter first.
 *   returns    how many are in `ret_runs` */
size_t ngram_split(struct str words, struct str ret_runs[NGRAM_TERM_MAX]);

#endif
