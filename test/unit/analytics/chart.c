/* Pictures: well-formed whatever names are, nothing drawn outside, nothing that runs or loads. */
#include "../unit.h"

#include <math.h>

#include "analytics/chart.h"

static bool has(const struct buf *svg, const char *text)
{
	return memmem(svg->p, svg->n, text, strlen(text)) != NULL;
}

static size_t count_of(const struct buf *svg, const char *text)
{
	struct str rest = buf_str(svg);
	size_t n = 0;
	const char *p;

	while ((p = memmem(rest.p, rest.n, text, strlen(text))) != NULL) {
		rest = str_skip(rest, (size_t)(p - rest.p) + 1);
		n++;
	}
	return n;
}

/* One document whose elements are all closed, without what could act. */
static void check_document(const struct buf *svg)
{
	ck_assert(str_starts(buf_str(svg), STR("<svg xmlns=\"http://www.w3.org/2000/svg\"")));
	ck_assert(str_ends(buf_str(svg), STR("</svg>")));
	ck_assert_uint_eq(count_of(svg, "<text"), count_of(svg, "</text>"));
	ck_assert_uint_eq(count_of(svg, "<"), count_of(svg, ">"));
	ck_assert(!has(svg, "script") && !has(svg, "href") && !has(svg, "url(") && !has(svg, "nan") &&
		  !has(svg, "inf"));
	ck_assert(str_is_utf8(buf_str(svg)));
}

START_TEST(lines)
{
	double spend[] = {1, 2, NAN, 4, 100}, value[] = {0, NAN, NAN, NAN, 50};
	struct chart_line both[] = {{STR("Spend"), spend}, {STR("Value"), value}};
	AUTO_BUF svg = {0};

	chart_lines(&svg, STR("Each day"), STR("2026-11-01"), STR("2026-11-05"), 5, both, 2);
	check_document(&svg);
	ck_assert(has(&svg, ">Spend<") && has(&svg, ">2026-11-05<") && has(&svg, ">100<"));
	ck_assert(has(&svg, "M70.0 277.8h0L227.5 275.5M542.5 271.0h0L700.0 56.0\"")); /* a gap, and up to the top */
	ck_assert(has(&svg, "M70.0 280.0h0M700.0 168.0h0\""));			      /* points alone */
}
END_TEST

START_TEST(lines_of_nothing)
{
	double none[] = {NAN, INFINITY};
	struct chart_line line = {STR("None"), none};
	AUTO_BUF svg = {0};

	chart_lines(&svg, STR("T"), STR_NONE, STR_NONE, 2, &line, 1);
	chart_lines(&svg, STR("T"), STR_NONE, STR_NONE, 0, &line, 1);
	ck_assert(!has(&svg, "nan") && !has(&svg, "inf"));
}
END_TEST

START_TEST(names_stay_names)
{
	struct chart_bar bars[] = {
		{STR("<script>alert(\"1\")</script>"), 1, NAN},
		{STR("a&b'c\x01\n"), 2, NAN},
		{STR("a name that is longer than there is room for, \xc3\xa4\xc3\xa4"), 3, NAN},
		{STR("broken \xff utf-8"), 4, NAN},
	};
	AUTO_BUF svg = {0};

	chart_bars(&svg, STR("<b>"), STR("EUR"), bars, ARRAY_LEN(bars));
	ck_assert(has(&svg, "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;") && !has(&svg, "<script"));
	ck_assert(has(&svg, ">a&amp;b&#39;c<") && has(&svg, ">\xef\xbf\xbd<") && has(&svg, "&lt;b&gt;, EUR"));
	ck_assert(!has(&svg, "there is room") && has(&svg, "than there i\xe2\x80\xa6<"));
	ck_assert(str_is_utf8(buf_str(&svg)));
}
END_TEST

START_TEST(bars_on_both_sides)
{
	struct chart_bar bars[] = {{STR("up"), 50, NAN}, {STR("down"), -50, NAN}};
	struct chart_bar pairs[] = {{STR("a"), 100, 150}, {STR("b"), 50, NAN}};
	AUTO_BUF svg = {0};
	AUTO_BUF paired = {0};

	chart_bars(&svg, STR("Change"), STR("%"), bars, 2);
	check_document(&svg);
	ck_assert(has(&svg, "<rect x=\"445.0\" y=\"44.0\" width=\"195.0\""));
	ck_assert(has(&svg, "<rect x=\"250.0\" y=\"72.0\" width=\"195.0\""));
	chart_bars(&paired, STR("Budgets"), STR("EUR"), pairs, 2);
	check_document(&paired);
	ck_assert_uint_eq(count_of(&paired, "<rect"), 4); /* the ground and three bars */
}
END_TEST

START_TEST(many_are_cut)
{
	struct chart_bar bars[CHART_BARS_MAX + 5];
	AUTO_BUF svg = {0};

	for (size_t i = 0; i < ARRAY_LEN(bars); i++)
		bars[i] = (struct chart_bar){STR("x"), 0, NAN};
	chart_bars(&svg, STR("T"), STR_NONE, bars, ARRAY_LEN(bars));
	check_document(&svg);
	ck_assert_uint_eq(count_of(&svg, "<rect"), 1 + CHART_BARS_MAX);
}
END_TEST

UNIT_MAIN("chart", lines, lines_of_nothing, names_stay_names, bars_on_both_sides, many_are_cut)
