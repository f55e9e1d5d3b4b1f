/* Cutting text into words for search.
 *
 *   bytes --rune_read--> folded letters with a kind --starts_piece--> pieces --stem--> words
 *
 * snake_case breaks at what is no letter or digit, camelCase and digits where the kind changes.
 * Latin letters lose their accents, Greek and Cyrillic ones their case; each ideograph is a word.
 * What is not UTF-8 separates words like a space. */
#include "catalog/search_text.h"

#include <assert.h>

#include "base/utf8.h"

enum rune_kind { RUNE_NONE, RUNE_BREAK, RUNE_LOWER, RUNE_UPPER, RUNE_DIGIT, RUNE_SINGLE };

struct rune {
	enum rune_kind kind;
	size_t bytes; /* in the text; 0 at its end */
	size_t n;
	char fold[4];
};

/* Latin letters from U+00C0 on by their base letter, a space for what is no letter. Upper and lower
 * case alternate from U+0100 on, but for a few that do not matter here. */
static const char latin1[] = "aaaaaaaceeeeiiiidnooooo ouuuuytsaaaaaaaceeeeiiiidnooooo ouuuuyty";
static const char latin_a[] = "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkkllllllllllnnnnnnnnnoooooooo"
			      "rrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

#define LATIN1_FIRST 0xC0u
#define LATIN_A_FIRST 0x100u
static_assert(sizeof(latin1) - 1 == 0x40, "U+00C0 to U+00FF");
static_assert(sizeof(latin_a) - 1 == 0x80, "U+0100 to U+017F");

/* What breaks words beyond ASCII: spaces, punctuation, symbols, marks that show nothing. */
static const struct {
	uint32_t first, last;
	enum rune_kind kind;
} rune_ranges[] = {
	{0x0080, 0x00BF, RUNE_BREAK},	 {0x0300, 0x036F, RUNE_NONE}, /* combining accents */
	{0x2000, 0x2BFF, RUNE_BREAK},	 {0x3000, 0x3004, RUNE_BREAK},	 {0x3008, 0x3030, RUNE_BREAK},
	{0x3040, 0x30FF, RUNE_SINGLE},	 {0x3400, 0x9FFF, RUNE_SINGLE},	 {0xD800, 0xF8FF, RUNE_BREAK},
	{0xF900, 0xFAFF, RUNE_SINGLE},	 {0xFE00, 0xFE6F, RUNE_BREAK},	 {0xFF00, 0xFF0F, RUNE_BREAK},
	{0xFFE0, 0xFFFF, RUNE_BREAK},	 {0x1F000, 0x1FAFF, RUNE_BREAK}, {0x20000, 0x3FFFF, RUNE_SINGLE},
	{0xE0000, 0x10FFFF, RUNE_BREAK},
};

static void fold_ascii(uint8_t byte, struct rune *rune)
{
	if (byte >= 'A' && byte <= 'Z') {
		rune->kind = RUNE_UPPER;
		byte = (uint8_t)(byte - 'A' + 'a');
	} else if (byte >= 'a' && byte <= 'z') {
		rune->kind = RUNE_LOWER;
	} else {
		rune->kind = byte >= '0' && byte <= '9' ? RUNE_DIGIT : RUNE_BREAK;
	}
	rune->fold[0] = (char)byte;
	rune->n = 1;
}

static void fold_latin(char base, bool upper, struct rune *rune)
{
	rune->kind = base == ' ' ? RUNE_BREAK : upper ? RUNE_UPPER : RUNE_LOWER;
	rune->fold[0] = base;
	rune->n = 1;
}

/* Letters that fold to another base than their case alone would say: accents, the sigma at a word's end. */
static const struct {
	uint16_t capital, small, base;
} accented[] = {
	{0x386, 0x3AC, 0x3B1}, {0x388, 0x3AD, 0x3B5}, {0x389, 0x3AE, 0x3B7},
	{0x38A, 0x3AF, 0x3B9}, {0x38C, 0x3CC, 0x3BF}, {0x38E, 0x3CD, 0x3C5},
	{0x38F, 0x3CE, 0x3C9}, {0x3A3, 0x3C2, 0x3C3}, {0x401, 0x451, 0x435},
};

/* Other Greek and Cyrillic capitals stand at a fixed distance from their small letters. */
static uint32_t fold_case(uint32_t code, bool *ret_upper)
{
	for (size_t i = 0; i < ARRAY_LEN(accented); i++) {
		*ret_upper = code == accented[i].capital;
		if (*ret_upper || code == accented[i].small)
			return accented[i].base;
	}
	*ret_upper = true;
	if ((code >= 0x391 && code <= 0x3A9) || (code >= 0x410 && code <= 0x42F))
		return code + 0x20;
	if (code >= 0x400 && code <= 0x40F)
		return code + 0x50;
	*ret_upper = false;
	return code;
}

static void fold_wide(uint32_t code, struct rune *rune)
{
	bool upper;

	for (size_t i = 0; i < ARRAY_LEN(rune_ranges); i++) {
		if (code < rune_ranges[i].first || code > rune_ranges[i].last)
			continue;
		rune->kind = rune_ranges[i].kind;
		rune->n = rune->kind == RUNE_SINGLE ? utf8_put(rune->fold, code) : 0;
		return;
	}
	if (code >= 0xFF01 && code <= 0xFF5E) { /* full width forms of ASCII */
		fold_ascii((uint8_t)(code - 0xFF01 + '!'), rune);
		return;
	}
	code = fold_case(code, &upper);
	rune->kind = upper ? RUNE_UPPER : RUNE_LOWER;
	rune->n = utf8_put(rune->fold, code);
}

static struct rune rune_read(const uint8_t *at, const uint8_t *end)
{
	struct rune rune = {.kind = RUNE_BREAK};
	uint32_t code;

	if (at == end)
		return rune;
	if (*at < 0x80) {
		rune.bytes = 1;
		fold_ascii(*at, &rune);
		return rune;
	}
	rune.bytes = utf8_take(at, end, &code); /* what is no character falls among the breaks */
	if (code >= LATIN_A_FIRST && code < LATIN_A_FIRST + sizeof(latin_a) - 1)
		fold_latin(latin_a[code - LATIN_A_FIRST], false, &rune);
	else if (code >= LATIN1_FIRST && code < LATIN_A_FIRST)
		fold_latin(latin1[code - LATIN1_FIRST], code < 0xE0 && code != 0xDF, &rune);
	else
		fold_wide(code, &rune);
	return rune;
}

/* Whether a piece ends before `rune`: aB, ABc between A and Bc, a1, 1a, and around ideographs. */
static bool starts_piece(const struct search_words *words, const struct rune *rune)
{
	enum rune_kind last = words->last;
	struct rune after;

	if (last == RUNE_NONE)
		return false;
	if (rune->kind == RUNE_SINGLE || last == RUNE_SINGLE || (last == RUNE_DIGIT) != (rune->kind == RUNE_DIGIT))
		return true;
	if (rune->kind != RUNE_UPPER)
		return false;
	if (last == RUNE_LOWER)
		return true;
	after = rune_read(words->at + rune->bytes, words->end);
	return after.kind == RUNE_LOWER;
}

static void append(char *word, size_t *n, const struct rune *rune)
{
	if (*n + rune->n > SEARCH_WORD_BYTES_MAX)
		return;
	memcpy(word + *n, rune->fold, rune->n);
	*n += rune->n;
}

/* "queries" is "query", "issues" is "issue"; "status", "access" and short words stay.
 *   Source     the S stemmer (D. Harman, How effective is suffixing?, 1991) */
static struct str stem(char *word, size_t n)
{
	struct str text = {word, n};

	if (n < 4 || !str_ends(text, STR("s")) || str_ends(text, STR("ss")) || str_ends(text, STR("us")))
		return text;
	if (n > 4 && str_ends(text, STR("ies"))) {
		word[n - 3] = 'y';
		return (struct str){word, n - 2};
	}
	return (struct str){word, n - 1};
}

void search_words_begin(struct search_words *words, struct str text)
{
	const uint8_t *first = (const uint8_t *)(text.n == 0 ? "" : text.p);

	*words = (struct search_words){.at = first, .end = first + text.n};
}

/* The run is over: its pieces were given one by one, now it may be due as a whole. */
static void end_run(struct search_words *words)
{
	words->whole_is_due = words->pieces > 1 && words->last != RUNE_SINGLE;
	words->last = RUNE_NONE;
	words->pieces = 0;
	if (!words->whole_is_due)
		words->whole_n = 0;
}

bool search_words_next(struct search_words *words, struct str *ret_word)
{
	words->n = 0;
	for (;;) {
		struct rune rune = rune_read(words->at, words->end);

		if (words->whole_is_due) {
			words->whole_is_due = false;
			*ret_word = stem(words->whole, words->whole_n);
			words->whole_n = 0;
			return true;
		}
		if (rune.kind == RUNE_BREAK) {
			if (words->n == 0 && rune.bytes == 0 && words->last == RUNE_NONE)
				return false;
			if (words->n > 0)
				break; /* the run ends when the next word is asked for */
			end_run(words);
		} else if (words->n > 0 && starts_piece(words, &rune)) {
			break;
		} else if (rune.kind != RUNE_NONE) {
			words->pieces += words->n == 0;
			append(words->word, &words->n, &rune);
			append(words->whole, &words->whole_n, &rune);
			words->last = (uint8_t)rune.kind;
		}
		words->at += rune.bytes;
	}
	*ret_word = stem(words->word, words->n);
	return true;
}
