/* The name that a client gives itself, made fit to be shown. */
#ifndef GATEHOUSE_AUTHCLIENT_SHOWN_NAME_H
#define GATEHOUSE_AUTHCLIENT_SHOWN_NAME_H

#include "base/arena.h"

/* One line without control characters, not so long that it hides the rest.
 *   given      a stranger's; p NULL: none
 *   fallback   instead of one that is empty or no text
 *   returns    at most `bytes_max` bytes of UTF-8, in `arena`
 *   Runs on    any thread */
struct str shown_name(struct arena *arena, struct str given, size_t bytes_max, struct str fallback);

#endif
