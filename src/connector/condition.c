/* Conditions: a mapping with one key says what is compared. What is absent is equal to nothing but what is absent too,
 * and is neither more nor less than anything. */
#include "connector/template_private.h"

#include <strings.h>

#include "schema/pattern.h"

#define MATCH_WORK_MAX 500000 /* of one `matches`, as much as a call has in all: some 15 ms */
#define PATTERN_UNIT_BYTES 64 /* a unit of a pattern's work costs a step: both take some 50 ns */

enum condition_kind {
	CONDITION_EXISTS,
	CONDITION_EQ,
	CONDITION_NE,
	CONDITION_IN,
	CONDITION_BETWEEN,
	CONDITION_GT,
	CONDITION_LT,
	CONDITION_CONTAINS,
	CONDITION_MATCHES,
	CONDITION_AND,
	CONDITION_OR,
	CONDITION_NOT,
};

struct condition {
	enum condition_kind kind;
	const struct hole *hole;	       /* exists */
	const struct template *sides[3];       /* what is compared */
	struct pattern *pattern;	       /* matches: instead of the second side */
	const struct condition *const *others; /* and, or, not */
	size_t other_count;
};

static const struct condition_word {
	const char *word;
	enum condition_kind kind;
	size_t sides; /* 0: it has no list of templates */
} words[] = {
	{"exists", CONDITION_EXISTS, 0},   {"eq", CONDITION_EQ, 2},
	{"ne", CONDITION_NE, 2},	   {"in", CONDITION_IN, 2},
	{"between", CONDITION_BETWEEN, 3}, {"gt", CONDITION_GT, 2},
	{"lt", CONDITION_LT, 2},	   {"contains", CONDITION_CONTAINS, 2},
	{"matches", CONDITION_MATCHES, 2}, {"and", CONDITION_AND, 0},
	{"or", CONDITION_OR, 0},	   {"not", CONDITION_NOT, 0},
};

static void pattern_destroy(void *pattern)
{
	pattern_free(pattern);
}

static bool compile_pattern(const struct naming *naming, const struct conf_node *node, struct condition *condition)
{
	AUTO_BUF problem = {0};

	if (node->kind != CONF_SCALAR) {
		conf_problem(naming->problems, node, "`matches` takes a text and a pattern");
		return false;
	}
	if (pattern_compile(node->text, &problem, &condition->pattern) != OK) {
		conf_problem(naming->problems, node, "not a pattern: %.*s", STR_ARG(buf_str(&problem)));
		return false;
	}
	arena_defer(naming->arena, pattern_destroy, condition->pattern);
	return true;
}

static bool compile_sides(const struct naming *naming, const struct conf_node *list, const struct condition_word *word,
			  struct condition *condition)
{
	bool right = true;

	if (list->kind != CONF_LIST || list->count != word->sides) {
		conf_problem(naming->problems, list, "`%s` takes a list of %zu", word->word, word->sides);
		return false;
	}
	for (size_t i = 0; i < list->count; i++) {
		const struct conf_node *side = list->entries[i].value;

		if (i == 1 && word->kind == CONDITION_MATCHES) {
			right = compile_pattern(naming, side, condition) && right;
			continue;
		}
		condition->sides[i] = template_compile(naming, side);
		right = condition->sides[i] != NULL && right;
	}
	return right;
}

/* `and` and `or` have a list, `not` has one. */
static bool compile_others(const struct naming *naming, const struct conf_node *node, const struct condition_word *word,
			   struct condition *condition)
{
	size_t count = word->kind == CONDITION_NOT ? 1 : node->count;
	const struct condition **others = arena_alloc(naming->arena, (count + 1) * sizeof(struct condition *));
	bool right = true;

	if (word->kind != CONDITION_NOT && (node->kind != CONF_LIST || count == 0)) {
		conf_problem(naming->problems, node, "`%s` takes a list of conditions", word->word);
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		others[i] = template_condition(naming, word->kind == CONDITION_NOT ? node : node->entries[i].value);
		right = others[i] != NULL && right;
	}
	condition->others = others;
	condition->other_count = count;
	return right;
}

static bool compile_exists(const struct naming *naming, const struct conf_node *node, struct condition *condition)
{
	struct str text = str_trim(node->text);

	if (node->kind != CONF_SCALAR) {
		conf_problem(naming->problems, node, "`exists` takes a path");
		return false;
	}
	if (str_starts(text, STR("{{")) && str_ends(text, STR("}}")))
		text = (struct str){text.p + 2, text.n - 4};
	condition->hole = hole_parse(naming, node, text);
	return condition->hole != NULL;
}

struct condition *template_condition(const struct naming *naming, const struct conf_node *node)
{
	struct condition *condition = ARENA_NEW(naming->arena, struct condition);
	const struct condition_word *word = words;
	const struct conf_node *value;
	bool right;

	if (node->kind != CONF_MAP || node->count != 1) {
		conf_problem(naming->problems, node,
			     "a condition is a mapping with one key: exists, eq, ne, in, between, "
			     "gt, lt, contains, matches, and, or, not");
		return NULL;
	}
	while (word < words + ARRAY_LEN(words) && !str_eq(node->entries[0].key->text, str_of(word->word)))
		word++;
	if (word == words + ARRAY_LEN(words)) {
		conf_problem(naming->problems, node->entries[0].key, "there is no condition `%.*s`",
			     STR_ARG(node->entries[0].key->text));
		return NULL;
	}
	value = node->entries[0].value;
	condition->kind = word->kind;
	if (word->kind == CONDITION_EXISTS)
		right = compile_exists(naming, value, condition);
	else if (word->sides > 0)
		right = compile_sides(naming, value, word, condition);
	else
		right = compile_others(naming, value, word, condition);
	return right ? condition : NULL;
}

/* ---- running ---- */

/* Without regard to the case of ASCII letters. */
static bool text_contains(struct str text, struct str part)
{
	if (part.n == 0)
		return true;
	for (size_t i = 0; i + part.n <= text.n; i++)
		if (((text.p[i] ^ part.p[0]) & ~0x20) == 0 && strncasecmp(text.p + i, part.p, part.n) == 0)
			return true;
	return false;
}

static bool list_has(const struct scope *scope, struct value list, struct value wanted)
{
	yyjson_arr_iter each = yyjson_arr_iter_with(list.json);
	yyjson_val *item;

	while ((item = yyjson_arr_iter_next(&each)) != NULL)
		if (wanted.kind != VALUE_ABSENT && scope_spend(scope, 0) &&
		    value_equals(scope, value_of_json(item), wanted))
			return true;
	return false;
}

static bool contains(const struct scope *scope, struct value whole, struct value part)
{
	struct str wanted;

	if (whole.kind == VALUE_JSON && yyjson_is_arr(whole.json))
		return list_has(scope, whole, part);
	wanted = value_text(scope->arena, part);
	if (whole.kind != VALUE_TEXT || wanted.p == NULL || !scope_spend(scope, whole.text.n * (1 + wanted.n)))
		return false;
	return text_contains(whole.text, wanted);
}

static bool is_between(const struct scope *scope, struct value value, struct value low, struct value high)
{
	int below, above;

	return value_order(scope, value, low, &below) && value_order(scope, value, high, &above) && below >= 0 &&
	       above <= 0;
}

static bool matches(const struct scope *scope, const struct pattern *pattern, struct value value)
{
	struct str text = value_text(scope->arena, value);
	uint64_t work = MATCH_WORK_MAX;
	bool matched;

	if (text.p == NULL || !scope_spend(scope, text.n) || pattern_match(pattern, text, &work, &matched) != OK)
		return false;
	return scope_spend(scope, (MATCH_WORK_MAX - work) * PATTERN_UNIT_BYTES) && matched;
}

static bool compare(const struct condition *condition, const struct scope *scope)
{
	struct value a = template_value(condition->sides[0], scope);
	struct value b = condition->sides[1] == NULL ? (struct value){0} : template_value(condition->sides[1], scope);
	int order;

	switch (condition->kind) {
	case CONDITION_EQ:
		return value_equals(scope, a, b);
	case CONDITION_NE:
		return !value_equals(scope, a, b);
	case CONDITION_IN:
		return b.kind == VALUE_JSON && yyjson_is_arr(b.json) && list_has(scope, b, a);
	case CONDITION_GT:
		return value_order(scope, a, b, &order) && order > 0;
	case CONDITION_LT:
		return value_order(scope, a, b, &order) && order < 0;
	case CONDITION_CONTAINS:
		return contains(scope, a, b);
	case CONDITION_MATCHES:
		return matches(scope, condition->pattern, a);
	default:
		return is_between(scope, a, b, template_value(condition->sides[2], scope));
	}
}

bool template_holds(const struct condition *condition, const struct scope *scope)
{
	if (condition == NULL)
		return true;
	if (!scope_spend(scope, 0))
		return false;
	switch (condition->kind) {
	case CONDITION_EXISTS:
		return hole_value(condition->hole, scope).kind != VALUE_ABSENT;
	case CONDITION_NOT:
		return !template_holds(condition->others[0], scope);
	case CONDITION_AND:
		for (size_t i = 0; i < condition->other_count; i++)
			if (!template_holds(condition->others[i], scope))
				return false;
		return true;
	case CONDITION_OR:
		for (size_t i = 0; i < condition->other_count; i++)
			if (template_holds(condition->others[i], scope))
				return true;
		return false;
	default:
		return compare(condition, scope);
	}
}
