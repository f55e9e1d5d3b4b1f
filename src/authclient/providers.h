/* Platforms that people have accounts at: what an upstream's `auth.provider` names, so that its configuration needs no
 * more than a client. A row of data each; doc/providers.md is written from them. */
#ifndef GATEHOUSE_AUTHCLIENT_PROVIDERS_H
#define GATEHOUSE_AUTHCLIENT_PROVIDERS_H

#include "authclient/dialect.h"

struct auth_settings;

/* Texts are NULL where the platform has no such thing, or where it differs from customer to customer. */
struct auth_provider {
	const char *name, *title;
	const char *authorize_url, *token_url, *revoke_url;
	const char *longer_url, *renew_url; /* as struct auth_settings */
	const char *scope;		    /* separated by spaces, whatever the dialect does */
	const char *identity_url, *identity_id, *identity_name;
	const char *pick_url, *pick_items, *pick_id, *pick_name, *pick_header;
	struct auth_dialect dialect;
	const char *needs; /* what the operator has to know, for the reference */
};

/* NULL when there is none of this name. */
const struct auth_provider *auth_provider_find(struct str name);

/* The rows in order; NULL after the last. */
const struct auth_provider *auth_provider_at(size_t index);

/* The dialect of `provider`; the standard when it is empty or unknown. Never NULL. */
const struct auth_dialect *auth_dialect_of(struct str provider);

/* What the settings leave empty comes from the row that they name; without one they stay as they are. Where
 * they give a token_url none of the row's addresses is taken: those are about accounts of the row's own server.
 *   settings   gets slices of static texts */
void auth_provider_fill(struct auth_settings *settings);

/* Append the reference page, Markdown. */
void auth_provider_reference_write(struct buf *out);

#endif
