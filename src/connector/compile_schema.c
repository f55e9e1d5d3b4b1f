/* Arguments and results of a tool as JSON Schema. The file writes schemas as YAML; two words stand for more:
 *
 *     { $cursor: true }                      the cursor that an earlier answer gave
 *     { $media: { mime: […], bytes_max: … } }   a file, in one of three forms
 *
 * The objects themselves are closed, and both are compiled once by the schema room, so that a broken one is found here.
 */
#include "connector/compile.h"

#include "media/media.h"
#include "schema/schema.h"

static const char cursor_schema[] = "\"type\":\"string\",\"minLength\":1,\"maxLength\":4096,\"description\":\"next_"
				    "cursor of the answer before: gives "
				    "the page after it\"";
static const char idempotency_member[] =
	"\"idempotency_key\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":64,\"description\":\"A text of your "
	"own for "
	"this one act. A second call with the same key is not carried out again, but gets the result of the first.\"}";
static const char next_cursor_member[] = "\"next_cursor\":{\"type\":[\"string\",\"null\"],\"description\":\"cursor for "
					 "the next page; null: this was the last\"}";
static const char media_properties[] =
	"\"type\":\"object\",\"additionalProperties\":false,\"minProperties\":1,\"properties\":{"
	"\"url\":{\"type\":\"string\",\"pattern\":\"^https?://\",\"description\":\"Where it is fetched from\"},"
	"\"upload_id\":{\"type\":\"string\",\"description\":\"Of a file that was uploaded to the gateway\"},"
	"\"base64\":{\"type\":\"string\",\"description\":\"The file itself, at most 4 MB\"},"
	"\"mime\":{\"type\":\"string\",\"description\":\"Its type, with base64\"}}";

/* ---- YAML as JSON ---- */

static void put_members(struct buf *out, const struct conf_node *map, const char *without)
{
	bool any = out->n > 0 && out->p[out->n - 1] != '{';

	for (size_t i = 0; i < map->count; i++) {
		if (str_eq(map->entries[i].key->text, str_of(without)))
			continue;
		if (any)
			buf_put_byte(out, ',');
		buf_put_json(out, map->entries[i].key->text);
		buf_put_byte(out, ':');
		compile_put_json(out, map->entries[i].value);
		any = true;
	}
}

static void put_scalar(struct buf *out, const struct conf_node *node)
{
	AUTO(arena) *arena = arena_new(4096);
	bool is_null;
	struct value value = scalar_value(arena, node, &is_null);

	if (is_null)
		buf_put(out, STR("null"));
	else
		value_put_json(out, value);
}

/* What it is for and what it may be: the two things that callers can know of a file. */
static void put_media_description(struct buf *out, const struct conf_node *node)
{
	const struct conf_node *media = conf_get(node, "$media"), *mimes = conf_get(media, "mime");
	const struct conf_node *bytes = conf_get(media, "bytes_max"), *about = conf_get(node, "description");
	AUTO_BUF text = {0};
	size_t bare;

	buf_put(&text, about == NULL ? STR("A file") : about->text);
	bare = text.n;
	for (size_t i = 0; mimes != NULL && i < mimes->count; i++)
		buf_put_fmt(&text, "%s%.*s", i == 0 ? " (" : ", ", STR_ARG(mimes->entries[i].value->text));
	if (bytes != NULL)
		buf_put_fmt(&text, "%sat most %.*s", text.n == bare ? " (" : "; ", STR_ARG(bytes->text));
	if (text.n > bare)
		buf_put_byte(&text, ')');
	buf_put_json(out, buf_str(&text));
}

static void put_media(struct buf *out, const struct conf_node *node)
{
	buf_put_byte(out, '{');
	buf_put(out, STR(media_properties));
	buf_put(out, STR(",\"description\":"));
	put_media_description(out, node);
	buf_put_byte(out, '}');
}

void compile_put_json(struct buf *out, const struct conf_node *node)
{
	if (node->kind == CONF_SCALAR) {
		put_scalar(out, node);
	} else if (node->kind == CONF_LIST) {
		buf_put_byte(out, '[');
		for (size_t i = 0; i < node->count; i++) {
			if (i > 0)
				buf_put_byte(out, ',');
			compile_put_json(out, node->entries[i].value);
		}
		buf_put_byte(out, ']');
	} else if (conf_get(node, "$media") != NULL) {
		put_media(out, node);
	} else {
		buf_put_byte(out, '{');
		if (conf_get(node, "$cursor") != NULL)
			buf_put(out, STR(cursor_schema));
		put_members(out, node, "$cursor");
		buf_put_byte(out, '}');
	}
}

/* ---- files among the arguments ---- */

static void compile_slot(struct compiling *compiling, const struct conf_node *node, struct str argument, bool many,
			 struct media_slot *slot)
{
	static const char *const keys[] = {"mime", "bytes_max", "pull", NULL};
	const struct conf_node *media = conf_get(node, "$media"), *bytes;

	*slot = (struct media_slot){.argument = argument, .many = many, .bytes_max = (size_t)MEDIA_BYTES_MAX};
	if (!conf_map(compiling, media, "`$media`", keys))
		return;
	slot->mimes = conf_texts(compiling, media, "mime", &slot->mime_count);
	slot->pull = conf_flag(compiling, media, "pull");
	bytes = conf_get(media, "bytes_max");
	if (bytes != NULL)
		slot->bytes_max = (size_t)conf_bytes(compiling, bytes);
	if (slot->bytes_max > (size_t)MEDIA_BYTES_MAX)
		conf_problem(compiling->problems, bytes, "files have at most 4GB");
}

/* Files stand as arguments, or in lists that are: nowhere deeper. */
static void refuse_media_inside(struct compiling *compiling, const struct conf_node *node)
{
	for (size_t i = 0; node != NULL && node->kind != CONF_SCALAR && i < node->count; i++) {
		const struct conf_node *key = node->entries[i].key;

		if (key != NULL && (str_eq(key->text, STR("$media")) || str_eq(key->text, STR("$cursor"))))
			conf_problem(compiling->problems, key,
				     "`%.*s` stands for an argument, or $media for the items of one",
				     STR_ARG(key->text));
		refuse_media_inside(compiling, node->entries[i].value);
	}
}

static void compile_slots(struct compiling *compiling, const struct conf_node *input, struct tool *tool)
{
	struct media_slot *slots = arena_alloc(compiling->arena, (input->count + 1) * sizeof(*slots));

	tool->media = slots;
	for (size_t i = 0; i < input->count; i++) {
		const struct conf_node *schema = input->entries[i].value, *items = conf_get(schema, "items");
		struct str name = arena_str(compiling->arena, input->entries[i].key->text);

		if (conf_get(schema, "$media") != NULL)
			compile_slot(compiling, schema, name, false, &slots[tool->media_count++]);
		else if (conf_get(items, "$media") != NULL)
			compile_slot(compiling, items, name, true, &slots[tool->media_count++]);
		else if (conf_get(schema, "$cursor") == NULL)
			refuse_media_inside(compiling, schema);
		else if (!str_eq(name, STR("cursor")))
			conf_problem(compiling->problems, schema, "the argument with $cursor is called `cursor`");
	}
}

/* ---- arguments ---- */

static void compile_defaults(struct compiling *compiling, const struct conf_node *input, struct tool *tool)
{
	struct named_template *defaults = arena_alloc(compiling->arena, (input->count + 1) * sizeof(*defaults));
	struct naming naming = naming_of_file(compiling, 0);

	tool->defaults.items = defaults;
	for (size_t i = 0; i < input->count; i++) {
		const struct conf_node *fallback = conf_get(input->entries[i].value, "default");

		if (fallback != NULL)
			defaults[tool->defaults.count++] =
				(struct named_template){arena_str(compiling->arena, input->entries[i].key->text),
							template_compile(&naming, fallback)};
	}
}

/* What clients take as a name of a property. */
static bool is_argument_name(struct str name)
{
	if (name.n == 0 || name.n > 64)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_' &&
		    c != '-' && c != '.')
			return false;
	}
	return true;
}

static bool check_input(struct compiling *compiling, const struct conf_node *input)
{
	static const char *const taken[] = {"account", "idempotency_key"};
	size_t before = compiling->problems->count;

	for (size_t i = 0; i < input->count; i++) {
		const struct conf_node *key = input->entries[i].key;

		for (size_t k = 0; k < ARRAY_LEN(taken); k++)
			if (str_eq(key->text, str_of(taken[k])))
				conf_problem(compiling->problems, key, "the gateway adds `%s` itself", taken[k]);
		if (!is_argument_name(key->text))
			conf_problem(compiling->problems, key, "not a name for an argument");
		if (input->entries[i].value->kind != CONF_MAP)
			conf_problem(compiling->problems, input->entries[i].value, "a schema is a mapping");
	}
	return compiling->problems->count == before;
}

static void compile_required(struct compiling *compiling, const struct conf_node *node, const struct conf_node *input,
			     struct tool *tool)
{
	const struct conf_node *list = conf_get(node, "required");

	tool->required = conf_texts(compiling, node, "required", &tool->required_count);
	for (size_t i = 0; i < tool->required_count; i++)
		if (conf_get(input, tool->required[i].p) == NULL)
			conf_problem(compiling->problems, list->entries[i].value, "there is no argument `%.*s`",
				     STR_ARG(tool->required[i]));
}

/* ---- what the schema room says ---- */

static void check_schema(struct compiling *compiling, const struct conf_node *at, struct str text,
			 struct schema **ret_schema)
{
	AUTO(arena) *arena = arena_new(64 * 1024 * 1024);
	AUTO_BUF problem = {0};
	yyjson_val *root;
	enum err err = json_read(arena, text, &root);

	*ret_schema = NULL;
	if (err == OK)
		err = schema_compile(root, &problem, ret_schema);
	if (err != OK)
		conf_problem(compiling->problems, at, "not a schema: %.*s",
			     STR_ARG(problem.n > 0 ? buf_str(&problem) : str_of(err_text(err))));
}

/* The example's arguments are ones that the tool takes. */
static void check_example(struct compiling *compiling, const struct conf_node *node, const struct schema *schema,
			  struct tool *tool)
{
	const struct conf_node *args = conf_get(conf_get(node, "example"), "args");
	AUTO(arena) *arena = arena_new(8 * 1024 * 1024);
	struct schema_failure failure = {0};
	AUTO_BUF text = {0};
	yyjson_val *root;
	enum err err;

	if (args == NULL)
		return;
	compile_put_json(&text, args);
	err = json_read(arena, buf_str(&text), &root);
	if (err == OK)
		err = schema_validate(schema, root, arena, &failure);
	if (err != OK)
		conf_problem(compiling->problems, args, "the example does not fit `input`: %.*s",
			     STR_ARG(failure.message));
	tool->example_args = arena_str(compiling->arena, buf_str(&text));
}

static void compile_output(struct compiling *compiling, const struct conf_node *node, struct tool *tool)
{
	const struct conf_node *output = conf_get(node, "output");
	struct schema *schema;
	AUTO_BUF text = {0};

	if (output == NULL)
		return;
	if (output->kind != CONF_MAP) {
		conf_problem(compiling->problems, output, "`output` is a mapping");
		return;
	}
	buf_put(&text, STR("{\"type\":\"object\",\"properties\":{"));
	put_members(&text, output, "next_cursor");
	if (tool->page_next != NULL) {
		buf_put(&text, text.p[text.n - 1] == '{' ? STR("") : STR(","));
		buf_put(&text, STR(next_cursor_member));
	}
	buf_put(&text, STR("},\"additionalProperties\":false}"));
	tool->output_schema = arena_str(compiling->arena, buf_str(&text));
	check_schema(compiling, output, tool->output_schema, &schema);
	schema_unref(schema);
}

void compile_schemas(struct compiling *compiling, const struct conf_node *node, struct tool *tool)
{
	static const struct conf_node none = {.kind = CONF_MAP};
	const struct conf_node *input = conf_get(node, "input");
	struct schema *schema;
	AUTO_BUF members = {0}, text = {0};

	if (input == NULL)
		input = &none;
	if (input->kind != CONF_MAP) {
		conf_problem(compiling->problems, input, "`input` is a mapping");
		return;
	}
	if (!check_input(compiling, input))
		return;
	compile_slots(compiling, input, tool);
	compile_defaults(compiling, input, tool);
	compile_required(compiling, node, input, tool);
	buf_put_byte(&members, '{');
	put_members(&members, input, "");
	if (!tool->read_only)
		buf_put_fmt(&members, "%s%s", members.n > 1 ? "," : "", idempotency_member);
	tool->properties = arena_str(compiling->arena, str_skip(buf_str(&members), 1));
	tool_put_input(&text, tool, NULL, 0);
	tool->input_schema = arena_str(compiling->arena, buf_str(&text));
	check_schema(compiling, input == &none ? node : input, tool->input_schema, &schema);
	if (schema != NULL)
		check_example(compiling, node, schema, tool);
	schema_unref(schema);
	compile_output(compiling, node, tool);
}
