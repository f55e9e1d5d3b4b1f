/* What the table of resources is made of. Private to the room.
 *
 * An object is its fields' values, in the order of its resource's table of fields: reading, checks, JSON, hashes,
 * the OpenAPI document and the command line's columns need to know no more about it. */
#ifndef GATEHOUSE_PORTAL_RESOURCE_H
#define GATEHOUSE_PORTAL_RESOURCE_H

#include "base/json.h"
#include "policy/policy.h"

#define FIELDS_MAX 20
#define PAGE_ITEMS 50
#define PAGE_ITEMS_MAX 200
#define PORTAL_BODY_BYTES_MAX (256 * 1024) /* a rule has 32 KB, a document of an upstream less than 64 */
#define NAME_BYTES_MAX 128		   /* a line in a list */
#define TEXT_BYTES_MAX 512
#define EXPORT_ROWS_MAX 10000 /* in one answer: some 4 MB */
#define WORDS_MAX 64	      /* in one array */

struct work; /* see work.h */

enum field_kind {
	FIELD_TEXT,
	FIELD_NUMBER,
	FIELD_FLAG,
	FIELD_TIME,  /* RFC 3339; null: never */
	FIELD_WORDS, /* an array of texts */
	FIELD_JSON,  /* an object that somebody else reads */
};

enum field_trait {
	FIELD_READ_ONLY = 1 << 0,  /* the gateway sets it */
	FIELD_AT_BIRTH = 1 << 1,   /* given when created, never changed */
	FIELD_NEEDED = 1 << 2,	   /* to create */
	FIELD_SHOWN_ONCE = 1 << 3, /* only in the answer that made it: a new key */
	FIELD_WRITE_ONLY = 1 << 4, /* never shown: a password */
	FIELD_VOLATILE = 1 << 5,   /* what use changes: not part of ETags and hashes */
	FIELD_COLUMN = 1 << 6,	   /* of the command line's tables */
	FIELD_NULLABLE = 1 << 7,   /* a number that may be absent: null */
	FIELD_SECRET = 1 << 9,	   /* on the command line it comes from standard input, as no option */
	FIELD_LINES = 1 << 8,	   /* a text of several lines; on the command line @FILE, too */
};

struct field {
	const char *name;
	enum field_kind kind;
	unsigned traits;
	int64_t max;	   /* bytes of a text, of each word, or of a document; largest number */
	const char *among; /* the texts it may be, between spaces; NULL any */
	const char *doc;
};

struct value {
	bool given;
	struct str text; /* FIELD_TEXT; FIELD_WORDS and FIELD_JSON as compact JSON */
	int64_t number;	 /* FIELD_NUMBER, FIELD_FLAG, FIELD_TIME (ms; 0 null) */
};

/* Values from rows. */
static inline struct value value_text(struct str text)
{
	return (struct value){.given = true, .text = text.p == NULL ? STR("") : text};
}
static inline struct value value_number(int64_t number)
{
	return (struct value){.given = true, .number = number};
}

struct object {
	struct str id;	      /* last part of its path; empty: singletons */
	struct str tenant_id; /* whose it is; empty: nobody's, the operator's */
	struct str after;     /* where the next page begins; empty: after the id */
	int64_t changed_ms;
	struct value at[FIELDS_MAX];
};

struct page {
	struct str after; /* empty: the first page */
	size_t limit;
	const struct object *filter; /* in the order of the resource's filters */
	struct str resume;	     /* set by a search that ended at its bound: there may be more; p NULL not */
};

/* What can be done to one object beside changing it: POST {path}/{id}/{name}, or GET where it only reads. */
struct action {
	const char *name, *about;
	const char *summary; /* of the command: "make a successor" */
	const char *event;   /* "rotated" */
	const struct field *fields;
	size_t field_count;
	bool ends; /* the object is gone afterwards */
	/* AWAITS, one of them. Fills *ret_after, the resource's object (unless it ends); appends a JSON document. */
	enum err (*run)(struct work *work, const struct object *before, const struct object *input,
			struct object *ret_after);
	enum err (*read)(struct work *work, const struct object *before, struct buf *out);
};

/* Every function AWAITS, and gives objects whose texts live in the call's arena. NULL: not possible. Objects of
 * another tenant than the path's are turned into ERR_NOT_FOUND by who calls them. */
struct resource {
	const char *path;  /* "service-accounts" */
	const char *noun;  /* "service-account": of the command line; "ServiceAccount" is made from it */
	const char *about; /* one sentence */
	bool top;	   /* not of a tenant: /api/v1/{path} */
	bool singleton;	   /* one object at the path itself */
	bool slashes;	   /* ids have slashes in them: no actions then */
	bool sets;	   /* `create` replaces what is there: the command is `set` */
	bool everybodys;   /* whoever is signed in; no permission */
	enum permission read, write;
	const char *event;   /* of the trail: "user" makes "user.created" */
	const char *removed; /* "revoked"; NULL "deleted" */
	const struct field *fields;
	size_t field_count;
	const struct field *filters; /* of lists, from the query */
	size_t filter_count;
	const struct action *actions;
	size_t action_count;
	enum err (*list)(struct work *work, struct page *page, struct object **ret_objects, size_t *ret_count);
	enum err (*get)(struct work *work, struct str id, struct object *ret_object);
	enum err (*create)(struct work *work, struct object *object); /* in: what was given; out: all of it */
	/* `after` is `before` with what was given; ERR_NOT_FOUND when the row has changed since. */
	enum err (*update)(struct work *work, const struct object *before, struct object *after);
	enum err (*remove)(struct work *work, const struct object *before);
	/* Append rows as text, JSONL or CSV; ret_after empty: there are no more. */
	enum err (*export)(struct work *work, const struct page *page, bool csv, struct buf *out,
			   struct str *ret_after);
};

extern const struct resource *const portal_resources[];
extern const size_t portal_resource_count;

#endif
