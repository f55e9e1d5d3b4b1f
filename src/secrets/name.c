/* Names of secrets: what all places take as it is. Key Vault has neither _ nor capitals that count, a file no slash,
 * and a unit's credential none of what separates words. So no provider has to translate, and two names never meet. */
#include "secrets/secrets.h"

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool secrets_name_ok(struct str name)
{
	if (name.n == 0 || name.n > SECRETS_NAME_MAX || !is_letter(name.p[0]))
		return false;
	for (size_t i = 1; i < name.n; i++)
		if (!is_letter(name.p[i]) && name.p[i] != '-')
			return false;
	return true;
}
