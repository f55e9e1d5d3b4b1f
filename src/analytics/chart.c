/* Two kinds of pictures, composed as text. The ground is painted, so that the picture looks the same wherever it is
 * put; colours differ in brightness, too, for whoever sees no hues. Everything that comes from outside goes through
 * put_xml. */
#include "analytics/chart.h"

#include <math.h>

#include "base/check.h"

#define WIDTH 720
#define HEIGHT 320
#define LEFT 70.0 /* of the plot: room for numbers */
#define RIGHT 700.0
#define TOP 56.0
#define BOTTOM 280.0
#define GRID_LINES 4
#define BAR_HEIGHT 22.0
#define BAR_LEFT 250.0 /* room for names */
#define BAR_RIGHT 640.0
#define NAME_BYTES_MAX 34

static const char *const colours[CHART_LINES_MAX] = {"#1f5fa8", "#c8641e", "#2e7d4f"};

/* What XML has no place for becomes U+FFFD or is left out. */
static void put_xml(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c == '&')
			buf_put(out, STR("&amp;"));
		else if (c == '<')
			buf_put(out, STR("&lt;"));
		else if (c == '>')
			buf_put(out, STR("&gt;"));
		else if (c == '"')
			buf_put(out, STR("&quot;"));
		else if (c == '\'')
			buf_put(out, STR("&#39;"));
		else if (c >= 0x20 && c != 0x7f)
			buf_put_byte(out, (char)c);
	}
}

static void put_text_at(struct buf *out, double x, double y, const char *anchor, struct str text)
{
	buf_put_fmt(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
	put_xml(out, str_is_utf8(text) ? text : STR("\xef\xbf\xbd"));
	buf_put(out, STR("</text>"));
}

/* A name that does not have room is cut, and says so. */
static void put_name_at(struct buf *out, double x, double y, struct str name)
{
	AUTO_BUF text = {0};

	buf_put(&text, str_shorten(name, NAME_BYTES_MAX));
	if (name.n > NAME_BYTES_MAX)
		buf_put(&text, STR("\xe2\x80\xa6"));
	put_text_at(out, x, y, "start", buf_str(&text));
}

static void put_number_at(struct buf *out, double x, double y, const char *anchor, double value)
{
	double size = fabs(value);
	const char *unit = size >= 1e9 ? "bn" : size >= 1e6 ? "m" : size >= 1e4 ? "k" : "";
	double scaled = value / (size >= 1e9 ? 1e9 : size >= 1e6 ? 1e6 : size >= 1e4 ? 1e3 : 1);
	AUTO_BUF text = {0};

	buf_put_fmt(&text, "%.*f%s", scaled == round(scaled) ? 0 : fabs(scaled) < 10 ? 2 : 1, scaled, unit);
	put_text_at(out, x, y, anchor, buf_str(&text));
}

static void put_head(struct buf *out, double height, struct str title)
{
	buf_put_fmt(out,
		    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%.0f\" viewBox=\"0 0 %d %.0f\" "
		    "role=\"img\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#333333\"><title>",
		    WIDTH, height, WIDTH, height);
	put_xml(out, str_is_utf8(title) ? title : STR_NONE);
	buf_put_fmt(out, "</title><rect width=\"%d\" height=\"%.0f\" fill=\"#ffffff\"/>", WIDTH, height);
	buf_put(out, STR("<g font-size=\"14\" font-weight=\"bold\">"));
	put_text_at(out, 16, 24, "start", title);
	buf_put(out, STR("</g>"));
}

/* The smallest of 1, 2, 2.5, 5 times a power of ten that is not below. */
static double round_up(double value)
{
	static const double steps[] = {1, 2, 2.5, 5};
	double power = pow(10, floor(log10(value)));

	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		if (value <= steps[i] * power)
			return steps[i] * power;
	return 10 * power;
}

/* ---- lines ---- */

static void put_grid(struct buf *out, double highest)
{
	for (int i = 0; i <= GRID_LINES; i++) {
		double y = BOTTOM - (BOTTOM - TOP) * i / GRID_LINES;

		buf_put_fmt(out, "<path d=\"M%.1f %.1fH%.1f\" stroke=\"#dddddd\"/>", LEFT, y, RIGHT);
		put_number_at(out, LEFT - 8, y + 4, "end", highest * i / GRID_LINES);
	}
}

static void put_line(struct buf *out, const struct chart_line *line, size_t points, double highest, const char *colour)
{
	bool drawn = false; /* the point before */

	buf_put_fmt(out, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\" stroke-linecap=\"round\" d=\"", colour);
	for (size_t i = 0; i < points; i++) {
		double value = line->values[i],
		       x = LEFT + (RIGHT - LEFT) * (double)i / (double)(points > 1 ? points - 1 : 1);

		if (isfinite(value)) {
			double y = BOTTOM - (BOTTOM - TOP) * fmax(value, 0) / highest;

			/* A point alone is a line without length, which the round ends show. */
			buf_put_fmt(out, "%s%.1f %.1f", drawn ? "L" : "M", x, y);
			if (!drawn)
				buf_put(out, STR("h0"));
		}
		drawn = isfinite(value);
	}
	buf_put(out, STR("\"/>"));
}

void chart_lines(struct buf *out, struct str title, struct str first, struct str last, size_t points,
		 const struct chart_line *lines, size_t line_count)
{
	double highest = 0;

	CHECK(line_count <= CHART_LINES_MAX);
	points = points > CHART_POINTS_MAX ? CHART_POINTS_MAX : points;
	for (size_t i = 0; i < line_count; i++)
		for (size_t j = 0; j < points; j++)
			if (isfinite(lines[i].values[j]))
				highest = fmax(highest, lines[i].values[j]);
	highest = highest > 0 ? round_up(highest) : 1;
	put_head(out, HEIGHT, title);
	put_grid(out, highest);
	for (size_t i = 0; i < line_count; i++) {
		double x = LEFT + 160.0 * (double)i;

		put_line(out, &lines[i], points, highest, colours[i]);
		buf_put_fmt(out, "<rect x=\"%.1f\" y=\"36\" width=\"12\" height=\"4\" fill=\"%s\"/>", x, colours[i]);
		put_text_at(out, x + 18, 42, "start", str_shorten(lines[i].name, NAME_BYTES_MAX));
	}
	put_text_at(out, LEFT, BOTTOM + 20, "start", first);
	put_text_at(out, RIGHT, BOTTOM + 20, "end", last);
	buf_put(out, STR("</svg>"));
}

/* ---- bars ---- */

/* Where values are: `zero` is left, in the middle or right, as there are negative ones. */
struct scale {
	double zero, per_unit;
};

static struct scale scale_of(const struct chart_bar *bars, size_t count)
{
	double lowest = 0, highest = 0, per_unit;

	for (size_t i = 0; i < count; i++) {
		double values[] = {bars[i].value, bars[i].other};

		for (size_t j = 0; j < ARRAY_LEN(values); j++) {
			if (!isfinite(values[j]))
				continue;
			lowest = fmin(lowest, values[j]);
			highest = fmax(highest, values[j]);
		}
	}
	per_unit = highest > lowest ? (BAR_RIGHT - BAR_LEFT) / (highest - lowest) : 0;
	return (struct scale){BAR_LEFT - lowest * per_unit, per_unit};
}

static void put_bar(struct buf *out, const struct scale *scale, double y, double height, double value,
		    const char *colour)
{
	double length = fabs(value) * scale->per_unit, x = value < 0 ? scale->zero - length : scale->zero;

	if (!isfinite(value))
		return;
	buf_put_fmt(out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>", x, y, length,
		    height, colour);
	put_number_at(out, fmax(x + length, scale->zero) + 6, y + height / 2 + 4, "start", value);
}

void chart_bars(struct buf *out, struct str title, struct str unit, const struct chart_bar *bars, size_t bar_count)
{
	struct scale scale;
	bool pairs = false;
	double step;
	AUTO_BUF heading = {0};

	bar_count = bar_count > CHART_BARS_MAX ? CHART_BARS_MAX : bar_count;
	for (size_t i = 0; i < bar_count; i++)
		pairs = pairs || isfinite(bars[i].other);
	step = pairs ? 2 * BAR_HEIGHT : BAR_HEIGHT;
	scale = scale_of(bars, bar_count);
	buf_put(&heading, title);
	if (unit.n > 0) {
		buf_put(&heading, STR(", "));
		buf_put(&heading, unit);
	}
	put_head(out, TOP + (step + 6) * (double)bar_count + 12, buf_str(&heading));
	for (size_t i = 0; i < bar_count; i++) {
		double y = TOP - 12 + (step + 6) * (double)i;

		put_name_at(out, 16, y + step / 2 + 2, bars[i].name);
		put_bar(out, &scale, y, BAR_HEIGHT - 4, bars[i].value, colours[0]);
		if (pairs)
			put_bar(out, &scale, y + BAR_HEIGHT - 2, BAR_HEIGHT - 4, bars[i].other, colours[1]);
	}
	buf_put(out, STR("</svg>"));
}
