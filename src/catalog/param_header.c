/* Which arguments of a tool are repeated as headers. An annotation counts only where the way to
 * it is `properties` and nothing else: then every reader finds the argument without applying the
 * schema. Anywhere else, and with any other fault, the whole tool is unfit for use over HTTP;
 * what follows from that is the shelf's business.
 *
 * Numbers are compared exactly, as the schema room does it. Encoding is mcp's. */
#include "catalog/param_header.h"

#include "base/json_scan.h"
#include "schema/schema_number.h"

#define ANNOTATION STR("x-mcp-header")

/* One `properties` step on the way from the root. */
struct step {
	struct str key;
	const struct step *up;
	size_t depth;
};

struct reader {
	struct arena *arena;
	struct param_header header[PARAM_HEADERS_MAX];
	size_t count;
	const char *problem;
};

/*   Source     RFC 9110 s5.6.2 */
static bool is_token(struct str s)
{
	static const char other[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (!alphanumeric && (c == '\0' || strchr(other, c) == NULL))
			return false;
	}
	return s.n > 0;
}

static bool is_taken(const struct reader *reader, struct str name)
{
	for (size_t i = 0; i < reader->count; i++)
		if (str_eq_nocase(reader->header[i].name, name))
			return true;
	return false;
}

static bool kind_of(yyjson_val *schema, enum param_kind *ret_kind)
{
	static const struct str name[] = {
		[PARAM_STRING] = {"string", 6},
		[PARAM_INTEGER] = {"integer", 7},
		[PARAM_BOOLEAN] = {"boolean", 7},
	};
	struct str type = json_str(json_get(schema, "type"));

	for (size_t i = 0; i < ARRAY_LEN(name); i++) {
		if (!str_eq(type, name[i]))
			continue;
		*ret_kind = (enum param_kind)i;
		return true;
	}
	return false;
}

static const char *annotation_problem(const struct reader *reader, struct str name, const struct step *at)
{
	if (at == NULL || at->depth == 0)
		return "x-mcp-header where the argument cannot be found without applying the schema";
	if (!is_token(name) || name.n > PARAM_HEADER_NAME_BYTES_MAX)
		return "x-mcp-header is no header name";
	if (is_taken(reader, name))
		return "the same x-mcp-header twice";
	return reader->count == PARAM_HEADERS_MAX ? "too many x-mcp-header" : NULL;
}

static void take_annotation(struct reader *reader, yyjson_val *schema, yyjson_val *annotation, const struct step *at)
{
	struct str name = json_str(annotation), *path;
	enum param_kind kind;

	reader->problem = annotation_problem(reader, name, at);
	if (reader->problem != NULL)
		return;
	if (!kind_of(schema, &kind)) {
		reader->problem = "x-mcp-header on what is no string, integer or boolean";
		return;
	}
	path = arena_alloc(reader->arena, at->depth * sizeof(*path));
	reader->header[reader->count++] = (struct param_header){
		.name = arena_str(reader->arena, name),
		.kind = kind,
		.path = path,
		.depth = at->depth,
	};
	for (const struct step *step = at; step->depth > 0; step = step->up)
		path[step->depth - 1] = arena_str(reader->arena, step->key);
}

enum keyword { WORD_SCHEMA, WORD_ANNOTATION, WORD_PROPERTIES, WORD_NAMED_SCHEMAS, WORD_PLAIN };

/* What lies below a keyword: plain values are no schemas, and named ones have keys that are no keywords. */
static enum keyword keyword_of(struct str key)
{
	static const struct {
		struct str key;
		enum keyword keyword;
	} word[] = {
		{{"x-mcp-header", 12}, WORD_ANNOTATION},
		{{"properties", 10}, WORD_PROPERTIES},
		{{"patternProperties", 17}, WORD_NAMED_SCHEMAS},
		{{"$defs", 5}, WORD_NAMED_SCHEMAS},
		{{"definitions", 11}, WORD_NAMED_SCHEMAS},
		{{"dependentSchemas", 16}, WORD_NAMED_SCHEMAS},
		{{"dependencies", 12}, WORD_NAMED_SCHEMAS},
		{{"const", 5}, WORD_PLAIN},
		{{"enum", 4}, WORD_PLAIN},
		{{"default", 7}, WORD_PLAIN},
		{{"examples", 8}, WORD_PLAIN},
	};

	for (size_t i = 0; i < ARRAY_LEN(word); i++)
		if (str_eq(key, word[i].key))
			return word[i].keyword;
	return WORD_SCHEMA;
}

/* `at` NULL: not reachable by `properties` alone. Depth is JSON_DEPTH_MAX at most: the document was read. */
static void read_schema(struct reader *reader, yyjson_val *schema, const struct step *at);

static void read_named(struct reader *reader, yyjson_val *schemas, const struct step *at)
{
	yyjson_obj_iter iter = yyjson_obj_iter_with(schemas);
	yyjson_val *key;

	while (reader->problem == NULL && (key = yyjson_obj_iter_next(&iter)) != NULL) {
		struct step step = {.key = json_str(key), .up = at, .depth = at == NULL ? 0 : at->depth + 1};

		read_schema(reader, yyjson_obj_iter_get_val(key), at == NULL ? NULL : &step);
	}
}

static void read_members(struct reader *reader, yyjson_val *schema, const struct step *at)
{
	yyjson_obj_iter iter = yyjson_obj_iter_with(schema);
	yyjson_val *key;

	while (reader->problem == NULL && (key = yyjson_obj_iter_next(&iter)) != NULL) {
		yyjson_val *value = yyjson_obj_iter_get_val(key);

		switch (keyword_of(json_str(key))) {
		case WORD_ANNOTATION:
			take_annotation(reader, schema, value, at);
			break;
		case WORD_PROPERTIES:
			read_named(reader, value, at);
			break;
		case WORD_NAMED_SCHEMAS:
			read_named(reader, value, NULL);
			break;
		case WORD_SCHEMA:
			read_schema(reader, value, NULL);
			break;
		case WORD_PLAIN:
			break;
		}
	}
}

static void read_schema(struct reader *reader, yyjson_val *schema, const struct step *at)
{
	if (yyjson_is_arr(schema)) {
		yyjson_arr_iter iter = yyjson_arr_iter_with(schema);
		yyjson_val *one;

		while (reader->problem == NULL && (one = yyjson_arr_iter_next(&iter)) != NULL)
			read_schema(reader, one, NULL);
	} else if (yyjson_is_obj(schema)) {
		read_members(reader, schema, at);
	}
}

const char *param_headers_read(struct arena *arena, yyjson_val *schema, struct param_headers *ret_headers)
{
	struct reader reader = {.arena = arena};
	const struct step root = {0};
	struct param_header *kept;

	*ret_headers = (struct param_headers){0};
	read_schema(&reader, schema, &root);
	if (reader.problem != NULL || reader.count == 0)
		return reader.problem;
	kept = arena_alloc(arena, reader.count * sizeof(*kept));
	memcpy(kept, reader.header, reader.count * sizeof(*kept));
	*ret_headers = (struct param_headers){.header = kept, .count = reader.count};
	return NULL;
}

static yyjson_val *argument_of(const struct param_header *header, yyjson_val *arguments)
{
	for (size_t i = 0; i < header->depth; i++)
		arguments = yyjson_obj_getn(arguments, header->path[i].p, header->path[i].n);
	return arguments;
}

/* An integer in plain digits, however it is spelt; other numbers as they are. */
static struct str integer_text(struct str lexeme, struct arena *arena)
{
	bool negative = lexeme.n > 0 && lexeme.p[0] == '-';
	uint64_t count;

	if (!number_count(negative ? str_skip(lexeme, 1) : lexeme, &count) || count == UINT64_MAX)
		return lexeme;
	return arena_fmt(arena, "%s%llu", negative && count > 0 ? "-" : "", (unsigned long long)count);
}

struct str param_header_text(const struct param_header *header, yyjson_val *arguments, struct arena *arena)
{
	yyjson_val *argument = argument_of(header, arguments);
	char scratch[NUMBER_SCRATCH_BYTES];
	struct str lexeme;

	if (yyjson_is_str(argument))
		return json_str(argument);
	if (yyjson_is_bool(argument))
		return yyjson_is_true(argument) ? STR("true") : STR("false");
	if (argument != NULL && number_lexeme(argument, scratch, &lexeme))
		return integer_text(arena_str(arena, lexeme), arena);
	return STR_NONE;
}

static bool has_root_key(const struct param_headers *headers, const struct json_member *m)
{
	for (size_t i = 0; i < headers->count; i++)
		if (headers->header[i].depth == 1 && json_key_is(m, headers->header[i].path[0]))
			return true;
	return false;
}

bool param_headers_without_nulls(const struct param_headers *headers, struct str arguments, struct arena *arena,
				 struct str *ret_arguments)
{
	struct json_splice splice = {.text = arguments};
	struct json_index index;
	AUTO_BUF text = {0};

	if (json_scan(arena, arguments, &index) != OK || index.kind != JSON_OBJECT)
		return false;
	for (uint32_t i = 0; i < index.count && splice.count < JSON_CUTS_MAX; i = index.member[i].end)
		if (index.member[i].kind == JSON_NULL && has_root_key(headers, &index.member[i]))
			json_splice_remove(&splice, &index, &index.member[i]);
	if (splice.count == 0)
		return false;
	json_splice_write(&splice, &text);
	*ret_arguments = arena_str(arena, buf_str(&text));
	return true;
}

bool param_header_agrees(const struct param_header *header, struct str text, struct str value, struct arena *arena)
{
	struct decimal a, b;
	yyjson_val *number;

	if (str_eq(text, value))
		return true;
	if (header->kind != PARAM_INTEGER || json_read(arena, value, &number) != OK || !yyjson_is_raw(number) ||
	    yyjson_get_len(number) != value.n || json_read(arena, text, &number) != OK || !yyjson_is_raw(number))
		return false;
	a = decimal_of(text);
	b = decimal_of(value);
	return decimal_cmp(&a, &b) == 0;
}
