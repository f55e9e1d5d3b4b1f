/* A response curve from an account's own days: how much a day's spend brought. The optimizer's steps 3 to 5.
 *
 *   Runs on    any thread; pure
 *   Source     doc/rooms/analytics.md; Jin, Wang, Sun, Chan, Koehler: Bayesian Methods for Media Mix Modeling with
 *              Carryover and Shape Effects (2017), of which only the concave shape is kept */
#ifndef GATEHOUSE_ANALYTICS_FIT_H
#define GATEHOUSE_ANALYTICS_FIT_H

#include "analytics/curve.h"

#define FIT_DAYS_MAX 90
#define FIT_RECENT_DAYS 28 /* the level of today: four whole weeks */
#define FIT_GRID 81	   /* values of k that are tried */
#define FIT_GRID_ROOM 84   /* a multiple of what vectors hold */

/* The usable days of a unit, in order. */
struct series {
	struct series_day {
		double spend, value;
		uint8_t weekday; /* 0 Monday */
		uint8_t slot;	 /* which day of the window it is */
	} days[FIT_DAYS_MAX];
	size_t count;
};

/* ln(1 + spend / k) of each day and each k: made once, read by every replicate. */
struct fit_table {
	double k[FIT_GRID_ROOM]; /* from 0.05 medians to 20 times the largest spend, each by the same factor above the
				  * one before */
	double log[FIT_DAYS_MAX][FIT_GRID_ROOM];
};
void fit_table_fill(struct fit_table *table, const struct series *series);

struct fit {
	struct curve curve; /* not calibrated */
	double r2;	    /* of days without their weekday's part; NaN: they are all the same */
	bool saturating;    /* false: straight as far as one can see */
};

/* The curve with the smallest sum of squares.
 *   weights    how often each day of the window counts, by slot; NULL: once */
void fit_curve(const struct series *series, const struct fit_table *table, const uint8_t *weights, struct fit *ret_fit);

/* Mean spend and value of the last FIT_RECENT_DAYS usable days.
 *   returns    how many days they are of; with 0, both stay as they were */
size_t fit_level(const struct series *series, const uint8_t *weights, double *ret_spend, double *ret_value);

/* Stretch the curve so that it goes through the point. false: no factor does that. */
bool fit_calibrate(struct curve *curve, double spend, double value);

#endif
