/* Where the installation's own secrets are: the server's key, the key that wraps tenants' keys, passwords of the
 * database, header values of upstreams. Each has a name, and one provider is asked for all of them: files, systemd's
 * credentials, Vault or OpenBao, Azure Key Vault. Doors may be used from any loop; the provider lives on the one that
 * opened it. */
#ifndef GATEHOUSE_SECRETS_SECRETS_H
#define GATEHOUSE_SECRETS_SECRETS_H

#include "base/arena.h"
#include "base/secret_text.h"

#define SECRETS_NAME_MAX 64	/* bytes: the least that any of the places takes */
#define SECRETS_WATCHED_MAX 256 /* names that are looked at again: more than a configuration reads well with */
#define SECRETS_LISTED_MAX 1000 /* names in a list */

enum secrets_kind { SECRETS_FILE, SECRETS_SYSTEMD, SECRETS_VAULT, SECRETS_AZURE };

struct secrets_vault {
	struct str url, ca_file, namespace_name;
	struct str mount, path; /* of a KV version 2 engine, and below it */
	struct str login_path;	/* where AppRole is mounted */
	struct str role_id_file, secret_id_file;
	struct str transit_mount, transit_key; /* key empty: it does not wrap */
};

struct secrets_azure {
	struct str url;	      /* the vault's */
	struct str authority; /* in front of the tenant */
	struct str tenant, client_id, client_secret_file;
	struct str api_version;
	struct str ca_file;
};

struct secrets_settings {
	enum secrets_kind kind;
	struct str data;      /* the data directory: server-key and operator-key of the file provider */
	struct str directory; /* of all others; empty: DATA/secrets */
	int64_t refresh_ms;   /* what is watched is asked for again this often */
	bool production;      /* nothing is made by itself */
	struct secrets_vault vault;
	struct secrets_azure azure;
};

struct secrets;

/* Whether a secret may be called that: a-z, 0-9 and -, not a - first. */
bool secrets_name_ok(struct str name);

/* Make a provider ready: the directory is there, the sign-in at a server succeeds.
 *   settings   borrowed until secrets_close
 *   problem    what is wrong, and where it was looked for
 *   Errors     ERR_CONFIG, ERR_NOT_FOUND, ERR_SYSTEM, those of http_fetch
 *   Runs on    a fiber of the loop that will have it */
NODISCARD enum err secrets_open(const struct secrets_settings *settings, struct buf *problem,
				struct secrets **ret_secrets) AWAITS;

/* Stop watching, sign out, free. NULL is fine.
 *   Runs on    a fiber of the loop that opened it */
void secrets_close(struct secrets *secrets) AWAITS;

/* A secret that is a text: one line end behind it does not belong to it.
 *   ret_text   one reference
 *   problem    names the secret and the place, never the value
 *   Errors     ERR_NOT_FOUND, ERR_CONFIG (malformed, or others may read it), ERR_SYSTEM, those of http_fetch
 *   Runs on    a fiber, any loop, as the doors below */
NODISCARD enum err secrets_get(struct secrets *secrets, struct str name, struct buf *problem,
			       struct secret_text **ret_text) AWAITS;

/* A secret that is a key, in one of the forms that secret_from_text reads.
 *   make       when it is missing and the provider is the file provider outside of production: make it
 *   Errors     as secrets_get */
NODISCARD enum err secrets_get_key(struct secrets *secrets, struct str name, bool make, struct buf *problem,
				   struct secret **ret_key) AWAITS;

/* Keep a value under a name; when this returns it lasts.
 *   fresh      refuse to replace one
 *   Errors     ERR_EXISTS (fresh), ERR_CONFIG (the provider is written elsewhere: says how), ERR_SYSTEM ... */
NODISCARD enum err secrets_put(struct secrets *secrets, struct str name, const struct secret_text *value, bool fresh,
			       struct buf *problem) AWAITS;

/* What is known of a secret without its value. */
struct secret_fact {
	struct str name;
	struct str version; /* empty: the provider counts none */
	int64_t changed_ms; /* wall time; 0: not known */
};

/* All of them by name, in `arena`.
 *   Errors     ERR_LIMIT (more than SECRETS_LISTED_MAX), ERR_SYSTEM, those of http_fetch */
NODISCARD enum err secrets_list(struct secrets *secrets, struct arena *arena, struct buf *problem,
				struct secret_fact **ret_facts, size_t *ret_count) AWAITS;

/* Whether keys are wrapped by the provider itself, so that the wrapping key never leaves it. */
bool secrets_can_wrap(const struct secrets *secrets);

/* Have the provider wrap a key, or unwrap it; `bound` must be the same both times.
 * Only where secrets_can_wrap says so.
 *   Errors     ERR_CRYPTO (altered, or bound to something else), those of secrets_get */
NODISCARD enum err secrets_wrap(struct secrets *secrets, struct str plain, struct str bound, struct buf *problem,
				struct buf *out) AWAITS;
NODISCARD enum err secrets_unwrap(struct secrets *secrets, struct str wrapped, struct str bound, struct buf *problem,
				  struct secret_text **ret_plain) AWAITS;

/* Where a value is told: OK when the new one is in use, else it is told again at the next look. On a fiber of the loop
 * that opened the provider; it may watch and unwatch. */
typedef enum err secret_changed(void *arg, struct str name, const struct secret_text *value); /* AWAITS */

/* Tell of every other value than `known` (NULL: none yet). The same name, function and arg again replaces `known`.
 *   Errors     ERR_LIMIT
 *   Runs on    the loop that opened the provider */
NODISCARD enum err secrets_watch(struct secrets *secrets, struct str name, struct secret_text *known,
				 secret_changed *changed, void *arg);

/* Tell this function and arg no more. */
void secrets_unwatch(struct secrets *secrets, secret_changed *changed, void *arg);

/* A secret in a file of its own that a setting names: the same rules as for the file provider's, and line ends behind
 * it do not belong to it. problem    the path and what is wrong Errors     ERR_NOT_FOUND, ERR_CONFIG, ERR_SYSTEM Runs
 * on    a fiber */
NODISCARD enum err secrets_read_file(struct str path, struct buf *problem, struct secret_text **ret_text) AWAITS;

/* Begin to look after what is watched, and after the sign-in.
 *   Errors     ERR_BUSY
 *   Runs on    a fiber of the loop that opened it */
NODISCARD enum err secrets_follow(struct secrets *secrets) AWAITS;

/* Look no more, and wait for whoever is being told. NULL is fine; secrets_close does it too. */
void secrets_unfollow(struct secrets *secrets) AWAITS;

#endif
