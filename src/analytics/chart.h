/* Small charts as SVG documents: self-contained, no scripts, no links, texts escaped, readable on light and dark. */
#ifndef GATEHOUSE_ANALYTICS_CHART_H
#define GATEHOUSE_ANALYTICS_CHART_H

#include "base/str.h"

#define CHART_POINTS_MAX 100
#define CHART_BARS_MAX 12
#define CHART_LINES_MAX 3

struct chart_line {
	struct str name;
	const double *values; /* as many as the chart has points; NaN: a gap */
};
struct chart_bar {
	struct str name;     /* shortened when long */
	double value, other; /* other: a second bar beside it (recommended beside current); NaN: none */
};

/*   labels     of the first and the last point: dates */
void chart_lines(struct buf *out, struct str title, struct str first, struct str last, size_t points,
		 const struct chart_line *lines, size_t line_count);
void chart_bars(struct buf *out, struct str title, struct str unit, const struct chart_bar *bars, size_t bar_count);

#endif
