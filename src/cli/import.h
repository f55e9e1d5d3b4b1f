/* From a client's list of servers to our configuration. Private to import*.c and their tests. */
#ifndef GATEHOUSE_CLI_IMPORT_H
#define GATEHOUSE_CLI_IMPORT_H

#include "base/json.h"

struct import_spec {
	struct str secrets_dir; /* p NULL: secrets stay where they are, with a warning */
	struct str reference;	/* how the configuration names that directory */
};

/* A secret that belongs into a file of its own. */
struct import_secret {
	struct str file; /* below secrets_dir */
	struct str value;
};

#define IMPORT_SECRETS_MAX 1024

struct import {
	struct buf yaml;
	struct buf warnings; /* one a line */
	struct import_secret *secrets;
	size_t secret_count, servers, skipped;
};

/* Turn `mcpServers` (or VS Code's `servers`) into YAML: names become [A-Za-z0-9_-]{1,32}, ${VAR}
 * becomes ${env:VAR}, and with a secrets_dir the values of secret-looking names move into files,
 * which the caller writes.
 *   ret_import  texts and secrets in `arena`; the caller frees the two buffers
 *   Errors      ERR_JSON_*, ERR_NOT_FOUND (no servers in it), ERR_LIMIT (too many secrets) */
NODISCARD enum err import_servers(struct arena *arena, struct str text, const struct import_spec *spec,
				  struct import *ret_import);

#endif
