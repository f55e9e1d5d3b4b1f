/* From the table of resources to commands: for each resource the verbs it has functions for, with an option for each
 * field. Commands that are written by hand go first: see command_at. The rows are made once and live as long as the
 * process, like the table that they are made from. */
#include "cli/verb.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "cli/files.h"
#include "gateway/conf_value.h"

#define VERBS_MAX 128
#define VERB_OPTIONS_MAX (FIELDS_MAX + 4)

static struct {
	struct arena *arena;
	struct verb verb[VERBS_MAX];
	size_t count;
} made;

static const char *text(struct str s)
{
	return arena_str(made.arena, s).p;
}

static const char *option_name(const char *field)
{
	char *name = arena_alloc(made.arena, strlen(field) + 1);

	for (size_t i = 0; i <= strlen(field); i++)
		name[i] = (char)(field[i] == '_' ? '-' : field[i]);
	return name;
}

static const char *value_form(const struct field *field)
{
	switch (field->kind) {
	case FIELD_NUMBER:
		return "N";
	case FIELD_FLAG:
		return "true|false";
	case FIELD_TIME:
		return "TIME";
	case FIELD_WORDS:
		return "A,B";
	case FIELD_JSON:
		return "JSON|@FILE";
	case FIELD_TEXT:
		break;
	}
	if (field->traits & FIELD_LINES)
		return "TEXT|@FILE";
	return "TEXT";
}

const struct field *verb_fields(const struct verb *verb, size_t *ret_count)
{
	const struct resource *resource = verb->resource;

	if (verb->kind == VERB_LIST || verb->kind == VERB_EXPORT) {
		*ret_count = resource->filter_count;
		return resource->filters;
	}
	if (verb->kind == VERB_ACT) {
		*ret_count = verb->action->field_count;
		return verb->action->fields;
	}
	*ret_count = verb->kind == VERB_CREATE || verb->kind == VERB_SET ? resource->field_count : 0;
	return resource->fields;
}

bool verb_takes(const struct verb *verb, const struct field *field)
{
	if (field->traits & (FIELD_READ_ONLY | FIELD_SHOWN_ONCE | FIELD_SECRET))
		return false;
	return verb->kind != VERB_SET || !(field->traits & FIELD_AT_BIRTH);
}

static const struct option *make_options(const struct verb *verb)
{
	struct option *options = arena_zalloc(made.arena, (VERB_OPTIONS_MAX + 1) * sizeof(*options));
	size_t count, n = 0;
	const struct field *fields = verb_fields(verb, &count);

	if (!verb->resource->top)
		options[n++] = (struct option){"tenant", "NAME",
					       verb->whole ? "whose; without it those of the whole installation"
							   : "whose (needed)"};
	for (size_t i = 0; i < count && n < VERB_OPTIONS_MAX; i++)
		if (verb_takes(verb, &fields[i]))
			options[n++] =
				(struct option){option_name(fields[i].name), value_form(&fields[i]), fields[i].doc};
	if (verb->kind == VERB_LIST)
		options[n++] = (struct option){"limit", "N", "at most so many; default all"};
	if (verb->kind == VERB_EXPORT)
		options[n++] = (struct option){"format", "jsonl|csv", "default jsonl"};
	return options;
}

/* Whether a tenant's resource is there for the whole installation, too; or the other way round. */
static bool has_twin(const struct resource *resource)
{
	for (size_t i = 0; i < portal_resource_count; i++)
		if (portal_resources[i]->top != resource->top && strcmp(portal_resources[i]->path, resource->path) == 0)
			return true;
	return false;
}

static void add(const struct resource *resource, enum verb_kind kind, const char *name, const char *summary,
		const struct action *action)
{
	struct verb *verb = &made.verb[made.count];
	bool one = kind == VERB_SHOW || kind == VERB_SET || kind == VERB_REMOVE || kind == VERB_ACT;

	CHECK(made.count < VERBS_MAX);
	*verb = (struct verb){.kind = kind, .resource = resource, .action = action, .whole = has_twin(resource)};
	verb->command = (struct command){
		.name = text(arena_fmt(made.arena, "%s %s", resource->noun, name)),
		.operands = one && !resource->singleton ? "ID" : NULL,
		.operands_min = one && !resource->singleton,
		.operands_max = one && !resource->singleton,
		.summary = text(arena_fmt(made.arena, summary, kind == VERB_LIST ? resource->path : resource->noun)),
		.about = resource->about,
		.options = make_options(verb),
		.run = verb_run,
		.verb = verb,
	};
	made.count++;
}

static void add_resource(const struct resource *resource)
{
	if (resource->create != NULL && resource->sets)
		add(resource, VERB_CREATE, "set", "set a %s, which is read from standard input", NULL);
	else if (resource->create != NULL)
		add(resource, VERB_CREATE, "create", "make a %s", NULL);
	if (resource->list != NULL)
		add(resource, VERB_LIST, resource->export != NULL ? "search" : "list", "list %s", NULL);
	if (resource->get != NULL)
		add(resource, VERB_SHOW, "show", "show a %s", NULL);
	if (resource->update != NULL)
		add(resource, VERB_SET, "set", "change what is given of a %s", NULL);
	for (size_t i = 0; i < resource->action_count; i++)
		add(resource, VERB_ACT, resource->actions[i].name, resource->actions[i].summary, &resource->actions[i]);
	if (resource->remove != NULL && resource->removed != NULL)
		add(resource, VERB_REMOVE, "revoke", "revoke a %s", NULL);
	else if (resource->remove != NULL)
		add(resource, VERB_REMOVE, "delete", "delete a %s", NULL);
	if (resource->export != NULL)
		add(resource, VERB_EXPORT, "export", "write %s rows to standard output", NULL);
}

/* What is there twice has its verbs once, with --tenant optional. */
const struct verb *verbs(size_t *ret_count)
{
	if (made.arena == NULL) {
		made.arena = arena_new(1 << 20);
		for (size_t i = 0; i < portal_resource_count; i++)
			if (!portal_resources[i]->everybodys &&
			    !(portal_resources[i]->top && has_twin(portal_resources[i])))
				add_resource(portal_resources[i]);
	}
	*ret_count = made.count;
	return made.verb;
}

/* --- values --- */

static enum err put_time(const struct field *field, struct str value, struct buf *out, struct buf *problem)
{
	char at[CLOCK_ISO_LEN + 1];
	int64_t at_ms;

	if (str_eq(value, STR("never")) || str_eq(value, STR("null"))) {
		buf_put(out, STR("null"));
		return OK;
	}
	if (clock_iso_read(value, &at_ms) != OK) {
		if (conf_parse_ms(value, &at_ms) != OK || at_ms <= 0 || at_ms > INT64_MAX / 2) {
			buf_put_fmt(problem, "--%s takes a time such as 90d or 2027-01-31T12:00:00Z, or never",
				    field->name);
			return ERR_USAGE;
		}
		at_ms += clock_wall_ms();
	}
	clock_iso(at_ms, at);
	buf_put_fmt(out, "\"%s\"", at);
	return OK;
}

static void put_words(struct str value, struct buf *out)
{
	const char *before = "";
	struct str head;

	buf_put_byte(out, '[');
	while (value.n > 0) {
		str_cut(value, ',', &head, &value);
		buf_put(out, str_of(before));
		buf_put_json(out, str_trim(head));
		before = ",";
	}
	buf_put_byte(out, ']');
}

/* Lines are rarely typed. */
static enum err put_lines(struct str value, struct buf *out, struct buf *problem)
{
	AUTO_BUF file = {0};
	bool exists = true;

	if (value.n > 0 && value.p[0] == '@') {
		TRY(file_read(value.p + 1, &file, &exists, problem)); /* options are NUL-terminated */
		value = buf_str(&file);
	}
	if (!exists) {
		buf_put(problem, STR("there is no such file"));
		return ERR_USAGE;
	}
	buf_put_json(out, value);
	return OK;
}

static enum err put_document(const struct field *field, struct str value, struct buf *out, struct buf *problem)
{
	AUTO(arena) *arena = arena_new(1 << 24);
	AUTO_BUF file = {0};
	yyjson_val *root;
	bool exists;

	if (value.n > 0 && value.p[0] == '@') {
		TRY(file_read(value.p + 1, &file, &exists, problem)); /* options are NUL-terminated */
		value = buf_str(&file);
	}
	if (json_read(arena, value, &root) != OK) {
		buf_put_fmt(problem, "--%s takes a JSON document, or @FILE with one in it", field->name);
		return ERR_USAGE;
	}
	json_write(out, root);
	return OK;
}

enum err verb_value(const struct field *field, struct str value, struct buf *out, struct buf *problem)
{
	uint64_t number;

	switch (field->kind) {
	case FIELD_TIME:
		return put_time(field, value, out, problem);
	case FIELD_WORDS:
		put_words(value, out);
		return OK;
	case FIELD_JSON:
		return put_document(field, value, out, problem);
	case FIELD_NUMBER:
		if (str_eq(value, STR("null")) || str_to_u64(value, &number) == OK)
			buf_put(out, value);
		else
			buf_put_json(out, value); /* refused in the API's words */
		return OK;
	case FIELD_FLAG:
		if (str_eq(value, STR("true")) || str_eq(value, STR("false")))
			buf_put(out, value);
		else
			buf_put_json(out, value);
		return OK;
	case FIELD_TEXT:
		if (field->traits & FIELD_LINES)
			return put_lines(value, out, problem);
		break;
	}
	buf_put_json(out, value);
	return OK;
}
