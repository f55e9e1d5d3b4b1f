/* Templates and conditions: what a connector file computes with. Compiled once into nodes of the file's arena; running
 * one writes text, and allocates nothing but what a filter makes new.
 *
 *   Source     doc/connector-language.md */
#ifndef GATEHOUSE_CONNECTOR_TEMPLATE_H
#define GATEHOUSE_CONNECTOR_TEMPLATE_H

#include "base/json.h"
#include "yaml/conf_node.h"

struct template; /* a string with holes, or a structure of them */
struct condition;

/* What a path leads to. */
enum value_kind { VALUE_ABSENT, VALUE_TEXT, VALUE_JSON };
struct value {
	enum value_kind kind;
	struct str text;  /* VALUE_TEXT: characters, not JSON */
	yyjson_val *json; /* VALUE_JSON: never null or a string; numbers are raw lexemes or of yyjson's own */
};

enum scope_root {
	ROOT_ARGS,
	ROOT_SET,
	ROOT_ACCT,
	ROOT_CAP,
	ROOT_BODY,
	ROOT_HEADER, /* asked for by name: see struct scope */
	ROOT_STATUS,
	ROOT_PART,
	ROOT_CURSOR,
	ROOT_SECRET,
	ROOT_IDEM,
	ROOT_NOW,
	ROOT_NAMED, /* `it`, `index` and names given by `as` */
	SCOPE_ROOTS,
};

/* The elements that templates are inside of, innermost first. */
struct scope_element {
	const struct scope_element *outer;
	struct str name; /* "it", or as `as` says */
	struct value value;
	size_t index;
};

/* What the templates of one call may still cost: answers come from strangers, and a $find in an $each looks at every
 * pair. A call whose budget is spent ends with ERR_LIMIT; what its templates gave last is not to be used. */
#define TEMPLATE_STEPS_MAX 500000 /* nodes, elements, comparisons, each 64 bytes looked at: 50 ms at most */
#define TEMPLATE_STEPS_INTERNAL_MAX                                                                                    \
	4000000 /* for whom only the gateway calls, which has large answers read elsewhere */
struct template_budget {
	uint64_t steps; /* left */
	bool spent;	/* also when `arena` was too small */
};

/* What can be named while a template runs. */
struct scope {
	struct arena *arena; /* takes what filters make */
	struct template_budget *budget;
	struct value root[SCOPE_ROOTS];
	/* A capture by its name; a header of the last answer by its lower-case name. NULL: there are none. */
	struct value (*capture)(const void *run, struct str name);
	struct value (*header)(const void *run, struct str name);
	const void *run;
	const struct scope_element *element; /* NULL: in none */
};

/* What a template may name where it stands; used when it is compiled. */
enum template_place {
	PLACE_REQUEST = 1 << 0, /* may use `secret` */
	PLACE_URL = 1 << 1,	/* holes behind the first are percent-encoded */
	PLACE_ANSWER = 1 << 2,	/* may use `body`, `header`, `status` */
	PLACE_PART = 1 << 3,	/* in `chunks`: may use `part` */
};
struct name_list {
	struct str *names;
	size_t count;
};
struct element_name {
	const struct element_name *outer;
	struct str name;
};
struct naming {
	struct arena *arena; /* takes what is compiled */
	struct conf_problems *problems;
	unsigned place;			    /* of template_place */
	const struct conf_node *arguments;  /* the tool's `input`; NULL: there are none */
	const struct name_list *settings;   /* NULL: any */
	const struct name_list *captures;   /* made so far; NULL: none */
	const struct element_name *element; /* NULL: in none */
};

/* Compile a node of the file; what is wrong goes to the problems, with line and column.
 *   returns       in the arena; NULL when something is wrong
 *   Runs on       any thread, as all of this header */
struct template *template_compile(const struct naming *naming, const struct conf_node *node);
struct condition *template_condition(const struct naming *naming, const struct conf_node *node);

/* The value, without writing it: lists to go through, comparisons. */
struct value template_value(const struct template *template, const struct scope *scope);

/* Append it as text (a structure as JSON text). In a URL a hole that is empty counts as absent, and a path that holes
 * turn into one with `.` or `..` as well.
 *   returns    whether it is there: when not, `out` is as it was */
bool template_text(const struct template *template, const struct scope *scope, struct buf *out);

/* Append it as JSON. Returns as template_text. */
bool template_json(const struct template *template, const struct scope *scope, struct buf *out);

/* NULL holds. */
bool template_holds(const struct condition *condition, const struct scope *scope);

/* A value as text; as JSON. STR_NONE when absent. */
struct str value_text(struct arena *arena, struct value value); /* absent too when it does not fit the arena */
void value_put_json(struct buf *out, struct value value);
/* A text as a value, absent when p is NULL. A JSON value: a string becomes text, null is absent. */
struct value value_of_text(struct str text);
struct value value_of_json(yyjson_val *json);
bool value_int(struct value value, int64_t *ret_int);
/* How a scalar of the file reads: a number, a boolean, null (absent, and *ret_null), or a text. */
struct value scalar_value(struct arena *arena, const struct conf_node *node, bool *ret_null);

#endif
