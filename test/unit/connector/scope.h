/* A fixed scope that templates of tests run in: arguments, an answer, captures. */
#ifndef GATEHOUSE_TEST_CONNECTOR_SCOPE_H
#define GATEHOUSE_TEST_CONNECTOR_SCOPE_H

#include "connector/template.h"

static const char scope_args[] =
	"{\"name\":\"Ada "
	"Lovelace\",\"key\":\"secret\",\"id\":9007199254740993,\"on\":true,\"off\":false,\"empty\":\"\",\"none\":null,"
	"\"up\":\"..\",\"odd\":\"a/b c\",\"list\":[\"x\",\"y\"],\"no\":[],\"num\":\"12\",\"big\":12345678901234567890,"
	"\"half\":2.50,\"three\":3.0,\"deep\":{\"a\":{\"b\":[10,20,30]}},\"when\":\"2026-11-21T01:02:03+0100\","
	"\"tags\":[{\"k\":\"a\",\"v\":1},{\"k\":\"b\",\"v\":2},{\"k\":\"c\"}],\"umlaut\":\"\\u00e4\\u00f6\\u00fc\"}";
static const char scope_body[] =
	"{\"ok\":true,\"items\":[{\"id\":1,\"title\":\"one\",\"author\":7},{\"id\":2,\"title\":null,\"author\":8}],"
	"\"users\":[{\"id\":7,\"name\":\"Ada\"},{\"id\":8,\"name\":\"Bob\"}],"
	"\"next\":\"https://x.example/a?access_token=s&after=c%201&b=2\",\"urn\":\"urn:li:person:abc\"}";

struct scope_fixture {
	struct arena *arena;
	struct template_budget budget;
	struct scope scope;
};

static inline struct value scope_fixture_capture(const void *run, struct str name)
{
	return str_eq(name, STR("video")) ? value_of_text(STR("v1")) : (struct value){0};
}

static inline struct value scope_fixture_header(const void *run, struct str name)
{
	return str_eq(name, STR("x-left")) ? value_of_text(STR("41")) : (struct value){0};
}

static inline struct value scope_fixture_json(struct arena *arena, const char *text)
{
	yyjson_val *root = NULL;

	return json_read(arena, str_of(text), &root) == OK ? value_of_json(root) : (struct value){0};
}

static inline void scope_fixture_make(struct scope_fixture *fixture, struct arena *arena)
{
	struct scope *scope = &fixture->scope;

	*fixture = (struct scope_fixture){.arena = arena, .budget = {.steps = TEMPLATE_STEPS_MAX}};
	scope->arena = arena;
	scope->budget = &fixture->budget;
	scope->root[ROOT_ARGS] = scope_fixture_json(arena, scope_args);
	scope->root[ROOT_BODY] = scope_fixture_json(arena, scope_body);
	scope->root[ROOT_SET] = scope_fixture_json(arena, "{\"base\":\"https://x.example\",\"v\":\"2\"}");
	scope->root[ROOT_ACCT] = scope_fixture_json(arena, "{\"id\":\"a1\"}");
	scope->root[ROOT_STATUS] = scope_fixture_json(arena, "200");
	scope->root[ROOT_NOW] = scope_fixture_json(arena, "1790000000");
	scope->root[ROOT_SECRET] = value_of_text(STR("s3cret"));
	scope->capture = scope_fixture_capture;
	scope->header = scope_fixture_header;
}

#endif
