/* Every key of the configuration file: its name, what it takes, its default, where it goes and
 * what it is for. Adding a setting is adding a row here and a member in config.h. */
#include "gateway/config_tables.h"

#include "base/limits.h"
#include "gateway/config.h"
#include "gateway/config_parts.h"
#include "gateway/chores.h"
#include "gateway/plan.h"

#define SECOND 1000LL
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define KB 1024LL
#define MB (1024 * KB)
#define AT(member) offsetof(struct config, member)
#define LIMIT(member) offsetof(struct config_limits, member)
#define UP(member) offsetof(struct upstream_spec, member)
#define LISTEN(member) offsetof(struct config_listen, member)
#define TABLE(name_, fields_)                                                                                          \
	{                                                                                                              \
		name_, fields_, ARRAY_LEN(fields_)                                                                     \
	}

static const char *const level_names[] = {"debug", "info", "warn", "error", NULL};
static const char *const format_names[] = {"auto", "json", "text", NULL};
static const char *const durability_names[] = {"group", "strict", NULL};
static const char *const pin_names[] = {"off", "warn", "block", NULL};
static const char *const mode_names[] = {"list", "search", NULL};
static const char *const isolation_names[] = {"shared", "tenant", "user", "session", NULL};

static const struct conf_field shed_fields[] = {
	{"lag", CONF_MS, LIMIT(shed_lag_ms), .low = 0, .high = MINUTE, .fallback = "250ms",
	 .doc = "The gateway itself may be this late, all the time, before it refuses lists and calls; 0s: never."},
	{"wait", CONF_MS, LIMIT(shed_wait_ms), .low = 0, .high = HOUR, .fallback = "5s",
	 .doc = "A call that has no other of its tenant before it may wait this long for a place at its server, before "
		"calls that would have to wait there are refused; 0s: never."},
	{"interval", CONF_MS, LIMIT(shed_interval_ms), .low = 10, .high = HOUR, .fallback = "1s",
	 .doc = "Only what lasts this long counts; the next priority follows sooner, and each has its way back after "
		"as long."},
};
static const struct conf_table shed_table = TABLE("shed", shed_fields);

static const struct conf_field limit_fields[] = {
	{"per_ip", CONF_RATE, LIMIT(per_ip), .fallback = "100/min",
	 .doc = "Requests of one address (IPv6: of its /64)."},
	{"per_tenant", CONF_RATE, LIMIT(per_tenant), .fallback = "300/min", .doc = "Requests of one tenant."},
	{"per_principal", CONF_RATE, LIMIT(per_principal), .fallback = "off",
	 .doc = "Requests of one caller: a user with all of their keys and tokens, or a key that is nobody's."},
	{"per_auth", CONF_RATE, LIMIT(per_auth), .fallback = "5/15min",
	 .doc = "Sign-in attempts of one address at each sign-in endpoint."},
	{"auth_failures", CONF_UINT, LIMIT(auth_failures_max), .fallback = "10",
	 .doc = "Wrong keys from one address within auth_failures_window, after which it is blocked; 0: never."},
	{"auth_failures_window", CONF_MS, LIMIT(auth_failures_window_ms), .low = SECOND, .high = 7 * DAY,
	 .fallback = "1h", .doc = "The time in which wrong keys are counted."},
	{"auth_block", CONF_MS, LIMIT(auth_block_ms), .low = SECOND, .high = 7 * DAY, .fallback = "1h",
	 .doc = "How long an address stays blocked."},
	{"body", CONF_SIZE, LIMIT(body_bytes_max), .low = KB, .high = 256 * MB, .fallback = "16MB",
	 .doc = "Largest request body."},
	{"head", CONF_SIZE, LIMIT(head_bytes_max), .low = KB, .high = MB, .fallback = "32KB",
	 .doc = "Largest request line and headers together."},
	{"connections", CONF_UINT, LIMIT(connections_max), .low = 1, .high = 1000000, .fallback = "16384",
	 .doc = "Open client connections in all."},
	{"connections_per_ip", CONF_UINT, LIMIT(connections_per_ip_max), .low = 1, .high = 1000000, .fallback = "1024",
	 .doc = "Open client connections of one address."},
	{"header_timeout", CONF_MS, LIMIT(header_timeout_ms), .low = 100, .high = HOUR, .fallback = "10s",
	 .doc = "A request's head must be here by then."},
	{"body_timeout", CONF_MS, LIMIT(body_timeout_ms), .low = 100, .high = HOUR, .fallback = "30s",
	 .doc = "Longest pause within a request's body."},
	{"idle_timeout", CONF_MS, LIMIT(idle_timeout_ms), .low = 100, .high = DAY, .fallback = "75s",
	 .doc = "An idle keep-alive connection is closed after this."},
	{"keepalive", CONF_MS, LIMIT(keepalive_ms), .low = 100, .high = 10 * MINUTE, .fallback = "15s",
	 .doc = "A silent event stream gets a comment this often."},
	{"request_timeout", CONF_MS, LIMIT(request_timeout_ms), .low = 100, .high = DAY, .fallback = "2min",
	 .doc = "Longest time for one request, whatever it waits for but a person's answer."},
	{"input_timeout", CONF_MS, LIMIT(input_timeout_ms), .low = 100, .high = UPSTREAM_INPUT_MS, .fallback = "10min",
	 .doc = "A client's answer must be here by then when a server asks for input (elicitation, sampling, "
		"roots)."},
	{"drain", CONF_MS, LIMIT(drain_ms), .low = 0, .high = HOUR, .fallback = "25s",
	 .doc = "Calls in flight get this long when the gateway stops."},
	{"session", CONF_MS, LIMIT(session_max_ms), .low = MINUTE, .high = 90 * DAY, .fallback = "7d",
	 .doc = "A client's session ends after this, used or not."},
	{"shed", CONF_TABLE, 0, .table = &shed_table,
	 .doc = "When new work is put off, of plans with the lowest `priority` first: 503 with Retry-After. See "
		"doc/guides/keys-and-limits.md."},
};
const struct conf_table config_limits_table = TABLE("limits", limit_fields);

static const struct conf_field tls_fields[] = {
	{"cert", CONF_STR, LISTEN(cert_file), .doc = "Certificate chain, PEM.", .example = "/etc/gatehouse/cert.pem"},
	{"key", CONF_STR, LISTEN(key_file), .doc = "Private key, PEM.", .example = "/etc/gatehouse/key.pem"},
	{"client_ca", CONF_STR, LISTEN(client_ca_file), .doc = "Ask clients for a certificate signed by these.",
	 .example = "/etc/gatehouse/clients.pem"},
	{"client_required", CONF_BOOL, LISTEN(client_cert_required), .fallback = "false",
	 .doc = "Refuse clients without a certificate."},
	{"allow_tls12", CONF_BOOL, LISTEN(allow_tls12), .fallback = "false", .doc = "Also accept TLS 1.2."},
};
const struct conf_table config_tls_table = TABLE("tls", tls_fields);

static const struct conf_field listen_fields[] = {
	{"address", CONF_CUSTOM, .custom = config_read_address, .doc = "HOST:PORT, :PORT or unix:PATH.",
	 .example = "127.0.0.1:8080"},
	{"tls", CONF_TABLE, 0, .table = &config_tls_table, .doc = "Serve TLS here."},
	{"proxy_protocol", CONF_BOOL, LISTEN(proxy_protocol), .fallback = "false",
	 .doc = "Expect a PROXY v2 header from trusted_proxies."},
};
const struct conf_table config_listen_table = TABLE("listen", listen_fields);

static const struct conf_field http_fields[] = {
	{"url", CONF_STR, UP(url), .doc = "The server's MCP endpoint.", .example = "https://billing.example/mcp"},
	{"headers", CONF_PAIRS, UP(headers), UP(header_count),
	 .doc = "Sent with every request: the gateway's own credential for this server.",
	 .example = "{ Authorization: \"Bearer ${file:billing.token}\" }"},
	{"ca", CONF_STR, UP(ca_file), .doc = "Trust these certificates instead of the system's.", .example = "ca.pem"},
	{"cert", CONF_STR, UP(cert_file), .doc = "Client certificate, PEM.", .example = "client.pem"},
	{"key", CONF_STR, UP(key_file), .doc = "Its private key, PEM.", .example = "client.key"},
	{"allow_private", CONF_BOOL, UP(allow_private), .fallback = "false",
	 .doc = "The name may lead to a loopback or private address. A url with such an address says so by itself."},
};
const struct conf_table config_http_table = TABLE("http", http_fields);

static const struct conf_field stdio_fields[] = {
	{"command", CONF_STR, UP(command), .doc = "The program.", .example = "npx"},
	{"args", CONF_STRS, UP(args), UP(arg_count), .doc = "Its arguments.",
	 .example = "[\"-y\", \"@modelcontextprotocol/server-everything\"]"},
	{"env", CONF_PAIRS, UP(env), UP(env_count),
	 .doc = "Its environment, besides PATH, HOME, LANG and TMPDIR. Nothing else is inherited.",
	 .example = "{ API_TOKEN: \"${file:token}\" }"},
	{"cwd", CONF_STR, UP(cwd), .doc = "Its working directory; the gateway's own if not set.",
	 .example = "/srv/files"},
	{"warm", CONF_BOOL, UP(warm), .fallback = "true",
	 .doc = "Keep the shared child running; false starts it on demand."},
	{"memory", CONF_SIZE, UP(memory_bytes_max), .fallback = "0", .doc = "Address space limit; 0: none."},
	{"files", CONF_SIZE, UP(files_max), .fallback = "1024", .doc = "Open files limit; 0: none."},
	{"processes", CONF_SIZE, UP(processes_max), .fallback = "0", .doc = "Limit of processes of its user; 0: none."},
	{"children", CONF_UINT, UP(children_max), .low = 1, .high = 256, .fallback = "16",
	 .doc = "Most children of this upstream at once."},
	{"children_per_tenant", CONF_UINT, UP(children_per_tenant_max), .low = 1, .high = 256, .fallback = "4",
	 .doc = "Most children one tenant may have at once."},
};
const struct conf_table config_stdio_table = TABLE("stdio", stdio_fields);

static const struct conf_field upstream_fields[] = {
	{"http", CONF_CUSTOM, .custom = config_read_http, .table = &config_http_table,
	 .doc = "A server on streamable HTTP. One that knows only HTTP+SSE of 2024-11-05 is found out too."},
	{"stdio", CONF_CUSTOM, .custom = config_read_stdio, .table = &config_stdio_table,
	 .doc = "A server that is a child process."},
	{"sse", CONF_CUSTOM, .custom = config_read_sse, .table = &config_http_table,
	 .doc = "A server on HTTP+SSE, the transport of 2024-11-05: the URL of its event stream.",
	 .example = "https://old.example/sse"},
	{"connector", CONF_CUSTOM, .custom = config_read_connector, .table = &config_connector_table,
	 .doc = "Tools that need no server: a platform's API, with accounts that the gateway keeps. See "
		"doc/guides/connectors.md."},
	{"auth", CONF_CUSTOM, .custom = config_read_upstream_auth, .table = &config_upstream_auth_table,
	 .doc = "Calls to this `http` server or connector carry a credential of the caller's tenant or user, kept "
		"sealed: see "
		"doc/guides/credentials.md. Header lines of the same name under `headers` are for reading lists only."},
	{"isolation", CONF_CHOICE, UP(isolation), .fallback = "shared", .choices = isolation_names,
	 .doc = "Who shares a child or upstream session: everybody, a tenant, a user, or nobody (one per client "
		"session)."},
	{"timeout", CONF_MS, UP(timeout_ms), .low = 10, .high = DAY, .fallback = "60s",
	 .doc = "Longest wait for an answer."},
	{"connect_timeout", CONF_MS, UP(connect_timeout_ms), .low = 10, .high = HOUR, .fallback = "10s",
	 .doc = "Longest wait for a connection, or for a child to introduce itself."},
	{"idle", CONF_MS, UP(idle_ms), .low = 100, .high = 30 * DAY, .fallback = "10min",
	 .doc = "Children and upstream sessions that are unused this long are ended (a warm shared child is kept)."},
	{"concurrency", CONF_UINT, UP(concurrency), .low = 1, .high = 100000, .fallback = "256",
	 .doc = "Calls in flight at once."},
	{"queue", CONF_UINT, UP(queue_max), .low = 0, .high = 100000, .fallback = "1024",
	 .doc = "Calls that may wait for a place. Tenants get places in turn; when the queue is full, a tenant with "
		"few "
		"calls in it takes the room of the last call of the one with the most."},
	{"queue_per_tenant", CONF_UINT, UP(queue_tenant_max), .low = 0, .high = 100000, .fallback = "0",
	 .doc = "Calls of one tenant that may wait for a place; 0: as many as the queue takes."},
	{"queue_timeout", CONF_MS, UP(queue_timeout_ms), .low = 10, .high = DAY, .fallback = "30s",
	 .doc = "Longest wait for a place."},
	{"answer", CONF_SIZE, UP(answer_bytes_max), .low = KB, .high = 1024 * MB, .fallback = "64MB",
	 .doc = "Largest answer."},
	{"breaker_failures", CONF_UINT, UP(breaker_failures), .low = 1, .high = 10000, .fallback = "5",
	 .doc = "Failures in a row after which the upstream rests."},
	{"breaker_rest", CONF_MS, UP(breaker_rest_ms), .low = 100, .high = DAY, .fallback = "10s",
	 .doc = "How long it rests before one call tries again."},
	{"pin", CONF_CHOICE, UP(pin), .fallback = "warn", .choices = pin_names,
	 .doc = "When a tool is not what it was when first seen. warn: log it and show it in `gatehouse catalog diff`. "
		"block: hold it back until `gatehouse catalog approve`; new and suspicious tools too. off: nothing."},
	{"revision", CONF_CUSTOM, .custom = config_read_revision,
	 .doc = "Speak this protocol revision without asking the server first.", .example = "2025-11-25"},
};
const struct conf_table config_upstream_table = TABLE("upstream", upstream_fields);

static const struct conf_field toolset_fields[] = {
	{"include", CONF_STRS, offsetof(struct toolset_spec, include), offsetof(struct toolset_spec, include_count),
	 .doc = "What it shows, as globs over UPSTREAM.TOOL; without it, everything.", .example = "[\"billing.*\"]"},
	{"exclude", CONF_STRS, offsetof(struct toolset_spec, exclude), offsetof(struct toolset_spec, exclude_count),
	 .doc = "What it leaves out of that.", .example = "[\"*.delete_*\"]"},
	{"names", CONF_CUSTOM, .custom = config_read_names, .fallback = "prefixed",
	 .doc = "`prefixed`, or `plain`: names as the upstream has them, for a toolset of one upstream."},
	{"mode", CONF_CHOICE, offsetof(struct toolset_spec, mode), .fallback = "list", .choices = mode_names,
	 .doc = "list: clients see the tools. search: they see two, `search_tools` and `call_tool`."},
};
const struct conf_table config_toolset_table = TABLE("toolset", toolset_fields);

static const struct conf_field fleet_fields[] = {
	{"address", CONF_CUSTOM, .custom = config_read_fleet,
	 .doc = "Where the other replicas reach this one: the URL of a listener of its own, never the balancer's.",
	 .example = "http://10.0.0.5:8080"},
	{"ca", CONF_STR, AT(fleet.ca_file),
	 .doc = "Trust these certificates of the other replicas instead of the system's.", .example = "fleet-ca.pem"},
};
static const struct conf_table fleet_table = TABLE("fleet", fleet_fields);

static const struct conf_field log_fields[] = {
	{"level", CONF_CHOICE, AT(log_level), .fallback = "info", .choices = level_names,
	 .doc = "Least level written."},
	{"format", CONF_CHOICE, AT(log_format), .fallback = "auto", .choices = format_names,
	 .doc = "auto: text on a terminal, JSON elsewhere."},
};
static const struct conf_table log_table = TABLE("log", log_fields);

static const struct conf_field audit_fields[] = {
	{"durability", CONF_CHOICE, AT(durability), .fallback = "group", .choices = durability_names,
	 .doc = "group: rows are committed together, at most `commit` later. strict: each answer waits for its row."},
	{"commit", CONF_MS, AT(audit_commit_ms), .low = 1, .high = 1000, .fallback = "5ms",
	 .doc = "The commit interval."},
};
static const struct conf_table audit_table = TABLE("audit", audit_fields);

static const struct conf_field retention_fields[] = {
	{"audit", CONF_MS, AT(retention.audit_ms), .low = 0, .high = 36500 * DAY, .fallback = "365d",
	 .doc = "Rows of the audit trail move into files of `archive` after this; 0s: never."},
	{"archive", CONF_STR, AT(retention.archive),
	 .doc = "Directory of archived rows, shared by all replicas; else `archive` in the data directory.",
	 .example = "/var/lib/gatehouse/archive"},
	{"usage", CONF_MS, AT(retention.usage_ms), .low = DAY, .high = 36500 * DAY, .fallback = "730d",
	 .doc = "Numbers of calls by the month."},
	{"usage_callers", CONF_MS, AT(retention.usage_callers_ms), .low = DAY, .high = 36500 * DAY, .fallback = "400d",
	 .doc = "The same of single callers; then their tenant's alone are kept."},
	{"idempotency", CONF_MS, AT(retention.idempotency_ms), .low = HOUR, .high = 365 * DAY, .fallback = "24h",
	 .doc = "Answers to requests of the management API that carried an idempotency key."},
	{"sessions", CONF_MS, AT(retention.sessions_ms), .low = 0, .high = 365 * DAY, .fallback = "0s",
	 .doc = "People's sessions after their end."},
	{"metrics", CONF_MS, AT(retention.metrics_ms), .low = DAY, .high = 90 * DAY, .fallback = "90d",
	 .doc = "Reports of ad platforms after they were fetched."},
	{"sync_log", CONF_MS, AT(retention.sync_log_ms), .low = DAY, .high = 365 * DAY, .fallback = "30d",
	 .doc = "What background work over ad reports did, a row for each run."},
	{"blocks", CONF_MS, AT(retention.blocks_ms), .low = 0, .high = 3650 * DAY, .fallback = "0s",
	 .doc = "Blocked addresses after their block ended."},
};
static const struct conf_table retention_table = TABLE("retention", retention_fields);

static const struct conf_field media_fields[] = {
	{"quota", CONF_SIZE, AT(media.quota_bytes), .low = MB, .high = 1024 * 1024 * 1024 * MB, .fallback = "2GB",
	 .doc = "What the files of one tenant may take together, those under way included."},
	{"expire", CONF_MS, AT(media.expire_ms), .low = MINUTE, .high = 30 * DAY, .fallback = "24h",
	 .doc = "Uploads are deleted after this."},
	{"max_file", CONF_SIZE, AT(media.file_bytes_max), .low = 64 * KB, .high = MEDIA_BYTES_MAX, .fallback = "4GB",
	 .doc = "Largest file."},
	{"allow_private", CONF_BOOL, AT(media.allow_private), .fallback = "false",
	 .doc = "Files that callers name by address may be at loopback and private addresses too."},
};
static const struct conf_table media_table = TABLE("media", media_fields);

static const struct conf_field root_fields[] = {
	{"listen", CONF_CUSTOM, .custom = config_read_listen, .table = &config_listen_table,
	 .fallback = "127.0.0.1:8080", .doc = "Where to listen: an address, a map, or a list of these."},
	{"workers", CONF_UINT, AT(workers), .low = 0, .high = 64, .fallback = "0",
	 .doc = "Event loops; 0: one per core."},
	{"data", CONF_STR, AT(data), .fallback = "./gatehouse-data",
	 .doc = "The data directory (made with mode 0700)."},
	{"database", CONF_CUSTOM, .custom = config_read_database, .table = &config_database_table, .fallback = "sqlite",
	 .doc = "Where data lasts: sqlite, a URL of PostgreSQL, or a map."},
	{"state", CONF_CUSTOM, .custom = config_read_state, .table = &config_state_table, .fallback = "memory",
	 .doc = "Where limits are counted and other short-lived things are: a place, or a map. See "
		"doc/guides/replicas.md."},
	{"secrets", CONF_CUSTOM, .custom = config_read_secrets, .table = &config_secrets_table, .fallback = "file",
	 .doc = "Who is asked for the secrets of this installation, `${secret:NAME}` among them: a provider, or a map. "
		"See "
		"doc/guides/secrets.md."},
	{"auth", CONF_CUSTOM, .custom = config_read_auth, .fallback = "required",
	 .doc = "`required`, or `none`: only with loopback listeners."},
	{"production", CONF_BOOL, AT(production), .fallback = "false",
	 .doc = "Refuse secrets from the environment and secret files that others may read; make no key that is "
		"missing."},
	{"origins", CONF_STRS, AT(origins), AT(origin_count),
	 .doc = "Web origins that may call, besides loopback ones.", .example = "[\"https://app.example\"]"},
	{"hosts", CONF_STRS, AT(hosts), AT(host_count),
	 .doc = "Host names accepted on loopback listeners besides localhost (for a proxy in front).",
	 .example = "[\"gateway.example\"]"},
	{"trusted_proxies", CONF_CUSTOM, .custom = config_read_proxies,
	 .doc = "Networks whose X-Forwarded-For and PROXY headers are believed.", .example = "[\"10.0.0.0/8\"]"},
	{"public_url", CONF_CUSTOM, .custom = config_read_public_url,
	 .doc = "The gateway's own origin, as clients and browsers see it: OAuth and sign-in need it wherever a "
		"listener is not a loopback one.",
	 .example = "https://gatehouse.example"},
	{"oauth", CONF_TABLE, AT(identity), .table = &config_oauth_table,
	 .doc = "The authorization server for MCP clients."},
	{"sign_in", CONF_TABLE, AT(identity), .table = &config_sign_in_table, .doc = "How people sign in."},
	{"issuers", CONF_CUSTOM, .custom = config_read_issuers, .table = &config_issuer_table,
	 .doc = "Issuers whose JWTs are accepted as they are, by name."},
	{"bridges", CONF_CUSTOM, .custom = config_read_bridges, .table = &config_bridge_table,
	 .doc = "Identity providers without dynamic registration, by name: clients register at the gateway and become "
		"applications there. See doc/guides/dcr-bridge.md."},
	{"operator_key", CONF_STR, AT(identity.operator_key_file),
	 .doc = "File with the operator's key; else operator.key of the data directory, see `gatehouse operator-key`.",
	 .example = "/run/secrets/gatehouse-operator"},
	{"connect", CONF_TABLE, AT(connect), .table = &config_connect_table,
	 .doc = "How people connect their accounts at servers with `auth` of type `oauth`."},
	{"keys", CONF_TABLE, AT(identity), .table = &config_keys_table, .doc = "Lives of API keys."},
	{"limits", CONF_TABLE, AT(limits), .table = &config_limits_table, .doc = "Rates, sizes, counts and times."},
	{"plans", CONF_CUSTOM, .custom = config_read_plans, .table = &config_plan_table,
	 .doc = "What tenants may use, by the name of their plan; a tenant's own limits go before."},
	{"audit", CONF_TABLE, 0, .table = &audit_table, .doc = "The audit trail."},
	{"fleet", CONF_TABLE, 0, .table = &fleet_table,
	 .doc = "This process is one of several replicas that share a database, a state and the keys of their data "
		"directories. See doc/guides/replicas.md."},
	{"retention", CONF_TABLE, 0, .table = &retention_table,
	 .doc = "How long rows are kept. `gatehouse retention`."},
	{"media", CONF_TABLE, 0, .table = &media_table,
	 .doc = "Files that callers upload, and that tools fetch, for platforms. See doc/guides/files.md."},
	{"jobs", CONF_CUSTOM, .custom = config_read_jobs,
	 .doc = "Other times for the gateway's own jobs, in UTC: a schedule, or never. `gatehouse jobs` lists them.",
	 .example = "{ retention: \"17 3 * * *\", oauth-sweep: every 1h }"},
	{"inngest", CONF_CUSTOM, .custom = config_read_inngest, .table = &config_inngest_table,
	 .doc = "Inngest drives the background work instead of `jobs`. See doc/guides/inngest.md."},
	{"ads", CONF_TABLE, 0, .table = &config_ads_table,
	 .doc = "How long reports of ad platforms are fresh; past it they are answered as stale for a day while they "
		"are "
		"fetched anew. See doc/guides/ad-analytics.md."},
	{"log", CONF_TABLE, 0, .table = &log_table, .doc = "Logs on standard error."},
	{"metrics_public", CONF_BOOL, AT(metrics_public), .fallback = "false",
	 .doc = "Serve /metrics to everybody; else to loopback and to keys that may read status."},
	{"separator", CONF_STR, AT(separator), .fallback = "_", .doc = "Stands between upstream and tool in names."},
	{"mode", CONF_CHOICE, AT(mode), .fallback = "list", .choices = mode_names,
	 .doc = "How /mcp shows its tools: list, or search (two tools that find and call all others)."},
	{"upstreams", CONF_CUSTOM, .custom = config_read_upstreams, .table = &config_upstream_table,
	 .doc = "The servers behind the gateway, by name."},
	{"policy", CONF_CUSTOM, .custom = config_read_policy,
	 .doc = "Rules in front of every tenant's own: who may call what, when, with which arguments. See "
		"doc/guides/policy.md.",
	 .example = "[{ name: no-deletes, effect: deny, tools: [\"*.delete_*\"] }]"},
	{"private_upstreams", CONF_BOOL, AT(private_upstreams), .fallback = "false",
	 .doc = "Upstreams that were made at run time may be at loopback and private addresses too."},
	{"toolsets", CONF_CUSTOM, .custom = config_read_toolsets, .table = &config_toolset_table,
	 .doc = "Named selections, served at /mcp/NAME."},
};
const struct conf_table config_root_table = TABLE("the configuration", root_fields);
