/* Conditions: JSON Schemas over what is asked and who asks,
 *
 *     {"arguments": {...}, "principal": {"id", "user", "tenant", "role", "client", "ip"}}
 *
 * or, since most look at arguments only, over the arguments alone. Which of the two a schema is meant to be
 * is read from its own top: one that speaks of the members `arguments` or `principal` there is over the whole,
 * one that speaks of others is over the arguments. One that does both, or hides what it speaks of behind a
 * reference, is refused: read the wrong way round it would hold for everything. */
#include "base/check.h"
#include "policy/private.h"

struct reading {
	bool whole, bare;
	const char *problem;
};

static bool is_member_of_whole(struct str name)
{
	return str_eq(name, STR("arguments")) || str_eq(name, STR("principal"));
}

static void read_name(struct reading *reading, struct str name)
{
	if (is_member_of_whole(name))
		reading->whole = true;
	else
		reading->bare = true;
}

static void read_names(struct reading *reading, yyjson_val *schema)
{
	static const char *const objects[] = {"properties", "dependentSchemas", "dependentRequired"};
	yyjson_arr_iter required = yyjson_arr_iter_with(json_get(schema, "required"));
	yyjson_val *name;

	for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
		yyjson_obj_iter members = yyjson_obj_iter_with(json_get(schema, objects[i]));

		while ((name = yyjson_obj_iter_next(&members)) != NULL)
			read_name(reading, json_str(name));
	}
	while ((name = yyjson_arr_iter_next(&required)) != NULL)
		if (yyjson_is_str(name))
			read_name(reading, json_str(name));
}

/* The top of a schema: itself, and what its combining keywords apply to the same value. Depth is that of
 * json_read's documents. */
static void read_top(struct reading *reading, yyjson_val *schema)
{
	static const char *const lists[] = {"allOf", "anyOf", "oneOf"};
	static const char *const single[] = {"not", "if", "then", "else"};
	yyjson_val *branch;

	read_names(reading, schema);
	if (json_get(schema, "$ref") != NULL || json_get(schema, "$dynamicRef") != NULL)
		reading->problem = "a reference at the top does not show what the condition is over; write it out";
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		yyjson_arr_iter iter = yyjson_arr_iter_with(json_get(schema, lists[i]));

		while ((branch = yyjson_arr_iter_next(&iter)) != NULL)
			read_top(reading, branch);
	}
	for (size_t i = 0; i < ARRAY_LEN(single); i++)
		if ((branch = json_get(schema, single[i])) != NULL)
			read_top(reading, branch);
}

enum err condition_compile(yyjson_val *condition, struct buf *problem, struct rule *rule)
{
	struct reading reading = {0};
	AUTO_BUF why = {0};
	enum err err;

	read_top(&reading, condition);
	if (reading.whole && reading.bare)
		reading.problem = "is over `arguments` and `principal`, or over the arguments alone: not both";
	if (reading.problem != NULL) {
		buf_put_fmt(problem, "/condition: %s", reading.problem);
		return ERR_CONFIG;
	}
	err = schema_compile(condition, &why, &rule->condition);
	if (err != OK)
		buf_put_fmt(problem, "/condition%.*s", STR_ARG(buf_str(&why)));
	rule->whole_document = reading.whole;
	return err;
}

static void put_member(struct buf *out, const char *name, struct str value)
{
	buf_put_fmt(out, "%s\"%s\":", out->p[out->n - 1] == '{' ? "" : ",", name);
	buf_put_json(out, value);
}

static void put_whole(const struct policy_call *call, struct buf *out)
{
	const struct caller *caller = call->subject.caller;
	char ip[ADDRESS_TEXT_MAX];

	buf_put(out, STR("{\"arguments\":"));
	buf_put(out, call->arguments.p == NULL ? STR("{}") : call->arguments);
	buf_put(out, STR(",\"principal\":{"));
	put_member(out, "id", str_of(caller->principal));
	put_member(out, "user", str_of(caller->user_id));
	put_member(out, "tenant", str_of(caller->tenant_name));
	put_member(out, "role", str_of(caller->role_name));
	put_member(out, "client", str_of(caller->client));
	put_member(out, "ip", address_text(&call->subject.ip, false, ip));
	buf_put(out, STR("}}"));
}

enum err condition_holds(const struct rule *rule, const struct policy_call *call, struct arena *arena, bool *ret_holds,
			 struct str *ret_why)
{
	struct str text = call->arguments.p == NULL ? STR("{}") : call->arguments;
	struct schema_failure failure;
	AUTO_BUF whole = {0};
	yyjson_val *value;
	enum err err;

	if (rule->whole_document) {
		put_whole(call, &whole);
		text = buf_str(&whole);
	}
	TRY(json_read(arena, text, &value));
	err = schema_validate(rule->condition, value, arena, &failure);
	*ret_holds = err == OK;
	if (err == ERR_MCP_ARGUMENTS)
		*ret_why = failure.message;
	return err == ERR_MCP_ARGUMENTS ? OK : err;
}
