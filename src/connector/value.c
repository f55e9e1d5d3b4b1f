/* Values of templates: texts, and pieces of JSON documents. Numbers are kept and compared as the digits they were
 * written with, since ids of platforms are larger than a double can hold. */
#include "connector/template_private.h"

#include <stdio.h>

#include "schema/schema_number.h"

static yyjson_val value_true = {.tag = YYJSON_TYPE_BOOL | YYJSON_SUBTYPE_TRUE};
static yyjson_val value_false = {.tag = YYJSON_TYPE_BOOL | YYJSON_SUBTYPE_FALSE};

bool scope_spend(const struct scope *scope, size_t bytes)
{
	uint64_t steps = 1 + bytes / 64;

	if (scope->budget == NULL)
		return true;
	if (scope->budget->spent || scope->budget->steps < steps) {
		scope->budget->spent = true;
		return false;
	}
	scope->budget->steps -= steps;
	return true;
}

static struct value overrun(const struct scope *scope)
{
	if (scope->budget != NULL)
		scope->budget->spent = true;
	return (struct value){VALUE_ABSENT, STR_NONE, NULL};
}

struct value scope_text(const struct scope *scope, struct str text)
{
	struct str copy = arena_try_str(scope->arena, text);

	if (copy.p == NULL || !scope_spend(scope, text.n))
		return overrun(scope);
	return value_of_text(copy);
}

static yyjson_val *raw_number(struct arena *arena, struct str digits)
{
	yyjson_val *number = arena_try_alloc(arena, sizeof(*number));
	struct str copy = arena_try_str(arena, digits);

	if (number == NULL || copy.p == NULL)
		return NULL;
	unsafe_yyjson_set_raw(number, copy.p, copy.n);
	return number;
}

struct value scope_number(const struct scope *scope, int64_t number)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%lld", (long long)number);
	yyjson_val *json = raw_number(scope->arena, (struct str){digits, (size_t)n});

	return json == NULL ? overrun(scope) : value_of_json(json);
}

struct value scope_bool(bool value)
{
	return value_of_json(value ? &value_true : &value_false);
}

struct value scope_json(const struct scope *scope, struct str text)
{
	yyjson_val *root;
	enum err err = scope_spend(scope, text.n) ? json_read(scope->arena, text, &root) : ERR_LIMIT;

	if (err == ERR_LIMIT)
		return overrun(scope);
	return err == OK ? value_of_json(root) : (struct value){VALUE_ABSENT, STR_NONE, NULL};
}

struct value value_of_text(struct str text)
{
	return (struct value){text.p == NULL ? VALUE_ABSENT : VALUE_TEXT, text, NULL};
}

struct value value_of_json(yyjson_val *json)
{
	if (json == NULL || yyjson_is_null(json))
		return (struct value){VALUE_ABSENT, STR_NONE, NULL};
	if (yyjson_is_str(json))
		return (struct value){VALUE_TEXT, json_str(json), NULL};
	return (struct value){VALUE_JSON, STR_NONE, json};
}

void value_put_json(struct buf *out, struct value value)
{
	if (value.kind == VALUE_TEXT)
		buf_put_json(out, value.text);
	else if (value.kind == VALUE_JSON)
		json_write(out, value.json);
}

struct str value_text(struct arena *arena, struct value value)
{
	AUTO_BUF text = {0};

	if (value.kind == VALUE_ABSENT)
		return STR_NONE;
	if (value.kind == VALUE_TEXT)
		return value.text;
	if (yyjson_is_raw(value.json))
		return (struct str){yyjson_get_raw(value.json), yyjson_get_len(value.json)};
	if (yyjson_is_bool(value.json))
		return yyjson_get_bool(value.json) ? STR("true") : STR("false");
	json_write(&text, value.json);
	return arena_try_str(arena, buf_str(&text));
}

/* A number as JSON's grammar has it; "007" and "1." are texts. */
static bool is_number(struct str text)
{
	size_t i = 0, start;

	if (i < text.n && text.p[i] == '-')
		i++;
	start = i;
	while (i < text.n && text.p[i] >= '0' && text.p[i] <= '9')
		i++;
	if (i == start || (i - start > 1 && text.p[start] == '0'))
		return false;
	if (i < text.n && text.p[i] == '.') {
		start = ++i;
		while (i < text.n && text.p[i] >= '0' && text.p[i] <= '9')
			i++;
		if (i == start)
			return false;
	}
	if (i < text.n && (text.p[i] == 'e' || text.p[i] == 'E')) {
		i++;
		if (i < text.n && (text.p[i] == '+' || text.p[i] == '-'))
			i++;
		start = i;
		while (i < text.n && text.p[i] >= '0' && text.p[i] <= '9')
			i++;
		if (i == start)
			return false;
	}
	return i == text.n;
}

bool value_number(struct value value, char scratch[static NUMBER_SCRATCH_BYTES], struct str *ret_lexeme)
{
	if (value.kind == VALUE_JSON)
		return number_lexeme(value.json, scratch, ret_lexeme);
	*ret_lexeme = value.text;
	return value.kind == VALUE_TEXT && is_number(value.text);
}

bool value_int(struct value value, int64_t *ret_int)
{
	char scratch[NUMBER_SCRATCH_BYTES];
	struct str lexeme;

	return value_number(value, scratch, &lexeme) && str_to_i64(lexeme, ret_int) == OK;
}

bool value_equals(const struct scope *scope, struct value a, struct value b)
{
	char scratch_a[NUMBER_SCRATCH_BYTES], scratch_b[NUMBER_SCRATCH_BYTES];
	struct str text_a, text_b;

	if (a.kind == VALUE_ABSENT || b.kind == VALUE_ABSENT)
		return a.kind == b.kind;
	if (a.kind == VALUE_TEXT && b.kind == VALUE_TEXT)
		return scope_spend(scope, a.text.n) && str_eq(a.text, b.text);
	if (value_number(a, scratch_a, &text_a) && value_number(b, scratch_b, &text_b)) {
		struct decimal decimal_a = decimal_of(text_a), decimal_b = decimal_of(text_b);

		return scope_spend(scope, text_a.n) && decimal_cmp(&decimal_a, &decimal_b) == 0;
	}
	text_a = value_text(scope->arena, a);
	text_b = value_text(scope->arena, b);
	return scope_spend(scope, text_a.n) && text_a.p != NULL && str_eq(text_a, text_b);
}

bool value_order(const struct scope *scope, struct value a, struct value b, int *ret_order)
{
	char scratch_a[NUMBER_SCRATCH_BYTES], scratch_b[NUMBER_SCRATCH_BYTES];
	struct str text_a, text_b;

	if (a.kind == VALUE_ABSENT || b.kind == VALUE_ABSENT || !scope_spend(scope, a.text.n))
		return false;
	if (value_number(a, scratch_a, &text_a) && value_number(b, scratch_b, &text_b)) {
		struct decimal decimal_a = decimal_of(text_a), decimal_b = decimal_of(text_b);

		*ret_order = decimal_cmp(&decimal_a, &decimal_b);
		return true;
	}
	*ret_order = str_cmp(a.text, b.text);
	return a.kind == VALUE_TEXT && b.kind == VALUE_TEXT;
}

struct value scalar_value(struct arena *arena, const struct conf_node *node, bool *ret_null)
{
	struct str text = node->text;

	*ret_null = false;
	if (!node->plain)
		return value_of_text(text);
	if (text.n == 0 || str_eq(text, STR("null")) || str_eq(text, STR("~"))) {
		*ret_null = true;
		return (struct value){VALUE_ABSENT, STR_NONE, NULL};
	}
	if (str_eq(text, STR("true")) || str_eq(text, STR("false")))
		return scope_bool(text.p[0] == 't');
	if (is_number(text)) {
		yyjson_val *number = arena_alloc(arena, sizeof(*number));

		unsafe_yyjson_set_raw(number, text.p, text.n);
		return value_of_json(number);
	}
	return value_of_text(text);
}
