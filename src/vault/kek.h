/* KEKs that are ours: the present one, and the one before it while data keys are wrapped anew. */
#ifndef GATEHOUSE_VAULT_KEK_H
#define GATEHOUSE_VAULT_KEK_H

#include "vault/vault.h"

struct keks;

/*   current, previous  taken over; previous may be NULL */
struct keks *keks_new(struct secret *current, struct secret *previous);
void keks_free(struct keks *keks); /* NULL is fine */

/* Other ones from now on.
 *   Runs on    any thread */
void keks_set(struct keks *keks, struct secret *current, struct secret *previous);

/* As a vault wants them; `keks` is borrowed. */
struct vault_kek keks_source(struct keks *keks);

#endif
