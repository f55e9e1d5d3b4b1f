/* Another scheduler for the gateway's own work: the protocol that Inngest speaks with what runs functions for it. A
 * function is a list of steps. Inngest calls for each step, keeps what it found and sends that along with the next
 * call, so that nothing of a run is kept here.
 *
 *     GET   what is here            PUT   tell Inngest what is here       POST  the next step of a run
 *
 * All is stateless but for what must not happen twice, in room state. Nothing of a call is looked at before its
 * signature has proved who made it, and nothing is ever sent to an address that a request names.
 *
 *   Source     doc/rooms/inngest.md */
#ifndef GATEHOUSE_INNGEST_INNGEST_H
#define GATEHOUSE_INNGEST_INNGEST_H

#include "base/json.h"
#include "http/header.h"
#include "state/state.h"

#define INNGEST_PATH "/api/inngest"
#define INNGEST_BODY_BYTES_MAX (8 * 1024 * 1024)  /* of a call: what its steps have found */
#define INNGEST_FOUND_BYTES_MAX (4 * 1024 * 1024) /* what Inngest takes of a step */
#define INNGEST_STEPS_MAX 64			  /* of a function */
#define INNGEST_AGE_S 300			  /* a signature's, either way */
#define INNGEST_REPLAY_MS 600000		  /* a signature is taken once in twice its age */
#define INNGEST_API_URL "https://api.inngest.com"
#define INNGEST_EVENT_URL "https://inn.gs"

struct inngest_function {
	const char *id;		     /* "sync-refresh-tenant" */
	const char *cron;	     /* UTC; NULL: by its event */
	const char *event;	     /* "sync/refresh-tenant" */
	unsigned retries;	     /* after the first try, of each step */
	unsigned concurrency;	     /* runs at once with the same key; 0: no bound */
	const char *concurrency_key; /* "event.data.tenantId" */
};

/* One run, as its steps see it. All borrowed until the call is answered. */
struct inngest_run {
	struct str id;
	size_t function;  /* index */
	yyjson_val *data; /* of its event; NULL: none */
	struct str found; /* by the step before, JSON; empty: this is the first */
	bool last;	  /* no other try follows when this one fails */
	struct arena *arena;
	/* A step that fails says why, and whether trying again is of no use, or when it is. */
	struct str problem;
	bool final;
	int64_t retry_after_s; /* 0: as Inngest thinks */
};

struct inngest_spec {
	struct str signing_key;		 /* "signkey-prod-0123..." */
	struct str signing_key_fallback; /* while keys are changed; empty: none */
	struct str event_key;
	struct str origin; /* where Inngest finds this gateway: "https://gatehouse.example" */
	struct str api_url, event_url;
	struct str app_id;
	bool allow_private; /* api_url and event_url may be at private addresses */
	struct state *state;
	const struct inngest_function *functions;
	size_t function_count;
	/* The ids of a run's steps, static.   returns   how many; 0: the event names nothing that could be done, as
	 * `problem` of the run says */
	size_t (*steps)(void *arg, struct inngest_run *run, const char *ret_ids[INNGEST_STEPS_MAX]);
	/* Do one; append what it found as JSON (nothing: null). AWAITS */
	enum err (*step)(void *arg, struct inngest_run *run, size_t index, struct buf *out);
	/* A step has failed for good, and the run with it. AWAITS; may be NULL */
	void (*failed)(void *arg, struct inngest_run *run, enum err err);
	void *arg;
};

enum inngest_method { INNGEST_GET, INNGEST_PUT, INNGEST_POST, INNGEST_OTHER };

/* Who has made a request. */
enum inngest_proof {
	INNGEST_UNSIGNED,
	INNGEST_FALSE, /* signed, but not with a key of ours, or not now */
	INNGEST_PROVEN,
	INNGEST_PROVEN_FALLBACK, /* with the other key */
};

struct inngest_request {
	enum inngest_method method;
	struct str query, body;
	const struct http_fields *fields;
	int64_t now_ms; /* wall time */
};

struct inngest_answer {
	int status;
	struct str headers; /* full lines, without Content-Type */
	struct str body;    /* JSON; empty: none */
};

/* Whether a key can be one: with or without "signkey-ENV-" in front of an even number of hexadecimal digits. */
bool inngest_key_is_good(struct str key);

/* Judge a request's signature; in constant time.
 *   Runs on    any thread; 2 ms a megabyte */
enum inngest_proof inngest_prove(const struct inngest_spec *spec, const struct inngest_request *request);

/* Answer it.
 *   ret_answer in `arena`
 *   Errors     ERR_HTTP_METHOD; ERR_CANCELED, ERR_TIMEOUT; those of the state: whether a call was made before is not
 * known */
NODISCARD enum err inngest_serve(const struct inngest_spec *spec, const struct inngest_request *request,
				 enum inngest_proof proof, struct arena *arena, struct inngest_answer *ret_answer)
	AWAITS;

struct inngest_event {
	struct str id; /* one with the same id within a day is none; empty: always new */
	struct str name;
	struct str data; /* JSON object */
	int64_t at_ms;	 /* wall time */
};

/* Tell Inngest that something has happened, in as few requests as that takes.
 *   problem    what it said against it
 *   Errors     ERR_UPSTREAM_AUTH: the event key; ERR_UPSTREAM_GARBAGE: it does not want them; as http_fetch */
NODISCARD enum err inngest_send(const struct inngest_spec *spec, struct arena *arena,
				const struct inngest_event *events, size_t count, struct buf *problem) AWAITS;

#endif
