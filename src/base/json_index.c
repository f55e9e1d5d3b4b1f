/* Reading an index that json_scan made: members by key, their strings, a root array's
 * elements. Everything here trusts that the scanner accepted the text. */
#include "base/json_scan.h"

#include "base/check.h"
#include "base/json_text.h"

bool json_key_spells(const struct json_member *m, struct str key)
{
	return json_spells(m->key, key);
}

const struct json_member *json_member(const struct json_index *index, const struct json_member *parent, struct str key)
{
	uint32_t i = 0, end = index->count;

	if (parent != NULL) {
		i = (uint32_t)(parent - index->member) + 1;
		end = parent->end;
	}
	for (; i < end; i = index->member[i].end) {
		if (json_key_is(&index->member[i], key))
			return &index->member[i];
	}
	return NULL;
}

struct str json_member_str(struct arena *arena, const struct json_member *m)
{
	struct str raw;

	if (m == NULL || m->kind != JSON_STRING)
		return STR_NONE;
	raw = (struct str){m->value.p + 1, m->value.n - 2};
	if (likely(!m->escaped))
		return raw;
	return json_unescape_all(arena, raw);
}

static inline bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* The index of the quote that closes the string opened at `at`. */
static size_t string_end(struct str text, size_t at)
{
	for (at++; text.p[at] != '"'; at++) {
		if (text.p[at] == '\\')
			at++;
	}
	return at;
}

/* The index behind the value at `at`: where its brackets are balanced and a separator comes. */
static size_t value_end(struct str text, size_t at)
{
	size_t depth = 0;

	for (; at < text.n; at++) {
		char c = text.p[at];

		if (depth == 0 && (c == ',' || c == ']' || is_space(c)))
			break;
		if (c == '"')
			at = string_end(text, at);
		else if (c == '{' || c == '[')
			depth++;
		else if (c == '}' || c == ']')
			depth--;
	}
	return at;
}

/* The cursor is the offset behind the last element returned. */
bool json_element(const struct json_index *index, size_t *cursor, struct str *ret_element)
{
	struct str text = index->text;
	size_t from = *cursor, to;

	if (index->kind != JSON_ARRAY || index->elements == 0)
		return false;
	while (is_space(text.p[from]))
		from++;
	if (text.p[from] == ']')
		return false;
	from++; /* the opening bracket or a comma */
	while (is_space(text.p[from]))
		from++;
	to = value_end(text, from);
	*ret_element = (struct str){text.p + from, to - from};
	*cursor = to;
	return true;
}
