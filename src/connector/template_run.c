/* Running templates. What is absent takes the member, element or string that it stands in with it: whoever writes
 * remembers where its own piece began, and goes back there.
 *
 *     member:  ,"name":   value absent? ─▶ back to before the comma */
#include "connector/template_private.h"

#include "base/check.h"
#include "http/form.h"

static const struct value absent;

/* ---- holes ---- */

static struct value root_value(const struct path *path, const struct scope *scope, size_t *ret_taken)
{
	struct str first = path->part_count > 0 ? path->parts[0].name : STR_NONE;
	const struct scope_element *element = scope->element;

	*ret_taken = 0;
	switch (path->root) {
	case ROOT_CAP:
		*ret_taken = 1;
		return scope->capture == NULL ? absent : scope->capture(scope->run, first);
	case ROOT_HEADER:
		*ret_taken = 1;
		return scope->header == NULL ? absent : scope->header(scope->run, first);
	case ROOT_NAMED:
		for (; element != NULL; element = element->outer)
			if (str_eq(element->name, path->name))
				return element->value;
		if (scope->element != NULL && str_eq(path->name, STR("index")))
			return scope_number(scope, (int64_t)scope->element->index);
		return absent;
	default:
		return scope->root[path->root];
	}
}

/* A list's element by where another path leads, or an object's member by a text. */
static yyjson_val *step_by(yyjson_val *json, struct value by)
{
	int64_t index;

	if (yyjson_is_arr(json))
		return value_int(by, &index) && index >= 0 ? yyjson_arr_get(json, (size_t)index) : NULL;
	return by.kind == VALUE_TEXT ? yyjson_obj_getn(json, by.text.p, by.text.n) : NULL;
}

static yyjson_val *step_into(yyjson_val *json, const struct path_part *part, const struct scope *scope)
{
	if (part->by != NULL)
		return step_by(json, path_value(part->by, scope));
	if (part->name.p != NULL)
		return yyjson_obj_getn(json, part->name.p, part->name.n);
	if (part->index < 0)
		return yyjson_arr_get_last(json);
	return yyjson_arr_get(json, (size_t)part->index);
}

struct value path_value(const struct path *path, const struct scope *scope)
{
	size_t taken;
	struct value value = root_value(path, scope, &taken);

	for (size_t i = taken; i < path->part_count; i++) {
		if (value.kind != VALUE_JSON || !scope_spend(scope, yyjson_get_len(value.json)))
			return absent;
		value = value_of_json(step_into(value.json, &path->parts[i], scope));
	}
	return value;
}

static struct value operand_value(const struct operand *operand, const struct scope *scope)
{
	struct value value = operand->literal ? operand->value : path_value(&operand->path, scope);

	for (size_t i = 0; i < operand->filter_count && value.kind != VALUE_ABSENT; i++) {
		const struct filter_use *use = &operand->filters[i];

		if (!scope_spend(scope, value.text.n))
			return absent;
		if (use->filter->apply != NULL)
			value = use->filter->apply(scope, value, &use->argument);
	}
	return value;
}

struct value hole_value(const struct hole *hole, const struct scope *scope)
{
	for (size_t i = 0; i < hole->operand_count; i++) {
		struct value value = operand_value(&hole->operands[i], scope);
		bool empty =
			hole->encode && !hole->operands[i].literal && value.kind == VALUE_TEXT && value.text.n == 0;

		if (value.kind != VALUE_ABSENT && !empty)
			return value;
	}
	return absent;
}

/* ---- strings ---- */

/* Whether a segment behind the first slash of the path is "." or "..": a hole could climb to another place with it. */
static bool climbs(struct str url)
{
	const char *scheme = memmem(url.p, url.n, "://", 3);
	struct str rest = scheme == NULL ? url : str_skip(url, (size_t)(scheme - url.p) + 3);
	struct str path, query, segment;

	str_cut(rest, '?', &path, &query);
	while (path.n > 0) {
		str_cut(path, '/', &segment, &path);
		if (str_eq(segment, STR(".")) || str_eq(segment, STR("..")))
			return true;
	}
	return false;
}

static bool put_hole(const struct hole *hole, const struct scope *scope, struct buf *out)
{
	struct value value = hole_value(hole, scope);
	struct str text = value_text(scope->arena, value);

	if (text.p == NULL || !scope_spend(scope, text.n))
		return false;
	if (hole->encode)
		percent_put(out, text);
	else
		buf_put(out, text);
	return true;
}

static bool put_pieces(const struct template *template, const struct scope *scope, struct buf *out)
{
	size_t start = out->n;

	for (size_t i = 0; i < template->count; i++) {
		const struct piece *piece = &template->pieces[i];

		if (piece->hole == NULL)
			buf_put(out, piece->text);
		else if (!put_hole(piece->hole, scope, out)) {
			out->n = start;
			return false;
		}
	}
	if (template->url && climbs((struct str){out->p + start, out->n - start})) {
		out->n = start;
		return false;
	}
	return true;
}

/* ---- structures ---- */

static bool put_object(const struct template *template, const struct scope *scope, struct buf *out)
{
	size_t start = out->n;
	bool any = false;

	buf_put_byte(out, '{');
	for (size_t i = 0; i < template->count; i++) {
		size_t before = out->n;

		if (any)
			buf_put_byte(out, ',');
		buf_put_json(out, template->members[i].name);
		buf_put_byte(out, ':');
		if (template_json(template->members[i].value, scope, out))
			any = true;
		else
			out->n = before;
	}
	buf_put_byte(out, '}');
	if (!any && !template->keep)
		out->n = start;
	return any || template->keep;
}

static bool put_array(const struct template *template, const struct scope *scope, struct buf *out)
{
	size_t start = out->n;
	bool any = false;

	buf_put_byte(out, '[');
	for (size_t i = 0; i < template->count; i++) {
		size_t before = out->n;

		if (any)
			buf_put_byte(out, ',');
		if (template_json(template->items[i], scope, out))
			any = true;
		else
			out->n = before;
	}
	buf_put_byte(out, ']');
	if (!any && template->count > 0)
		out->n = start;
	return any || template->count == 0;
}

static bool put_element(const struct template *template, const struct scope *inside, struct buf *out)
{
	size_t start;

	if (template->make != NULL)
		return template_json(template->make, inside, out);
	start = out->n;
	value_put_json(out, inside->element->value);
	return inside->element->value.kind != VALUE_ABSENT && scope_spend(inside, out->n - start);
}

/* A list that is there makes one, though none of its elements fits. */
static bool put_each(const struct template *template, const struct scope *scope, struct buf *out)
{
	struct value list = template_value(template->list, scope);
	struct scope_element element = {scope->element, template->name, absent, 0};
	struct scope inside = *scope;
	yyjson_arr_iter each;
	yyjson_val *item;
	bool any = false;

	if ((list.kind != VALUE_JSON || !yyjson_is_arr(list.json)) && !template->keep)
		return false;
	inside.element = &element;
	each = yyjson_arr_iter_with(list.json);
	buf_put_byte(out, '[');
	for (; (item = yyjson_arr_iter_next(&each)) != NULL; element.index++) {
		size_t before = out->n;

		element.value = value_of_json(item);
		if (!scope_spend(scope, 0) || !template_holds(template->when, &inside))
			continue;
		if (any)
			buf_put_byte(out, ',');
		if (put_element(template, &inside, out))
			any = true;
		else
			out->n = before;
	}
	buf_put_byte(out, ']');
	return true;
}

static struct value find_value(const struct template *template, const struct scope *scope)
{
	struct value list = template_value(template->list, scope);
	struct scope_element element = {scope->element, template->name, absent, 0};
	struct scope inside = *scope;
	yyjson_arr_iter each;
	yyjson_val *item;

	if (list.kind != VALUE_JSON || !yyjson_is_arr(list.json))
		return absent;
	inside.element = &element;
	each = yyjson_arr_iter_with(list.json);
	for (; (item = yyjson_arr_iter_next(&each)) != NULL; element.index++) {
		element.value = value_of_json(item);
		if (!scope_spend(scope, 0))
			return absent;
		if (template_holds(template->when, &inside))
			return template->make == NULL ? element.value : template_value(template->make, &inside);
	}
	return absent;
}

/* Whether one of the objects behind has a member of that name, which then wins. */
static bool comes_later(const struct value *objects, size_t count, yyjson_val *key)
{
	for (size_t i = 0; i < count; i++)
		if (objects[i].kind == VALUE_JSON &&
		    yyjson_obj_getn(objects[i].json, yyjson_get_str(key), yyjson_get_len(key)) != NULL)
			return true;
	return false;
}

static bool put_merged(const struct template *template, const struct scope *scope, struct buf *out)
{
	struct value *objects = arena_try_alloc(scope->arena, (template->count + 1) * sizeof(*objects));
	bool any = false, there = false;

	if (objects == NULL)
		return false;
	for (size_t i = 0; i < template->count; i++)
		objects[i] = template_value(template->items[i], scope);
	buf_put_byte(out, '{');
	for (size_t i = 0; i < template->count; i++) {
		yyjson_val *key, *value;
		size_t at, max, before;

		there = there || (objects[i].kind == VALUE_JSON && yyjson_is_obj(objects[i].json));
		yyjson_obj_foreach(json_members(objects[i].json), at, max, key, value)
		{
			if (!scope_spend(scope, max) || comes_later(objects + i + 1, template->count - i - 1, key))
				continue;
			if (any)
				buf_put_byte(out, ',');
			buf_put_json(out, json_str(key));
			buf_put_byte(out, ':');
			before = out->n;
			json_write(out, value);
			scope_spend(scope, out->n - before);
			any = true;
		}
	}
	buf_put_byte(out, '}');
	return there;
}

/* Elements of a list, and of the lists in it. */
static void put_elements(const struct scope *scope, yyjson_val *list, bool flat, bool *any, struct buf *out)
{
	yyjson_arr_iter each = yyjson_arr_iter_with(list);
	yyjson_val *item;

	while ((item = yyjson_arr_iter_next(&each)) != NULL && scope_spend(scope, 0)) {
		size_t before = out->n;

		if (flat && yyjson_is_arr(item)) {
			put_elements(scope, item, false, any, out);
			continue;
		}
		if (yyjson_is_null(item))
			continue;
		if (*any)
			buf_put_byte(out, ',');
		json_write(out, item);
		scope_spend(scope, out->n - before);
		*any = true;
	}
}

/* One list of several, and of lists of lists; absent when none is there. */
static bool put_concat(const struct template *template, const struct scope *scope, struct buf *out)
{
	bool there = false, any = false;

	buf_put_byte(out, '[');
	for (size_t i = 0; i < template->count; i++) {
		struct value list = template_value(template->items[i], scope);

		if (list.kind != VALUE_JSON || !yyjson_is_arr(list.json))
			continue;
		there = true;
		put_elements(scope, list.json, true, &any, out);
	}
	buf_put_byte(out, ']');
	return there;
}

/* The texts that are there; absent when none is. */
static bool put_joined(const struct template *template, const struct scope *scope, struct buf *out)
{
	size_t start = out->n;
	bool any = false;

	for (size_t i = 0; i < template->count; i++) {
		size_t before = out->n;

		if (any)
			buf_put(out, template->name);
		if (template_text(template->items[i], scope, out))
			any = true;
		else
			out->n = before;
	}
	return any && scope_spend(scope, out->n - start);
}

/* ---- what the header promises ---- */

static const struct template *chosen(const struct template *template, const struct scope *scope)
{
	return template_holds(template->when, scope) ? template->make : template->otherwise;
}

/* A structure's JSON; absent when it is. */
static struct value structure_value(const struct template *template, const struct scope *scope)
{
	AUTO_BUF text = {0};

	return template_json(template, scope, &text) ? scope_json(scope, buf_str(&text)) : absent;
}

struct value template_value(const struct template *template, const struct scope *scope)
{
	AUTO_BUF text = {0};
	const struct template *branch;

	switch (template->kind) {
	case TEMPLATE_VALUE:
		return template->value;
	case TEMPLATE_NULL:
		return absent;
	case TEMPLATE_HOLE:
		return scope_spend(scope, 0) ? hole_value(template->hole, scope) : absent;
	case TEMPLATE_TEXT:
		return put_pieces(template, scope, &text) ? scope_text(scope, buf_str(&text)) : absent;
	case TEMPLATE_IF:
		branch = chosen(template, scope);
		return branch == NULL ? absent : template_value(branch, scope);
	case TEMPLATE_FIND:
		return find_value(template, scope);
	case TEMPLATE_JOIN:
		return put_joined(template, scope, &text) ? scope_text(scope, buf_str(&text)) : absent;
	default:
		return structure_value(template, scope);
	}
}

bool template_text(const struct template *template, const struct scope *scope, struct buf *out)
{
	struct str text;

	if (template->kind == TEMPLATE_TEXT)
		return put_pieces(template, scope, out);
	text = value_text(scope->arena, template_value(template, scope));
	if (text.p == NULL)
		return false;
	buf_put(out, text);
	return true;
}

static bool put_structure(const struct template *template, const struct scope *scope, struct buf *out)
{
	switch (template->kind) {
	case TEMPLATE_OBJECT:
		return put_object(template, scope, out);
	case TEMPLATE_ARRAY:
		return put_array(template, scope, out);
	case TEMPLATE_EACH:
		return put_each(template, scope, out);
	case TEMPLATE_CONCAT:
		return put_concat(template, scope, out);
	default:
		return put_merged(template, scope, out);
	}
}

bool template_json(const struct template *template, const struct scope *scope, struct buf *out)
{
	const struct template *branch;
	size_t start = out->n;
	struct value value;

	switch (template->kind) {
	case TEMPLATE_NULL:
		buf_put(out, STR("null"));
		return true;
	case TEMPLATE_IF:
		branch = chosen(template, scope);
		return branch != NULL && template_json(branch, scope, out);
	case TEMPLATE_OBJECT:
	case TEMPLATE_ARRAY:
	case TEMPLATE_EACH:
	case TEMPLATE_MERGE:
	case TEMPLATE_CONCAT:
		if (scope_spend(scope, 0) && put_structure(template, scope, out))
			return true;
		out->n = start;
		return false;
	default:
		value = template_value(template, scope);
		value_put_json(out, value);
		return value.kind != VALUE_ABSENT && scope_spend(scope, out->n - start);
	}
}
