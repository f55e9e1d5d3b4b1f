/* What people type into a search box may be their own: an e-mail address, a telephone number. Such terms are never
 * kept. The rules catch rather too much: a term that is lost costs a line in a list, and its money is still counted.
 *
 *     e-mail   something@something.something
 *     number   9 digits and more in a row; or 7 and more, with the marks that people write into telephone numbers, when
 *              they begin with +, 0 or ( or are 10 and more */
#include "ads/rows.h"

#define DIGITS_IN_A_ROW 9
#define DIGITS_MARKED 7
#define DIGITS_SPACED 10

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_mark(char c)
{
	return c == ' ' || c == '-' || c == '.' || c == '/' || c == '(' || c == ')';
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == ',' || c == ';';
}

static bool has_address(struct str text)
{
	for (size_t i = 1; i + 1 < text.n; i++) {
		bool dot = false;

		if (text.p[i] != '@' || is_space(text.p[i - 1]))
			continue;
		for (size_t j = i + 1; j < text.n && !is_space(text.p[j]); j++)
			dot = dot || (text.p[j] == '.' && j > i + 1 && j + 1 < text.n);
		if (dot)
			return true;
	}
	return false;
}

/* The number that begins at `at`, which is a digit, + or (; *ret_end is behind it. */
static bool is_number(struct str text, size_t at, size_t *ret_end)
{
	char first = text.p[at];
	size_t digits = 0, row = 0, longest = 0, i = at;

	for (; i < text.n && (is_digit(text.p[i]) || is_mark(text.p[i]) || (i == at && first == '+')); i++) {
		row = is_digit(text.p[i]) ? row + 1 : 0;
		digits += row > 0;
		longest = row > longest ? row : longest;
	}
	*ret_end = i > at ? i : at + 1;
	if (longest >= DIGITS_IN_A_ROW || digits >= DIGITS_SPACED)
		return true;
	return digits >= DIGITS_MARKED && !is_digit(first) ? true : digits >= DIGITS_MARKED && first == '0';
}

bool term_is_personal(struct str text)
{
	size_t i = 0, end;

	if (has_address(text))
		return true;
	while (i < text.n) {
		if (!is_digit(text.p[i]) && text.p[i] != '+' && text.p[i] != '(') {
			i++;
			continue;
		}
		if (is_number(text, i, &end))
			return true;
		i = end;
	}
	return false;
}
