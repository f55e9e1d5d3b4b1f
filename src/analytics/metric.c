/* One row for each metric: whoever lists, compares or writes metrics goes by this table. Sums of money stay integers
 * until they are written; quotients of it are doubles in micros. */
#include "analytics/metric.h"

#include "analytics/figures.h"
#include "base/check.h"

const struct metric_type metric_types[METRICS] = {
	[METRIC_SPEND] = {"spend", "spend_amount", UNIT_AMOUNT, 0},
	[METRIC_IMPRESSIONS] = {"impressions", "impressions", UNIT_COUNT, 0},
	[METRIC_CLICKS] = {"clicks", "clicks", UNIT_COUNT, 1},
	[METRIC_CONVERSIONS] = {"conversions", "conversions", UNIT_COUNT, 1},
	[METRIC_VALUE] = {"conversion_value", "conversion_value_amount", UNIT_AMOUNT, 1},
	[METRIC_CTR] = {"ctr", "ctr_ratio", UNIT_RATIO, 1},
	[METRIC_CPC] = {"cpc", "cpc_amount", UNIT_AMOUNT, -1},
	[METRIC_CPM] = {"cpm", "cpm_amount", UNIT_AMOUNT, -1},
	[METRIC_CVR] = {"cvr", "cvr_ratio", UNIT_RATIO, 1},
	[METRIC_CPA] = {"cpa", "cpa_amount", UNIT_AMOUNT, -1},
	[METRIC_ROAS] = {"roas", "roas_ratio", UNIT_RATIO, 1},
};

const char *metric_unit_name(enum metric_unit unit)
{
	static const char *const names[] = {[UNIT_AMOUNT] = "amount", [UNIT_COUNT] = "count", [UNIT_RATIO] = "ratio"};

	CHECK((size_t)unit < ARRAY_LEN(names));
	return names[unit];
}

double metric_of(const struct figures *figures, enum metric metric)
{
	switch (metric) {
	case METRIC_SPEND:
		return (double)figures->cost_micros;
	case METRIC_IMPRESSIONS:
		return (double)figures->impressions;
	case METRIC_CLICKS:
		return (double)figures->clicks;
	case METRIC_CONVERSIONS:
		return figures->conversions;
	case METRIC_VALUE:
		return (double)figures->value_micros;
	case METRIC_CTR:
		return figures_ctr(figures);
	case METRIC_CPC:
		return figures_cpc(figures);
	case METRIC_CPM:
		return figures_cpm(figures);
	case METRIC_CVR:
		return figures_cvr(figures);
	case METRIC_CPA:
		return figures_cpa(figures);
	case METRIC_ROAS:
		return figures_roas(figures);
	case METRICS:
		break;
	}
	CHECK(!"a metric");
	return 0;
}

void put_metric_value(struct buf *out, const struct figures *figures, enum metric metric)
{
	if (metric == METRIC_SPEND)
		put_amount(out, figures->cost_micros);
	else if (metric == METRIC_VALUE)
		put_amount(out, figures->value_micros);
	else if (metric_types[metric].unit == UNIT_AMOUNT)
		put_amount_of(out, metric_of(figures, metric));
	else if (metric_types[metric].unit == UNIT_COUNT)
		put_count(out, metric_of(figures, metric));
	else
		put_ratio(out, metric_of(figures, metric));
}

void put_metric(struct buf *out, const struct figures *figures, enum metric metric)
{
	put_name(out, metric_types[metric].member);
	put_metric_value(out, figures, metric);
}
