/* Search terms are what strangers typed: a line each. Whatever they are, their words are words, and the answer about
 * them is JSON that suggests nothing a selling term contains. */
#include "analytics/analytics.h"
#include "analytics/words.h"
#include "base/check.h"
#include "base/json.h"

#define TERMS_MAX 64

/* Words of words are the same words. */
static void check_words(struct arena *arena, struct str text)
{
	struct str words = text_words(arena, text_lower(arena, text)), again = text_words(arena, words), rest = words,
		   word;

	CHECK(str_eq(words, again));
	CHECK(words.n == 0 || words_contain(words, words));
	while (word_take(&rest, &word))
		CHECK(word.n > 0 && words_contain(words, word));
}

/* The first character says what became of it. */
static struct term term_of(struct str line)
{
	unsigned kind = line.n > 0 ? (unsigned char)line.p[0] : 0;

	return (struct term){
		.text = line,
		.campaign_id = STR("1"),
		.status = kind % 7 == 0	   ? TERM_ADDED
			  : kind % 11 == 0 ? TERM_EXCLUDED
					   : TERM_NONE,
		.figures = {.cost_micros = (int64_t)(kind % 64) * MICROS,
			    .clicks = kind % 64,
			    .conversions = kind % 5 == 0},
	};
}

static void check_negatives(struct arena *arena, yyjson_val *root, const struct term *terms, size_t count)
{
	yyjson_val *negatives = json_get(root, "negatives"), *one;
	size_t i, n;

	yyjson_arr_foreach(negatives, i, n, one)
	{
		struct str words = text_words(arena, json_str(json_get(one, "text")));

		for (size_t j = 0; j < count; j++)
			CHECK(terms[j].figures.conversions == 0 ||
			      !words_contain(text_words(arena, text_lower(arena, terms[j].text)), words));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	AUTO(arena) *arena = arena_new(16 << 20);
	struct str rest = {(const char *)bytes, n}, line;
	struct term terms[TERMS_MAX];
	struct waste_input input = {.terms = terms, .threshold = WASTE_HALF_CPA};
	AUTO_BUF data = {0};
	AUTO_BUF svg = {0};
	struct analysis analysis = {.arena = arena, .chart = true, .data = &data, .svg = &svg};
	yyjson_val *root;

	input.account = (struct figures){.cost_micros = 100 * MICROS, .clicks = 100, .conversions = 20};
	while (input.term_count < TERMS_MAX && rest.n > 0) {
		(void)str_cut(rest, '\n', &line, &rest);
		check_words(arena, line);
		terms[input.term_count++] = term_of(line);
	}
	CHECK(waste_analyse(&analysis, &input) == OK);
	CHECK(json_read(arena, buf_str(&data), &root) == OK);
	if (str_is_utf8((struct str){(const char *)bytes, n}))
		check_negatives(arena, root, terms, input.term_count);
	return 0;
}
