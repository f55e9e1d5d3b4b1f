/* Client certificates bound to service accounts: one account each, whichever tenant. */
#ifndef GATEHOUSE_STORE_CERTIFICATE_H
#define GATEHOUSE_STORE_CERTIFICATE_H

#include "store/store.h"

#define CERTIFICATE_FINGERPRINT_BYTES 32
#define CERTIFICATE_HEX_LEN 64

struct certificate {
	uint8_t fingerprint[CERTIFICATE_FINGERPRINT_BYTES]; /* SHA-256 of the DER form */
	struct str tenant_id, user_id;
	struct str name; /* for people; may be empty */
	int64_t created_ms;
	/* Not of a new row: */
	struct str hex; /* of the fingerprint, lower case */
	struct str tenant_name, user_role;
	bool user_disabled, tenant_disabled;
};

/* Bind a certificate to a service account of the tenant.
 *   Errors     ERR_EXISTS (the certificate is bound), ERR_NOT_FOUND (the tenant has no such account), ERR_DB ... */
NODISCARD enum err certificate_insert(struct db *db, const struct certificate *certificate) AWAITS;

/* By fingerprint, with its account and tenant, whatever their state.
 *   Errors     ERR_NOT_FOUND */
NODISCARD enum err certificate_find(struct db *db, struct str scope, struct arena *arena, const uint8_t fingerprint[32],
				    struct certificate *ret_certificate) AWAITS;

/* The account's one whose fingerprint begins so, in hex.
 *   Errors     ERR_NOT_FOUND */
NODISCARD enum err certificate_find_hint(struct db *db, struct str scope, struct arena *arena, struct str user_id,
					 struct str hint, struct certificate *ret_certificate) AWAITS;

/* A page of a tenant's certificates after a fingerprint in hex (empty: the first), by fingerprint. */
NODISCARD enum err certificate_page(struct db *db, struct arena *arena, struct str tenant_id, struct str after,
				    size_t limit, struct certificate **ret_certificates, size_t *ret_count) AWAITS;

/* Unbind.
 *   Errors     ERR_NOT_FOUND */
NODISCARD enum err certificate_delete(struct db *db, struct str scope, const uint8_t fingerprint[32]) AWAITS;

#endif
