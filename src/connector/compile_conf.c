/* Small readers of nodes, each of which says what it wanted where something else stands. What they give then is nothing
 * or 0: the compiler goes on, so that a file's mistakes are all told at once, and the connector is not made. */
#include "connector/compile.h"

#include <stdlib.h>

static const struct unit {
	const char *name;
	int64_t factor;
} byte_units[] = {{"B", 1}, {"KB", 1 << 10}, {"MB", 1 << 20}, {"GB", 1 << 30}, {"", 1}},
  time_units[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}};

bool conf_map(struct compiling *compiling, const struct conf_node *node, const char *what, const char *const *keys)
{
	bool right = true;

	if (node->kind != CONF_MAP) {
		conf_problem(compiling->problems, node, "%s is a mapping", what);
		return false;
	}
	for (size_t i = 0; i < node->count; i++) {
		const char *const *key = keys;

		while (*key != NULL && !str_eq(node->entries[i].key->text, str_of(*key)))
			key++;
		if (*key != NULL)
			continue;
		conf_problem(compiling->problems, node->entries[i].key, "%s has no `%.*s`", what,
			     STR_ARG(node->entries[i].key->text));
		right = false;
	}
	return right;
}

bool conf_list(struct compiling *compiling, const struct conf_node *node, const char *what)
{
	if (node->kind == CONF_LIST)
		return true;
	conf_problem(compiling->problems, node, "%s is a list", what);
	return false;
}

struct str conf_text(struct compiling *compiling, const struct conf_node *map, const char *key, bool wanted)
{
	const struct conf_node *node = conf_get(map, key);

	if (node != NULL && node->kind == CONF_SCALAR && (!wanted || node->text.n > 0))
		return arena_str(compiling->arena, node->text);
	if (node != NULL)
		conf_problem(compiling->problems, node, "`%s` is a text", key);
	else if (wanted)
		conf_problem(compiling->problems, map, "`%s` is missing", key);
	return STR_NONE;
}

const struct str *conf_texts(struct compiling *compiling, const struct conf_node *map, const char *key,
			     size_t *ret_count)
{
	const struct conf_node *list = conf_get(map, key);
	struct str *texts;

	*ret_count = 0;
	if (list == NULL || !conf_list(compiling, list, key))
		return NULL;
	texts = arena_alloc(compiling->arena, (list->count + 1) * sizeof(*texts));
	for (size_t i = 0; i < list->count; i++) {
		const struct conf_node *item = list->entries[i].value;

		if (item->kind == CONF_SCALAR && item->text.n > 0)
			texts[(*ret_count)++] = arena_str(compiling->arena, item->text);
		else
			conf_problem(compiling->problems, item, "`%s` is a list of texts", key);
	}
	return texts;
}

bool conf_flag(struct compiling *compiling, const struct conf_node *map, const char *key)
{
	const struct conf_node *node = conf_get(map, key);
	bool yes = node != NULL && str_eq(node->text, STR("true"));

	if (node != NULL && !yes && !str_eq(node->text, STR("false")))
		conf_problem(compiling->problems, node, "`%s` is true or false", key);
	return yes;
}

int64_t conf_integer(struct compiling *compiling, const struct conf_node *map, const char *key, int64_t max)
{
	const struct conf_node *node = conf_get(map, key);
	int64_t number;

	if (node == NULL)
		return 0;
	if (node->kind == CONF_SCALAR && str_to_i64(node->text, &number) == OK && number > 0 && number <= max)
		return number;
	conf_problem(compiling->problems, node, "`%s` is a number from 1 to %lld", key, (long long)max);
	return 0;
}

double conf_factor(struct compiling *compiling, const struct conf_node *map, const char *key)
{
	const struct conf_node *node = conf_get(map, key);
	char *end = NULL;
	double factor = node == NULL ? 1 : strtod(node->text.p != NULL ? node->text.p : "", &end);

	if (node == NULL ||
	    (node->kind == CONF_SCALAR && node->text.n > 0 && *end == '\0' && factor >= 1 && factor <= 10))
		return factor;
	conf_problem(compiling->problems, node, "`%s` is a number from 1 to 10", key);
	return 1;
}

/* "5MB" by a table of units; 0 when it is none. */
static int64_t with_unit(struct str text, const struct unit *units, size_t count)
{
	struct str digits = {text.p, 0}, unit;
	int64_t number, product;

	while (digits.n < text.n && text.p[digits.n] >= '0' && text.p[digits.n] <= '9')
		digits.n++;
	unit = str_skip(text, digits.n);
	if (digits.n == 0 || str_to_i64(digits, &number) != OK)
		return 0;
	for (size_t i = 0; i < count; i++)
		if (str_eq(unit, str_of(units[i].name)) && !__builtin_mul_overflow(number, units[i].factor, &product))
			return product;
	return 0;
}

int64_t conf_bytes(struct compiling *compiling, const struct conf_node *node)
{
	int64_t bytes = node->kind == CONF_SCALAR ? with_unit(node->text, byte_units, ARRAY_LEN(byte_units)) : 0;

	if (bytes == 0)
		conf_problem(compiling->problems, node, "a size is wanted: 5MB");
	return bytes;
}

int64_t conf_ms(struct compiling *compiling, const struct conf_node *node)
{
	int64_t ms = node->kind == CONF_SCALAR ? with_unit(node->text, time_units, ARRAY_LEN(time_units)) : 0;

	if (ms == 0)
		conf_problem(compiling->problems, node, "a time is wanted: 60s");
	return ms;
}

static bool read_status(struct str text, uint16_t *ret_status)
{
	int64_t number;

	if (text.n == 3 && text.p[0] >= '3' && text.p[0] <= '5' && str_ends(text, STR("xx"))) {
		*ret_status = (uint16_t)(text.p[0] - '0');
		return true;
	}
	if (str_to_i64(text, &number) != OK || number < 100 || number > 599)
		return false;
	*ret_status = (uint16_t)number;
	return true;
}

const uint16_t *conf_statuses(struct compiling *compiling, const struct conf_node *map, const char *key,
			      size_t *ret_count)
{
	size_t count;
	const struct str *texts = conf_texts(compiling, map, key, &count);
	uint16_t *statuses = arena_alloc(compiling->arena, (count + 1) * sizeof(*statuses));

	*ret_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (read_status(texts[i], &statuses[*ret_count]))
			++*ret_count;
		else
			conf_problem(compiling->problems, conf_get(map, key), "`%.*s` is no HTTP status",
				     STR_ARG(texts[i]));
	}
	return statuses;
}

bool conf_is_name(struct str name, const char *more, size_t bytes_max)
{
	if (name.n == 0 || name.n > bytes_max || name.p[0] < 'a' || name.p[0] > 'z')
		return false;
	for (size_t i = 1; i < name.n; i++) {
		char c = name.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && (c == '\0' || strchr(more, c) == NULL))
			return false;
	}
	return true;
}

/* ---- templates ---- */

const struct template *conf_template(const struct naming *naming, const struct conf_node *map, const char *key)
{
	const struct conf_node *node = conf_get(map, key);

	return node == NULL ? NULL : template_compile(naming, node);
}

const struct condition *conf_condition(const struct naming *naming, const struct conf_node *map, const char *key)
{
	const struct conf_node *node = conf_get(map, key);

	return node == NULL ? NULL : template_condition(naming, node);
}

struct named_templates conf_templates(const struct naming *naming, const struct conf_node *map, const char *key)
{
	const struct conf_node *node = conf_get(map, key);
	struct named_template *items;

	if (node == NULL)
		return (struct named_templates){0};
	if (node->kind != CONF_MAP) {
		conf_problem(naming->problems, node, "`%s` is a mapping", key);
		return (struct named_templates){0};
	}
	items = arena_alloc(naming->arena, (node->count + 1) * sizeof(*items));
	for (size_t i = 0; i < node->count; i++)
		items[i] = (struct named_template){arena_str(naming->arena, node->entries[i].key->text),
						   template_compile(naming, node->entries[i].value)};
	return (struct named_templates){items, node->count};
}

struct naming naming_of_file(struct compiling *compiling, unsigned place)
{
	return (struct naming){.arena = compiling->arena,
			       .problems = compiling->problems,
			       .place = place,
			       .settings = &compiling->settings};
}
