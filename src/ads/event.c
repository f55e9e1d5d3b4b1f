/* Which of a platform's actions is a conversion. Meta tells the same purchase as several actions that overlap: one kind
 * is chosen for a whole report, the first of the list that any of its rows has, and never a sum of them. TikTok tells
 * purchases, or else conversions. The value is what is told for that kind; where none is, a quotient that the platform
 * tells (return on ad spend) times the cost. */
#include <math.h>

#include "ads/rows.h"

/* The platforms' words, best first. */
static const char *const choices[ADS_PLATFORMS][EVENTS_MAX] = {
	[ADS_META] = {"omni_purchase", "purchase", "offsite_conversion.fb_pixel_purchase", "onsite_web_purchase",
		      "lead", "complete_registration"},
	[ADS_TIKTOK] = {"complete_payment", "conversion"},
};

/* EVENTS_MAX: it is none that counts. */
static size_t event_named(enum ads_platform platform, struct str name)
{
	size_t i = 0;

	while (i < EVENTS_MAX && (choices[platform][i] == NULL || !str_eq(name, str_of(choices[platform][i]))))
		i++;
	return i;
}

static enum err read_counts(struct report *report, yyjson_val *actions, struct event_row *event, struct buf *problem)
{
	yyjson_val *action;
	size_t i, max;

	yyjson_arr_foreach(actions, i, max, action)
	{
		size_t at = event_named(report->platform, json_str(json_get(action, "type")));

		if (at == EVENTS_MAX)
			continue;
		if (!number_read(json_get(action, "value"), &event->count[at]) ||
		    !report_counts(report, event->count[at])) {
			buf_put_fmt(problem, ".actions[%zu].value: not a number, or too large", i);
			return ERR_UPSTREAM_GARBAGE;
		}
		event->counted |= (uint8_t)(1u << at);
	}
	return OK;
}

static enum err read_values(struct report *report, yyjson_val *values, struct event_row *event, struct buf *problem)
{
	yyjson_val *value;
	size_t i, max;

	yyjson_arr_foreach(values, i, max, value)
	{
		size_t at = event_named(report->platform, json_str(json_get(value, "type")));

		if (at == EVENTS_MAX)
			continue;
		if (!json_int(json_get(value, "value_micros"), &event->value_micros[at]) ||
		    !report_counts(report, (double)event->value_micros[at])) {
			buf_put_fmt(problem, ".action_values[%zu].value_micros: not an integer, or too large", i);
			return ERR_UPSTREAM_GARBAGE;
		}
		event->valued |= (uint8_t)(1u << at);
	}
	return OK;
}

enum err event_read(struct report *report, yyjson_val *row, struct event_row *ret_event, struct buf *problem)
{
	yyjson_val *actions = json_get(row, "actions"), *values = json_get(row, "action_values");
	struct event_row event = {.roas = NAN};

	if (yyjson_is_arr(actions))
		TRY(read_counts(report, actions, &event, problem));
	if (yyjson_is_arr(values))
		TRY(read_values(report, values, &event, problem));
	event.has_value = json_get(row, "value_micros") != NULL && !yyjson_is_null(json_get(row, "value_micros"));
	if (!number_read(json_get(row, "roas"), &event.roas))
		event.roas = NAN;
	*ret_event = event;
	return OK;
}

static struct figures *figures_at(const struct report *report, size_t i)
{
	const struct report_shape *shape = report_shape(report->kind, report->platform);

	return (struct figures *)(void *)((char *)report->rows + i * shape->row_bytes + shape->figures_at);
}

void event_settle(struct report *report)
{
	uint8_t seen = 0;
	size_t chosen = 0;

	for (size_t i = 0; i < report->count; i++)
		seen |= report->events[i].counted;
	while (chosen < EVENTS_MAX && (seen & 1u << chosen) == 0)
		chosen++;
	report->event = chosen < EVENTS_MAX	  ? str_of(choices[report->platform][chosen])
			: report->has_conversions ? STR("conversions")
						  : STR("");
	for (size_t i = 0; i < report->count; i++) {
		const struct event_row *event = &report->events[i];
		struct figures *figures = figures_at(report, i);
		bool has_value = event->has_value;

		if (chosen < EVENTS_MAX) {
			figures->conversions = event->count[chosen];
			if ((event->valued & 1u << chosen) != 0) {
				figures->value_micros = event->value_micros[chosen];
				has_value = true;
			}
		}
		if (!has_value && report_counts(report, event->roas * (double)figures->cost_micros))
			figures->value_micros = llround(event->roas * (double)figures->cost_micros);
	}
}
