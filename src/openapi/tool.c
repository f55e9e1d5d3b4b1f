/* An operation as a tool of a connector file. Schemas are written as JSON, which YAML can hold; everything that people
 * change (titles, requests, results) as YAML of its own lines. */
#include "openapi/private.h"

#define TOOL_NAME_BYTES_MAX 48
#define TITLE_BYTES_MAX 80
#define ABOUT_BYTES_MAX 1000

/* ---- names ---- */

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_small(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* A new word begins: "listPets", "getHTTPStatus". */
static bool begins_word(struct str text, size_t i)
{
	if (i == 0 || !is_upper(text.p[i]))
		return false;
	return is_small(text.p[i - 1]) ||
	       (is_upper(text.p[i - 1]) && i + 1 < text.n && text.p[i + 1] >= 'a' && text.p[i + 1] <= 'z');
}

struct str openapi_snake(struct arena *arena, struct str text, size_t bytes_max)
{
	AUTO_BUF out = {0};

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		bool kept = is_small(c) || is_upper(c);

		if ((!kept || begins_word(text, i)) && out.n > 0 && out.p[out.n - 1] != '_')
			buf_put_byte(&out, '_');
		if (kept && out.n == 0 && c >= '0' && c <= '9')
			buf_put(&out, STR("n"));
		if (kept)
			buf_put_byte(&out, is_upper(c) ? (char)(c + 32) : c);
	}
	if (out.n > bytes_max)
		out.n = bytes_max;
	while (out.n > 0 && out.p[out.n - 1] == '_')
		out.n--;
	return out.n == 0 ? STR("value") : arena_str(arena, buf_str(&out));
}

struct str openapi_tool_name(struct arena *arena, const struct operation *operation)
{
	struct str id = json_str(json_get(operation->node, "operationId"));
	AUTO_BUF text = {0};

	if (id.n == 0) {
		buf_put(&text, operation->method);
		buf_put_byte(&text, '_');
		buf_put(&text, operation->path);
		for (size_t i = 0; i < operation->method.n; i++)
			text.p[i] = (char)(text.p[i] + 32);
		id = buf_str(&text);
	}
	return openapi_snake(arena, id, TOOL_NAME_BYTES_MAX);
}

/* ---- input ---- */

static void put_argument(struct buf *out, yyjson_val *root, const struct argument *argument)
{
	buf_put_fmt(out, "      %.*s: ", STR_ARG(argument->name));
	if (argument->file) {
		buf_put_fmt(out, argument->files ? "{ type: array, items: { $media: {} }" : "{ $media: {}");
		if (argument->about.n > 0) {
			buf_put(out, STR(", description: "));
			buf_put_json(out, str_shorten(str_trim(argument->about), ABOUT_BYTES_MAX));
		}
		buf_put(out, STR(" }"));
	} else if (argument->schema == NULL) {
		buf_put(out, STR("{\"description\":"));
		buf_put_json(out, str_shorten(str_trim(argument->about), ABOUT_BYTES_MAX));
		buf_put(out, STR(",\"type\":\"string\"}"));
	} else {
		openapi_put_schema(out, root, argument->schema, argument->about);
	}
	buf_put_byte(out, '\n');
}

static void put_input(struct buf *out, yyjson_val *root, const struct operation *operation)
{
	bool any = false;

	if (operation->argument_count == 0) {
		buf_put(out, STR("    input: {}\n"));
		return;
	}
	buf_put(out, STR("    input:\n"));
	for (size_t i = 0; i < operation->argument_count; i++)
		put_argument(out, root, &operation->arguments[i]);
	for (size_t i = 0; i < operation->argument_count; i++) {
		if (!operation->arguments[i].required)
			continue;
		buf_put_fmt(out, "%s%.*s", any ? ", " : "    required: [", STR_ARG(operation->arguments[i].name));
		any = true;
	}
	if (any)
		buf_put(out, STR("]\n"));
}

/* ---- the request ---- */

static const struct argument *argument_of(const struct operation *operation, struct str field)
{
	for (size_t i = 0; i < operation->argument_count; i++)
		if (operation->arguments[i].place == IN_PATH && str_eq(operation->arguments[i].field, field))
			return &operation->arguments[i];
	return NULL;
}

static void put_url(struct buf *out, const struct operation *operation)
{
	struct str rest = operation->path, front, name;
	AUTO_BUF url = {0};

	buf_put(&url, STR("{{set.base}}"));
	while (str_cut(rest, '{', &front, &rest)) {
		const struct argument *argument;

		buf_put(&url, front);
		str_cut(rest, '}', &name, &rest);
		argument = argument_of(operation, name);
		if (argument != NULL)
			buf_put_fmt(&url, "{{args.%.*s%s}}", STR_ARG(argument->name), argument->filter);
	}
	buf_put(&url, front);
	buf_put_json(out, buf_str(&url));
}

/* "name": "{{args.name}}" for all of one place. A member that begins with $ is written with two. */
static void put_pairs(struct buf *out, const struct operation *operation, enum argument_place place, const char *key)
{
	bool any = false;

	for (size_t i = 0; i < operation->argument_count; i++) {
		const struct argument *argument = &operation->arguments[i];
		AUTO_BUF name = {0};

		if (argument->place != place)
			continue;
		if (any)
			buf_put(out, STR(",\n            "));
		else
			buf_put_fmt(out, ",\n          %s: { ", key);
		if (strcmp(key, "json") == 0 && str_starts(argument->field, STR("$")))
			buf_put_byte(&name, '$');
		buf_put(&name, argument->field);
		buf_put_json(out, buf_str(&name));
		buf_put_fmt(out, ": \"{{args.%.*s%s}}\"", STR_ARG(argument->name), argument->filter);
		any = true;
	}
	if (any)
		buf_put(out, STR(" }"));
}

static void put_parts(struct buf *out, const struct operation *operation)
{
	bool any = false;

	for (size_t i = 0; i < operation->argument_count; i++) {
		const struct argument *argument = &operation->arguments[i];

		if (argument->place != IN_BODY)
			continue;
		buf_put_fmt(out, "%s{ name: ", any ? ",\n            " : ",\n          multipart: [ ");
		buf_put_json(out, argument->field);
		buf_put_fmt(out, ", %s: \"{{args.%.*s}}\" }", argument->file ? "file" : "value",
			    STR_ARG(argument->name));
		any = true;
	}
	if (any)
		buf_put(out, STR(" ]"));
}

static void put_body(struct buf *out, const struct operation *operation)
{
	const struct argument *last =
		operation->argument_count == 0 ? NULL : &operation->arguments[operation->argument_count - 1];

	if (operation->body == NULL || last == NULL)
		return;
	if (last->place == IN_WHOLE_BODY)
		buf_put_fmt(out, ",\n          %s: \"{{args.%.*s}}\"", operation->body, STR_ARG(last->name));
	else if (strcmp(operation->body, "multipart") == 0)
		put_parts(out, operation);
	else
		put_pairs(out, operation, IN_BODY, operation->body);
}

static void put_steps(struct buf *out, const struct operation *operation)
{
	buf_put_fmt(out, "    steps:\n      - http: { method: %.*s, url: ", STR_ARG(operation->method));
	put_url(out, operation);
	put_pairs(out, operation, IN_QUERY, "query");
	put_pairs(out, operation, IN_HEADER, "headers");
	put_body(out, operation);
	if (str_eq(operation->method, STR("POST")))
		buf_put(out, STR(",\n          commit: true"));
	buf_put(out, STR(" }\n"));
}

/* ---- the tool ---- */

static const char *kind_of(struct str method)
{
	if (str_eq(method, STR("GET")) || str_eq(method, STR("HEAD")))
		return "read";
	return str_eq(method, STR("POST")) ? "create" : "update";
}

void openapi_put_tool(struct buf *out, struct arena *arena, yyjson_val *root, const struct operation *operation,
		      struct str name)
{
	struct str summary = str_trim(json_str(json_get(operation->node, "summary")));
	struct str about = str_trim(json_str(json_get(operation->node, "description")));

	if (summary.n == 0)
		summary = name;
	if (about.n == 0)
		about = summary;
	buf_put_fmt(out, "  %.*s:\n    title: ", STR_ARG(name));
	buf_put_json(out, str_shorten(summary, TITLE_BYTES_MAX));
	buf_put(out, STR("\n    description: "));
	buf_put_json(out, str_shorten(about, ABOUT_BYTES_MAX));
	buf_put_fmt(out, "\n    kind: %s\n", kind_of(operation->method));
	put_input(out, root, operation);
	buf_put(out, STR("    output: { status: { type: integer }, body: {} }\n"));
	put_steps(out, operation);
	buf_put(out, STR("    result: { status: \"{{status}}\", body: \"{{body}}\" }\n"));
}
