/* The reader that fills structs from tables. A problem is noted where it stands and reading goes
 * on, so that one run shows all of them; values come from conf_value.c. */
#include "gateway/conf_table.h"

#include "base/check.h"
#include "gateway/conf_value.h"
#include "state/state.h"
#include "upstream/upstream.h"

static enum err bad_value(struct conf_reading *reading, const struct conf_field *field, const struct conf_node *node,
			  const char *wanted)
{
	conf_problem(&reading->problems, node, "%s: must be %s", field->name, wanted);
	return ERR_CONFIG;
}

static enum err check_range(struct conf_reading *reading, const struct conf_field *field, const struct conf_node *node,
			    int64_t value)
{
	if (value >= field->low && (field->high == 0 || value <= field->high))
		return OK;
	conf_problem(&reading->problems, node, "%s: %.*s is out of range (%lld to %lld%s)", field->name,
		     STR_ARG(node->text), (long long)field->low, (long long)field->high,
		     field->type == CONF_MS	? " ms"
		     : field->type == CONF_SIZE ? " bytes"
						: "");
	return ERR_CONFIG;
}

static enum err read_bool(struct conf_reading *reading, const struct conf_field *field, const struct conf_node *node,
			  bool *ret_value)
{
	*ret_value = str_eq(node->text, STR("true"));
	if (node->plain && (*ret_value || str_eq(node->text, STR("false"))))
		return OK;
	return bad_value(reading, field, node, "true or false");
}

static enum err read_choice(struct conf_reading *reading, const struct conf_field *field, const struct conf_node *node,
			    int *ret_value)
{
	AUTO_BUF known = {0};

	for (int i = 0; field->choices[i] != NULL; i++) {
		if (str_eq(node->text, str_of(field->choices[i]))) {
			*ret_value = i;
			return OK;
		}
		buf_put_fmt(&known, "%s%s", i == 0 ? "" : ", ", field->choices[i]);
	}
	conf_problem(&reading->problems, node, "%s: \"%.*s\" is none of %.*s", field->name, STR_ARG(node->text),
		     STR_ARG(buf_str(&known)));
	return ERR_CONFIG;
}

static enum err read_uint(struct conf_reading *reading, const struct conf_field *field, const struct conf_node *node,
			  unsigned *ret_value)
{
	uint64_t value;

	if (str_to_u64(node->text, &value) != OK || value > UINT32_MAX)
		return bad_value(reading, field, node, "a whole number");
	TRY(check_range(reading, field, node, (int64_t)value));
	*ret_value = (unsigned)value;
	return OK;
}

static enum err read_scalar(struct conf_reading *reading, const struct conf_field *field, const struct conf_node *node,
			    void *at)
{
	uint64_t bytes;

	if (node->kind != CONF_SCALAR)
		return bad_value(reading, field, node, "a single value");
	switch (field->type) {
	case CONF_STR:
		return conf_expand(reading, node, at);
	case CONF_BOOL:
		return read_bool(reading, field, node, at);
	case CONF_CHOICE:
		return read_choice(reading, field, node, at);
	case CONF_UINT:
		return read_uint(reading, field, node, at);
	case CONF_SIZE:
		if (conf_parse_size(node->text, &bytes) != OK)
			return bad_value(reading, field, node, "a size such as 64KB or 16MB");
		TRY(check_range(reading, field, node, (int64_t)bytes));
		*(size_t *)at = (size_t)bytes;
		return OK;
	case CONF_MS:
		if (conf_parse_ms(node->text, at) != OK)
			return bad_value(reading, field, node, "a duration such as 500ms, 30s or 5min");
		return check_range(reading, field, node, *(int64_t *)at);
	default: {
		struct rate *rate = at;

		if (conf_parse_rate(node->text, &rate->limit, &rate->window_ms) != OK)
			return bad_value(reading, field, node, "a rate such as 100/min or 5/15min, or off");
		return OK;
	}
	}
}

static enum err read_list(struct conf_reading *reading, const struct conf_field *field, const struct conf_node *node,
			  char *object)
{
	struct str *list;

	if (node->kind != CONF_LIST)
		return bad_value(reading, field, node, "a list");
	list = arena_zalloc(reading->arena, (node->count + 1) * sizeof(*list));
	for (size_t i = 0; i < node->count; i++) {
		if (node->entries[i].value->kind != CONF_SCALAR)
			return bad_value(reading, field, node->entries[i].value, "a list of texts");
		TRY(conf_expand(reading, node->entries[i].value, &list[i]));
	}
	*(const struct str **)(object + field->offset) = list;
	*(size_t *)(object + field->count_offset) = node->count;
	return OK;
}

static enum err read_pairs(struct conf_reading *reading, const struct conf_field *field, const struct conf_node *node,
			   char *object)
{
	struct upstream_pair *pairs;

	if (node->kind != CONF_MAP)
		return bad_value(reading, field, node, "a map of names and values");
	pairs = arena_zalloc(reading->arena, (node->count + 1) * sizeof(*pairs));
	for (size_t i = 0; i < node->count; i++) {
		pairs[i].name = node->entries[i].key->text;
		if (node->entries[i].value->kind != CONF_SCALAR)
			return bad_value(reading, field, node->entries[i].value, "a map of names and texts");
		TRY(conf_expand(reading, node->entries[i].value, &pairs[i].value));
	}
	*(const struct upstream_pair **)(object + field->offset) = pairs;
	*(size_t *)(object + field->count_offset) = node->count;
	return OK;
}

enum err conf_read_value(struct conf_reading *reading, const struct conf_field *field, const struct conf_node *node,
			 void *object)
{
	char *at = (char *)object + field->offset;

	switch (field->type) {
	case CONF_STRS:
		return read_list(reading, field, node, object);
	case CONF_PAIRS:
		return read_pairs(reading, field, node, object);
	case CONF_TABLE:
		conf_read(reading, field->table, node, at);
		return OK;
	case CONF_CUSTOM:
		return field->custom(reading, node, object);
	default:
		return read_scalar(reading, field, node, at);
	}
}

void conf_defaults(struct conf_reading *reading, const struct conf_table *table, void *object)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct conf_field *field = &table->fields[i];
		struct conf_node node = {.kind = CONF_SCALAR, .plain = true, .text = str_of(field->fallback)};

		if (field->type == CONF_TABLE)
			conf_defaults(reading, field->table, (char *)object + field->offset);
		else if (field->fallback != NULL && field->type < CONF_STRS)
			CHECK(conf_read_value(reading, field, &node, object) == OK);
	}
}

/* How far two keys are apart, for "did you mean": 0 same letters in order but for one edit. */
static bool is_near(struct str a, struct str b)
{
	size_t same = 0;

	while (same < a.n && same < b.n && a.p[same] == b.p[same])
		same++;
	for (size_t end = 0; same + end <= a.n && same + end <= b.n; end++)
		if ((a.n - same - end <= 1 && b.n - same - end <= 1))
			return true;
		else if (end < a.n - same && end < b.n - same && a.p[a.n - 1 - end] != b.p[b.n - 1 - end])
			return false;
	return false;
}

static void unknown_key(struct conf_reading *reading, const struct conf_table *table, const struct conf_node *key)
{
	AUTO_BUF known = {0};

	for (size_t i = 0; i < table->count; i++) {
		if (is_near(key->text, str_of(table->fields[i].name))) {
			conf_problem(&reading->problems, key, "unknown key \"%.*s\" in %s; did you mean \"%s\"?",
				     STR_ARG(key->text), table->name, table->fields[i].name);
			return;
		}
		buf_put_fmt(&known, "%s%s", i == 0 ? "" : ", ", table->fields[i].name);
	}
	conf_problem(&reading->problems, key, "unknown key \"%.*s\" in %s; known are: %.*s", STR_ARG(key->text),
		     table->name, STR_ARG(buf_str(&known)));
}

void conf_read(struct conf_reading *reading, const struct conf_table *table, const struct conf_node *node, void *object)
{
	if (node->kind != CONF_MAP) {
		conf_problem(&reading->problems, node, "%s: must be a map of keys and values", table->name);
		return;
	}
	for (size_t e = 0; e < node->count; e++) {
		const struct conf_field *field = NULL;
		enum err err;

		for (size_t i = 0; i < table->count && field == NULL; i++)
			if (str_eq(node->entries[e].key->text, str_of(table->fields[i].name)))
				field = &table->fields[i];
		if (field == NULL) {
			unknown_key(reading, table, node->entries[e].key);
			continue;
		}
		err = conf_read_value(reading, field, node->entries[e].value, object);
		/* The problem is noted where it was found; the other keys are read all the same. */
		if (err != OK && reading->problems.count == 0)
			conf_problem(&reading->problems, node->entries[e].value, "%s: %s", field->name, err_text(err));
	}
}
