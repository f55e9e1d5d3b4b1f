/* A connector file, compiled: what runs is this, and nothing of the file's text is looked at again. All of it lies in
 * the connector's arena, is immutable, and may be read on any thread. Private to the room.
 *
 *   Source     doc/connector-language.md */
#ifndef GATEHOUSE_CONNECTOR_PROGRAM_H
#define GATEHOUSE_CONNECTOR_PROGRAM_H

#include <stdatomic.h>

#include "connector/connector.h"
#include "connector/template.h"

#define CONNECTOR_MAGIC 0x434f4e4eu

enum failure_class {
	CLASS_NONE,
	CLASS_TOKEN_EXPIRED,
	CLASS_TOKEN_REVOKED,
	CLASS_PERMISSION,
	CLASS_UNSUPPORTED,
	CLASS_RATE_LIMITED,
	CLASS_QUOTA,
	CLASS_BLOCKED,
	CLASS_TRANSIENT,
	CLASS_NOT_FOUND,
	CLASS_INVALID,
	CLASS_CONFLICT,
	CLASS_DUPLICATE,
	CLASS_TOO_LARGE,
	CLASS_WINDOW_CLOSED,
	CLASS_VERSION_SUNSET,
	CLASS_UNKNOWN_OUTCOME,
	FAILURE_CLASSES,
};

struct named_template {
	struct str name;
	const struct template *value;
};
struct named_templates {
	const struct named_template *items;
	size_t count;
};

struct error_rule {
	const uint16_t *statuses; /* 5xx is 5, 4xx is 4 */
	size_t status_count;
	const struct condition *when; /* NULL: always */
	enum failure_class class;
	const struct template *retry_after, *retry_at; /* NULL none */
	const struct template *hint;		       /* NULL none */
};

enum body_kind { BODY_NONE, BODY_JSON, BODY_FORM, BODY_MULTIPART, BODY_RAW };
struct form_part {
	const struct template *name, *value; /* value NULL: a file */
	const struct template *file, *filename;
};
struct http_step {
	struct str method;
	const struct template *url;
	struct named_templates query, headers;
	enum body_kind body_kind;
	const struct template *body;   /* BODY_JSON, BODY_RAW */
	struct named_templates form;   /* BODY_FORM */
	const struct form_part *parts; /* BODY_MULTIPART */
	size_t part_count;
	const uint16_t *ok; /* none: any 2xx */
	size_t ok_count;
	bool without_auth;
};

enum chunk_plan { CHUNK_BYTES, CHUNK_TIKTOK, CHUNK_RANGES };
struct chunks {
	const struct template *of; /* NULL: the step has none */
	enum chunk_plan plan;
	size_t bytes;
	const struct template *ranges, *first, *last;
};
struct poll {
	int64_t every_ms, max_ms;     /* max_ms 0: the step has none */
	const struct template *every; /* instead of every_ms, in ms; NULL none */
	double factor;
	const struct condition *until, *fail;
};
struct retry {
	const struct condition *when; /* NULL: the step has none */
	int64_t every_ms;
	double factor;
	unsigned max;
};

enum step_kind { STEP_HTTP, STEP_NATIVE };
struct step {
	struct str id;
	enum step_kind kind;
	const struct condition *when; /* NULL: always */
	struct http_step http;
	struct str native;
	struct named_templates with; /* of a native one */
	struct named_templates captures;
	const struct template *each; /* NULL: once */
	struct chunks chunks;
	struct poll poll;
	struct retry retry;
	int64_t memo_ms; /* what it captured is kept for the account so long; 0: not */
	bool commit;
};

struct media_slot {
	struct str argument;
	bool many, pull;
	size_t bytes_max;
	const struct str *mimes;
	size_t mime_count;
};

struct check {
	const struct condition *when;
	const struct template *error;
};

/* What a tool does, which gives the four annotations. */
enum tool_kind { KIND_READ, KIND_READ_LOCAL, KIND_CREATE, KIND_CREATE_LOCAL, KIND_UPDATE, KIND_UPDATE_LOCAL };

struct tool {
	struct str name, title, description;
	enum tool_kind kind;
	bool read_only, has_commit, has_cursor;
	bool passes;		    /* its result is what its native step gives, as it is: `result` is not looked at */
	bool all_accounts;	    /* it speaks of all of them: no `account` argument */
	struct str properties;	    /* members of its schema's `properties`, JSON */
	const struct str *required; /* arguments */
	size_t required_count;
	struct str input_schema;	 /* without `account` */
	struct str output_schema;	 /* empty: none */
	struct named_templates defaults; /* arguments that are filled in */
	const struct str *scopes;
	size_t scope_count;
	const struct str *required_settings;
	size_t required_setting_count;
	const struct check *checks;
	size_t check_count;
	const struct media_slot *media;
	size_t media_count;
	const struct step *steps;
	size_t step_count;
	const struct template *result;
	const struct template *page_next;  /* NULL: not paged */
	const struct condition *page_more; /* NULL: as long as page_next is there */
	struct str example_args;	   /* JSON; p NULL none */
	unsigned line;
};

struct connector {
	uint32_t magic;
	atomic_uint refs;
	struct arena *arena;
	struct str name, title, about, docs;
	bool internal;
	const struct connector_setting *settings;
	size_t setting_count;
	const struct str *hosts; /* lower case; "*.x" for those below x */
	size_t host_count;
	const struct connector_auth *auths;
	size_t auth_count;
	struct named_templates headers;
	const struct condition *success;
	const struct error_rule *errors;
	size_t error_count;
	const struct template *message; /* NULL: looked for in the usual places */
	const struct template *rate_remaining, *rate_reset_s, *rate_reset_at;
	const struct template *const *rate_used; /* per cent of limits; the highest counts */
	size_t rate_used_count;
	const struct tool *health; /* NULL none */
	const struct tool *tools;
	size_t tool_count;
};

/* Append its input schema, with an `account` argument when there are several. */
void tool_put_input(struct buf *out, const struct tool *tool, const struct str *accounts, size_t account_count);

/* The words of the language for kinds; false when it is none. */
bool tool_kind_named(struct str word, enum tool_kind *ret_kind);
bool tool_kind_reads(enum tool_kind kind);
const char *tool_kind_word(enum tool_kind kind);

/* As the language calls it; static. */
const char *failure_class_name(enum failure_class class);
/* CLASS_NONE: it has no class of that name. */
enum failure_class failure_class_named(struct str name);

#endif
