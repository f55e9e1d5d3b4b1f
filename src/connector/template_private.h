/* The nodes that templates are compiled to. Immutable, in the arena of their file. Private to the files of templates,
 * filters and conditions.
 *
 *   "{{set.base}}/items/{{args.id|str ?? 'all'}}"
 *
 *    TEMPLATE_TEXT ─ pieces ─ hole ─ operands ("args.id", "'all'") ─ path or literal, filters */
#ifndef GATEHOUSE_CONNECTOR_TEMPLATE_PRIVATE_H
#define GATEHOUSE_CONNECTOR_TEMPLATE_PRIVATE_H

#include "connector/template.h"

#define PATH_PARTS_MAX 16
#define FILTERS_MAX 8 /* of one operand */
#define OPERANDS_MAX 8
#define PIECES_MAX 32 /* of one string: texts and holes */
#define HOLE_BYTES_MAX 1024

struct path_part {
	struct str name;       /* p NULL: an element, by `index` */
	int64_t index;	       /* -1 the last */
	const struct path *by; /* or where this path leads; NULL: neither */
};
struct path {
	enum scope_root root;
	struct str name; /* ROOT_NAMED: the element's; "index": the number of the innermost */
	struct path_part *parts;
	size_t part_count;
};

struct filter;
struct filter_argument {
	struct str text;	 /* p NULL: none */
	const struct path *path; /* NULL: none */
	int64_t number;
};
struct filter_use {
	const struct filter *filter;
	struct filter_argument argument;
};

struct operand {
	bool literal;
	struct value value; /* of a literal */
	struct path path;
	struct filter_use *filters;
	size_t filter_count;
};
struct hole {
	struct operand *operands; /* the first that is there counts */
	size_t operand_count;
	bool encode; /* inside a URL */
};

struct piece {
	struct str text;	 /* hole NULL */
	const struct hole *hole; /* or this */
};

enum template_kind {
	TEMPLATE_VALUE, /* without holes: text, number, boolean */
	TEMPLATE_NULL,
	TEMPLATE_HOLE,
	TEMPLATE_TEXT,
	TEMPLATE_OBJECT,
	TEMPLATE_ARRAY,
	TEMPLATE_IF,
	TEMPLATE_EACH,
	TEMPLATE_MERGE,
	TEMPLATE_FIND,
	TEMPLATE_JOIN,
	TEMPLATE_CONCAT,
};
struct member {
	struct str name;
	const struct template *value;
};
struct template
{
	enum template_kind kind;
	bool keep; /* an object that stays when it is empty; an $each that is a list though there is none */
	bool url;
	struct value value;
	const struct hole *hole;
	const struct piece *pieces;
	const struct member *members;	     /* of an object */
	const struct template *const *items; /* of an array, of $merge, $join, $concat */
	size_t count;
	/* $if, $each, $find */
	const struct condition *when;
	const struct template *list, *make, *otherwise; /* NULL: the element itself; nothing */
	struct str name;				/* of the element; what $join puts between */
};

/* A hole's inside: "args.id|str ?? 'all'".
 *   at       where problems are
 *   returns  NULL when something is wrong */
struct hole *hole_parse(const struct naming *naming, const struct conf_node *at, struct str text);

/* What a hole leads to. */
struct value hole_value(const struct hole *hole, const struct scope *scope);
struct value path_value(const struct path *path, const struct scope *scope);

/* Take from the budget for one step, and for bytes that are looked at: false when it is spent. */
bool scope_spend(const struct scope *scope, size_t bytes);
/* A text in the scope's arena; absent, and the budget spent, when it does not fit. */
struct value scope_text(const struct scope *scope, struct str text);
struct value scope_number(const struct scope *scope, int64_t number);
struct value scope_bool(bool value);
/* Parsed JSON; absent when it is none. */
struct value scope_json(const struct scope *scope, struct str text);

/* The digits of a number, or of a text that is one, as JSON writes them. */
bool value_number(struct value value, char scratch[static 40], struct str *ret_lexeme);
/* As `eq` has it. */
bool value_equals(const struct scope *scope, struct value a, struct value b);
/* Order of two numbers, else of two texts; false when one is absent or neither. */
bool value_order(const struct scope *scope, struct value a, struct value b, int *ret_order);

/* ---- filters ---- */

enum filter_wants { FILTER_BARE, FILTER_TEXT, FILTER_NUMBER, FILTER_PATH };
struct filter {
	const char *name;
	enum filter_wants wants;
	/* `value` is there; NULL: nothing is done to it */
	struct value (*apply)(const struct scope *scope, struct value value, const struct filter_argument *argument);
};
/* NULL: there is none of that name. */
const struct filter *filter_named(struct str name);
/* Whether it makes what a URL's path can hold as it is. */
bool filter_encodes(const struct filter *filter);

typedef struct value filter_apply(const struct scope *scope, struct value value,
				  const struct filter_argument *argument);
filter_apply filter_unix, filter_rfc3339, filter_date, filter_param, filter_strip, filter_litescape, filter_weighted,
	filter_graphql, filter_decimal, filter_num, filter_micros, filter_peak, filter_hmac;

/* Of UTF-8 that is valid: the next character, stepping past it. */
uint32_t text_next(struct str *text);

#endif
