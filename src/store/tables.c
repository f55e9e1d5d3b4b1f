/* The list of tables, kept by hand: whoever adds a table or a column adds it here, or test/unit/store/tables.c fails.
 * Left out is audit_block, SQLite's alone: it says nothing that the trail does not say. */
#include "store/tables.h"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define ROW(table, all, by, marks, ...)                                                                                \
	{                                                                                                              \
		.name = table, .columns = all, .key = by, __VA_ARGS__,                                                 \
		.first = "SELECT " all " FROM " table " ORDER BY " by " LIMIT " TEXT(TABLE_PAGE_ROWS),                 \
		.next = "SELECT " all " FROM " table " WHERE (" by ") > (" marks ") ORDER BY " by                      \
			" LIMIT " TEXT(TABLE_PAGE_ROWS),                                                               \
		.count = "SELECT count(*) FROM " table                                                                 \
	}
#define TABLE(table, all, by, marks, one) ROW(table, all, by, marks, .single = one)

const struct store_table store_tables[] = {
	TABLE("meta", "id, generation", "id", "?", true),
	TABLE("tenant", "id, name, created_ms, disabled, title, plan, limits, networks, changed_ms", "id", "?", false),
	TABLE("account",
	      "id, tenant_id, kind, email, name, role, password, totp, totp_step, issuer, subject, disabled, "
	      "created_ms,"
	      " changed_ms, last_login_ms",
	      "id", "?", false),
	TABLE("role", "tenant_id, name, description, permissions, created_ms, changed_ms", "tenant_id, name", "?, ?",
	      false),
	TABLE("api_key",
	      "id, tenant_id, name, hint, role, mac, created_ms, expires_ms, revoked_ms, last_used_ms, user_id, "
	      "description,"
	      " toolsets, scopes, successor, changed_ms, noticed_ms",
	      "id", "?", false),
	TABLE("certificate", "fingerprint, tenant_id, user_id, name, created_ms", "fingerprint", "?", false),
	TABLE("person_key", "subject, tenant_id, key", "subject", "?", false),
	TABLE("signing_key", "kid, private, public, created_ms, active_ms, retired_ms", "kid", "?", false),
	TABLE("oauth_client",
	      "id, tenant_id, user_id, kind, name, redirect_uris, grant_types, auth_method, secret_mac, jwks, jwks_uri,"
	      " scope, disabled, created_ms, changed_ms, expires_ms, last_used_ms",
	      "id", "?", false),
	TABLE("oauth_grant",
	      "id, tenant_id, user_id, client_id, resource, scope, created_ms, expires_ms, revoked_ms, last_used_ms",
	      "id", "?", false),
	TABLE("oauth_code", "mac, grant_id, client_id, redirect_uri, challenge, scope, resource, expires_ms, used_ms",
	      "mac", "?", false),
	TABLE("oauth_refresh", "mac, grant_id, scope, created_ms, expires_ms, used_ms, successor", "mac", "?", false),
	TABLE("web_session", "mac, tenant_id, user_id, created_ms, seen_ms, expires_ms", "mac", "?", false),
	TABLE("policy_rule", "id, tenant_id, position, name, document, created_ms, changed_ms", "id", "?", false),
	TABLE("blocked", "prefix, reason, created_ms, until_ms", "prefix", "?", false),
	TABLE("usage_month", "tenant_id, principal, month, calls, failures", "tenant_id, month, principal", "?, ?, ?",
	      false),
	TABLE("upstream", "id, tenant_id, name, document, disabled, created_ms, changed_ms", "id", "?", false),
	TABLE("toolset", "id, tenant_id, name, document, disabled, created_ms, changed_ms", "id", "?", false),
	TABLE("data_key", "tenant_id, version, kek, wrapped, seals, created_ms", "tenant_id, version", "?, ?", false),
	TABLE("credential",
	      "id, tenant_id, upstream, user_id, kind, hint, sealed, state, expires_ms, created_ms, changed_ms, "
	      "lease_ms,"
	      " lease_by, failures",
	      "id", "?", false),
	TABLE("registration", "id, tenant_id, upstream, issuer, client_id, sealed, expires_ms, created_ms, changed_ms",
	      "id", "?", false),
	TABLE("bridged_client",
	      "id, tenant_id, bridge, state, object_id, client_id, metadata, token_mac, sealed, key_id, "
	      "secret_expires_ms,"
	      " old_key_id, old_until_ms, created_ms, changed_ms",
	      "id", "?", false),
	TABLE("media",
	      "id, tenant_id, principal, place, name, mime, sha256, size, received, sealed, created_ms, expires_ms",
	      "id", "?", false),
	TABLE("tool_pin",
	      "upstream, tool, digest, definition, flags, accepted_ms, seen_digest, seen_definition, seen_flags, "
	      "seen_ms",
	      "upstream, tool", "?, ?", false),
	TABLE("tool_run", "id, tenant_id, principal, upstream, tool, key, digest, state, until_ms, sealed, created_ms",
	      "id", "?", false),
	TABLE("event", "id, tenant_id, upstream, kind, route, subject, dedup, at_ms, body", "id", "?", false),
	ROW("metric",
	    "id, tenant_id, platform, upstream, account, holder, ad_account, report, span, start_day, end_day, bytes,"
	    " row_count, fetched_ms, used_ms, lease_by, lease_until_ms, failed_ms, failure, document",
	    "id", "?", .anew = true),
	TABLE("idempotency", "tenant_id, principal, key, digest, status, answer, created_ms", "principal, key", "?, ?",
	      false),
	TABLE("job",
	      "id, kind, tenant_id, payload, schedule, next_ms, attempts, dead, lease_by, lease_until_ms, error,"
	      " created_ms",
	      "id", "?", false),
	TABLE("job_run", "id, job_id, kind, node, attempt, started_ms, ended_ms, outcome, words", "id", "?", false),
	TABLE("sync_log",
	      "id, tenant_id, platform, place, driver, started_ms, ended_ms, held_ms, again_ms, outcome, steps_done,"
	      " steps_total, reports, rows, bytes, error",
	      "id", "?", false),
	TABLE("retention_run", "name, at_ms, rows", "name", "?", false),
	TABLE("audit",
	      "seq, at_ms, event, tenant_id, principal, ip, request_id, target, upstream, outcome, duration_us, "
	      "bytes_in,"
	      " bytes_out, mac",
	      "seq", "?", false),
	TABLE("audit_head", "id, seq, mac, seal", "id", "?", true),
	TABLE("audit_anchor", "id, seq, mac, seal, archived_ms, file", "id", "?", false),
};
const size_t store_table_count = ARRAY_LEN(store_tables);
