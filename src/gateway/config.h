/* The configuration: a YAML (or JSON) file, checked against the published schema
 * (gatehouse reference config), turned into one immutable snapshot.
 *
 * Unknown keys, wrong types and values out of range are refused with line and column. The
 * snapshot is reference-counted and replaced whole on reload. */
#ifndef GATEHOUSE_GATEWAY_CONFIG_H
#define GATEHOUSE_GATEWAY_CONFIG_H

#include <stdatomic.h>

#include "ads/report.h"
#include "audit/audit.h"
#include "base/log.h"
#include "bridge/settings.h"
#include "catalog/catalog.h"
#include "identity/settings.h"
#include "media/uploads.h"
#include "net/address.h"
#include "policy/policy.h"
#include "retention/retention.h"
#include "secrets/secrets.h"
#include "state/state.h"
#include "upstream/upstream.h"

struct config_listen {
	struct address address;
	struct str text;				/* as written */
	struct str cert_file, key_file, client_ca_file; /* empty: plain */
	bool client_cert_required, allow_tls12, proxy_protocol;
};

struct config_limits {
	struct rate per_ip, per_tenant, per_principal, per_auth; /* limit 0: none */
	unsigned auth_failures_max;				 /* of one address in auth_failures_window_ms ... */
	int64_t auth_failures_window_ms, auth_block_ms;		 /* ... block it this long; max 0: never */
	size_t body_bytes_max, head_bytes_max;
	unsigned connections_max, connections_per_ip_max;
	int64_t header_timeout_ms, body_timeout_ms, idle_timeout_ms, keepalive_ms;
	int64_t request_timeout_ms, input_timeout_ms, drain_ms, session_max_ms;
	int64_t shed_lag_ms, shed_wait_ms, shed_interval_ms; /* see shed.h; 0: never */
};

struct config_connect {
	struct str
		client_document; /* URL of the document that describes us as a client; empty: ours, if it can be read */
	struct str client_name;
	int64_t life_ms; /* of a link to connect an account, and of the flow behind it */
};

struct plan; /* see plan.h */

#define CONFIG_RULES_MAX 64 /* count: with a tenant's own, what policy compiles */

struct config_skipped {
	const char *kind; /* "upstream", "toolset" */
	struct str name, owner, problem;
};

/* `database`: "sqlite", or how PostgreSQL is reached; see struct db_server. */
struct config_database {
	struct str url;
	struct str replica, password_file, ca_file; /* p NULL: none */
	unsigned connections;
	int64_t timeout_ms, replica_lag_ms;
	bool prepared;
};

struct config_secret; /* see config_secrets.h */

/* `inngest`; signing_key empty: it is off. */
struct config_inngest {
	struct str signing_key, signing_key_fallback, event_key;
	struct str serve_origin; /* empty: public_url */
	struct str api_url, event_url, app_id;
	bool allow_private; /* these are addresses of the operator's own */
};

struct config {
	uint32_t magic;
	atomic_uint refs;
	struct arena *arena; /* owns every string and array below */
	struct config *base; /* or else this one does, of which it is a copy with more in it: see config_derive */
	struct str file;     /* where it came from; empty: built-in defaults */
	const struct config_listen *listen;
	size_t listen_count;
	bool loopback_only; /* every listener is a loopback or Unix address */
	unsigned workers;   /* loops; 0: one per core */
	struct str data;    /* the data directory */
	struct config_database database;
	struct state_spec state;
	bool auth_required;
	bool production;
	const struct str *origins; /* allowed Origin values besides loopback; "*" allows all */
	size_t origin_count;
	const struct str *hosts; /* allowed Host names on loopback listeners besides localhost */
	size_t host_count;
	const struct prefix *trusted_proxies;
	size_t trusted_count;
	struct {
		struct str address; /* URL of this replica; empty: no fleet */
		struct str ca_file; /* empty: the system's */
	} fleet;
	struct config_connect connect;
	struct config_inngest inngest;
	int64_t ads_fresh_ms[ADS_PLATFORMS][REPORT_KINDS]; /* 0: the platform has no such report */
	struct config_limits limits;
	const struct plan *plans;
	size_t plan_count;
	struct identity_settings identity;
	const struct bridge_settings *bridges;
	size_t bridge_count;
	bool has_operator_key;
	uint8_t operator_mac[32]; /* see operator_key.h */
	enum audit_durability durability;
	int64_t audit_commit_ms;
	enum log_level log_level;
	enum log_format log_format;
	const struct upstream_spec *upstreams;
	size_t upstream_count;
	const struct toolset_spec *toolsets;
	size_t toolset_count;
	const struct config_skipped *skipped; /* parts made at run time that are not in force */
	size_t skipped_count;
	bool private_upstreams;		     /* those made at run time may be at private addresses */
	enum toolset_mode mode;		     /* of the view that shows everything */
	struct str separator;		     /* between upstream and tool, "_" */
	const struct policy_document *rules; /* in front of every tenant's own */
	size_t rule_count;
	struct retention_periods retention;
	struct media_settings media;
	const struct chore_setting *chores; /* other times for the gateway's own jobs */
	size_t chore_count;
	bool metrics_public; /* /metrics without a key from other than loopback */
	struct secrets_settings secrets;
	const struct config_secret *named_secrets; /* those that the file names, with their values */
	size_t named_secret_count;
};

/* Read a file (p NULL: the defaults, with ./gatehouse.yaml if it exists), and ask for the secrets that it names.
 *   ret_config one reference
 *   problem    what is wrong, "gatehouse.yaml:12:3: unknown key ..." one per line, with what to do
 *   Errors     ERR_CONFIG, ERR_NOT_FOUND (no such file, or no such secret), those of secrets_open and secrets_get
 *   Runs on    a thread outside of any loop: one may be run to ask the provider */
NODISCARD enum err config_load(struct str file, struct buf *problem, struct config **ret_config);

/* The same, asking a provider that is open already.
 *   Runs on    a fiber; reads the file */
NODISCARD enum err config_load_here(struct str file, struct secrets *secrets, struct buf *problem,
				    struct config **ret_config) AWAITS;

/* No more of a file than `data`, `production` and `secrets`: enough for secrets_open, when the secrets that the rest
 * names may not be there yet. */
NODISCARD enum err config_load_settings(struct str file, struct buf *problem, struct config **ret_config);

/* The same from text already read, which names no secrets; `file` is only named in problems. */
NODISCARD enum err config_parse(struct str text, struct str file, struct buf *problem, struct config **ret_config);

/* One reference more (returns its argument), one less (the last one frees; NULL is fine).
 *   Runs on    any thread */
struct config *config_ref(struct config *config);
void config_unref(struct config *config);
DEFINE_AUTO(config, config_unref);

/* A copy to be changed before anybody else sees it; strings and arrays are shared with `base`, its own ones belong into
 * its arena.
 *   returns    one reference */
struct config *config_derive(struct config *base);

/* Whether two snapshots describe the same upstream, so that a reload keeps it running. */
bool config_same_upstream(const struct upstream_spec *a, const struct upstream_spec *b);

/* Whether two snapshots ask the same provider in the same way. */
bool config_same_secrets(const struct config *a, const struct config *b);

/* The JSON Schema of the file, and its reference page in Markdown. */
void config_schema_write(struct buf *out);
void config_reference_write(struct buf *out);

/* What db_open wants; borrows from the config. */
struct db_spec;
struct db_spec config_db_spec(const struct config *config);

#endif
