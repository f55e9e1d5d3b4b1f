/* Where reports of ad platforms come from: the platforms' upstreams of the running configuration, called within the
 * process. Which they are is told by the settings of upstreams that use the connector `ads`. */
#ifndef GATEHOUSE_GATEWAY_ADS_H
#define GATEHOUSE_GATEWAY_ADS_H

#include "ads/source.h"
#include "gateway/gateway.h"

#define ADS_PLACES_KEPT_MAX 4096 /* of a process: who holds what where, known for as long as the store stands still */

struct ads_places;

/* One for the process; free it when nobody asks any more.
 *   Runs on    loop 0 */
struct ads_places *ads_places_new(struct gateway *gateway);
void ads_places_free(struct ads_places *places);

/* As room ads wants it; lives as long as `places`. */
struct ads_source ads_source_of(struct ads_places *places);

#endif
