/* Words without a library: lower case for the scripts that have it and are common in searches (Latin, Greek,
 * Cyrillic), and the ranges of Unicode that are spaces and punctuation. Scripts written without spaces stay in one
 * piece, which is right for exact negatives and makes no others. */
#include "analytics/words.h"

#include <stdlib.h>

#include "base/utf8.h"

struct range {
	uint32_t first, last;
};

/* Neither letters nor digits, ascending.
 *   Source     Unicode 15, general categories Z*, P*, S* and C* of these blocks */
static const struct range separators[] = {
	{0x00, 0x2F},	  {0x3A, 0x40},	    {0x5B, 0x60},	{0x7B, 0xA9},	  {0xAB, 0xB1},	    {0xB4, 0xB4},
	{0xB6, 0xB8},	  {0xBB, 0xBB},	    {0xBF, 0xBF},	{0xD7, 0xD7},	  {0xF7, 0xF7},	    {0x37E, 0x37E},
	{0x387, 0x387},	  {0x55A, 0x55F},   {0x589, 0x58A},	{0x5BE, 0x5BE},	  {0x60C, 0x60D},   {0x61B, 0x61B},
	{0x61F, 0x61F},	  {0x66A, 0x66D},   {0x6D4, 0x6D4},	{0x964, 0x965},	  {0x1680, 0x1680}, {0x2000, 0x206F},
	{0x20A0, 0x20CF}, {0x2190, 0x245F}, {0x2500, 0x2BFF},	{0x2E00, 0x2E7F}, {0x3000, 0x3004}, {0x3008, 0x3020},
	{0x3030, 0x3030}, {0x30FB, 0x30FB}, {0xFE10, 0xFE6F},	{0xFEFF, 0xFEFF}, {0xFF01, 0xFF0F}, {0xFF1A, 0xFF20},
	{0xFF3B, 0xFF40}, {0xFF5B, 0xFF65}, {0x1F000, 0x1FAFF},
};

/* Capitals and how far their small letters are behind them; step 2: every other one, from the first. */
static const struct capitals {
	uint32_t first, last;
	int32_t by, step;
} capitals[] = {
	{'A', 'Z', 32, 1},     {0xC0, 0xD6, 32, 1},    {0xD8, 0xDE, 32, 1},    {0x100, 0x12E, 1, 2},
	{0x132, 0x136, 1, 2},  {0x139, 0x147, 1, 2},   {0x14A, 0x176, 1, 2},   {0x178, 0x178, -121, 1},
	{0x179, 0x17D, 1, 2},  {0x386, 0x386, 38, 1},  {0x388, 0x38A, 37, 1},  {0x38C, 0x38C, 64, 1},
	{0x38E, 0x38F, 63, 1}, {0x391, 0x3A1, 32, 1},  {0x3A3, 0x3AB, 32, 1},  {0x400, 0x40F, 80, 1},
	{0x410, 0x42F, 32, 1}, {0x460, 0x480, 1, 2},   {0x48A, 0x4BE, 1, 2},   {0x4D0, 0x52E, 1, 2},
	{0x531, 0x556, 48, 1}, {0x1E00, 0x1E94, 1, 2}, {0x1EA0, 0x1EFE, 1, 2}, {0xFF21, 0xFF3A, 32, 1},
};

/* English, German, French, Spanish, Italian, Dutch, Portuguese; sorted. */
static const char *const empty_words[] = {
	"about", "al",	 "am",	 "an",	"and",	"are",	"as",	"at",  "au",   "auf",	"aus", "avec", "bei",  "by",
	"che",	 "com",	 "con",	 "da",	"dans", "das",	"de",	"dei", "del",  "della", "dem", "den",  "der",  "des",
	"di",	 "die",	 "do",	 "du",	"een",	"ein",	"eine", "el",  "em",   "en",	"est", "et",   "for",  "from",
	"für",	 "het",	 "how",	 "il",	"im",	"in",	"is",	"ist", "it",   "la",	"las", "le",   "les",  "lo",
	"los",	 "met",	 "mit",	 "my",	"na",	"no",	"oder", "of",  "on",   "op",	"or",  "os",   "para", "per",
	"por",	 "pour", "que",	 "sur", "te",	"that", "the",	"to",  "um",   "un",	"una", "und",  "une",  "van",
	"vom",	 "von",	 "voor", "was", "what", "wie",	"with", "you", "your", "zu",	"zum", "zur",
};

static int compare_range(const void *key, const void *item)
{
	uint32_t code = *(const uint32_t *)key;
	const struct range *range = item;

	return code < range->first ? -1 : code > range->last;
}

static bool is_separator(uint32_t code)
{
	return bsearch(&code, separators, ARRAY_LEN(separators), sizeof(*separators), compare_range) != NULL;
}

static uint32_t lower(uint32_t code)
{
	for (size_t i = 0; i < ARRAY_LEN(capitals) && code >= capitals[i].first; i++)
		if (code <= capitals[i].last && (int32_t)(code - capitals[i].first) % capitals[i].step == 0)
			return (uint32_t)((int32_t)code + capitals[i].by);
	return code;
}

struct str text_lower(struct arena *arena, struct str text)
{
	struct str from = str_shorten(str_trim(text), WORDS_BYTES_MAX);
	/* A small letter takes no more bytes than its capital in any of these ranges. */
	char *out = arena_try_alloc(arena, from.n + 1);
	size_t n = 0;

	if (out == NULL)
		return STR_NONE;
	while (from.n > 0) {
		uint32_t code;
		size_t taken = utf8_take((const uint8_t *)from.p, (const uint8_t *)from.p + from.n, &code);
		uint32_t small = lower(code);

		if (small != code) {
			n += utf8_put(out + n, small);
		} else {
			memcpy(out + n, from.p, taken);
			n += taken;
		}
		from = str_skip(from, taken);
	}
	return (struct str){out, n};
}

struct str text_words(struct arena *arena, struct str text)
{
	char *out = arena_try_alloc(arena, text.n + 1);
	bool pending = false;
	size_t n = 0;

	if (out == NULL)
		return STR_NONE;
	while (text.n > 0) {
		uint32_t code;
		size_t taken = utf8_take((const uint8_t *)text.p, (const uint8_t *)text.p + text.n, &code);

		if (is_separator(code)) {
			pending = n > 0;
		} else {
			if (pending)
				out[n++] = ' ';
			pending = false;
			memcpy(out + n, text.p, taken);
			n += taken;
		}
		text = str_skip(text, taken);
	}
	return (struct str){out, n};
}

bool word_take(struct str *words, struct str *ret_word)
{
	if (words->n == 0)
		return false;
	(void)str_cut(*words, ' ', ret_word, words);
	return true;
}

bool words_contain(struct str words, struct str run)
{
	const char *from = words.p, *end = from + words.n, *at;

	if (run.n == 0 || words.n < run.n)
		return false;
	while ((at = memmem(from, (size_t)(end - from), run.p, run.n)) != NULL) {
		bool begins = at == words.p || at[-1] == ' ', ends = at + run.n == end || at[run.n] == ' ';

		if (begins && ends)
			return true;
		from = at + 1;
	}
	return false;
}

static int compare_word(const void *key, const void *item)
{
	return str_cmp(*(const struct str *)key, str_of(*(const char *const *)item));
}

bool word_is_empty(struct str word)
{
	uint32_t code;

	if (word.n == 0 || utf8_take((const uint8_t *)word.p, (const uint8_t *)word.p + word.n, &code) == word.n)
		return true;
	return bsearch(&word, empty_words, ARRAY_LEN(empty_words), sizeof(*empty_words), compare_word) != NULL;
}
