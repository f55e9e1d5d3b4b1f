/* Nodes of a file to templates: strings are cut into texts and holes, mappings are objects or one of the four
 * structures. Names that elements have inside $each and $find live in a chain on the stack, as they will when the
 * template runs. */
#include "connector/template_private.h"

#include "base/check.h"

static struct template *template_new(const struct naming *naming, enum template_kind kind)
{
	struct template *template = ARENA_NEW(naming->arena, struct template);

	template->kind = kind;
	template->url = (naming->place & PLACE_URL) != 0;
	return template;
}

/* ---- strings ---- */

/* Where a hole ends: quotes may hold braces. -1: nowhere. */
static long hole_end(struct str text)
{
	bool quoted = false;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\'')
			quoted = !quoted;
		if (!quoted && text.p[i] == '}' && i + 1 < text.n && text.p[i + 1] == '}')
			return (long)i;
	}
	return -1;
}

static bool filters_encode(const struct hole *hole)
{
	for (size_t i = 0; i < hole->operand_count; i++)
		for (size_t k = 0; k < hole->operands[i].filter_count; k++)
			if (filter_encodes(hole->operands[i].filters[k].filter))
				return true;
	return false;
}

/* The next text or hole of a string, stepping past it. */
static bool take_piece(const struct naming *naming, const struct conf_node *node, bool first, struct str *rest,
		       struct piece *ret_piece)
{
	const char *open = memmem(rest->p, rest->n, "{{", 2);
	struct hole *hole;
	long end;

	if (open != rest->p) {
		size_t n = open == NULL ? rest->n : (size_t)(open - rest->p);

		*ret_piece = (struct piece){.text = {rest->p, n}};
		*rest = str_skip(*rest, n);
		return true;
	}
	*rest = str_skip(*rest, 2);
	end = hole_end(*rest);
	if (end < 0) {
		conf_problem(naming->problems, node, "a hole that opens with {{ has to close with }}");
		return false;
	}
	if (end > HOLE_BYTES_MAX) {
		conf_problem(naming->problems, node, "a hole of more than %d characters", HOLE_BYTES_MAX);
		return false;
	}
	hole = hole_parse(naming, node, (struct str){rest->p, (size_t)end});
	if (hole == NULL)
		return false;
	hole->encode = (naming->place & PLACE_URL) != 0 && !first && !filters_encode(hole);
	*ret_piece = (struct piece){.hole = hole};
	*rest = str_skip(*rest, (size_t)end + 2);
	return true;
}

static struct template *compile_text(const struct naming *naming, const struct conf_node *node)
{
	struct template *template = template_new(naming, TEMPLATE_TEXT);
	struct piece pieces[PIECES_MAX], *copy;
	struct str rest = arena_str(naming->arena, node->text);
	size_t count = 0;

	while (rest.n > 0) {
		if (count == PIECES_MAX) {
			conf_problem(naming->problems, node, "more than %d texts and holes in one string", PIECES_MAX);
			return NULL;
		}
		if (!take_piece(naming, node, count == 0, &rest, &pieces[count]))
			return NULL;
		count++;
	}
	if (count == 1 && !template->url) {
		template->kind = TEMPLATE_HOLE;
		template->hole = pieces[0].hole;
		return template;
	}
	copy = arena_alloc(naming->arena, count * sizeof(*copy));
	memcpy(copy, pieces, count * sizeof(*copy));
	template->pieces = copy;
	template->count = count;
	return template;
}

static struct template *compile_scalar(const struct naming *naming, const struct conf_node *node)
{
	struct template *template;
	bool is_null;

	if (memmem(node->text.p, node->text.n, "{{", 2) != NULL)
		return compile_text(naming, node);
	template = template_new(naming, TEMPLATE_VALUE);
	template->value = scalar_value(naming->arena, node, &is_null);
	if (template->value.kind == VALUE_TEXT)
		template->value.text = arena_str(naming->arena, node->text);
	else if (template->value.kind == VALUE_JSON && yyjson_is_raw(template->value.json))
		unsafe_yyjson_set_raw(template->value.json, arena_str(naming->arena, node->text).p, node->text.n);
	if (is_null)
		template->kind = TEMPLATE_NULL;
	return template;
}

/* ---- structures ---- */

/* Each key of a structure is one of its own. */
static bool only_keys(const struct naming *naming, const struct conf_node *map, const char *const *keys)
{
	for (size_t i = 0; i < map->count; i++) {
		const char *const *key = keys;

		while (*key != NULL && !str_eq(map->entries[i].key->text, str_of(*key)))
			key++;
		if (*key == NULL) {
			conf_problem(naming->problems, map->entries[i].key, "`%s` does not have `%.*s`", keys[0],
				     STR_ARG(map->entries[i].key->text));
			return false;
		}
	}
	return true;
}

/* An optional part: true when it is absent or right. */
static bool compile_part(const struct naming *naming, const struct conf_node *node, const struct template **ret_part)
{
	if (node == NULL)
		return true;
	*ret_part = template_compile(naming, node);
	return *ret_part != NULL;
}

static bool compile_when(const struct naming *naming, const struct conf_node *node, const struct condition **ret_when)
{
	if (node == NULL)
		return true;
	*ret_when = template_condition(naming, node);
	return *ret_when != NULL;
}

static struct template *compile_if(const struct naming *naming, const struct conf_node *map)
{
	static const char *const keys[] = {"$if", "then", "else", NULL};
	struct template *template = template_new(naming, TEMPLATE_IF);
	bool right = only_keys(naming, map, keys);

	right = compile_when(naming, conf_get(map, "$if"), &template->when) && right;
	right = compile_part(naming, conf_get(map, "then"), &template->make) && right;
	right = compile_part(naming, conf_get(map, "else"), &template->otherwise) && right;
	return right ? template : NULL;
}

/* $each and $find. */
static struct template *compile_over(const struct naming *naming, const struct conf_node *map, enum template_kind kind,
				     const char *const *keys)
{
	struct template *template = template_new(naming, kind);
	const struct conf_node *name = conf_get(map, "as");
	struct element_name element = {naming->element, STR("it")};
	struct naming inside = *naming;
	bool right = only_keys(naming, map, keys) && compile_part(naming, conf_get(map, keys[0]), &template->list);

	if (name != NULL && (name->kind != CONF_SCALAR || name->text.n == 0)) {
		conf_problem(naming->problems, name, "`as` is a name");
		right = false;
	} else if (name != NULL) {
		element.name = arena_str(naming->arena, name->text);
	}
	inside.element = &element;
	template->name = element.name;
	template->keep = conf_get(map, "$keep") != NULL;
	right = compile_when(&inside, conf_get(map, "where"), &template->when) && right;
	right = compile_part(&inside, conf_get(map, "do"), &template->make) && right;
	return right ? template : NULL;
}

/* A list without holes is made once. */
static void settle_constant(const struct naming *naming, struct template *template)
{
	const struct scope scope = {.arena = naming->arena};
	AUTO_BUF text = {0};

	for (size_t i = 0; i < template->count; i++)
		if (template->items[i]->kind != TEMPLATE_VALUE)
			return;
	if (template->kind != TEMPLATE_ARRAY || !template_json(template, &scope, &text))
		return;
	template->value = scope_json(&scope, buf_str(&text));
	if (template->value.kind == VALUE_JSON)
		template->kind = TEMPLATE_VALUE;
}

static struct template *compile_items(const struct naming *naming, const struct conf_node *list,
				      enum template_kind kind)
{
	struct template *template = template_new(naming, kind);
	const struct template **items;
	bool right = true;

	if (list->kind != CONF_LIST) {
		conf_problem(naming->problems, list, "a list is wanted here");
		return NULL;
	}
	items = arena_alloc(naming->arena, (list->count + 1) * sizeof(struct template *));
	for (size_t i = 0; i < list->count; i++) {
		items[i] = template_compile(naming, list->entries[i].value);
		right = items[i] != NULL && right;
	}
	template->items = items;
	template->count = list->count;
	if (right)
		settle_constant(naming, template);
	return right ? template : NULL;
}

/* "$$ref" is a member that is called "$ref". */
static bool member_name(const struct naming *naming, const struct conf_node *key, struct str *ret_name)
{
	struct str name = key->text;

	if (str_starts(name, STR("$$")))
		name = str_skip(name, 1);
	else if (str_starts(name, STR("$"))) {
		conf_problem(naming->problems, key,
			     "there is no structure `%.*s`; a member of that name is written $%.*s", STR_ARG(name),
			     STR_ARG(name));
		return false;
	}
	*ret_name = arena_str(naming->arena, name);
	return true;
}

static struct template *compile_object(const struct naming *naming, const struct conf_node *map)
{
	struct template *template = template_new(naming, TEMPLATE_OBJECT);
	struct member *members = arena_alloc(naming->arena, (map->count + 1) * sizeof(*members));
	bool right = true;

	for (size_t i = 0; i < map->count; i++) {
		struct member *member = &members[template->count];

		if (str_eq(map->entries[i].key->text, STR("$keep"))) {
			template->keep = true;
			continue;
		}
		if (!member_name(naming, map->entries[i].key, &member->name)) {
			right = false;
			continue;
		}
		member->value = template_compile(naming, map->entries[i].value);
		right = member->value != NULL && right;
		template->count++;
	}
	template->members = members;
	template->keep = template->keep || map->count == 0;
	return right ? template : NULL;
}

static struct template *compile_merge(const struct naming *naming, const struct conf_node *map)
{
	static const char *const keys[] = {"$merge", NULL};

	return only_keys(naming, map, keys) ? compile_items(naming, conf_get(map, "$merge"), TEMPLATE_MERGE) : NULL;
}

static struct template *compile_concat(const struct naming *naming, const struct conf_node *map)
{
	static const char *const keys[] = {"$concat", NULL};

	return only_keys(naming, map, keys) ? compile_items(naming, conf_get(map, "$concat"), TEMPLATE_CONCAT) : NULL;
}

static struct template *compile_join(const struct naming *naming, const struct conf_node *map)
{
	static const char *const keys[] = {"$join", "with", NULL};
	const struct conf_node *with = conf_get(map, "with");
	struct template *template;

	if (!only_keys(naming, map, keys))
		return NULL;
	if (with != NULL && with->kind != CONF_SCALAR) {
		conf_problem(naming->problems, with, "`with` is a text");
		return NULL;
	}
	template = compile_items(naming, conf_get(map, "$join"), TEMPLATE_JOIN);
	if (template != NULL)
		template->name = with == NULL ? STR("") : arena_str(naming->arena, with->text);
	return template;
}

struct template *template_compile(const struct naming *naming, const struct conf_node *node)
{
	static const char *const each_keys[] = {"$each", "as", "where", "do", "$keep", NULL};
	static const char *const find_keys[] = {"$find", "as", "where", "do", NULL};

	CHECK(node != NULL);
	if (node->kind == CONF_SCALAR)
		return compile_scalar(naming, node);
	if (node->kind == CONF_LIST)
		return compile_items(naming, node, TEMPLATE_ARRAY);
	if (conf_get(node, "$if") != NULL)
		return compile_if(naming, node);
	if (conf_get(node, "$each") != NULL)
		return compile_over(naming, node, TEMPLATE_EACH, each_keys);
	if (conf_get(node, "$find") != NULL)
		return compile_over(naming, node, TEMPLATE_FIND, find_keys);
	if (conf_get(node, "$merge") != NULL)
		return compile_merge(naming, node);
	if (conf_get(node, "$join") != NULL)
		return compile_join(naming, node);
	if (conf_get(node, "$concat") != NULL)
		return compile_concat(naming, node);
	return compile_object(naming, node);
}
