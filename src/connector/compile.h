/* What the files that compile a connector share: the place they are at, and small readers of nodes that say what is
 * wrong. Private to the compiler.
 *
 *     compile.c          the file: settings, hosts, auth, errors
 *     compile_tool.c     a tool: kind, checks, result, pages, example
 *     compile_schema.c   its arguments and members of its result, as JSON Schema
 *     compile_step.c     its steps */
#ifndef GATEHOUSE_CONNECTOR_COMPILE_H
#define GATEHOUSE_CONNECTOR_COMPILE_H

#include "connector/program.h"

#define CAPTURES_MAX 64 /* of a tool */

struct compiling {
	struct arena *arena;
	struct conf_problems *problems;
	struct connector *connector;
	struct name_list settings;
};

/* ---- readers: each says what is wrong, and gives nothing then ---- */

/* A mapping with no keys but these (the last is NULL); `what` names it. */
bool conf_map(struct compiling *compiling, const struct conf_node *node, const char *what, const char *const *keys);
bool conf_list(struct compiling *compiling, const struct conf_node *node, const char *what);
/* The text under a key, in the arena; STR_NONE when it is absent, and wrong when it is `wanted`. */
struct str conf_text(struct compiling *compiling, const struct conf_node *map, const char *key, bool wanted);
/* A list of texts; `count` 0 when it is absent. */
const struct str *conf_texts(struct compiling *compiling, const struct conf_node *map, const char *key,
			     size_t *ret_count);
bool conf_flag(struct compiling *compiling, const struct conf_node *map, const char *key);
/* 0 when it is absent or wrong. */
int64_t conf_integer(struct compiling *compiling, const struct conf_node *map, const char *key, int64_t max);
double conf_factor(struct compiling *compiling, const struct conf_node *map, const char *key);
int64_t conf_bytes(struct compiling *compiling, const struct conf_node *node);
int64_t conf_ms(struct compiling *compiling, const struct conf_node *node); /* "60s", "5min" */
/* [200, 201, 5xx] */
const uint16_t *conf_statuses(struct compiling *compiling, const struct conf_node *map, const char *key,
			      size_t *ret_count);
/* Lower case, digits and `more`, beginning with a letter. */
bool conf_is_name(struct str name, const char *more, size_t bytes_max);

/* Templates and conditions under a key: NULL when absent (or wrong, which is told). */
const struct template *conf_template(const struct naming *naming, const struct conf_node *map, const char *key);
const struct condition *conf_condition(const struct naming *naming, const struct conf_node *map, const char *key);
struct named_templates conf_templates(const struct naming *naming, const struct conf_node *map, const char *key);

/* What templates outside of tools may name. */
struct naming naming_of_file(struct compiling *compiling, unsigned place);

/* ---- parts ---- */

/* The arguments (`input`, `required`) and the result's members (`output`) of a tool. */
void compile_schemas(struct compiling *compiling, const struct conf_node *node, struct tool *tool);
/* A node as JSON text, with what $media and $cursor stand for. */
void compile_put_json(struct buf *out, const struct conf_node *node);

/* The steps; `naming` has the arguments, and afterwards all captures. */
void compile_steps(struct compiling *compiling, const struct conf_node *list, struct naming *naming,
		   struct name_list *captures, struct tool *tool);

/* All of them, into the connector. */
void compile_tools(struct compiling *compiling, const struct conf_node *map);

#endif
