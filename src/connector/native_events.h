/* Operations over what platforms have told of their own accord (webhooks): events.query, events.status. */
#ifndef GATEHOUSE_CONNECTOR_NATIVE_EVENTS_H
#define GATEHOUSE_CONNECTOR_NATIVE_EVENTS_H

#include "connector/native.h"

struct events;

/* The table; static but for its room. */
struct native_table events_natives(struct events *events);

#endif
