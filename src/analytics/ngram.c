/* An open table of runs of words. Terms that sell nothing are counted first, the dearest of them first; terms that
 * must stay only mark what is there. When the table is full new runs are left out, so that each run in it has been
 * counted since its first term: its sums are right, whatever is missing beside it. */
#include "analytics/ngram.h"

#define SLOTS_MIN 64

enum err ngram_table_make(struct arena *arena, size_t words, struct ngram_table *ret_table)
{
	size_t slots = SLOTS_MIN;
	struct ngram *made;

	while (slots < NGRAM_SLOTS_MAX && slots < 2 * NGRAM_WORDS_MAX * words)
		slots *= 2;
	made = arena_try_alloc(arena, slots * sizeof(*made));
	if (made == NULL)
		return ERR_LIMIT;
	memset(made, 0, slots * sizeof(*made));
	*ret_table = (struct ngram_table){.slots = made, .mask = slots - 1};
	return OK;
}

/* Its slot, or the free one where it would be. */
static struct ngram *slot_of(const struct ngram_table *table, struct str run, uint64_t hash)
{
	for (size_t at = hash & table->mask;; at = (at + 1) & table->mask) {
		struct ngram *slot = &table->slots[at];

		if (slot->text.p == NULL || (slot->hash == hash && str_eq(slot->text, run)))
			return slot;
	}
}

struct ngram *ngram_find(const struct ngram_table *table, struct str run)
{
	struct ngram *slot = slot_of(table, run, str_hash(run));

	return slot->text.p == NULL ? NULL : slot;
}

size_t ngram_split(struct str words, struct str ret_runs[NGRAM_TERM_MAX])
{
	struct str from[NGRAM_TERM_WORDS_MAX], word;
	size_t count = 0, n = 0;

	while (count < NGRAM_TERM_WORDS_MAX && word_take(&words, &word))
		from[count++] = word;
	for (size_t i = 0; i < count; i++)
		for (size_t j = i; j < count && j < i + NGRAM_WORDS_MAX; j++)
			ret_runs[n++] = (struct str){from[i].p, (size_t)(from[j].p + from[j].n - from[i].p)};
	return n;
}

static void count_run(struct ngram_table *table, struct str run, uint32_t number, int64_t cost_micros, int64_t clicks)
{
	uint64_t hash = str_hash(run);
	struct ngram *slot = slot_of(table, run, hash);

	if (slot->text.p == NULL) {
		if (table->used > table->mask / 2) {
			table->full = true;
			return;
		}
		*slot = (struct ngram){.text = run, .hash = hash, .rank = -1};
		table->used++;
	}
	if (slot->last == number)
		return;
	slot->last = number;
	slot->terms++;
	slot->cost_micros += cost_micros;
	slot->clicks += clicks;
}

void ngram_count(struct ngram_table *table, struct str words, uint32_t number, int64_t cost_micros, int64_t clicks)
{
	struct str runs[NGRAM_TERM_MAX];
	size_t n = ngram_split(words, runs);

	for (size_t i = 0; i < n; i++)
		count_run(table, runs[i], number, cost_micros, clicks);
}

void ngram_guard(struct ngram_table *table, struct str words)
{
	struct str runs[NGRAM_TERM_MAX];
	size_t n = ngram_split(words, runs);

	for (size_t i = 0; i < n; i++) {
		struct ngram *slot = ngram_find(table, runs[i]);

		if (slot != NULL)
			slot->guarded = true;
	}
}
