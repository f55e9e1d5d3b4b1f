/* What a call finds out on its way through the room, and the steps of that way, one file each. Private to the room. */
#ifndef GATEHOUSE_PORTAL_WORK_H
#define GATEHOUSE_PORTAL_WORK_H

#include "portal/portal.h"
#include "portal/resource.h"
#include "store/tenant.h"

/* One call on its way. */
struct work {
	struct portal *portal;
	struct api_call *call;
	struct arena *arena;
	const struct resource *resource;
	const struct action *action; /* NULL none */
	struct tenant tenant;	     /* of the path; id empty: none */
	struct policy *policy;	     /* of the caller's tenant; NULL: built-in roles only. Held */
	struct str id;		     /* of the path; empty none */
	bool export;		     /* the path ends in /export */
	struct str problem;	     /* says more than the error; empty nothing */
	struct str pointer;	     /* JSON pointer to what is wrong in the body; p NULL none */
	struct buf headers;	     /* of the answer */
	struct str before, after;    /* hashes of a change, for the trail */
};

/* --- field.c: bodies and queries to objects, objects to JSON --- */

enum reading { READING_CREATE, READING_UPDATE, READING_ACTION };

/* Read a body into `object`, over what it holds.
 *   Errors     ERR_API_FIELD, with the pointer; ERR_JSON_* ... */
NODISCARD enum err fields_read(struct work *work, const struct field *fields, size_t count, enum reading reading,
			       struct object *object);

/* A query's limit, cursor and filters.
 *   Errors     ERR_API_QUERY, ERR_API_CURSOR */
NODISCARD enum err query_read(struct work *work, struct page *ret_page, struct object *filter, bool *ret_csv);

/* Append an object as JSON. `stable` leaves out what is shown once and what use changes: what ETags and hashes cover.
 */
void object_put(struct buf *out, const struct resource *resource, const struct object *object, bool stable);

/* Its ETag with quotes, and the hash that the trail keeps; in `arena`. */
struct str object_etag(struct arena *arena, const struct resource *resource, const struct object *object);
struct str object_hash(struct arena *arena, const struct resource *resource, const struct object *object);

/* Words between spaces to an array, and the other way round; in `arena`. */
struct value value_words(struct arena *arena, struct str spaced);
struct str words_spaced(struct arena *arena, struct str array);

/* A JSON array of texts, taken apart: at most WORDS_MAX. */
size_t words_of(struct arena *arena, struct str array, struct str words[WORDS_MAX]);

/* --- route.c --- */

/* Find out what a path means: resource, tenant, id, action.
 *   Errors     ERR_NOT_FOUND: nothing, or another tenant's */
NODISCARD enum err route_find(struct work *work) AWAITS;

/* "GET, POST" for the Allow header of what a path means. */
void route_allow(const struct work *work, struct buf *out);

/* --- cursor.c: where a page ends, sealed for who asked --- */
struct str cursor_make(const struct work *work, struct str after);
NODISCARD enum err cursor_open(const struct work *work, struct str text, struct str *ret_after);

/* --- grantable.c: nobody gives away, or takes away, more than they have --- */

/* Whether the caller may make somebody's role this one; also whether they may change who has it.
 *   Errors     ERR_API_ESCALATION, ERR_API_FIELD (there is no such role) */
NODISCARD enum err role_grantable(struct work *work, struct str role) AWAITS;
NODISCARD enum err role_touchable(struct work *work, struct str role) AWAITS; /* the role may be gone */

/* The same for a set of permissions (a JSON array), and for what a key is narrowed to (between spaces). */
NODISCARD enum err permissions_grantable(struct work *work, struct str permissions) AWAITS;
NODISCARD enum err narrowing_grantable(struct work *work, struct str scopes, struct str toolsets);

/* --- operate.c: the operations themselves, the same for every resource --- */
NODISCARD enum err operate(struct work *work) AWAITS;

/* --- idempotent.c: the same, at most once for each Idempotency-Key --- */
NODISCARD enum err idempotent_operate(struct work *work) AWAITS;

/* --- user_named.c --- */

/* The id of a user of the path's tenant.
 *   given      an id, an email, or `self`; empty: nobody, which is fine
 *   Errors     ERR_API_FIELD */
NODISCARD enum err user_named(struct work *work, struct str given, struct str *ret_id) AWAITS;

/* --- portal.c --- */

struct portal {
	uint32_t magic;
	struct portal_spec spec;
};

/* Fail with a sentence, about one place in the body (pointer NULL: none).
 *   returns    err */
enum err work_fail(struct work *work, enum err err, const char *pointer, const char *fmt, ...) PRINTF(4, 5);

/* Answer with JSON; with a problem (RFC 9457). */
NODISCARD enum err work_answer(struct work *work, int status, const struct buf *json); /* ERR_LIMIT: too long */
void problem_answer(struct work *work, enum err err);

/* Put a row into the trail.
 *   Errors     ERR_BUSY */
NODISCARD enum err work_audit(struct work *work, const char *noun, const char *verb, struct str target,
			      struct str outcome) AWAITS;

static inline bool is_operator(const struct work *work)
{
	return work->call->caller->credential == CREDENTIAL_OPERATOR;
}

#endif
