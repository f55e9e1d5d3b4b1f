/* One of several: what an account has of pages, organisations or numbers, and which of them calls are about. Private to
 * the flow. */
#ifndef GATEHOUSE_CONNECT_PICK_H
#define GATEHOUSE_CONNECT_PICK_H

#include "connect/flow_private.h"

#define PICK_MAX 200 /* on one page; an account with more shows its first ones */

/* Read the list, where the settings name one.
 *   grant        of the new account
 *   ret_choices  JSON [[id, name], ...] in the step's arena; p NULL: nothing is to be chosen
 *   Errors       ERR_NOT_FOUND: it is empty; ERR_UPSTREAM_*, as identity_read */
NODISCARD enum err pick_find(struct step *step, const struct grant *grant, struct str *ret_choices) AWAITS;

/* The only one there is, or p NULL.
 *   ret_name   its name */
struct str pick_only(struct arena *arena, struct str choices, struct str *ret_name);

/* Note in the grant what was chosen. */
void pick_note(struct arena *arena, struct grant *grant, struct str id, struct str name);

/* Go on to the page that lets one be chosen. */
NODISCARD enum err pick_begin(struct step *step, const struct grant *grant, struct str choices) AWAITS;

#endif
