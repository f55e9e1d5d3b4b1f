/* What the files of this room share. */
#ifndef GATEHOUSE_INNGEST_PRIVATE_H
#define GATEHOUSE_INNGEST_PRIVATE_H

#include "inngest/inngest.h"

#define INNGEST_SDK "gatehouse:v" GATEHOUSE_VERSION
#define INNGEST_ASK_MS 10000	      /* for an answer of Inngest */
#define INNGEST_PROBLEM_BYTES_MAX 300 /* of a stranger's words */
#define INNGEST_HASH_LEN 40	      /* of a step's id */

/* One request while it is answered. */
struct inngest_visit {
	const struct inngest_spec *spec;
	const struct inngest_request *request;
	enum inngest_proof proof;
	struct arena *arena;
	struct buf *headers, *body; /* of the answer */
	int status;
};

/* ---- signature.c ---- */

/* The part of a key that signs: without what tells its environment. */
struct str key_secret(struct str key);

/* Append what stands for a key towards the server: never the key itself. */
void key_hash_put(struct buf *out, struct str key);

/* Append "t=...&s=..." over a body. */
void signature_put(struct buf *out, struct str key, struct str body, int64_t now_s);

/* Whether a header's value is a signature of the body with this key, and of now.
 *   mac        the signature itself, in hexadecimal, a slice of `header`: what a replay is told by */
bool signature_proves(struct str header, struct str body, struct str key, int64_t now_s, struct str *ret_mac);

/* The only value of a header; p NULL: it is absent or there twice. */
struct str single_header(const struct http_fields *fields, struct str name);

/* Append what a step's id is known by: lower-case hexadecimal SHA-1. */
void step_hash_put(struct buf *out, struct str id);

/* ---- the three verbs; each fills the visit's answer ---- */

/* register.c: tell Inngest of our functions, at its configured address; or tell whoever has proved to be Inngest.
 *   Errors     those of the state */
NODISCARD enum err registration_serve(struct inngest_visit *visit) AWAITS;

/* register.c: append the URL that Inngest calls. */
void endpoint_put(struct buf *out, const struct inngest_spec *spec);

/* introspect.c: append what is here; all of it only to who has proved to be Inngest. */
void introspection_put(struct buf *out, const struct inngest_spec *spec, enum inngest_proof proof);

/* call.c: a step of a run.
 *   Errors     those of the state */
NODISCARD enum err call_serve(struct inngest_visit *visit) AWAITS;

/* ask.c: one request to Inngest's API with our hashed key, and once more with the other one when it is refused.
 *   path       behind api_url, with its query
 *   body       empty: GET
 *   ret_status, ret_body   in the arena
 *   Errors     as http_fetch */
NODISCARD enum err inngest_ask(const struct inngest_spec *spec, struct arena *arena, struct str path, struct str body,
			       size_t bytes_max, int *ret_status, struct str *ret_body) AWAITS;

#endif
