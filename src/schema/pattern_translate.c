/* From ECMA-262 patterns to PCRE2's: one pass, one item at a time.
 *
 * Everything whose meaning differs is spelled out: `.` and \s as ECMA's sets, \u, \x and \c as
 * \x{...}, \p by the names PCRE2 knows. What ECMA does not have (inline options, atomic groups,
 * recursion, verbs, possessive repeats) is refused, though PCRE2 would take it. Balance of
 * brackets, group numbers and ranges are left to PCRE2's compiler. */
#include "schema/pattern.h"

#include "base/json.h"
#include "schema/schema.h"

/* White space and line terminators, and the rest, as the inside of a class. */
#define CLASS_SPACE                                                                                                    \
	"\\t-\\r\\x20\\xA0\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}\\x{FEFF}"
#define CLASS_NOT_SPACE                                                                                                \
	"\\x00-\\x08\\x0E-\\x1F\\x21-\\x9F\\xA1-\\x{167F}\\x{1681}-\\x{1FFF}\\x{200B}-\\x{2027}\\x{202A}-\\x{202E}"    \
	"\\x{2030}-\\x{205E}\\x{2060}-\\x{2FFF}\\x{3001}-\\x{FEFE}\\x{FF00}-\\x{10FFFF}"

struct translation {
	const char *p, *end;
	struct buf *out;
	struct buf *problem;
	bool in_class;
	bool repeatable; /* the item before may take a quantifier */
	bool after_set;	 /* in a class: the item before was a set such as \d, which starts no range */
};

/* Long names of the general categories; PCRE2 knows only the short ones. */
static const struct category {
	const char *name, *code;
} categories[] = {
	{"Letter", "L"},
	{"Cased_Letter", "L&"},
	{"LC", "L&"},
	{"Uppercase_Letter", "Lu"},
	{"Lowercase_Letter", "Ll"},
	{"Titlecase_Letter", "Lt"},
	{"Modifier_Letter", "Lm"},
	{"Other_Letter", "Lo"},
	{"Mark", "M"},
	{"Combining_Mark", "M"},
	{"Nonspacing_Mark", "Mn"},
	{"Spacing_Mark", "Mc"},
	{"Enclosing_Mark", "Me"},
	{"Number", "N"},
	{"Decimal_Number", "Nd"},
	{"digit", "Nd"},
	{"Letter_Number", "Nl"},
	{"Other_Number", "No"},
	{"Punctuation", "P"},
	{"punct", "P"},
	{"Connector_Punctuation", "Pc"},
	{"Dash_Punctuation", "Pd"},
	{"Open_Punctuation", "Ps"},
	{"Close_Punctuation", "Pe"},
	{"Initial_Punctuation", "Pi"},
	{"Final_Punctuation", "Pf"},
	{"Other_Punctuation", "Po"},
	{"Symbol", "S"},
	{"Math_Symbol", "Sm"},
	{"Currency_Symbol", "Sc"},
	{"Modifier_Symbol", "Sk"},
	{"Other_Symbol", "So"},
	{"Separator", "Z"},
	{"Space_Separator", "Zs"},
	{"Line_Separator", "Zl"},
	{"Paragraph_Separator", "Zp"},
	{"Other", "C"},
	{"Control", "Cc"},
	{"cntrl", "Cc"},
	{"Format", "Cf"},
	{"Surrogate", "Cs"},
	{"Private_Use", "Co"},
	{"Unassigned", "Cn"},
};

static enum err refuse(struct translation *t, const char *what)
{
	buf_put_fmt(t->problem, "the pattern is not valid: %s", what);
	return ERR_CONFIG;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Exactly `digits` hexadecimal digits at p. */
static bool hex_at(const struct translation *t, const char *p, int digits, uint32_t *ret_value)
{
	uint32_t value = 0;

	if (t->end - p < digits)
		return false;
	for (int i = 0; i < digits; i++) {
		int digit = hex_digit(p[i]);

		if (digit < 0)
			return false;
		value = value << 4 | (uint32_t)digit;
	}
	*ret_value = value;
	return true;
}

static void put_rune(struct translation *t, uint32_t rune)
{
	buf_put_fmt(t->out, "\\x{%X}", rune);
}

/* \u{1F600}: t->p is behind the brace. */
static enum err rune_in_braces(struct translation *t)
{
	uint32_t rune = 0;
	bool any = false;

	for (; t->p < t->end && hex_digit(*t->p) >= 0; t->p++) {
		rune = rune << 4 | (uint32_t)hex_digit(*t->p);
		any = true;
		if (rune > 0x10FFFF)
			return refuse(t, "\\u{...} is beyond U+10FFFF");
	}
	if (!any || t->p == t->end || *t->p != '}')
		return refuse(t, "\\u{...} needs hexadecimal digits");
	t->p++;
	put_rune(t, rune);
	return OK;
}

/* \u0041, and \ud83d\ude00 as the one character it means; t->p is behind the u. */
static enum err escape_unicode(struct translation *t)
{
	uint32_t high, low;

	if (t->p < t->end && *t->p == '{') {
		t->p++;
		return rune_in_braces(t);
	}
	if (!hex_at(t, t->p, 4, &high))
		return refuse(t, "\\u needs four hexadecimal digits");
	t->p += 4;
	if (high >= 0xD800 && high < 0xDC00 && t->end - t->p >= 6 && t->p[0] == '\\' && t->p[1] == 'u' &&
	    hex_at(t, t->p + 2, 4, &low) && low >= 0xDC00 && low < 0xE000) {
		t->p += 6;
		high = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
	}
	put_rune(t, high);
	return OK;
}

/* \p{Letter}, \p{gc=Lu}, \p{Script=Greek}, \P{...}; t->p is behind the letter. */
static enum err escape_property(struct translation *t, char letter)
{
	static const char *const prefixes[] = {"General_Category=", "gc="};
	const char *close = t->p < t->end && *t->p == '{' ? memchr(t->p, '}', (size_t)(t->end - t->p)) : NULL;
	struct str name;

	if (close == NULL)
		return refuse(t, "\\p needs a name in braces");
	name = (struct str){t->p + 1, (size_t)(close - t->p - 1)};
	t->p = close + 1;
	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
		if (str_starts(name, str_of(prefixes[i])))
			name = str_skip(name, strlen(prefixes[i]));
	}
	for (size_t i = 0; i < ARRAY_LEN(categories); i++) {
		if (str_eq_nocase(name, str_of(categories[i].name))) {
			name = str_of(categories[i].code);
			break;
		}
	}
	buf_put_fmt(t->out, "\\%c{%.*s}", letter, STR_ARG(name));
	return OK;
}

/* \1 to \99...: a group before or after; \0 is the character NUL. t->p is at the first digit. */
static enum err escape_digits(struct translation *t)
{
	struct str digits = {t->p, 0};

	while (t->p < t->end && *t->p >= '0' && *t->p <= '9')
		t->p++;
	digits.n = (size_t)(t->p - digits.p);
	if (str_eq(digits, STR("0")))
		buf_put(t->out, STR("\\x{0}"));
	else if (digits.p[0] == '0' || t->in_class || digits.n > 4)
		return refuse(t, "octal escapes do not exist");
	else
		buf_put_fmt(t->out, "\\g{%.*s}", STR_ARG(digits));
	return OK;
}

static enum err escape_letter(struct translation *t, char c)
{
	uint32_t value;

	switch (c) {
	case 'd':
	case 'D':
	case 'w':
	case 'W':
	case 't':
	case 'n':
	case 'r':
	case 'f':
		buf_put_fmt(t->out, "\\%c", c);
		return OK;
	case 'v':
		buf_put(t->out, STR("\\x{B}"));
		return OK;
	case 's':
		buf_put(t->out, t->in_class ? STR(CLASS_SPACE) : STR("[" CLASS_SPACE "]"));
		return OK;
	case 'S':
		buf_put(t->out, t->in_class ? STR(CLASS_NOT_SPACE) : STR("[^" CLASS_SPACE "]"));
		return OK;
	case 'c':
		if (t->p == t->end || !((*t->p | 0x20) >= 'a' && (*t->p | 0x20) <= 'z'))
			return refuse(t, "\\c needs a letter");
		put_rune(t, (uint32_t)*t->p++ & 31);
		return OK;
	case 'x':
		if (!hex_at(t, t->p, 2, &value))
			return refuse(t, "\\x needs two hexadecimal digits");
		t->p += 2;
		put_rune(t, value);
		return OK;
	case 'u':
		return escape_unicode(t);
	case 'p':
	case 'P':
		return escape_property(t, c);
	default:
		return refuse(t, "ECMA-262 has no such escape");
	}
}

/* t->p is behind the backslash. */
static enum err escape(struct translation *t)
{
	char c;

	if (t->p == t->end)
		return refuse(t, "it ends with a backslash");
	c = *t->p;
	t->repeatable = true;
	if (c >= '0' && c <= '9')
		return escape_digits(t);
	t->p++;
	if (c == 'b' || c == 'B') {
		if (t->in_class && c == 'B')
			return refuse(t, "\\B is no character");
		buf_put(t->out, t->in_class ? STR("\\x{8}") : c == 'b' ? STR("\\b") : STR("\\B"));
		t->repeatable = t->in_class;
		return OK;
	}
	if (c == 'k' && !t->in_class && t->p < t->end && *t->p == '<') {
		buf_put(t->out, STR("\\k")); /* what follows, <name>, means the same to both */
		return OK;
	}
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return escape_letter(t, c);
	if ((uint8_t)c >= 0x80)
		buf_put_byte(t->out, c);
	else
		buf_put_fmt(t->out, "\\x{%X}", (unsigned)(uint8_t)c);
	return OK;
}

/* The opening of a group: t->p is behind the parenthesis. */
static enum err group(struct translation *t)
{
	static const char *const openings[] = {"?:", "?=", "?!", "?<=", "?<!"};
	struct str rest = {t->p, (size_t)(t->end - t->p)};

	t->repeatable = false;
	buf_put_byte(t->out, '(');
	if (rest.n == 0 || rest.p[0] != '?')
		return OK;
	for (size_t i = 0; i < ARRAY_LEN(openings); i++) {
		if (str_starts(rest, str_of(openings[i]))) {
			buf_put(t->out, str_of(openings[i]));
			t->p += strlen(openings[i]);
			return OK;
		}
	}
	if (!str_starts(rest, STR("?<")))
		return refuse(t, "ECMA-262 has no such group");
	while (t->p < t->end && *t->p != '>')
		buf_put_byte(t->out, *t->p++);
	return OK;
}

/* {2}, {2,} or {2,5} at the brace: its length, 0 when it is only a brace. */
static size_t repeat_length(const struct translation *t)
{
	const char *p = t->p + 1;
	const char *digits = p;

	while (p < t->end && *p >= '0' && *p <= '9')
		p++;
	if (p == digits)
		return 0;
	if (p < t->end && *p == ',')
		p++;
	while (p < t->end && *p >= '0' && *p <= '9')
		p++;
	return p < t->end && *p == '}' ? (size_t)(p + 1 - t->p) : 0;
}

static enum err quantifier(struct translation *t, size_t n)
{
	if (!t->repeatable)
		return refuse(t, "nothing to repeat");
	buf_put(t->out, (struct str){t->p, n});
	t->p += n;
	if (t->p < t->end && *t->p == '?') {
		buf_put_byte(t->out, '?');
		t->p++;
	}
	t->repeatable = false;
	return OK;
}

static enum err brace(struct translation *t)
{
	size_t n = *t->p == '{' ? repeat_length(t) : 0;

	if (n > 0)
		return quantifier(t, n);
	buf_put_fmt(t->out, "\\%c", *t->p++);
	t->repeatable = true;
	return OK;
}

static enum err item(struct translation *t)
{
	char c = *t->p;

	switch (c) {
	case '*':
	case '+':
	case '?':
		return quantifier(t, 1);
	case '{':
	case '}':
	case ']':
		return brace(t);
	default:
		break;
	}
	t->p++;
	switch (c) {
	case '\\':
		return escape(t);
	case '(':
		return group(t);
	case '[':
		t->in_class = true;
		t->after_set = false;
		buf_put_byte(t->out, c);
		if (t->p < t->end && *t->p == '^')
			buf_put_byte(t->out, *t->p++);
		return OK;
	case '.':
		buf_put(t->out, STR("[^\\n\\r\\x{2028}\\x{2029}]"));
		t->repeatable = true;
		return OK;
	default:
		buf_put_byte(t->out, c);
		t->repeatable = c != '|' && c != '^' && c != '$';
		return OK;
	}
}

static bool at_set(const struct translation *t)
{
	return t->end - t->p >= 2 && t->p[0] == '\\' && memchr("dDwWsSpP", t->p[1], 8) != NULL;
}

static enum err class_item(struct translation *t)
{
	bool is_set = at_set(t), after_set = t->after_set;
	char c = *t->p++;

	t->after_set = is_set;
	if (c == '\\')
		return escape(t);
	/* annex B: beside a set a hyphen is itself; at the end of the class it is for both */
	if (c == '-' && (at_set(t) || (after_set && t->p < t->end && *t->p != ']'))) {
		buf_put(t->out, STR("\\-"));
		return OK;
	}
	if (c == ']') {
		t->in_class = false;
		t->repeatable = true;
	}
	/* [: would open a POSIX class */
	if (c == '[')
		buf_put_byte(t->out, '\\');
	buf_put_byte(t->out, c);
	return OK;
}

enum err pattern_translate(struct str source, struct buf *out, struct buf *problem)
{
	struct translation t = {.p = source.p, .end = source.p + source.n, .out = out, .problem = problem};

	if (source.n > SCHEMA_PATTERN_BYTES_MAX)
		return refuse(&t, "it is too long");
	while (t.p < t.end)
		TRY(t.in_class ? class_item(&t) : item(&t));
	if (t.in_class)
		return refuse(&t, "a class is not closed");
	return OK;
}
