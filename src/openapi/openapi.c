/* The connector file of a document: its head from `info`, `servers` and the security schemes, and a tool for each
 * operation that is wanted. What was written is compiled once before it is given out: nobody gets a file that does not
 * load. */
#include "openapi/private.h"

#include "connector/connector.h"

#define ARENA_BYTES_MAX (1u << 30) /* the tree of the largest document, some 13 times its text */
#define SERVER_BYTES_MAX 1024

static const char *const methods[] = {"get", "head", "post", "put", "patch", "delete"};
static const char *const method_names[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};

struct writing {
	struct arena *arena;
	const struct openapi_wish *wish;
	yyjson_val *root;
	struct buf *out, *problem;
	struct str *names; /* of tools */
	size_t count;
};

/* ---- the head ---- */

/* "https://{region}.api.example/v1" with the variables' defaults. */
static struct str server_url(struct writing *writing, yyjson_val *server)
{
	struct str rest = json_str(json_get(server, "url")), front, name;
	yyjson_val *variables = json_get(server, "variables");
	AUTO_BUF url = {0};

	while (str_cut(rest, '{', &front, &rest)) {
		buf_put(&url, front);
		str_cut(rest, '}', &name, &rest);
		buf_put(&url, json_str(json_get(yyjson_obj_getn(variables, name.p != NULL ? name.p : "", name.n),
						"default")));
	}
	buf_put(&url, front);
	while (url.n > 0 && url.p[url.n - 1] == '/')
		url.n--;
	return url.n > SERVER_BYTES_MAX ? STR_NONE : arena_str(writing->arena, buf_str(&url));
}

static bool is_absolute(struct str url)
{
	return str_starts(url, STR("https://")) || str_starts(url, STR("http://"));
}

/* The origin of the document's own URL: "https://api.example". */
static struct str origin_of(struct str url)
{
	const char *slashes = is_absolute(url) ? memmem(url.p, url.n, "://", 3) : NULL;
	const char *path;

	if (slashes == NULL)
		return STR_NONE;
	path = memchr(slashes + 3, '/', url.n - (size_t)(slashes + 3 - url.p));
	return path == NULL ? url : (struct str){url.p, (size_t)(path - url.p)};
}

static void put_base(struct writing *writing)
{
	yyjson_val *server = yyjson_arr_get_first(json_get(writing->root, "servers"));
	struct str url = server_url(writing, server), origin = origin_of(writing->wish->source);

	if (!is_absolute(url) && origin.n > 0 && (url.n == 0 || url.p[0] == '/'))
		url = arena_fmt(writing->arena, "%.*s%.*s", STR_ARG(origin), STR_ARG(url));
	buf_put(writing->out, STR("settings:\n  base: { url: true, about: Where the API is, "));
	if (is_absolute(url)) {
		buf_put(writing->out, STR("default: "));
		buf_put_json(writing->out, url);
	} else {
		buf_put(writing->out, STR("required: true"));
	}
	buf_put(writing->out, STR(" }\n"));
}

static void put_oauth(struct writing *writing, yyjson_val *scheme)
{
	yyjson_val *flow = json_get(json_get(scheme, "flows"), "authorizationCode"), *key, *value;
	size_t i, max;

	if (flow == NULL)
		return;
	buf_put(writing->out, STR("  - { type: oauth, each: user, authorize_url: "));
	buf_put_json(writing->out, json_str(json_get(flow, "authorizationUrl")));
	buf_put(writing->out, STR(", token_url: "));
	buf_put_json(writing->out, json_str(json_get(flow, "tokenUrl")));
	if (yyjson_obj_size(json_get(flow, "scopes")) > 0) {
		AUTO_BUF scopes = {0};

		yyjson_obj_foreach(json_members(json_get(flow, "scopes")), i, max, key, value)
		{
			if (i > 0)
				buf_put_byte(&scopes, ' ');
			buf_put(&scopes, json_str(key));
		}
		buf_put(writing->out, STR(", scope: "));
		buf_put_json(writing->out, buf_str(&scopes));
	}
	buf_put(writing->out, STR(" }\n"));
}

static void put_scheme(struct writing *writing, yyjson_val *scheme)
{
	struct str type = json_str(json_get(scheme, "type")), in = json_str(json_get(scheme, "in"));

	if (str_eq(type, STR("oauth2"))) {
		put_oauth(writing, scheme);
	} else if (str_eq(type, STR("http"))) {
		bool basic = str_eq_nocase(json_str(json_get(scheme, "scheme")), STR("basic"));

		buf_put_fmt(writing->out, "  - { type: %s }\n", basic ? "basic" : "bearer");
	} else if (str_eq(type, STR("apiKey")) && (str_eq(in, STR("header")) || str_eq(in, STR("query")))) {
		buf_put_fmt(writing->out, "  - { type: %.*s, name: ", STR_ARG(in));
		buf_put_json(writing->out, json_str(json_get(scheme, "name")));
		buf_put(writing->out, STR(" }\n"));
	}
}

static void put_auth(struct writing *writing)
{
	yyjson_val *schemes = json_get(json_get(writing->root, "components"), "securitySchemes"), *key, *value;
	size_t i, max, before;

	buf_put(writing->out, STR("auth:\n"));
	before = writing->out->n;
	yyjson_obj_foreach(json_members(schemes), i, max, key, value)
		put_scheme(writing, openapi_follow(writing->root, value));
	if (writing->out->n == before)
		buf_put(writing->out,
			STR("  - { type: none }\n  - { type: bearer }\n")); /* many documents just do not say it */
}

static void put_head(struct writing *writing)
{
	yyjson_val *info = json_get(writing->root, "info");
	struct str title = str_trim(json_str(json_get(info, "title")));
	struct str about = str_trim(json_str(json_get(info, "description"))), line, rest;
	struct str name = writing->wish->name;

	if (title.n == 0)
		title = STR("API");
	if (name.n == 0)
		name = openapi_snake(writing->arena, title, 32);
	str_cut(about, '\n', &line, &rest);
	buf_put(writing->out, STR("connector: "));
	for (size_t i = 0; i < name.n; i++)
		buf_put_byte(writing->out, name.p[i] == '_' ? '-' : name.p[i]);
	buf_put(writing->out, STR("\ntitle: "));
	buf_put_json(writing->out, str_shorten(title, 80));
	buf_put(writing->out, STR("\nabout: "));
	buf_put_json(writing->out, line.n > 0 ? str_shorten(line, 200) : title);
	buf_put_byte(writing->out, '\n');
	put_base(writing);
	put_auth(writing);
	buf_put(writing->out, STR("tools:\n"));
}

/* ---- the operations ---- */

static bool fits_glob(const struct operation *operation, struct str name, struct str glob)
{
	yyjson_arr_iter each = yyjson_arr_iter_with(json_get(operation->node, "tags"));
	yyjson_val *tag;

	if (str_glob(glob, name) || str_glob(glob, operation->path))
		return true;
	while ((tag = yyjson_arr_iter_next(&each)) != NULL)
		if (str_glob(glob, json_str(tag)))
			return true;
	return false;
}

static bool is_wanted(const struct writing *writing, const struct operation *operation, struct str name)
{
	const struct openapi_wish *wish = writing->wish;

	return (wish->include.p == NULL || fits_glob(operation, name, wish->include)) &&
	       (wish->exclude.p == NULL || !fits_glob(operation, name, wish->exclude));
}

static bool is_taken(const struct writing *writing, struct str name)
{
	for (size_t i = 0; i < writing->count; i++)
		if (str_eq(writing->names[i], name))
			return true;
	return false;
}

/* Two operations may make one name: the later get a number. */
static struct str free_name(struct writing *writing, struct str wanted)
{
	struct str name = wanted;

	for (int i = 2; is_taken(writing, name); i++)
		name = arena_fmt(writing->arena, "%.*s_%d", STR_ARG(str_shorten(wanted, 44)), i);
	return name;
}

static enum err put_operation(struct writing *writing, struct operation *operation)
{
	struct str name = openapi_tool_name(writing->arena, operation);

	if (!is_wanted(writing, operation, name))
		return OK;
	if (writing->count == CONNECTOR_TOOLS_MAX) {
		buf_put_fmt(writing->problem, "more than %d operations; choose some with --include",
			    CONNECTOR_TOOLS_MAX);
		return ERR_CONFIG;
	}
	name = free_name(writing, name);
	if (!openapi_operation_read(writing->arena, writing->root, operation)) {
		buf_put_fmt(writing->out, "  # %.*s ", STR_ARG(operation->method));
		buf_put_json(writing->out, operation->path);
		buf_put(writing->out, STR(" is left out: its arguments cannot be said here\n"));
		return OK;
	}
	openapi_put_tool(writing->out, writing->arena, writing->root, operation, name);
	writing->names[writing->count++] = name;
	return OK;
}

static enum err put_operations(struct writing *writing)
{
	yyjson_val *key, *value;
	size_t i, max;

	yyjson_obj_foreach(json_members(json_get(writing->root, "paths")), i, max, key, value)
	{
		yyjson_val *item = openapi_follow(writing->root, value);

		for (size_t k = 0; k < ARRAY_LEN(methods); k++) {
			struct operation operation = {.item = item,
						      .node = json_get(item, methods[k]),
						      .method = str_of(method_names[k]),
						      .path = json_str(key)};

			if (yyjson_is_obj(operation.node))
				TRY(put_operation(writing, &operation));
		}
	}
	if (writing->count > 0)
		return OK;
	buf_put(writing->problem, STR("the document has no operation to make a tool of"));
	return ERR_CONFIG;
}

/* ---- the door ---- */

/* Characters that JSON's strings may hold as they are and YAML's may not: controls, line ends of other scripts, U+FFFE.
 */
static bool is_odd(const uint8_t *p, size_t left, uint32_t *ret_code, size_t *ret_bytes)
{
	if (p[0] == 0x7F) {
		*ret_code = 0x7F;
		*ret_bytes = 1;
	} else if (left >= 2 && p[0] == 0xC2 && p[1] < 0xA0) {
		*ret_code = p[1];
		*ret_bytes = 2;
	} else if (left >= 3 && p[0] >= 0xE2 && p[0] <= 0xEF) {
		*ret_code = (uint32_t)(p[0] & 0xF) << 12 | (uint32_t)(p[1] & 0x3F) << 6 | (p[2] & 0x3F);
		*ret_bytes = 3;
		return *ret_code == 0x2028 || *ret_code == 0x2029 || *ret_code == 0xFEFF || *ret_code >= 0xFFFE;
	} else {
		return false;
	}
	return true;
}

/* All of a document's texts stand in quotes, where both languages know \uXXXX. */
static void put_escaped(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n;) {
		uint32_t code;
		size_t bytes = 1;

		if (is_odd((const uint8_t *)text.p + i, text.n - i, &code, &bytes)) {
			buf_put_fmt(out, "\\u%04x", code);
		} else {
			bytes = 1;
			buf_put_byte(out, text.p[i]);
		}
		i += bytes;
	}
}

static enum err check_version(yyjson_val *root, struct buf *problem)
{
	if (str_starts(json_str(json_get(root, "openapi")), STR("3.")))
		return OK;
	if (json_get(root, "swagger") != NULL)
		buf_put(problem, STR("this is Swagger 2.0; convert it to OpenAPI 3 first"));
	else
		buf_put(problem, STR("this is no OpenAPI document: it has no `openapi: 3…`"));
	return ERR_CONFIG;
}

static enum err check_result(struct str text, struct buf *problem)
{
	struct connector *connector;

	TRY(connector_compile(text, STR("connector"), problem, &connector));
	connector_unref(connector);
	return OK;
}

enum err openapi_to_connector(struct str text, const struct openapi_wish *wish, struct buf *problem, struct buf *out)
{
	AUTO(arena) *arena = arena_new(ARENA_BYTES_MAX);
	AUTO_BUF file = {0};
	struct writing writing = {.arena = arena, .wish = wish, .out = &file, .problem = problem};
	size_t start = out->n;

	TRY(openapi_read(arena, text, problem, &writing.root));
	TRY(check_version(writing.root, problem));
	writing.names = arena_alloc(arena, CONNECTOR_TOOLS_MAX * sizeof(*writing.names));
	put_head(&writing);
	TRY(put_operations(&writing));
	put_escaped(out, buf_str(&file));
	return check_result((struct str){out->p + start, out->n - start}, problem);
}
