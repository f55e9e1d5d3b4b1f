/* `gatehouse operator-key create|rotate`: the key that manages every tenant. It stays in its file, for the gateway to
 * read; it is printed once, alone on standard output. */
#include <stdio.h>

#include "cli/installation.h"
#include "gateway/operator_key.h"

AWAITS static enum err make(struct installation *installation)
{
	bool replace = installation->arg != NULL;
	char raw[OPERATOR_KEY_TEXT_LEN + 1];
	enum err err;

	TRY(operator_key_make(installation->secrets, replace, &installation->problem, raw));
	err = installation_audit(installation, replace ? "operator_key.rotated" : "operator_key.created", STR(""),
				 STR("operator"));
	if (err == OK && installation->invocation->json) {
		printf("{\"key\":\"%s\"}\n", raw);
	} else if (err == OK) {
		printf("%s\n", raw);
		fflush(stdout);
		fprintf(stderr,
			"it is kept as the secret operator-key; a running server knows it within `secrets: refresh`, "
			"or after `gatehouse reload`\n");
	}
	crypto_wipe(raw, sizeof(raw));
	return err;
}

int operator_key_create_run(const struct invocation *invocation)
{
	return installation_run(invocation, INSTALLATION_USE, make, NULL);
}

int operator_key_rotate_run(const struct invocation *invocation)
{
	return installation_run(invocation, INSTALLATION_USE, make, &(int){1});
}
