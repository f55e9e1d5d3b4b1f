/* HTML as text, in one pass and without a tree: mail's HTML is seldom well-formed, and nothing here depends on it being
 * so. Tags go; script, style, head and comments go with what is in them; some tags end a line; entities become
 * characters. */
#include "base/utf8.h"
#include "email/text.h"

#define TAG_NAME_MAX 12

struct writer {
	struct buf *out;
	unsigned ends; /* line ends that are due before the next character */
	bool gap;      /* a space is */
	bool begun;
};

static void put_code(struct writer *writer, uint32_t code)
{
	char bytes[4];

	if (code == ' ' || code == '\t' || code == '\r' || code == '\n' || code == 0xA0) {
		writer->gap = true;
		return;
	}
	for (; writer->begun && writer->ends > 0; writer->ends--) {
		buf_put_byte(writer->out, '\n');
		writer->gap = false;
	}
	if (writer->begun && writer->gap)
		buf_put_byte(writer->out, ' ');
	writer->gap = false;
	writer->ends = 0;
	writer->begun = true;
	buf_put(writer->out, (struct str){bytes, utf8_put(bytes, code)});
}

static void end_line(struct writer *writer, unsigned ends)
{
	if (writer->ends < ends)
		writer->ends = ends;
}

/* --- entities --- */

static const struct {
	struct str name;
	uint32_t code;
} entities[] = {
	{{"amp", 3}, '&'},	{{"lt", 2}, '<'},	{{"gt", 2}, '>'},	{{"quot", 4}, '"'},
	{{"apos", 4}, '\''},	{{"nbsp", 4}, 0xA0},	{{"copy", 4}, 0xA9},	{{"reg", 3}, 0xAE},
	{{"trade", 5}, 0x2122}, {{"euro", 4}, 0x20AC},	{{"pound", 5}, 0xA3},	{{"hellip", 6}, 0x2026},
	{{"ndash", 5}, 0x2013}, {{"mdash", 5}, 0x2014}, {{"lsquo", 5}, 0x2018}, {{"rsquo", 5}, 0x2019},
	{{"ldquo", 5}, 0x201C}, {{"rdquo", 5}, 0x201D}, {{"bull", 4}, 0x2022},	{{"middot", 6}, 0xB7},
	{{"auml", 4}, 0xE4},	{{"ouml", 4}, 0xF6},	{{"uuml", 4}, 0xFC},	{{"Auml", 4}, 0xC4},
	{{"Ouml", 4}, 0xD6},	{{"Uuml", 4}, 0xDC},	{{"szlig", 5}, 0xDF},	{{"eacute", 6}, 0xE9},
	{{"egrave", 6}, 0xE8},	{{"agrave", 6}, 0xE0},	{{"ccedil", 6}, 0xE7},	{{"zwnj", 4}, 0x200C},
};

static bool numeric_entity(struct str digits, uint32_t *ret_code)
{
	bool hex = digits.n > 0 && (digits.p[0] | 0x20) == 'x';
	uint32_t code = 0;

	digits = hex ? str_skip(digits, 1) : digits;
	if (digits.n == 0 || digits.n > 7)
		return false;
	for (size_t i = 0; i < digits.n; i++) {
		char byte = digits.p[i] | 0x20;
		int digit = digits.p[i] >= '0' && digits.p[i] <= '9' ? digits.p[i] - '0'
			    : hex && byte >= 'a' && byte <= 'f'	     ? byte - 'a' + 10
								     : -1;

		if (digit < 0)
			return false;
		code = code * (hex ? 16 : 10) + (uint32_t)digit;
	}
	*ret_code = code == 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000) ? 0xFFFD : code;
	return true;
}

/* "&name;" at the beginning: its bytes; 0 when it is none. */
static size_t take_entity(struct str at, uint32_t *ret_code)
{
	struct str name, rest;

	if (!str_cut((struct str){at.p + 1, at.n - 1 < 10 ? at.n - 1 : 10}, ';', &name, &rest))
		return 0;
	if (name.n > 1 && name.p[0] == '#')
		return numeric_entity(str_skip(name, 1), ret_code) ? name.n + 2 : 0;
	for (size_t i = 0; i < ARRAY_LEN(entities); i++) {
		if (str_eq(name, entities[i].name)) {
			*ret_code = entities[i].code;
			return name.n + 2;
		}
	}
	return 0;
}

/* --- tags --- */

static const struct {
	struct str name;
	unsigned ends;
	bool hidden; /* with all that is in it */
} tags[] = {
	{{"br", 2}, 1, false},	 {{"p", 1}, 2, false},		 {{"div", 3}, 1, false},  {{"tr", 2}, 1, false},
	{{"li", 2}, 1, false},	 {{"ul", 2}, 1, false},		 {{"ol", 2}, 1, false},	  {{"table", 5}, 1, false},
	{{"h1", 2}, 2, false},	 {{"h2", 2}, 2, false},		 {{"h3", 2}, 2, false},	  {{"h4", 2}, 2, false},
	{{"hr", 2}, 1, false},	 {{"blockquote", 10}, 2, false}, {{"pre", 3}, 1, false},  {{"script", 6}, 0, true},
	{{"style", 5}, 0, true}, {{"head", 4}, 0, true},	 {{"title", 5}, 0, true}, {{"template", 8}, 0, true},
};

/* The first end tag "</name" from here on, and behind its ">". A search of its own for each hidden element, so that
 * "<" within a script means nothing; one that is never closed hides all that follows. */
static struct str behind_end_tag(struct str rest, struct str name)
{
	while (rest.n > name.n + 2) {
		const char *open = memchr(rest.p, '<', rest.n);
		struct str tag;

		if (open == NULL)
			return STR_NONE;
		rest = str_skip(rest, (size_t)(open - rest.p));
		if (rest.n > name.n + 2 && rest.p[1] == '/' && str_eq_nocase((struct str){rest.p + 2, name.n}, name)) {
			(void)str_cut(rest, '>', &tag, &rest);
			return rest;
		}
		rest = str_skip(rest, 1);
	}
	return STR_NONE;
}

/* "<...": what follows it. */
static struct str take_tag(struct writer *writer, struct str at)
{
	struct str rest, tag, name;
	bool closing;

	if (str_starts(at, STR("<!--"))) {
		const char *end = memmem(at.p, at.n, "-->", 3);

		return end == NULL ? STR_NONE : str_skip(at, (size_t)(end + 3 - at.p));
	}
	(void)str_cut(str_skip(at, 1), '>', &tag, &rest);
	closing = tag.n > 0 && tag.p[0] == '/';
	name = closing ? str_skip(tag, 1) : tag;
	for (size_t i = 0; i < name.n && i <= TAG_NAME_MAX; i++)
		if (strchr(" \t\r\n/", name.p[i]) != NULL)
			name.n = i;
	for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
		if (!str_eq_nocase(name, tags[i].name))
			continue;
		if (tags[i].hidden && !closing)
			return behind_end_tag(rest, name);
		end_line(writer, tags[i].ends);
		if (str_eq(tags[i].name, STR("li")) && !closing) {
			put_code(writer, '-');
			writer->gap = true;
		}
	}
	if (str_eq_nocase(name, STR("td")) || str_eq_nocase(name, STR("th")))
		writer->gap = true;
	return rest;
}

void mail_html_text(struct str html, struct buf *out)
{
	struct writer writer = {.out = out};

	while (html.n > 0) {
		const uint8_t *at = (const uint8_t *)html.p;
		uint32_t code = 0;
		size_t n = 0;

		if (*at == '<' && html.n > 1 && (html.p[1] == '/' || html.p[1] == '!' || (html.p[1] | 0x20) >= 'a')) {
			html = take_tag(&writer, html);
			continue;
		}
		if (*at == '&')
			n = take_entity(html, &code);
		if (n == 0)
			n = utf8_take(at, at + html.n, &code);
		put_code(&writer, code);
		html = str_skip(html, n);
	}
}
