/* Numbers for things that are counted: see metric_slot.c. */
#ifndef GATEHOUSE_CATALOG_METRIC_SLOT_H
#define GATEHOUSE_CATALOG_METRIC_SLOT_H

#include <stdatomic.h>

#include "base/str.h"

#define METRIC_SLOTS_MAX 4096 /* series per metric that a monitoring system still likes */

/* The slot of a label ("upstream.tool"), the same on every call; 0 ("other") when all are taken.
 *   Runs on    any thread */
unsigned catalog_metric_slot(struct str label);

/* How many slots are in use, and what a slot's label is.
 *   Runs on    any thread */
unsigned catalog_metric_count(void);
struct str catalog_metric_label(unsigned slot);

#endif
