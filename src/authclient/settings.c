/* Copies and comparison of settings, by a table of their texts: one that is added to the struct and forgotten here
 * would point into a configuration that is gone. */
#include "authclient/settings.h"

#include <assert.h>

static const size_t texts[] = {
#define AT(member) offsetof(struct auth_settings, member)
	AT(provider),	   AT(issuer),	      AT(authorize_url),     AT(token_url),	AT(revoke_url),
	AT(longer_url),	   AT(renew_url),     AT(client_id),	     AT(client_secret), AT(private_key),
	AT(scope),	   AT(resource),      AT(audience),	     AT(subject_file),	AT(idp_issuer),
	AT(idp_token_url), AT(idp_client_id), AT(idp_client_secret), AT(identity_url),	AT(identity_id),
	AT(identity_name), AT(pick_url),      AT(pick_items),	     AT(pick_id),	AT(pick_name),
	AT(pick_header),
#undef AT
};
static_assert(offsetof(struct auth_settings, provider) + sizeof(texts) / sizeof(texts[0]) * sizeof(struct str) ==
		      sizeof(struct auth_settings),
	      "texts stand together, and each is named above");

static struct str *text_at(struct auth_settings *settings, size_t i)
{
	return (struct str *)((char *)settings + texts[i]);
}

static struct str text_of(const struct auth_settings *settings, size_t i)
{
	return *(const struct str *)((const char *)settings + texts[i]);
}

void auth_settings_copy(struct arena *arena, const struct auth_settings *from, struct auth_settings *to)
{
	*to = *from;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (text_of(from, i).p != NULL)
			*text_at(to, i) = arena_str(arena, text_of(from, i));
}

bool auth_settings_same(const struct auth_settings *a, const struct auth_settings *b)
{
	bool same = a->flow == b->flow && a->dpop == b->dpop;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		same = same && str_eq(text_of(a, i), text_of(b, i));
	return same;
}
