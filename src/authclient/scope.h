/* Scopes as OAuth writes them: words with a space between, no order. */
#ifndef GATEHOUSE_AUTHCLIENT_SCOPE_H
#define GATEHOUSE_AUTHCLIENT_SCOPE_H

#include "authclient/dialect.h"
#include "base/arena.h"

/* Append scopes as the dialect separates them. */
void scope_put(struct buf *out, struct str scopes, const struct auth_dialect *dialect);

/* The scopes of both, each once: what a step-up asks for.
 *   returns    in `arena` */
struct str scope_union(struct arena *arena, struct str a, struct str b);

#endif
