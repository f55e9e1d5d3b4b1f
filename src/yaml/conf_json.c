/* JSON documents as configuration nodes. A row's document means what the same text means under its name in the
 * configuration file, so it is read by the same tables; only the parser differs, and how a place is told: who sent
 * a document over an API counts no lines. */
#include "yaml/conf_json.h"

#include "base/json.h"

#define DEPTH_MAX 16 /* a definition has 4 */

static struct conf_node *scalar(struct arena *arena, struct str text, bool plain)
{
	struct conf_node *node = ARENA_NEW(arena, struct conf_node);

	*node = (struct conf_node){.kind = CONF_SCALAR, .plain = plain, .text = arena_str(arena, text)};
	return node;
}

static enum err from_value(struct arena *arena, yyjson_val *value, unsigned depth, struct conf_node **ret_node);

static enum err from_collection(struct arena *arena, yyjson_val *value, unsigned depth, struct conf_node *node)
{
	yyjson_val *key, *child;
	size_t i, most;

	node->entries = arena_alloc(arena, (unsafe_yyjson_get_len(value) + 1) * sizeof(*node->entries));
	if (node->kind == CONF_LIST) {
		yyjson_arr_foreach(value, i, most, child)
		{
			node->entries[i].key = NULL;
			TRY(from_value(arena, child, depth + 1, &node->entries[i].value));
			node->count++;
		}
		return OK;
	}
	yyjson_obj_foreach(value, i, most, key, child)
	{
		if (str_has_control(json_str(key)))
			return ERR_CONFIG;
		node->entries[i].key = scalar(arena, json_str(key), false);
		TRY(from_value(arena, child, depth + 1, &node->entries[i].value));
		node->count++;
	}
	return OK;
}

static enum err from_value(struct arena *arena, yyjson_val *value, unsigned depth, struct conf_node **ret_node)
{
	if (yyjson_is_ctn(value)) {
		struct conf_node *node = ARENA_NEW(arena, struct conf_node);

		if (depth == DEPTH_MAX)
			return ERR_CONFIG;
		node->kind = yyjson_is_arr(value) ? CONF_LIST : CONF_MAP;
		*ret_node = node;
		return from_collection(arena, value, depth, node);
	}
	if (yyjson_is_str(value)) {
		*ret_node = scalar(arena, json_str(value), false);
		return str_has_control(json_str(value)) ? ERR_CONFIG : OK;
	}
	if (yyjson_is_raw(value))
		*ret_node = scalar(arena, (struct str){yyjson_get_raw(value), yyjson_get_len(value)}, true);
	else
		*ret_node = scalar(arena,
				   yyjson_is_true(value)    ? STR("true")
				   : yyjson_is_false(value) ? STR("false")
							    : STR(""),
				   true);
	return OK;
}

enum err conf_from_json(struct arena *arena, struct str text, struct conf_problems *problems,
			struct conf_node **ret_root)
{
	yyjson_val *value;
	enum err err = json_read(arena, text, &value);

	if (err != OK) {
		conf_problem(problems, NULL, "not a JSON document: %s", err_text(err));
		return ERR_CONFIG;
	}
	if (from_value(arena, value, 0, ret_root) != OK) {
		conf_problem(problems, NULL, "nested more than %d deep, or control characters in a text", DEPTH_MAX);
		return ERR_CONFIG;
	}
	problems->pointer_root = *ret_root;
	return OK;
}

/* Written back to front while the recursion returns. */
static bool put_way(const struct conf_node *from, const struct conf_node *at, struct buf *out)
{
	if (from == at)
		return true;
	for (size_t i = 0; i < from->count; i++) {
		const struct conf_entry *entry = &from->entries[i];
		size_t before = out->n;

		buf_put_byte(out, '/');
		if (entry->key == NULL)
			buf_put_fmt(out, "%zu", i);
		for (size_t k = 0; entry->key != NULL && k < entry->key->text.n; k++) {
			char c = entry->key->text.p[k];

			if (c == '~' || c == '/')
				buf_put(out, c == '~' ? STR("~0") : STR("~1"));
			else
				buf_put_byte(out, c);
		}
		if (entry->key == at || put_way(entry->value, at, out))
			return true;
		out->n = before;
	}
	return false;
}

void conf_pointer_put(const struct conf_node *root, const struct conf_node *at, struct buf *out)
{
	put_way(root, at, out);
}
