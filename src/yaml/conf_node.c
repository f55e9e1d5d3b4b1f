/* YAML to nodes, by libyaml's events. Only what a configuration needs is taken: what could
 * make a small file large (aliases) or mean another thing elsewhere (tags) is refused. */
#include "yaml/conf_node.h"
#include "yaml/conf_json.h"

#include <stdarg.h>
#include <stdio.h>
#include <yaml.h>

#define CONF_DEPTH_MAX 64
#define CONF_NODES_MAX 100000

struct reading {
	struct arena *arena;
	struct conf_problems *problems;
	yaml_parser_t parser;
	size_t nodes, nodes_max;
	unsigned depth;
};

void conf_problem(struct conf_problems *problems, const struct conf_node *at, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	problems->count++;
	if (problems->out == NULL)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (problems->out->n > 0)
		buf_put_byte(problems->out, '\n');
	if (problems->pointer_root != NULL) {
		size_t before = problems->out->n;

		if (at != NULL)
			conf_pointer_put(problems->pointer_root, at, problems->out);
		buf_put_fmt(problems->out, "%s%s", problems->out->n > before ? ": " : "", text);
		return;
	}
	buf_put_fmt(problems->out, "%.*s:", STR_ARG(problems->file));
	if (at != NULL)
		buf_put_fmt(problems->out, "%u:%u:", at->line, at->column);
	buf_put_fmt(problems->out, " %s", text);
}

static struct conf_node *node_new(struct reading *reading, enum conf_kind kind, const yaml_mark_t *mark)
{
	struct conf_node *node = ARENA_NEW(reading->arena, struct conf_node);

	node->kind = kind;
	node->line = (unsigned)mark->line + 1;
	node->column = (unsigned)mark->column + 1;
	return node;
}

static enum err refuse(struct reading *reading, const yaml_mark_t *mark, const char *what)
{
	const struct conf_node at = {.line = (unsigned)mark->line + 1, .column = (unsigned)mark->column + 1};

	conf_problem(reading->problems, &at, "%s", what);
	return ERR_CONFIG;
}

static enum err next_event(struct reading *reading, yaml_event_t *ret_event)
{
	if (yaml_parser_parse(&reading->parser, ret_event))
		return OK;
	return refuse(reading, &reading->parser.problem_mark,
		      reading->parser.problem != NULL ? reading->parser.problem : "not valid YAML");
}

static enum err read_node(struct reading *reading, yaml_event_t *event, struct conf_node **ret_node);

static void node_add(struct reading *reading, struct conf_node *node, struct conf_node *key, struct conf_node *value)
{
	/* Grow by doubling; the arena keeps the old copies, which a file of bounded size can afford. */
	if ((node->count & (node->count - 1)) == 0) {
		size_t cap = node->count == 0 ? 1 : node->count * 2;
		struct conf_entry *entries = arena_alloc(reading->arena, cap * sizeof(*entries));

		if (node->count > 0)
			memcpy(entries, node->entries, node->count * sizeof(*entries));
		node->entries = entries;
	}
	node->entries[node->count++] = (struct conf_entry){key, value};
}

static enum err read_key(struct reading *reading, struct conf_node *map, yaml_event_t *event,
			 struct conf_node **ret_key)
{
	if (event->type != YAML_SCALAR_EVENT)
		return refuse(reading, &event->start_mark, "a key must be plain text");
	TRY(read_node(reading, event, ret_key));
	for (size_t i = 0; i < map->count; i++) {
		if (str_eq(map->entries[i].key->text, (*ret_key)->text)) {
			conf_problem(reading->problems, *ret_key,
				     "the key \"%.*s\" stands here twice (first in line %u)", STR_ARG((*ret_key)->text),
				     map->entries[i].key->line);
			return ERR_CONFIG;
		}
	}
	return OK;
}

static enum err read_entries(struct reading *reading, struct conf_node *node, yaml_event_type_t end)
{
	for (;;) {
		struct conf_node *key = NULL, *value = NULL;
		yaml_event_t event;
		bool ended;
		enum err err = OK;

		TRY(next_event(reading, &event));
		ended = event.type == end;
		if (!ended && node->kind == CONF_MAP)
			err = read_key(reading, node, &event, &key);
		else if (!ended)
			err = read_node(reading, &event, &value);
		yaml_event_delete(&event);
		if (err != OK || ended)
			return err;
		if (node->kind == CONF_MAP) {
			TRY(next_event(reading, &event));
			err = read_node(reading, &event, &value);
			yaml_event_delete(&event);
			TRY(err);
		}
		node_add(reading, node, key, value);
	}
}

static enum err read_collection(struct reading *reading, enum conf_kind kind, const yaml_mark_t *mark,
				yaml_event_type_t end, struct conf_node **ret_node)
{
	enum err err;

	if (reading->depth == CONF_DEPTH_MAX)
		return refuse(reading, mark, "nested too deeply");
	*ret_node = node_new(reading, kind, mark);
	reading->depth++;
	err = read_entries(reading, *ret_node, end);
	reading->depth--;
	return err;
}

static enum err read_node(struct reading *reading, yaml_event_t *event, struct conf_node **ret_node)
{
	if (++reading->nodes > reading->nodes_max)
		return refuse(reading, &event->start_mark, "the file has too many values");
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		if (event->data.scalar.anchor != NULL || event->data.scalar.tag != NULL)
			return refuse(reading, &event->start_mark,
				      "anchors and tags are not supported; write the value out");
		*ret_node = node_new(reading, CONF_SCALAR, &event->start_mark);
		(*ret_node)->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
		(*ret_node)->text = arena_str(reading->arena, (struct str){(const char *)event->data.scalar.value,
									   event->data.scalar.length});
		return OK;
	case YAML_MAPPING_START_EVENT:
		if (event->data.mapping_start.anchor != NULL || event->data.mapping_start.tag != NULL)
			return refuse(reading, &event->start_mark,
				      "anchors and tags are not supported; write the value out");
		return read_collection(reading, CONF_MAP, &event->start_mark, YAML_MAPPING_END_EVENT, ret_node);
	case YAML_SEQUENCE_START_EVENT:
		if (event->data.sequence_start.anchor != NULL || event->data.sequence_start.tag != NULL)
			return refuse(reading, &event->start_mark,
				      "anchors and tags are not supported; write the value out");
		return read_collection(reading, CONF_LIST, &event->start_mark, YAML_SEQUENCE_END_EVENT, ret_node);
	default:
		return refuse(reading, &event->start_mark, "aliases are not supported; write the value out");
	}
}

/* stream start, document start, the root, document end, stream end; anything else is refused. */
static enum err read_document(struct reading *reading, struct conf_node **ret_root)
{
	yaml_event_t event;
	enum err err = OK;

	*ret_root = NULL;
	for (;;) {
		yaml_event_type_t type;

		TRY(next_event(reading, &event));
		type = event.type;
		if (type != YAML_STREAM_START_EVENT && type != YAML_STREAM_END_EVENT &&
		    type != YAML_DOCUMENT_START_EVENT && type != YAML_DOCUMENT_END_EVENT) {
			if (*ret_root != NULL)
				err = refuse(reading, &event.start_mark, "the file must hold one document");
			else
				err = read_node(reading, &event, ret_root);
		}
		yaml_event_delete(&event);
		if (err != OK || type == YAML_STREAM_END_EVENT)
			return err;
	}
}

enum err conf_parse_large(struct arena *arena, struct str text, size_t nodes_max, struct conf_problems *problems,
			  struct conf_node **ret_root)
{
	struct reading reading = {.arena = arena, .problems = problems, .nodes_max = nodes_max};
	enum err err;

	if (!yaml_parser_initialize(&reading.parser))
		return ERR_SYSTEM;
	yaml_parser_set_input_string(&reading.parser, (const unsigned char *)text.p, text.n);
	err = read_document(&reading, ret_root);
	yaml_parser_delete(&reading.parser);
	return err;
}

enum err conf_parse(struct arena *arena, struct str text, struct conf_problems *problems, struct conf_node **ret_root)
{
	return conf_parse_large(arena, text, CONF_NODES_MAX, problems, ret_root);
}

/* Depth is bounded by conf_parse. */
void conf_put_json(const struct conf_node *node, struct buf *out,
		   void (*put_scalar)(void *arg, const struct conf_node *scalar, struct buf *out), void *arg)
{
	if (node == NULL) {
		buf_put(out, STR("null"));
		return;
	}
	if (node->kind == CONF_SCALAR) {
		put_scalar(arg, node, out);
		return;
	}
	buf_put_byte(out, node->kind == CONF_MAP ? '{' : '[');
	for (size_t i = 0; i < node->count; i++) {
		if (i > 0)
			buf_put_byte(out, ',');
		if (node->kind == CONF_MAP) {
			buf_put_json(out, node->entries[i].key->text);
			buf_put_byte(out, ':');
		}
		conf_put_json(node->entries[i].value, out, put_scalar, arg);
	}
	buf_put_byte(out, node->kind == CONF_MAP ? '}' : ']');
}

struct conf_node *conf_get(const struct conf_node *map, const char *key)
{
	for (size_t i = 0; map != NULL && map->kind == CONF_MAP && i < map->count; i++)
		if (str_eq(map->entries[i].key->text, str_of(key)))
			return map->entries[i].value;
	return NULL;
}
