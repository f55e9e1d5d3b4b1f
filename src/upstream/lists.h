/* Reading an upstream's lists into an offer. */
#ifndef GATEHOUSE_UPSTREAM_LISTS_H
#define GATEHOUSE_UPSTREAM_LISTS_H

#include "upstream/instance.h"

/* All lists that the instance declares, all pages.
 *   ret_offer  one reference
 *   ret_ttl_ms the shortest time that a modern server gives them; 0 none
 *   Errors     ERR_UPSTREAM_*, ERR_CANCELED, ERR_TIMEOUT
 *   Limits     UPSTREAM_PAGES_MAX, UPSTREAM_ITEMS_MAX
 *   Runs on    a fiber of the home loop, with the instance pinned */
NODISCARD enum err lists_read(struct instance *instance, struct offer **ret_offer, int64_t *ret_ttl_ms) AWAITS;

/* An offer with what a server says of itself, and no items. */
struct offer *offer_new(const struct hello *hello);

/* Whether two offers say the same. */
bool offer_same(const struct offer *a, const struct offer *b);

#endif
