/* What a row of a platform adds to settings: tables of members that both have. It is done where a configuration is
 * read, so that whoever uses settings finds them whole. */
#include <stddef.h>

#include "authclient/providers.h"
#include "authclient/settings.h"

struct member {
	size_t setting; /* of a struct str in struct auth_settings */
	size_t row;	/* of a text in struct auth_provider */
};
#define MEMBER(name)                                                                                                   \
	{                                                                                                              \
		offsetof(struct auth_settings, name), offsetof(struct auth_provider, name)                             \
	}

/* About accounts of the platform's own authorization server: only with it. */
static const struct member addresses[] = {
	MEMBER(authorize_url), MEMBER(token_url),    MEMBER(revoke_url), MEMBER(longer_url),
	MEMBER(renew_url),     MEMBER(identity_url), MEMBER(pick_url),
};

/* They say where something is in the answer of an address: only with it. */
static const struct member identity_pointers[] = {MEMBER(identity_id), MEMBER(identity_name)};
static const struct member pick_pointers[] = {MEMBER(pick_items), MEMBER(pick_id), MEMBER(pick_name),
					      MEMBER(pick_header)};

static const char *text_of(const struct auth_provider *row, const struct member *member)
{
	return *(const char *const *)(const void *)((const char *)row + member->row);
}

static void fill(struct auth_settings *settings, const struct auth_provider *row, const struct member *members,
		 size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct str *setting = (struct str *)(void *)((char *)settings + members[i].setting);

		if (setting->n == 0)
			*setting = str_of(text_of(row, &members[i]));
	}
}

void auth_provider_fill(struct auth_settings *settings)
{
	const struct auth_provider *row = auth_provider_find(settings->provider);

	if (row == NULL)
		return;
	if (settings->token_url.n == 0)
		fill(settings, row, addresses, ARRAY_LEN(addresses));
	if (settings->identity_url.n > 0)
		fill(settings, row, identity_pointers, ARRAY_LEN(identity_pointers));
	if (settings->pick_url.n > 0)
		fill(settings, row, pick_pointers, ARRAY_LEN(pick_pointers));
	if (settings->scope.n == 0 && settings->flow == AUTH_FLOW_CODE)
		settings->scope = str_of(row->scope);
}
