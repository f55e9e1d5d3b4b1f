/* KEKs that we hold: the installation's own, which needs no setting up; in its place the one that was set up, and the
 * one before that while data keys are wrapped anew. */
#ifndef GATEHOUSE_VAULT_KEK_H
#define GATEHOUSE_VAULT_KEK_H

#include "vault/vault.h"

struct keks;

/*   own        taken over */
struct keks *keks_new(struct secret *own);
void keks_free(struct keks *keks); /* NULL is fine */

/* The present one (NULL: the own) and the one before it (NULL: none); taken over.
 *   Runs on    any thread */
void keks_set(struct keks *keks, struct secret *current, struct secret *previous);

/* Whether one of them has this name. */
bool keks_know(struct keks *keks, struct str name);

/* As a vault wants them; `keks` is borrowed. */
struct vault_kek keks_source(struct keks *keks);

#endif
