/* What an operation takes, as the arguments of a tool: parameters of its path, query and headers, and the members of
 * its body where that is one object. Names are made fit for tools and unique; how the API calls each is kept beside it.
 */
#include "openapi/private.h"

#include "base/check.h"

struct gathering {
	struct arena *arena;
	yyjson_val *root;
	struct operation *operation;
	bool fits; /* no more arguments than a tool may have */
};

static bool is_taken(const struct operation *operation, struct str name)
{
	if (str_eq(name, STR("account")) || str_eq(name, STR("idempotency_key")))
		return true;
	for (size_t i = 0; i < operation->argument_count; i++)
		if (str_eq(operation->arguments[i].name, name))
			return true;
	return false;
}

/* A name for the argument: the field's, or with a number when two places have the same. */
static struct str free_name(struct gathering *gathering, struct str field)
{
	struct str base = openapi_snake(gathering->arena, field, 60), name = base;

	for (int i = 2; is_taken(gathering->operation, name); i++)
		name = arena_fmt(gathering->arena, "%.*s_%d", STR_ARG(base), i);
	return name;
}

static struct argument *add_argument(struct gathering *gathering, struct str field, enum argument_place place)
{
	struct operation *operation = gathering->operation;
	struct argument *argument = &operation->arguments[operation->argument_count];

	if (operation->argument_count == OPENAPI_ARGUMENTS_MAX) {
		gathering->fits = false;
		return NULL;
	}
	*argument =
		(struct argument){.name = free_name(gathering, field), .field = field, .place = place, .filter = ""};
	operation->argument_count++;
	return argument;
}

/* ---- parameters ---- */

static bool is_ignored_header(struct str name)
{
	return str_eq_nocase(name, STR("accept")) || str_eq_nocase(name, STR("content-type")) ||
	       str_eq_nocase(name, STR("authorization"));
}

/* Lists are repeated pairs, or one text with commas; objects are JSON. */
static const char *filter_of(struct gathering *gathering, yyjson_val *parameter, yyjson_val *schema)
{
	struct str type = json_str(json_get(openapi_follow(gathering->root, schema), "type"));
	struct str in = json_str(json_get(parameter, "in"));
	bool repeats = str_eq(in, STR("query")) && !yyjson_is_false(json_get(parameter, "explode"));

	if (str_eq(type, STR("object")))
		return "|json";
	return str_eq(type, STR("array")) && !repeats ? "|csv" : "";
}

static void add_parameter(struct gathering *gathering, yyjson_val *parameter)
{
	struct str field = json_str(json_get(parameter, "name")), in = json_str(json_get(parameter, "in"));
	yyjson_val *schema = json_get(parameter, "schema");
	enum argument_place place = str_eq(in, STR("path"))	? IN_PATH
				    : str_eq(in, STR("header")) ? IN_HEADER
								: IN_QUERY;
	struct argument *argument;

	if (field.n == 0 || str_eq(in, STR("cookie")) || (place == IN_HEADER && is_ignored_header(field)))
		return;
	for (size_t i = 0; i < gathering->operation->argument_count; i++) { /* the operation's replace the path's */
		argument = &gathering->operation->arguments[i];
		if (str_eq(argument->field, field) && argument->place == place)
			return;
	}
	argument = add_argument(gathering, field, place);
	if (argument == NULL)
		return;
	argument->required = place == IN_PATH || yyjson_is_true(json_get(parameter, "required"));
	argument->about = json_str(json_get(parameter, "description"));
	argument->schema = schema;
	argument->filter = filter_of(gathering, parameter, schema);
}

static void add_parameters(struct gathering *gathering, yyjson_val *list)
{
	yyjson_arr_iter each = yyjson_arr_iter_with(list);
	yyjson_val *item;

	while ((item = yyjson_arr_iter_next(&each)) != NULL)
		add_parameter(gathering, openapi_follow(gathering->root, item));
}

/* What the path has in braces, though no parameter says what it is. */
static void add_holes(struct gathering *gathering)
{
	struct str rest = gathering->operation->path, front, name;

	while (str_cut(rest, '{', &front, &rest) && str_cut(rest, '}', &name, &rest)) {
		bool known = false;

		for (size_t i = 0; i < gathering->operation->argument_count; i++)
			known = known || (gathering->operation->arguments[i].place == IN_PATH &&
					  str_eq(gathering->operation->arguments[i].field, name));
		if (!known) {
			struct argument *argument = add_argument(gathering, name, IN_PATH);

			if (argument != NULL)
				argument->required = true;
		}
	}
}

/* ---- bodies ---- */

static void mark_file(struct gathering *gathering, struct argument *argument)
{
	yyjson_val *schema = openapi_follow(gathering->root, argument->schema);

	argument->file = openapi_is_binary(gathering->root, schema);
	if (str_eq(json_str(json_get(schema, "type")), STR("array")))
		argument->files = argument->file = openapi_is_binary(gathering->root, json_get(schema, "items"));
}

/* The members of an object, those of `allOf` included; false when it is something else. */
static bool add_members(struct gathering *gathering, yyjson_val *schema, bool required, unsigned depth)
{
	yyjson_val *whole = openapi_follow(gathering->root, schema), *properties = json_get(whole, "properties");
	yyjson_arr_iter each = yyjson_arr_iter_with(json_get(whole, "allOf"));
	yyjson_val *key, *value, *part;
	size_t i, max;

	if (depth == 4 || yyjson_arr_size(json_get(whole, "oneOf")) + yyjson_arr_size(json_get(whole, "anyOf")) > 0)
		return false;
	while ((part = yyjson_arr_iter_next(&each)) != NULL)
		if (!add_members(gathering, part, required, depth + 1))
			return false;
	yyjson_obj_foreach(json_members(properties), i, max, key, value)
	{
		struct argument *argument;

		if (yyjson_is_true(json_get(openapi_follow(gathering->root, value), "readOnly")))
			continue;
		argument = add_argument(gathering, json_str(key), IN_BODY);
		if (argument == NULL)
			return false;
		argument->schema = value;
		argument->required = required && json_lists(json_get(whole, "required"), json_str(key));
		mark_file(gathering, argument);
	}
	return yyjson_obj_size(properties) + yyjson_arr_size(json_get(whole, "allOf")) > 0;
}

static void add_whole(struct gathering *gathering, yyjson_val *schema, bool required, struct str about)
{
	struct argument *argument = add_argument(gathering, STR("body"), IN_WHOLE_BODY);

	if (argument == NULL)
		return;
	argument->required = required;
	argument->about = about;
	argument->schema = schema;
}

/* Which of the media types is written: JSON where there is one. */
static yyjson_val *choose_content(yyjson_val *content, const char **ret_kind)
{
	yyjson_val *key, *value, *chosen = NULL;
	size_t i, max;

	yyjson_obj_foreach(json_members(content), i, max, key, value)
	{
		struct str type = json_str(key), semicolon;

		str_cut(type, ';', &type, &semicolon);
		if (str_eq(type, STR("application/json")) || str_ends(type, STR("+json")) || str_eq(type, STR("*/*"))) {
			*ret_kind = "json";
			return value;
		}
		if (str_eq(type, STR("multipart/form-data")))
			*ret_kind = "multipart";
		else if (str_eq(type, STR("application/x-www-form-urlencoded")))
			*ret_kind = "form";
		else if (chosen == NULL)
			*ret_kind = "raw";
		else
			continue;
		chosen = value;
	}
	return chosen;
}

static bool add_body(struct gathering *gathering)
{
	yyjson_val *body = openapi_follow(gathering->root, json_get(gathering->operation->node, "requestBody"));
	yyjson_val *content = choose_content(json_get(body, "content"), &gathering->operation->body);
	yyjson_val *schema = json_get(content, "schema");
	size_t before = gathering->operation->argument_count;
	bool required = yyjson_is_true(json_get(body, "required"));

	if (content == NULL)
		return true;
	if (strcmp(gathering->operation->body, "raw") == 0) {
		add_whole(gathering, schema, true, json_str(json_get(body, "description")));
		gathering->operation->arguments[gathering->operation->argument_count - 1].file = true;
		return true;
	}
	if (add_members(gathering, schema, required, 0))
		return true;
	gathering->operation->argument_count = before;
	gathering->fits = true;
	add_whole(gathering, schema, required, json_str(json_get(body, "description")));
	return strcmp(gathering->operation->body, "json") == 0; /* forms are made of members */
}

bool openapi_operation_read(struct arena *arena, yyjson_val *root, struct operation *operation)
{
	struct gathering gathering = {.arena = arena, .root = root, .operation = operation, .fits = true};

	operation->arguments = arena_alloc(arena, (OPENAPI_ARGUMENTS_MAX + 1) * sizeof(*operation->arguments));
	operation->argument_count = 0;
	operation->body = NULL;
	add_parameters(&gathering, json_get(operation->node, "parameters"));
	add_parameters(&gathering, json_get(operation->item, "parameters"));
	add_holes(&gathering);
	return gathering.fits && add_body(&gathering) && gathering.fits;
}
