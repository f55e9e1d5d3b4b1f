/* An installation as a command sees it: the configuration, and when data is needed the keys and
 * the database, opened directly. A server may be running on the same data: SQLite's locks keep
 * order, the server hears of changes by the store's generation, and audit rows of both processes
 * go into one chain. */
#ifndef GATEHOUSE_CLI_INSTALLATION_H
#define GATEHOUSE_CLI_INSTALLATION_H

#include "cli/command.h"
#include "gateway/config.h"
#include "gateway/keys.h"
#include "store/api_key.h"
#include "store/tenant.h"

struct installation {
	const struct invocation *invocation;
	struct config *config;
	struct secrets *secrets;
	struct keys keys;
	struct db *db;
	struct audit *audit; /* NULL until installation_audit */
	struct kek *kek;     /* these two NULL until installation_vault */
	struct vault *vault;
	struct arena *arena;				     /* for what is read */
	struct buf problem;				     /* why it did not work, when err_text says too little */
	enum err (*work)(struct installation *installation); /* AWAITS */
	void *arg;					     /* the command's own */
};

enum installation_mode {
	INSTALLATION_MAKE, /* make the data directory when there is none */
	INSTALLATION_USE,  /* it must be there: a command in the wrong directory must not make one */
};

/* Open, run `work` on a fiber, close. What went wrong is printed.
 *   returns    the exit status: STATUS_USAGE for ERR_USAGE
 *   Runs on    the main thread, outside of any loop; starts one */
int installation_run(const struct invocation *invocation, enum installation_mode mode,
		     enum err (*work)(struct installation *installation) /* AWAITS */, void *arg);

/* Read the configuration of an invocation, printing what is wrong with it.
 *   returns    false when it cannot be used */
bool installation_config(const struct invocation *invocation, struct config **ret_config);

/* Whether there is data already. */
bool installation_is_made(const struct config *config);

/* Make `audit` ready to take rows. */
NODISCARD enum err installation_audit_open(struct installation *installation) AWAITS;

/* Make `vault` ready, over this database.
 *   Errors     those of kek_open */
NODISCARD enum err installation_vault(struct installation *installation) AWAITS;

/* Append an audit row about something an operator did here, and wait for its commit.
 *   Errors     ERR_BUSY, with a sentence in `problem` */
NODISCARD enum err installation_audit(struct installation *installation, const char *event, struct str tenant_id,
				      struct str target) AWAITS;

/* Fail with a sentence for the operator.
 *   returns    err */
enum err installation_fail(struct installation *installation, enum err err, const char *fmt, ...) PRINTF(3, 4);

/* A tenant by its name or its id.
 *   Errors     ERR_NOT_FOUND, with a sentence; ERR_DB */
NODISCARD enum err installation_tenant(struct installation *installation, struct str name, struct tenant *ret_tenant)
	AWAITS;

/* Every key of one tenant (name p NULL: of all), in `arena`.
 *   Errors     ERR_NOT_FOUND (no such tenant), ERR_DB, ERR_LIMIT */
NODISCARD enum err installation_keys(struct installation *installation, struct str tenant_name,
				     struct api_key **ret_keys, size_t *ret_count) AWAITS;

#endif
