/* The ad analytics of a process: where reports come from, the reports, and the work that keeps them fresh. */
#ifndef GATEHOUSE_GATEWAY_ADS_ROOM_H
#define GATEHOUSE_GATEWAY_ADS_ROOM_H

#include "gateway/gateway.h"

/* Fill gateway->ads_places, ->ads and ->sync, before the runner of connectors.
 *   Runs on    loop 0 */
void ads_room_start(struct gateway *gateway);

/* After jobs have stopped, before the runner of connectors goes: refreshes that are under way end first. */
void ads_room_stop(struct gateway *gateway) AWAITS;

/* Make the jobs that keep reports fresh known; `jobs:` of the configuration may give them other times. */
NODISCARD enum err ads_room_add_jobs(struct gateway *gateway);

#endif
