/* Ranked search over tools.
 *
 * All that a query needs is worked out beforehand: for each word the tools that have it, and what
 * that adds to a tool's score (BM25F: rare words add more, a name more than a description, the tenth
 * occurrence less than the first). A query then only adds up.
 *
 *   words (sorted) ──▶ first, count ──▶ postings {tool, weight}, tools ascending
 *
 * A word of the query also finds longer words that begin with it ("repo"), for less; one that no
 * tool has finds what shares its beginning ("sending", "repositry"). Cutting text into words is
 * search_text.c's part. */
#include "catalog/search.h"

#include <math.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/json.h"
#include "catalog/search_text.h"

#define TOOL_WORDS_MAX 2000	   /* of one tool; a description that long says it all twice */
#define TOOL_WORDS_MIN 8	   /* its name at least */
#define INDEX_WORDS_MAX (1u << 20) /* of all together: at most some 80 MB, whatever upstreams write */
#define TOOL_ARENA_BYTES_MAX (256u * 1024 * 1024)
#define SCRATCH_BYTES_MAX (2048ul * 1024 * 1024)
#define SATURATION 1.2F	       /* BM25's k1 */
#define QUERY_STEPS_MAX 500000 /* additions of one query: well under a millisecond */
#define PREFIX_BYTES_MIN 3     /* shorter beginnings fit too much */
#define PREFIX_WORDS_MAX 24    /* longer words that one of the query stands for */
#define PREFIX_WEIGHT 0.3F     /* of a word that only begins like it */
#define GUESS_WEIGHT 0.5F      /* of what shares a beginning with a word that nobody has */
#define EXACT_NAME_SCORE 1e6F  /* above any sum of words */

enum field { FIELD_NAME, FIELD_TITLE, FIELD_PARAMETER, FIELD_DESCRIPTION, FIELD_DETAIL, FIELDS };

/* How much a word counts by where it stands, and how far long texts make it count less. */
static const struct {
	float weight, length;
} field_table[FIELDS] = {
	[FIELD_NAME] = {4.0F, 0.3F},	    [FIELD_TITLE] = {3.0F, 0.3F},  [FIELD_PARAMETER] = {1.0F, 0.6F},
	[FIELD_DESCRIPTION] = {1.5F, 0.6F}, [FIELD_DETAIL] = {0.4F, 0.7F},
};

/* Words that say nothing about a tool. */
static const char *const stop_words[] = {"a",	 "an",	"and", "are", "as",   "at",   "be",   "by",   "for",
					 "from", "how", "i",   "in",  "is",   "it",   "of",   "on",   "or",
					 "that", "the", "thi", "to",  "tool", "want", "what", "with", "you"};

struct posting {
	uint32_t tool;
	float weight;
};

struct word {
	struct str text;
	uint32_t first, count; /* of the postings */
};

struct search {
	struct catalog_item *const *items;
	size_t count;
	struct word *words; /* by text */
	size_t word_count;
	struct posting *postings;
};

/* ---- building -------------------------------------------------------------------- */

/* One word in one tool. */
struct occurrence {
	uint32_t word, tool;
	uint8_t times[FIELDS];
};

/* A word while the index grows. */
struct entry {
	struct str text;
	uint32_t number, tools;
	uint32_t rank;	   /* its place when sorted */
	size_t occurrence; /* the latest one */
};

struct building {
	struct arena *arena;   /* the index's */
	struct arena *scratch; /* ends with the building */
	struct map by_text;
	struct occurrence *occurrences; /* tool by tool; on the heap */
	size_t count, room;
	uint16_t (*lengths)[FIELDS]; /* words of each tool, by field */
	double total[FIELDS];
	uint32_t tool;
	size_t words_each; /* that a tool may have */
	size_t words_left; /* of this tool */
};

static bool is_stop_word(struct str word)
{
	for (size_t i = 0; i < ARRAY_LEN(stop_words); i++)
		if (str_eq(word, str_of(stop_words[i])))
			return true;
	return false;
}

static struct entry *entry_of(struct building *building, struct str text)
{
	struct entry *entry = map_get(&building->by_text, text);

	if (entry != NULL)
		return entry;
	entry = ARENA_NEW(building->scratch, struct entry);
	entry->text = arena_str(building->arena, text);
	entry->number = (uint32_t)building->by_text.used;
	entry->occurrence = SIZE_MAX;
	map_put(&building->by_text, entry->text, entry);
	return entry;
}

static struct occurrence *occurrence_of(struct building *building, struct entry *entry)
{
	if (entry->occurrence != SIZE_MAX && building->occurrences[entry->occurrence].tool == building->tool)
		return &building->occurrences[entry->occurrence];
	if (building->count == building->room) {
		building->room = building->room == 0 ? 4096 : building->room * 2;
		building->occurrences = realloc(building->occurrences, building->room * sizeof(struct occurrence));
		CHECK(building->occurrences != NULL);
	}
	entry->occurrence = building->count++;
	entry->tools++;
	building->occurrences[entry->occurrence] = (struct occurrence){.word = entry->number, .tool = building->tool};
	return &building->occurrences[entry->occurrence];
}

static void add_text(struct building *building, enum field field, struct str text)
{
	struct search_words words;
	struct str word;

	search_words_begin(&words, text);
	while (building->words_left > 0 && search_words_next(&words, &word)) {
		struct occurrence *occurrence;

		if (is_stop_word(word))
			continue;
		building->words_left--;
		occurrence = occurrence_of(building, entry_of(building, word));
		occurrence->times[field] += occurrence->times[field] < UINT8_MAX;
		building->lengths[building->tool][field]++;
		building->total[field]++;
	}
}

static void add_parameters(struct building *building, yyjson_val *properties)
{
	yyjson_val *key, *value;
	size_t i, max;

	if (!yyjson_is_obj(properties))
		return;
	yyjson_obj_foreach(properties, i, max, key, value)
	{
		add_text(building, FIELD_PARAMETER, json_str(key));
		add_text(building, FIELD_DETAIL, json_str(json_get(value, "description")));
	}
}

static void add_tool(struct building *building, const struct catalog_item *item)
{
	AUTO(arena) *scratch = arena_new(TOOL_ARENA_BYTES_MAX);
	yyjson_val *tool, *title;

	building->words_left = building->words_each;
	add_text(building, FIELD_NAME, item->name);
	if (json_read(scratch, item->json, &tool) != OK)
		return;
	title = json_get(tool, "title");
	add_text(building, FIELD_TITLE,
		 json_str(title != NULL ? title : json_get(json_get(tool, "annotations"), "title")));
	add_text(building, FIELD_DESCRIPTION, json_str(json_get(tool, "description")));
	add_parameters(building, json_get(json_get(tool, "inputSchema"), "properties"));
}

static int by_text(const void *a, const void *b)
{
	return str_cmp((*(struct entry *const *)a)->text, (*(struct entry *const *)b)->text);
}

/* Sort the words, and give each its stretch of the postings.
 *   ret_words  by number, not by rank; on the heap */
static void sort_words(struct building *building, struct search *search, struct entry ***ret_entries)
{
	size_t count = building->by_text.used, cursor = 0;
	struct entry **sorted = calloc(count + 1, sizeof(*sorted)), **numbered = calloc(count + 1, sizeof(*numbered));
	struct entry *entry;
	uint32_t first = 0;

	CHECK(sorted != NULL && numbered != NULL);
	while ((entry = map_next(&building->by_text, &cursor)) != NULL)
		sorted[entry->number] = numbered[entry->number] = entry;
	qsort(sorted, count, sizeof(*sorted), by_text);
	search->words = arena_alloc(building->arena, (count + 1) * sizeof(struct word));
	search->word_count = count;
	for (size_t i = 0; i < count; i++) {
		sorted[i]->rank = (uint32_t)i;
		search->words[i] = (struct word){.text = sorted[i]->text, .first = first};
		first += sorted[i]->tools;
	}
	free(sorted);
	*ret_entries = numbered;
}

static float occurrence_weight(const struct building *building, const struct occurrence *occurrence, size_t tools,
			       size_t tools_with_word)
{
	float rarity = logf(1 + ((float)tools - (float)tools_with_word + 0.5F) / ((float)tools_with_word + 0.5F));
	float often = 0;

	for (int field = 0; field < FIELDS; field++) {
		float average = (float)(building->total[field] / (double)tools);
		float length = (float)building->lengths[occurrence->tool][field];
		float share = field_table[field].length;

		if (occurrence->times[field] > 0)
			often += field_table[field].weight * (float)occurrence->times[field] /
				 (1 - share + share * length / average);
	}
	return rarity * often * (SATURATION + 1) / (SATURATION + often);
}

/* Occurrences come tool by tool, so each word's postings end up in the tools' order. */
static void weigh(struct building *building, struct search *search)
{
	struct entry **entries;

	sort_words(building, search, &entries);
	search->postings = arena_alloc(building->arena, (building->count + 1) * sizeof(struct posting));
	for (size_t i = 0; i < building->count; i++) {
		const struct occurrence *occurrence = &building->occurrences[i];
		const struct entry *entry = entries[occurrence->word];
		struct word *word = &search->words[entry->rank];

		search->postings[word->first + word->count++] = (struct posting){
			.tool = occurrence->tool,
			.weight = occurrence_weight(building, occurrence, search->count, entry->tools),
		};
	}
	free(entries);
}

/* What one tool may take, so that all together stay within bounds. */
static size_t words_each(size_t tools)
{
	size_t share = tools == 0 ? TOOL_WORDS_MAX : INDEX_WORDS_MAX / tools;

	if (share > TOOL_WORDS_MAX)
		return TOOL_WORDS_MAX;
	return share < TOOL_WORDS_MIN ? TOOL_WORDS_MIN : share;
}

struct search *search_build(struct arena *arena, struct catalog_item *const *items, size_t count)
{
	struct search *search = ARENA_NEW(arena, struct search);
	AUTO(arena) *scratch = arena_new(SCRATCH_BYTES_MAX);
	struct building building = {.arena = arena, .scratch = scratch, .words_each = words_each(count)};

	building.lengths = calloc(count + 1, sizeof(*building.lengths));
	CHECK(building.lengths != NULL && count < UINT32_MAX);
	search->items = items;
	search->count = count;
	for (size_t i = 0; i < count; i++) {
		building.tool = (uint32_t)i;
		add_tool(&building, items[i]);
	}
	weigh(&building, search);
	map_free(&building.by_text);
	free(building.occurrences);
	free(building.lengths);
	return search;
}

/* ---- asking ---------------------------------------------------------------------- */

/* The first word that is not before `text`. */
static size_t lower_bound(const struct search *search, struct str text)
{
	size_t low = 0, high = search->word_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (str_cmp(search->words[middle].text, text) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* One query on its way. */
struct asking {
	const struct search *search;
	float *scores;	/* by tool */
	uint32_t steps; /* that it may still take */
};

static void add_word(struct asking *asking, const struct word *word, float share)
{
	if (word->count > asking->steps)
		return;
	asking->steps -= word->count;
	for (uint32_t i = 0; i < word->count; i++) {
		const struct posting *posting = &asking->search->postings[word->first + i];

		asking->scores[posting->tool] += share * posting->weight;
	}
}

/* Words that begin like `text`, itself left out.
 *   returns    how many */
static size_t add_beginning(struct asking *asking, struct str text, float share)
{
	const struct search *search = asking->search;
	size_t at = lower_bound(search, text), added = 0;

	while (at < search->word_count && added < PREFIX_WORDS_MAX && str_starts(search->words[at].text, text)) {
		if (search->words[at].text.n > text.n) {
			add_word(asking, &search->words[at], share);
			added++;
		}
		at++;
	}
	return added;
}

static void add_query_word(struct asking *asking, struct str text)
{
	const struct search *search = asking->search;
	size_t at = lower_bound(search, text), added = 0;
	bool known = at < search->word_count && str_eq(search->words[at].text, text);

	if (known)
		add_word(asking, &search->words[at], 1);
	if (text.n >= PREFIX_BYTES_MIN)
		added = add_beginning(asking, text, known ? PREFIX_WEIGHT : GUESS_WEIGHT);
	if (known || added > 0 || text.n < PREFIX_BYTES_MIN + 2)
		return;
	text.n = text.n > 7 ? text.n - 3 : 4;
	add_beginning(asking, text, GUESS_WEIGHT);
}

/* Keep the best `limit`: they are few, so that inserting is all the sorting it takes. */
static size_t keep_best(struct search_hit *hits, size_t count, size_t limit, struct search_hit hit)
{
	size_t at = count;

	if (count == limit && hits[count - 1].score >= hit.score)
		return count;
	if (count == limit)
		at = --count;
	while (at > 0 && hits[at - 1].score < hit.score) {
		hits[at] = hits[at - 1];
		at--;
	}
	hits[at] = hit;
	return count + 1;
}

size_t search_run(const struct search *search, struct str query, struct arena *scratch, struct search_hit *hits,
		  size_t limit)
{
	float *scores = arena_try_alloc(scratch, (search->count + 1) * sizeof(float));
	struct asking asking = {search, scores, QUERY_STEPS_MAX};
	struct str name = str_trim(query), word;
	struct search_words words;
	size_t count = 0;

	if (scores == NULL || limit == 0)
		return 0;
	memset(scores, 0, (search->count + 1) * sizeof(float));
	if (query.n > SEARCH_QUERY_BYTES_MAX)
		query.n = SEARCH_QUERY_BYTES_MAX;
	search_words_begin(&words, query);
	for (int i = 0; i < SEARCH_QUERY_WORDS_MAX && search_words_next(&words, &word); i++)
		if (!is_stop_word(word))
			add_query_word(&asking, word);
	for (size_t i = 0; i < search->count; i++) {
		struct search_hit hit = {search->items[i], scores[i]};

		if (hit.score > 0 && (str_eq(hit.item->name, name) || str_eq(hit.item->original, name)))
			hit.score += EXACT_NAME_SCORE;
		if (hit.score > 0)
			count = keep_best(hits, count, limit, hit);
	}
	return count;
}
