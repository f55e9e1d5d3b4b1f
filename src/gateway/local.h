/* What an upstream of kind UPSTREAM_LOCAL serves: a connector with its settings and accounts. Made when the
 * configuration is read, immutable, and shared by reference between the configuration and the upstream that runs.
 *
 *     config_connector.c ─▶ struct upstream_local ─▶ local_call.c ─▶ room connector
 *
 *   Source     doc/decisions/0017-connectors.md */
#ifndef GATEHOUSE_GATEWAY_LOCAL_H
#define GATEHOUSE_GATEWAY_LOCAL_H

#include "base/arena.h"
#include "gateway/accounts_health.h"

#define LOCAL_ACCOUNTS_MAX 64 /* of an upstream: each is a choice in every tool's schema */
#define LOCAL_SETTING_BYTES_MAX 8192
#define LOCAL_PLACE_BYTES_MAX 65 /* UPSTREAM.ACCOUNT: names of 32 bytes each */

struct connector;
struct connector_setup;

struct local_account {
	struct str name;
	struct str settings;		     /* JSON object of texts: the file's defaults, the upstream's, its own */
	const struct connector_setup *setup; /* the same for calls; NULL in a spec */
};

/* What it is made from. All of it is copied. */
struct local_spec {
	struct connector *connector; /* takes one more reference */
	struct str text;	     /* the connector's file: another text is another upstream */
	struct str settings;	     /* as an account's, without any account's; with all accounts as "accounts" */
	const struct local_account *accounts;
	size_t account_count;
	struct str webhook_secret, webhook_verify_token; /* empty: none */
};

/*   returns    one reference; any thread */
struct upstream_local *local_new(const struct local_spec *spec);
struct upstream_local *local_ref(struct upstream_local *local);
void local_unref(struct upstream_local *local); /* NULL is fine */

/* Whether two serve the same; NULL is as good as NULL. */
bool local_same(const struct upstream_local *a, const struct upstream_local *b);

/* What it was made from; all of it lives as long as the reference. Any thread, as all below. */
struct connector *local_connector(const struct upstream_local *local);
/* An account by its name; NULL: there is none. */
const struct local_account *local_account_find(const struct upstream_local *local, struct str name);
/* All of them, in the order of the configuration. */
size_t local_accounts(const struct upstream_local *local, const struct local_account **ret_accounts);
/* Secrets of the platform's own messages to us; empty: none. */
struct str local_webhook_secret(const struct upstream_local *local);
struct str local_webhook_verify_token(const struct upstream_local *local);

/* Settings that hold without an account. JSON. */
struct str local_settings(const struct upstream_local *local);
/* Settings for a call: of an account, or with `account` NULL those that hold without one. */
const struct connector_setup *local_setup(const struct upstream_local *local, const struct local_account *account);

/* Cut the name of a place, UPSTREAM or UPSTREAM.ACCOUNT.
 *   ret_account  empty: it names none */
void local_place_cut(struct str place, struct str *ret_upstream, struct str *ret_account);

/* What the upstream offers: upstream_locals.offer. */
void local_offer(const struct upstream_spec *spec, struct arena *arena, struct local_offer *ret_offer);

/* The name of a place: UPSTREAM, or UPSTREAM.ACCOUNT in `arena`. */
struct str local_place(struct arena *arena, struct str upstream, struct str account);

/* A call that the gateway itself makes, of whatever tool: internal ones, too. */
struct local_ask {
	struct str tenant_id, holder; /* holder: a principal, or empty for the tenant's credential */
	struct str account;	      /* empty: it has but one */
	struct str tool, arguments;
	struct str request_id;
	bool bare; /* see struct connector_call */
};

/* Make it. Tokens, retries, pauses and the account's health are as in any call; places and counters of the upstream are
 * not: who asks bounds how many there are.
 *   ret_made   with the result, in `arena`; also on errors
 *   Errors     ERR_NOT_FOUND: there is no such account; else as connector_run
 *   Runs on    a fiber of any loop; `spec` is held by the caller */
struct connector_call;
NODISCARD enum err local_ask(struct gateway *gateway, const struct upstream_spec *spec, const struct local_ask *ask,
			     struct arena *arena, struct connector_call *ret_made) AWAITS;

/* Whether accounts there can be probed: by a tool of its own for that. */
bool local_has_probe(const struct upstream_spec *spec);

/* Probe an account: call the connector's `health` tool with it.
 *   ret_health  what that showed
 *   Errors     ERR_NOT_FOUND: there is no such account, or no probe; ERR_CANCELED, ERR_TIMEOUT, ERR_DB ...: it showed
 * nothing
 *   Runs on    a fiber of any loop */
NODISCARD enum err local_probe(struct gateway *gateway, const struct upstream_spec *spec,
			       const struct account_place *of, enum account_health *ret_health) AWAITS;

/* As upstreams want it; its calls are in local_call.c.
 *   Runs on    any loop */
struct upstream_locals local_service(struct gateway *gateway);

#endif
