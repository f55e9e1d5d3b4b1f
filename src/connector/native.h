/* What a step can ask of the gateway itself: mail, notes, events, media. Rooms that have such operations export a table
 * of them; the gateway gives all tables to the connectors. */
#ifndef GATEHOUSE_CONNECTOR_NATIVE_H
#define GATEHOUSE_CONNECTOR_NATIVE_H

#include "base/arena.h"
#include "base/json.h"
#include "base/secret_text.h"

struct media;

/* A picture beside a result. */
struct native_picture {
	struct str mime;  /* empty: there is none */
	struct str bytes; /* in the call's arena */
};

/* An account at an upstream. */
struct native_place {
	struct str upstream, account; /* account empty: it has but one */
};

struct native_call {
	struct arena *arena;
	struct str tenant_id, principal;     /* principal empty: nobody of its own */
	struct str upstream, account;	     /* account empty: the only one */
	yyjson_val *with;		     /* the step's `with`, as one object */
	yyjson_val *settings;		     /* all settings, texts */
	const struct secret_text *secret;    /* the account's; NULL: none is wanted, or there is none */
	bool secret_is_token;		     /* of OAuth: for XOAUTH2 */
	struct str account_id, account_name; /* of the connected account; may be empty */
	int64_t deadline_ms;		     /* on loop_now */
	bool allow_private;		     /* the terms: where it may connect to */
	struct str ca_file;		     /* empty: the system's */
	/* An opened file by the number that a value has as {"$media": n}; NULL none. Borrowed. */
	struct media *(*media)(void *run, yyjson_val *value);
	/* A file that the operation made joins the call's, which closes it at its end, whatever becomes of the step.
	 * Appends the object that stands for it. */
	void (*give)(void *run, struct media *media, struct buf *out);
	void *run;
	/* out */
	struct str result; /* a JSON object, in `arena`: `body` of the captures */
	bool refused;	   /* the result says no in its own words: it is given with isError */
	struct native_picture picture;
	struct native_place wanted; /* on ERR_CREDENTIAL_*: whose account it is, where it is another upstream's */
	/* On ERR_TOOL_FAILED: a failure class by its name ("not_found"), and what to say. Of a step with `commit`: any
	 * but unknown_outcome means that nothing has happened. */
	struct str class;
	struct str message;
};

struct native_op {
	const char *name; /* "email.search" */
	/* AWAITS. On a fiber of any loop. ERR_TOOL_FAILED: it says no, see above; other errors as they are.
	 * ERR_CREDENTIAL_MISSING when it wants a secret and there is none: the caller then hears why. */
	enum err (*run)(void *room, struct native_call *call);
};

struct native_table {
	const struct native_op *ops; /* the last has no name */
	void *room;		     /* given to each */
};

#endif
