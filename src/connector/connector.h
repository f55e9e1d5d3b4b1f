/* Tools without servers: a connector file says how to sign in to a platform, and what each tool sends and gives back.
 *
 *     file ─▶ compile.c ─▶ struct connector ─┬─▶ its tools' definitions ─▶ catalog, like any server's
 *                                            └─▶ run.c: arguments ─▶ steps ─▶ requests ─▶ result
 *
 *   Source     doc/connector-language.md, doc/decisions/0017-connectors.md */
#ifndef GATEHOUSE_CONNECTOR_CONNECTOR_H
#define GATEHOUSE_CONNECTOR_CONNECTOR_H

#include "base/arena.h"
#include "base/secret_text.h"
#include "connector/native.h"

#define CONNECTOR_BYTES_MAX (8 * 1024 * 1024)		       /* of a file: GitHub's API is 3 MB as one */
#define CONNECTOR_TOOLS_MAX 2048			       /* count: GitHub's API has 1,100 operations */
#define CONNECTOR_STEPS_MAX 16				       /* of a tool */
#define CONNECTOR_ANSWER_BYTES_MAX (4 * 1024 * 1024)	       /* of one request */
#define CONNECTOR_ANSWER_INTERNAL_BYTES_MAX (12 * 1024 * 1024) /* of internal files: 10,000 rows of a report */
#define CONNECTOR_REQUESTS_MAX 256 /* of a call, polls and chunks included: a 1 GB upload in 5 MB parts */

struct connector;

/* Compile a file.
 *   file           named in problems
 *   problem        what is wrong, "tickets.yaml:12:3: text", one a line
 *   ret_connector  one reference
 *   Errors         ERR_CONFIG
 *   Runs on        any thread */
NODISCARD enum err connector_compile(struct str text, struct str file, struct buf *problem,
				     struct connector **ret_connector);
/* One reference more; one less, the last frees (NULL is fine). Any thread. */
struct connector *connector_ref(struct connector *connector);
void connector_unref(struct connector *connector);
DEFINE_AUTO(connector, connector_unref);

/* Both live as long as the connector. */
struct str connector_name(const struct connector *connector);
struct str connector_title(const struct connector *connector);
/* Its tools are for the gateway itself: they are offered to nobody. */
bool connector_is_internal(const struct connector *connector);

/* What an upstream that uses it can set, and how its accounts sign in. */
struct connector_setting {
	struct str name, about, fallback, pattern; /* fallback p NULL: none; pattern empty: any text */
	bool required, is_url;
	bool operator_only; /* no tenant's upstream may set it */
};
size_t connector_settings(const struct connector *connector, const struct connector_setting **ret_settings);
struct connector_auth {
	struct str type;     /* as an upstream's `auth.type`; "none" */
	struct str provider; /* of type oauth; empty: none is named */
	struct str about;    /* for people */
	struct str json; /* the whole mapping as an upstream's `auth` would have it, without `about`: the gateway reads
			    it */
};
size_t connector_auths(const struct connector *connector, const struct connector_auth **ret_auths);

/* Its tools, as they stand in tools/list, in the order of the file.
 *   accounts       names that an `account` argument may have; with less than two there is no such argument
 *   ret_definition JSON, in `arena` */
size_t connector_tool_count(const struct connector *connector);
struct str connector_tool_name(const struct connector *connector, size_t tool);
struct str connector_tool_definition(const struct connector *connector, size_t tool, struct arena *arena,
				     const struct str *accounts, size_t account_count);
/* STR_NONE: it has no probe. */
struct str connector_health_tool(const struct connector *connector);
/* The example's arguments as JSON; STR_NONE without one. */
struct str connector_tool_example(const struct connector *connector, size_t tool);

/* Append the reference of one connector, Markdown. */
void connector_reference_write(const struct connector *connector, struct buf *out);
/* The page of all that are built in: doc/connectors.md. */
void connectors_reference_write(struct buf *out);

/* ---- calls ------------------------------------------------------------------------ */

struct connector_runner; /* a process's: connections, pauses of accounts, the journal of commits */
struct db;
struct vault;
struct media_store;
struct secret;

struct connector_runner_spec {
	struct db *db;		   /* NULL: no journal, no idempotency keys (gatehouse connector try) */
	struct vault *vault;	   /* seals what the journal keeps; NULL as db */
	struct media_store *media; /* NULL: tools with files answer that they cannot */
	const struct secret *key;  /* seals cursors */
	const struct native_table *natives;
	size_t native_count;
};

/*   Runs on    loop 0, before the loops run calls; free after they ended */
struct connector_runner *connector_runner_new(const struct connector_runner_spec *spec);
void connector_runner_free(struct connector_runner *runner) AWAITS;

/* Settings of an upstream or of one of its accounts, read once for all its calls.
 *   json       an object of texts: the file's defaults, the upstream's, the account's
 *   returns    in `arena`, immutable; for calls of this connector. What is wrong with them its calls say */
struct connector_setup;
const struct connector_setup *connector_setup_new(const struct connector *connector, struct str json,
						  struct arena *arena);

/* How one request may be made: the upstream's business. */
struct connector_terms {
	bool allow_private;
	struct str ca_file; /* empty: the system's */
	int64_t timeout_ms; /* of one request */
};

/* The account's credential. Both AWAITS; NULL get: none is wanted. */
struct connector_request;
struct connector_credentials {
	/* Header lines, or NAME=VALUE for the query, and the secret by itself; each may stay NULL.
	 *   request    NULL: nothing is composed yet, which may need the secret
	 *   Errors     as struct upstream_credentials */
	enum err (*get)(void *arg, const struct connector_request *request, struct secret_text **ret_lines,
			bool *ret_in_query, struct secret_text **ret_secret);
	bool signs; /* what it gives depends on the request: it is asked again with each, else once a call */
	/* It was not taken.
	 *   status     401, whatever way the platform said so
	 *   sent       the lines that `get` gave; the secret where it gave none
	 *   returns    what the caller is told when it is not sent again */
	enum err (*refused)(void *arg, int status, const struct secret_text *sent, bool *ret_again);
	void *arg;
};
struct connector_request {	      /* what is about to be sent: signatures depend on it */
	struct str method, url, body; /* body empty when it is streamed */
};

struct connector_call {
	/* in */
	struct arena *arena;
	struct str tool;      /* by the file's name for it */
	struct str arguments; /* JSON object, validated; may still hold `account` and `idempotency_key` */
	const struct connector_setup *setup; /* of the account, or of the upstream */
	struct str account_id, account_name; /* of the connected account; may be empty */
	struct str holder; /* whose credential it is: a principal, or empty for the tenant's. Pauses are by holder */
	struct str scopes; /* that the account has, separated by spaces; p NULL: not known */
	struct str tenant_id, principal, upstream, account, request_id;
	struct connector_terms terms;
	struct connector_credentials credentials;
	bool secret_is_token; /* its secret is a token of OAuth: for native operations */
	int64_t deadline_ms;  /* on loop_now; 0: none */
	bool bare;	      /* the gateway itself asks: `result` is the structured object alone */
	/* Tell how far it is. AWAITS; may be NULL. An error (the client is gone) ends the call. */
	enum err (*progress)(void *arg, uint64_t done, uint64_t total, struct str text);
	void *arg;
	/* out, on errors too: whose account is wanted, where it is another upstream's; in `arena` */
	struct native_place wanted;
	/* out, on OK */
	/* The `result` of tools/call: content, structuredContent, isError; in `arena`. With `bare` its structured
	 * content; of a refusal {"error":{"class","message","retry_after_s"}}, the last where it is known. */
	struct str result;
	bool failed; /* isError */
	bool sick;   /* the platform did not answer, or with 5xx: a health matter */
	uint64_t bytes_out, bytes_in;
};

/* Call a tool. A platform's refusal is a result with isError, and OK.
 *   Errors     ERR_MCP_UNKNOWN_TOOL, ERR_CREDENTIAL_*, ERR_CANCELED, ERR_TIMEOUT, ERR_DB, ERR_REFUSED_ADDRESS ...
 *   Runs on    a fiber of any loop */
NODISCARD enum err connector_run(struct connector_runner *runner, struct connector *connector,
				 struct connector_call *call) AWAITS;

#endif
