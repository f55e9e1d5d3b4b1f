/* Texts of 256 random bits that stand for something for some minutes: a link that connects an account, the `state` of a
 * consent, a choice that is still to be made. What they stand for lies sealed in the state room under the text's
 * digest, so that neither who reads the state nor who writes it gains anything; it is taken once, by whichever replica
 * asks. */
#ifndef GATEHOUSE_CONNECT_TICKET_H
#define GATEHOUSE_CONNECT_TICKET_H

#include "base/crypto.h"
#include "state/state.h"

#define TICKET_TEXT_LEN 43	      /* base64url of 256 bits */
#define TICKET_BYTES_MAX (256 * 1024) /* of what it stands for: both tokens, and names to choose from */

/* One is never good as another. */
enum ticket_kind { TICKET_LINK, TICKET_CONSENT, TICKET_CHOICE };

/* Where they are kept, and what seals them; borrowed. */
struct ticket_place {
	struct state *state;
	const struct secret *key;
};

/* Keep something for a while.
 *   ret_text   with a NUL
 *   Errors     ERR_LIMIT; ERR_BUSY: the shared state is down
 *   Runs on    a fiber, as all here */
NODISCARD enum err ticket_issue(const struct ticket_place *place, enum ticket_kind kind, struct str content,
				int64_t life_ms, char ret_text[TICKET_TEXT_LEN + 1]) AWAITS;

/* What a text stands for: to look at it, and to take it, which one of several who try can do.
 *   ret_content  in `arena`
 *   Errors       ERR_NOT_FOUND: nothing, or not any more; ERR_BUSY */
NODISCARD enum err ticket_look(const struct ticket_place *place, enum ticket_kind kind, struct str text,
			       struct arena *arena, struct str *ret_content) AWAITS;
NODISCARD enum err ticket_take(const struct ticket_place *place, enum ticket_kind kind, struct str text,
			       struct arena *arena, struct str *ret_content) AWAITS;

/* base64url of a text's SHA-256: what is kept of a text that must be known again. */
void ticket_digest(struct str text, struct buf *out);

#endif
