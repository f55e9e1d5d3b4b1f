/* What a person sees of connecting an account: the question whose it is to be, the choice, and the ends, good and bad.
 * Private to the flow. */
#ifndef GATEHOUSE_CONNECT_PAGE_H
#define GATEHOUSE_CONNECT_PAGE_H

#include "base/attrs.h"
#include "base/str.h"

struct step;

/* Ask whether to go on: to which service, and for whom the account will be used.
 *   ticket     the link's, which the form brings back
 *   present    name of the account that is connected now and would be replaced; p NULL: there is none */
NODISCARD enum err screen_start(struct step *step, struct str ticket, struct str present) AWAITS;

/* Let one of several be chosen: JSON [[id, name], ...]. */
NODISCARD enum err screen_pick(struct step *step, struct str ticket, struct str choices) AWAITS;

/* It is done. */
NODISCARD enum err screen_connected(struct step *step, struct str account) AWAITS;

/* It is not: a sentence that says what to do. */
NODISCARD enum err screen_sorry(struct step *step, int status, const char *title, struct str sentence) AWAITS;

#endif
