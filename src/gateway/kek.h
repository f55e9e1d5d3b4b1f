/* The key-encryption key by way of the secrets room: `credential-kek`, or the provider's own wrapping. */
#ifndef GATEHOUSE_GATEWAY_KEK_H
#define GATEHOUSE_GATEWAY_KEK_H

#include "secrets/secrets.h"
#include "vault/vault.h"

struct kek;

/* Ask for credential-kek and credential-kek-previous; where there is none, the installation's own does.
 *   own        derived from server-key; taken over
 *   secrets    borrowed until kek_close
 *   Errors     those of secrets_get but ERR_NOT_FOUND
 *   Runs on    a fiber of the loop that opened the secrets, like kek_follow */
NODISCARD enum err kek_open(struct secrets *secrets, struct secret *own, struct buf *problem, struct kek **ret_kek)
	AWAITS;
void kek_close(struct kek *kek); /* NULL is fine */

/* Take a new credential-kek as soon as the secrets room notices it.
 *   Errors     ERR_LIMIT */
NODISCARD enum err kek_follow(struct kek *kek);

/* As the vault wants it; borrowed. */
struct vault_kek kek_source(struct kek *kek);

#endif
