/* The connector files that are part of the program: connectors/NAME.yaml, as they stand there. */
#ifndef GATEHOUSE_CONNECTOR_BUILTIN_H
#define GATEHOUSE_CONNECTOR_BUILTIN_H

#include "base/str.h"

/* The i-th, by name; false: there are no more. Static. Any thread. */
bool connector_builtin_at(size_t i, struct str *ret_name, struct str *ret_text);

#endif
