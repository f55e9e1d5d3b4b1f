/* Reading the lists of servers that MCP clients keep. They agree on the main points (command, args,
 * env; url, headers) and differ in small ones, which are translated here; what has no counterpart
 * is left out with a warning, never silently. Strings are written as JSON writes them, which is
 * also how YAML reads them. */
#include "base/log.h"
#include "cli/import.h"

#include <stdio.h>

#define NAME_BYTES_MAX 32
#define NAMES_MAX 1000 /* UPSTREAMS_MAX of the configuration */

struct reading {
	struct arena *arena;
	const struct import_spec *spec;
	struct import *import;
	struct str names[NAMES_MAX];
	struct str server; /* the present one, as the configuration calls it */
};

static void warn(struct reading *reading, const char *fmt, ...) PRINTF(2, 3);
static void warn(struct reading *reading, const char *fmt, ...)
{
	struct buf *out = &reading->import->warnings;
	char text[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	buf_put_fmt(out, "%.*s: %s\n", STR_ARG(reading->server), text);
}

/* ---- names ----------------------------------------------------------------------- */

static bool is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static struct str clean(struct arena *arena, struct str name, size_t bytes_max)
{
	struct str copy = arena_str(arena, name.n == 0 ? STR("server") : name);
	char *p = arena_alloc(arena, copy.n + 1);

	for (size_t i = 0; i < copy.n; i++)
		p[i] = is_name_byte(copy.p[i]) ? copy.p[i] : '_';
	return (struct str){p, copy.n < bytes_max ? copy.n : bytes_max};
}

static bool is_taken(const struct reading *reading, struct str name)
{
	for (size_t i = 0; i < reading->import->servers; i++)
		if (str_eq(reading->names[i], name))
			return true;
	return false;
}

static struct str choose_name(struct reading *reading, struct str wanted)
{
	struct str name = clean(reading->arena, wanted, NAME_BYTES_MAX);

	for (unsigned i = 2; is_taken(reading, name); i++) {
		struct str begin = clean(reading->arena, wanted, NAME_BYTES_MAX - 5);

		name = arena_fmt(reading->arena, "%.*s_%u", STR_ARG(begin), i);
	}
	return name;
}

/* ---- values ---------------------------------------------------------------------- */

static struct str text_of(yyjson_val *value)
{
	if (yyjson_is_raw(value))
		return (struct str){yyjson_get_raw(value), yyjson_get_len(value)};
	if (yyjson_is_bool(value))
		return yyjson_is_true(value) ? STR("true") : STR("false");
	return json_str(value);
}

static bool is_variable(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (!is_name_byte(name.p[i]) || name.p[i] == '-')
			return false;
	return name.n > 0;
}

/* The inside of one "${...}" in our words. */
static void put_variable(struct reading *reading, struct str inner, struct buf *out)
{
	struct str name, fallback;
	bool has_fallback = str_cut(inner, ':', &name, &fallback) && str_starts(fallback, STR("-"));

	if (str_starts(inner, STR("env:")) || (str_starts(inner, STR("file:")))) {
		buf_put_fmt(out, "${%.*s}", STR_ARG(inner));
	} else if (is_variable(inner) || (has_fallback && is_variable(name))) {
		if (has_fallback)
			warn(reading, "the default of ${%.*s} is dropped: set the variable", STR_ARG(inner));
		buf_put_fmt(out, "${env:%.*s}", STR_ARG(name));
	} else if (str_starts(inner, STR("input:")) && reading->spec->secrets_dir.p != NULL) {
		struct str file = clean(reading->arena, str_skip(inner, 6), 64);

		warn(reading, "the client asks for \"%.*s\": put it into %.*s/%.*s (mode 600)",
		     STR_ARG(str_skip(inner, 6)), STR_ARG(reading->spec->secrets_dir), STR_ARG(file));
		buf_put_fmt(out, "${file:%.*s/%.*s}", STR_ARG(reading->spec->reference), STR_ARG(file));
	} else {
		warn(reading, "${%.*s} means nothing here: replace it by hand", STR_ARG(inner));
		buf_put_fmt(out, "${%.*s}", STR_ARG(inner));
	}
}

static struct str translate(struct reading *reading, struct str text)
{
	AUTO_BUF out = {0};

	while (text.n > 0) {
		const char *dollar = memmem(text.p, text.n, "${", 2);
		const char *end = dollar == NULL ? NULL : memchr(dollar, '}', text.n - (size_t)(dollar - text.p));

		if (end == NULL) {
			buf_put(&out, text);
			break;
		}
		buf_put(&out, (struct str){text.p, (size_t)(dollar - text.p)});
		put_variable(reading, (struct str){dollar + 2, (size_t)(end - dollar - 2)}, &out);
		text = str_skip(text, (size_t)(end + 1 - text.p));
	}
	return arena_str(reading->arena, buf_str(&out));
}

static bool is_secret(struct str name, struct str value)
{
	return value.n > 0 && memmem(value.p, value.n, "${", 2) == NULL &&
	       (log_name_is_secret(name) || str_eq_nocase(name, STR("authorization")) ||
		str_eq_nocase(name, STR("cookie")));
}

/* A value of env or headers; a secret goes into a file if there is a place for it. */
static enum err put_value(struct reading *reading, struct str name, struct str value)
{
	struct import *import = reading->import;
	struct import_secret *secret;

	if (!is_secret(name, value)) {
		buf_put_json(&import->yaml, translate(reading, value));
		return OK;
	}
	if (reading->spec->secrets_dir.p == NULL) {
		warn(reading, "the secret %.*s stands in the configuration; --secrets-dir moves it into a file",
		     STR_ARG(name));
		buf_put_json(&import->yaml, value);
		return OK;
	}
	if (import->secret_count == IMPORT_SECRETS_MAX)
		return ERR_LIMIT;
	secret = &import->secrets[import->secret_count++];
	secret->value = value;
	secret->file = arena_fmt(reading->arena, "%.*s.%.*s", STR_ARG(reading->server),
				 STR_ARG(clean(reading->arena, name, 64)));
	buf_put_json(&import->yaml, arena_fmt(reading->arena, "${file:%.*s/%.*s}", STR_ARG(reading->spec->reference),
					      STR_ARG(secret->file)));
	return OK;
}

/* ---- servers --------------------------------------------------------------------- */

static enum err put_pairs(struct reading *reading, const char *name, yyjson_val *pairs)
{
	struct buf *out = &reading->import->yaml;
	yyjson_val *key, *value;
	size_t i, max;

	if (yyjson_obj_size(pairs) == 0)
		return OK;
	buf_put_fmt(out, "      %s:\n", name);
	yyjson_obj_foreach(pairs, i, max, key, value)
	{
		buf_put(out, STR("        "));
		buf_put_json(out, json_str(key));
		buf_put(out, STR(": "));
		TRY(put_value(reading, json_str(key), text_of(value)));
		buf_put_byte(out, '\n');
	}
	return OK;
}

static void put_args(struct reading *reading, yyjson_val *args, size_t skip)
{
	struct buf *out = &reading->import->yaml;
	yyjson_val *arg;
	size_t i, max;

	if (yyjson_arr_size(args) <= skip)
		return;
	buf_put(out, STR("      args: ["));
	yyjson_arr_foreach(args, i, max, arg)
	{
		if (i < skip)
			continue;
		buf_put(out, i == skip ? STR("") : STR(", "));
		buf_put_json(out, translate(reading, text_of(arg)));
	}
	buf_put(out, STR("]\n"));
}

static enum err put_stdio(struct reading *reading, yyjson_val *server)
{
	yyjson_val *command = json_get(server, "command");
	struct str cwd = json_str(json_get(server, "cwd"));
	struct buf *out = &reading->import->yaml;

	buf_put(out, STR("    stdio:\n      command: "));
	if (yyjson_is_arr(command)) {
		buf_put_json(out, translate(reading, json_str(yyjson_arr_get(command, 0))));
		buf_put_byte(out, '\n');
		put_args(reading, command, 1);
	} else {
		buf_put_json(out, translate(reading, json_str(command)));
		buf_put_byte(out, '\n');
		put_args(reading, json_get(server, "args"), 0);
	}
	if (cwd.n > 0) {
		buf_put(out, STR("      cwd: "));
		buf_put_json(out, translate(reading, cwd));
		buf_put_byte(out, '\n');
	}
	if (json_get(server, "envFile") != NULL)
		warn(reading, "envFile is not read: put its variables under env");
	TRY(put_pairs(reading, "env", json_get(server, "env")));
	return put_pairs(reading, "env", json_get(server, "environment"));
}

static struct str url_of(yyjson_val *server)
{
	static const char *const names[] = {"url", "httpUrl", "serverUrl"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (json_str(json_get(server, names[i])).n > 0)
			return json_str(json_get(server, names[i]));
	return STR_NONE;
}

static enum err put_http(struct reading *reading, yyjson_val *server)
{
	struct buf *out = &reading->import->yaml;

	bool sse = str_eq(json_str(json_get(server, "type")), STR("sse")) ||
		   str_eq(json_str(json_get(server, "transport")), STR("sse"));

	buf_put(out, sse ? STR("    sse:\n      url: ") : STR("    http:\n      url: "));
	buf_put_json(out, translate(reading, url_of(server)));
	buf_put_byte(out, '\n');
	return put_pairs(reading, "headers", json_get(server, "headers"));
}

/* Why a server has no place in the configuration; NULL when it has. */
static const char *unfit(yyjson_val *server)
{
	if (!yyjson_is_obj(server))
		return "it is no object";
	if (yyjson_is_true(json_get(server, "disabled")) || yyjson_is_false(json_get(server, "enabled")))
		return "it is disabled";
	if (json_get(server, "command") == NULL && url_of(server).n == 0)
		return "it has neither a command nor a url";
	return NULL;
}

static enum err put_server(struct reading *reading, struct str name, yyjson_val *server)
{
	struct import *import = reading->import;
	const char *why = unfit(server);

	reading->server = choose_name(reading, name);
	if (why != NULL || import->servers == NAMES_MAX) {
		warn(reading, "left out: %s", why != NULL ? why : "there are too many");
		import->skipped++;
		return OK;
	}
	if (!str_eq(reading->server, name))
		warn(reading, "was called \"%.*s\"; names are 1 to 32 of A-Z a-z 0-9 - _", STR_ARG(name));
	reading->names[import->servers++] = reading->server;
	buf_put_fmt(&import->yaml, "  %.*s:\n", STR_ARG(reading->server));
	return json_get(server, "command") != NULL ? put_stdio(reading, server) : put_http(reading, server);
}

static yyjson_val *find_servers(yyjson_val *root)
{
	yyjson_val *mcp = json_get(root, "mcp");
	yyjson_val *const places[] = {json_get(root, "mcpServers"), json_get(root, "servers"), json_get(mcp, "servers"),
				      mcp};

	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (yyjson_is_obj(places[i]))
			return places[i];
	return NULL;
}

enum err import_servers(struct arena *arena, struct str text, const struct import_spec *spec, struct import *ret_import)
{
	struct reading *reading = ARENA_NEW(arena, struct reading);
	yyjson_val *root, *servers, *key, *server;
	size_t i, max;

	*ret_import =
		(struct import){.secrets = arena_zalloc(arena, IMPORT_SECRETS_MAX * sizeof(struct import_secret))};
	*reading = (struct reading){.arena = arena, .spec = spec, .import = ret_import};
	TRY(json_read(arena, text, &root));
	servers = find_servers(root);
	if (servers == NULL)
		return ERR_NOT_FOUND;
	buf_put(&ret_import->yaml, STR("upstreams:\n"));
	yyjson_obj_foreach(servers, i, max, key, server) TRY(put_server(reading, json_str(key), server));
	return OK;
}
