/* Reading and changing front matter. The yaml room reads; what it read tells in which lines each key stands, so that a
 * change replaces those lines and no other byte. Values are written as blocks that any YAML reader takes: texts that
 * could be taken for something else are quoted as JSON, which YAML is a superset of. */
#include "notes/front.h"

#define DASHES STR("---")

/* The line at `at` without its end; *ret_next is where the next one begins. */
static struct str line_at(struct str text, size_t at, size_t *ret_next)
{
	const char *end = memchr(text.p + at, '\n', text.n - at);
	size_t n = end == NULL ? text.n - at : (size_t)(end - text.p) - at;

	*ret_next = end == NULL ? text.n : at + n + 1;
	return (struct str){text.p + at, n};
}

static bool is_dashes(struct str line)
{
	return str_starts(line, DASHES) && str_trim(str_skip(line, 3)).n == 0;
}

struct front front_find(struct str note)
{
	struct front none = {.there = false};
	size_t from, at, next;

	if (!str_starts(note, DASHES) || !is_dashes(line_at(note, 0, &from)))
		return none;
	for (at = from; at < note.n; at = next) {
		if (is_dashes(line_at(note, at, &next)))
			return (struct front){.there = true, .yaml = {note.p + from, at - from}, .end = next};
		if (next - from > FRONT_BYTES_MAX)
			break;
	}
	return none;
}

bool front_read(struct arena *arena, struct front front, struct conf_node **ret_root)
{
	struct conf_problems problems = {.file = STR("note")};
	struct conf_node *root = NULL;

	*ret_root = NULL;
	if (!front.there || str_trim(front.yaml).n == 0)
		return true;
	if (conf_parse(arena, front.yaml, &problems, &root) != OK)
		return false;
	if (root != NULL && root->kind != CONF_MAP)
		return false;
	*ret_root = root;
	return true;
}

static bool is_digits(struct str s, size_t *at)
{
	size_t from = *at;

	while (*at < s.n && s.p[*at] >= '0' && s.p[*at] <= '9')
		(*at)++;
	return *at > from;
}

/* Whether a lexeme is a number in JSON too.   Source RFC 8259 section 6 */
static bool is_number(struct str s)
{
	size_t at = 0, whole;

	if (at < s.n && s.p[at] == '-')
		at++;
	whole = at;
	if (!is_digits(s, &at) || (s.p[whole] == '0' && at > whole + 1))
		return false;
	if (at < s.n && s.p[at] == '.') {
		at++;
		if (!is_digits(s, &at))
			return false;
	}
	if (at < s.n && (s.p[at] == 'e' || s.p[at] == 'E')) {
		at++;
		if (at < s.n && (s.p[at] == '-' || s.p[at] == '+'))
			at++;
		if (!is_digits(s, &at))
			return false;
	}
	return at == s.n;
}

static void put_scalar(void *unused, const struct conf_node *node, struct buf *out)
{
	if (!node->plain)
		buf_put_json(out, node->text);
	else if (node->text.n == 0 || str_eq(node->text, STR("~")) || str_eq_nocase(node->text, STR("null")))
		buf_put(out, STR("null"));
	else if (str_eq_nocase(node->text, STR("true")))
		buf_put(out, STR("true"));
	else if (str_eq_nocase(node->text, STR("false")))
		buf_put(out, STR("false"));
	else if (is_number(node->text))
		buf_put(out, node->text);
	else
		buf_put_json(out, node->text);
}

void front_put_json(struct buf *out, const struct conf_node *node)
{
	conf_put_json(node, out, put_scalar, NULL);
}

/* ---- changing ---------------------------------------------------------------------- */

/* Whether a text means itself when it stands without quotes: letters of any script first, then what cannot begin
 * anything. */
static bool is_plain(struct str s)
{
	struct conf_node node = {.kind = CONF_SCALAR, .plain = true, .text = s};
	uint8_t first = s.n > 0 ? (uint8_t)s.p[0] : 0;
	AUTO_BUF seen = {0};

	if (!((first | 0x20) >= 'a' && (first | 0x20) <= 'z') && first < 0x80)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((uint8_t)s.p[i] < 0x20 || s.p[i] == 0x7F || strchr(":#,[]{}\"'&*!|>%@`", s.p[i]) != NULL)
			return false;
	put_scalar(NULL, &node, &seen);
	return s.p[s.n - 1] != ' ' && seen.p[0] == '"' && !str_eq_nocase(s, STR("yes")) && !str_eq_nocase(s, STR("no"));
}

static void put_text(struct buf *out, struct str s)
{
	if (is_plain(s))
		buf_put(out, s);
	else
		buf_put_json(out, s);
}

static void put_value(struct buf *out, yyjson_val *value)
{
	if (yyjson_is_str(value))
		put_text(out, json_str(value));
	else
		json_write(out, value); /* flow style */
}

static void put_property(struct buf *out, struct str key, yyjson_val *value)
{
	yyjson_arr_iter each;
	yyjson_val *item;

	put_text(out, key);
	buf_put_byte(out, ':');
	if (!yyjson_is_arr(value) || yyjson_arr_size(value) == 0) {
		buf_put_byte(out, ' ');
		put_value(out, value);
		buf_put_byte(out, '\n');
		return;
	}
	buf_put_byte(out, '\n');
	each = yyjson_arr_iter_with(value);
	while ((item = yyjson_arr_iter_next(&each)) != NULL) {
		buf_put(out, STR("  - "));
		put_value(out, item);
		buf_put_byte(out, '\n');
	}
}

/* Where line `line` (from 1) begins. */
static size_t line_start(struct str text, unsigned line)
{
	size_t at = 0;

	for (unsigned i = 1; i < line && at < text.n; i++)
		(void)line_at(text, at, &at);
	return at;
}

/* Between two keys: what stands at the left edge and is no property. */
static bool is_filler(struct str line)
{
	return str_trim(line).n == 0 || line.p[0] == '#';
}

/* The lines of one key: up to the next key's, without the comments and empty lines that belong to that one. */
static void key_lines(struct str yaml, const struct conf_node *root, size_t key, size_t *ret_from, size_t *ret_to)
{
	size_t from = line_start(yaml, root->entries[key].key->line), to = yaml.n, end = from, at = from, next;

	if (key + 1 < root->count)
		to = line_start(yaml, root->entries[key + 1].key->line);
	while (at < to) {
		if (!is_filler(line_at(yaml, at, &next)) || at == from)
			end = next;
		at = next;
	}
	*ret_from = from;
	*ret_to = end;
}

/* Each key begins a line of its own at the left edge: then lines can be exchanged. */
static bool is_block(const struct conf_node *root)
{
	for (size_t i = 0; i < root->count; i++)
		if (root->entries[i].key->column != 1)
			return false;
	return true;
}

static void put_new(struct buf *out, const struct conf_node *root, yyjson_val *changes)
{
	yyjson_obj_iter each = yyjson_obj_iter_with(changes);
	yyjson_val *key;

	while ((key = yyjson_obj_iter_next(&each)) != NULL) {
		yyjson_val *value = yyjson_obj_iter_get_val(key);
		bool known = false;

		for (size_t i = 0; root != NULL && i < root->count && !known; i++)
			known = str_eq(root->entries[i].key->text, json_str(key));
		if (!known && !yyjson_is_null(value))
			put_property(out, json_str(key), value);
	}
}

static void change_block(struct str yaml, const struct conf_node *root, yyjson_val *changes, struct buf *out)
{
	size_t done = 0;

	for (size_t i = 0; root != NULL && i < root->count; i++) {
		struct str key = root->entries[i].key->text;
		yyjson_val *value = yyjson_obj_getn(changes, key.p, key.n);
		size_t from, to;

		if (value == NULL)
			continue;
		key_lines(yaml, root, i, &from, &to);
		buf_put(out, (struct str){yaml.p + done, from - done});
		if (!yyjson_is_null(value))
			put_property(out, key, value);
		done = to;
	}
	buf_put(out, str_skip(yaml, done));
	if (out->n > 0 && out->p[out->n - 1] != '\n')
		buf_put_byte(out, '\n');
	put_new(out, root, changes);
}

enum err front_change(struct arena *arena, struct str note, yyjson_val *changes, struct buf *out)
{
	struct front front = front_find(note), made;
	struct conf_node *root, *again;
	AUTO_BUF block = {0};

	if (!front_read(arena, front, &root) || (root != NULL && !is_block(root)))
		return ERR_RPC_PARAMS;
	change_block(front.there ? front.yaml : STR(""), root, changes, &block);
	if (block.n > FRONT_BYTES_MAX)
		return ERR_LIMIT;
	/* What we wrote must be read as it is meant, or it does not reach the note. */
	made = (struct front){.there = true, .yaml = buf_str(&block)};
	if (!front_read(arena, made, &again))
		return ERR_RPC_PARAMS;
	if (block.n > 0 || front.there)
		buf_put_fmt(out, "---\n%.*s---\n", STR_ARG(buf_str(&block)));
	buf_put(out, str_skip(note, front.end));
	return OK;
}
