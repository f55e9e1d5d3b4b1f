/* A rule's document to a rule. The published schema (rule_schema.c) says what may be there and complains with
 * the place; what a schema cannot say (prefixes, times, conditions that compile) is complained about here. */
#include <pthread.h>

#include "base/check.h"
#include "policy/private.h"

#define SCHEMA_ARENA_BYTES_MAX (1024 * 1024)

static struct {
	pthread_once_t once;
	struct schema *schema;
} checker = {.once = PTHREAD_ONCE_INIT};

static void compile_checker(void)
{
	AUTO(arena) *arena = arena_new(SCHEMA_ARENA_BYTES_MAX);
	AUTO_BUF problem = {0};
	yyjson_val *root;

	CHECK(json_read(arena, policy_rule_schema, &root) == OK);
	CHECK(schema_compile(root, &problem, &checker.schema) == OK);
}

static enum err check_shape(struct arena *arena, yyjson_val *root, struct buf *problem)
{
	struct schema_failure failure;
	enum err err;

	pthread_once(&checker.once, compile_checker);
	err = schema_validate(checker.schema, root, arena, &failure);
	if (err != ERR_MCP_ARGUMENTS)
		return err;
	buf_put(problem, failure.message);
	return ERR_CONFIG;
}

static struct texts read_texts(struct arena *arena, yyjson_val *list)
{
	yyjson_arr_iter iter = yyjson_arr_iter_with(list);
	struct str *text = arena_alloc(arena, (yyjson_arr_size(list) + 1) * sizeof(*text));
	struct texts texts = {.text = text};
	yyjson_val *value;

	while ((value = yyjson_arr_iter_next(&iter)) != NULL)
		text[texts.count++] = json_str(value);
	return texts;
}

static enum err read_networks(struct arena *arena, yyjson_val *list, struct buf *problem, struct rule_who *who)
{
	struct texts texts = read_texts(arena, list);
	struct prefix *networks = arena_alloc(arena, (texts.count + 1) * sizeof(*networks));

	for (size_t i = 0; i < texts.count; i++) {
		if (prefix_parse(texts.text[i], &networks[i]) == OK)
			continue;
		buf_put_fmt(problem, "/who/networks/%zu: must be an address or a prefix such as 10.0.0.0/8", i);
		return ERR_CONFIG;
	}
	who->networks = networks;
	who->network_count = texts.count;
	return OK;
}

static enum err read_who(struct arena *arena, yyjson_val *who, struct buf *problem, struct rule *rule)
{
	rule->who = (struct rule_who){
		.roles = read_texts(arena, json_get(who, "roles")),
		.users = read_texts(arena, json_get(who, "users")),
		.clients = read_texts(arena, json_get(who, "clients")),
		.credentials = read_texts(arena, json_get(who, "credentials")),
	};
	return read_networks(arena, json_get(who, "networks"), problem, &rule->who);
}

/* A rule that names no kind of thing is about all of them. */
static void read_targets(struct arena *arena, yyjson_val *root, struct rule *rule)
{
	static const char *const key[TARGETS] = {"tools", "prompts", "resources"};
	static const struct str everything = {"*", 1};
	bool named = false;

	for (int t = 0; t < TARGETS; t++)
		named |= json_get(root, key[t]) != NULL;
	for (int t = 0; t < TARGETS; t++) {
		yyjson_val *list = json_get(root, key[t]);

		rule->about[t] = !named || list != NULL;
		rule->globs[t] = list != NULL ? read_texts(arena, list) : (struct texts){&everything, !named};
	}
}

/* A name is that of the row; in a file, that of the document. */
static enum err read_name(const struct policy_document *document, yyjson_val *root, struct buf *problem,
			  struct rule *rule)
{
	struct str own = json_str(json_get(root, "name"));

	if (document->name.n == 0 && own.n == 0) {
		buf_put(problem, STR("/name: is missing"));
		return ERR_CONFIG;
	}
	if (document->name.n > 0 && own.n > 0 && !str_eq(own, document->name)) {
		buf_put_fmt(problem, "/name: must be %.*s, or left out", STR_ARG(document->name));
		return ERR_CONFIG;
	}
	rule->name = own.n > 0 ? own : document->name;
	return OK;
}

static const char *json_problem(enum err err)
{
	return err == ERR_LIMIT ? "is too large" : err_text(err);
}

enum err rule_read(struct arena *arena, const struct policy_document *document, struct buf *problem,
		   struct rule *ret_rule)
{
	struct rule rule = {0};
	yyjson_val *root;
	enum err err;

	if (document->text.n > POLICY_DOCUMENT_BYTES_MAX) {
		buf_put_fmt(problem, "is larger than %d bytes", POLICY_DOCUMENT_BYTES_MAX);
		return ERR_LIMIT;
	}
	err = json_read(arena, document->text, &root);
	if (err != OK) {
		buf_put_fmt(problem, "%s", json_problem(err));
		return err == ERR_LIMIT ? err : ERR_CONFIG;
	}
	TRY(check_shape(arena, root, problem));
	TRY(read_name(document, root, problem, &rule));
	rule.allow = str_eq(json_str(json_get(root, "effect")), STR("allow"));
	rule.shadow = yyjson_is_true(json_get(root, "shadow"));
	rule.tests = json_get(root, "tests");
	TRY(read_who(arena, json_get(root, "who"), problem, &rule));
	read_targets(arena, root, &rule);
	if (json_get(root, "when") != NULL)
		TRY(window_read(arena, json_get(root, "when"), problem, &rule.when));
	if (json_get(root, "condition") != NULL)
		TRY(condition_compile(json_get(root, "condition"), problem, &rule));
	*ret_rule = rule;
	return OK;
}
