/* Edits of clients' configuration files. The old text is scanned, not rewritten: what is not ours
 * keeps its order, numbers, spaces and line ends. New lines follow the file's own indentation. */
#include "base/json_scan.h"
#include "base/log.h"
#include "cli/link.h"

#define PATH_MAX_DEPTH 2 /* json_scan records three levels, the last is the entry's */

struct edit {
	struct json_index index;
	struct str unit; /* one level of indentation */
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* One level of indentation: the smallest there is; two spaces when there is none. */
static struct str find_unit(struct str text)
{
	struct str unit = STR_NONE;

	for (size_t i = 0; i + 1 < text.n; i++) {
		size_t n = 0;

		if (text.p[i] != '\n')
			continue;
		while (i + 1 + n < text.n && (text.p[i + 1 + n] == ' ' || text.p[i + 1 + n] == '\t'))
			n++;
		if (n > 0 && i + 1 + n < text.n && !is_space(text.p[i + 1 + n]) && (unit.n == 0 || n < unit.n))
			unit = (struct str){text.p + i + 1, n};
	}
	return unit.n > 0 ? unit : STR("  ");
}

static void put_break(struct buf *out, struct str unit, size_t depth)
{
	buf_put_byte(out, '\n');
	for (size_t i = 0; i < depth; i++)
		buf_put(out, unit);
}

/* `entry` with each of its tabs as one unit, moved in by `depth` levels. */
static void put_indented(struct buf *out, struct str entry, struct str unit, size_t depth)
{
	for (size_t i = 0; i < entry.n; i++) {
		if (entry.p[i] == '\n')
			put_break(out, unit, depth);
		else if (entry.p[i] == '\t')
			buf_put(out, unit);
		else
			buf_put_byte(out, entry.p[i]);
	}
}

/* "mcp": { "servers": { "gatehouse": {...} } }, for what of the path is missing. */
static void put_member(struct buf *out, const char *const *path, struct str entry, struct str unit, size_t depth)
{
	if (path[0] == NULL) {
		buf_put(out, STR("\"" LINK_NAME "\": "));
		put_indented(out, entry, unit, depth);
		return;
	}
	buf_put_fmt(out, "\"%s\": {", path[0]);
	put_break(out, unit, depth + 1);
	put_member(out, path + 1, entry, unit, depth + 1);
	put_break(out, unit, depth);
	buf_put_byte(out, '}');
}

/* Write the text with a member added at the end of `object`, whose members stand at `depth`. */
static void put_appended(struct buf *out, const struct edit *edit, struct str object, const char *const *path,
			 struct str entry, size_t depth)
{
	struct str text = edit->index.text;
	size_t close = (size_t)(object.p - text.p) + object.n - 1, end = close;
	bool own_line = false, empty;

	while (is_space(text.p[end - 1]))
		own_line |= text.p[--end] == '\n';
	empty = text.p[end - 1] == '{';
	buf_put(out, (struct str){text.p, end});
	buf_put(out, empty ? STR("") : STR(","));
	put_break(out, edit->unit, depth);
	put_member(out, path, entry, edit->unit, depth);
	if (empty || !own_line)
		put_break(out, edit->unit, depth - 1);
	else
		buf_put(out, (struct str){text.p + end, close - end});
	buf_put(out, str_skip(text, close));
}

enum err link_json(struct arena *arena, struct str text, const char *const *path, struct str entry, struct buf *out)
{
	const struct json_member *member, *parent = NULL;
	struct edit edit;
	struct str object;
	size_t depth = 1;

	if (str_trim(text).n == 0)
		text = STR("{}\n");
	TRY(json_scan(arena, text, &edit.index));
	if (edit.index.kind != JSON_OBJECT)
		return ERR_CONFIG;
	edit.unit = find_unit(text);
	object = str_trim(text);
	for (; path[0] != NULL; path++, depth++) {
		member = json_member(&edit.index, parent, str_of(path[0]));
		if (member == NULL && parent != NULL && str_trim(str_skip(object, 1)).n > 1)
			return ERR_NOT_FOUND;
		if (member == NULL)
			break;
		if (member->kind != JSON_OBJECT || depth > PATH_MAX_DEPTH)
			return ERR_CONFIG;
		parent = member;
		object = member->value;
	}
	member = path[0] == NULL ? json_member(&edit.index, parent, STR(LINK_NAME)) : NULL;
	if (member == NULL) {
		put_appended(out, &edit, object, path, entry, depth);
		return OK;
	}
	buf_put(out, (struct str){text.p, (size_t)(member->value.p - text.p)});
	put_indented(out, entry, edit.unit, depth);
	buf_put(out, str_skip(text, (size_t)(member->value.p + member->value.n - text.p)));
	return OK;
}

/* ---- TOML ------------------------------------------------------------------------ */

/* Whether a line is a header of our table: 1, of one inside it: 2, any other: 0. */
static int our_header(struct str line)
{
	static const char *const names[] = {"[mcp_servers." LINK_NAME, "[mcp_servers.\"" LINK_NAME "\""};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct str rest, name = str_of(names[i]);

		if (!str_starts(line, name))
			continue;
		rest = str_skip(line, name.n);
		if (str_starts(rest, STR("]")))
			return 1;
		if (str_starts(rest, STR(".")))
			return 2;
	}
	return 0;
}

/* Where the comments and empty lines at the end of `lines` begin: they speak of what follows. */
static const char *tail_of(struct str lines)
{
	const char *tail = lines.p, *end = lines.p + lines.n;
	struct str line;

	while (lines.n > 0) {
		str_cut(lines, '\n', &line, &lines);
		line = str_trim(line);
		if (line.n > 0 && line.p[0] != '#')
			tail = lines.n > 0 ? lines.p : end;
	}
	return tail;
}

/* Our table in `text`, from its header to what belongs to the next; n 0 when it is not there. */
static enum err find_table(struct str text, struct str *ret_table)
{
	const char *begin = NULL, *end = text.p + text.n;
	struct str rest = text, line;
	bool top = true;

	while (rest.n > 0) {
		const char *at = rest.p;
		int header;

		str_cut(rest, '\n', &line, &rest);
		line = str_trim(line);
		if (top && str_starts(line, STR("mcp_servers")))
			return ERR_CONFIG; /* an inline table or dotted keys: ours would clash with it */
		if (!str_starts(line, STR("[")))
			continue;
		top = false;
		header = our_header(line);
		if (header == 1 && begin == NULL) {
			begin = at;
		} else if (header == 0 && begin != NULL) {
			end = at;
			break;
		}
	}
	*ret_table = STR_NONE;
	if (begin != NULL) {
		end = tail_of((struct str){begin, (size_t)(end - begin)});
		*ret_table = (struct str){begin, (size_t)(end - begin)};
	}
	return OK;
}

enum err link_toml(struct str text, struct str entry, struct buf *out)
{
	struct str table;

	TRY(find_table(text, &table));
	if (table.n > 0) {
		buf_put(out, (struct str){text.p, (size_t)(table.p - text.p)});
		buf_put(out, entry);
		buf_put(out, str_skip(text, (size_t)(table.p + table.n - text.p)));
		return OK;
	}
	buf_put(out, text);
	if (out->n > 0)
		buf_put(out, out->p[out->n - 1] == '\n' ? STR("\n") : STR("\n\n"));
	buf_put(out, entry);
	return OK;
}

/* ---- preview --------------------------------------------------------------------- */

#define CONTEXT_LINES 2

static void put_line(struct buf *out, const char *mark, struct str line)
{
	buf_put(out, str_of(mark));
	log_redact(out, line);
	buf_put_byte(out, '\n');
}

/* Bytes of the common beginning, in whole lines. */
static size_t same_front(struct str a, struct str b)
{
	size_t same = 0;

	for (size_t i = 0; i < a.n && i < b.n && a.p[i] == b.p[i]; i++)
		if (a.p[i] == '\n')
			same = i + 1;
	return same;
}

/* Bytes of the common end, in whole lines; both begin with a line. */
static size_t same_back(struct str a, struct str b)
{
	size_t same = 0;

	for (size_t i = 1; i <= a.n && i <= b.n && a.p[a.n - i] == b.p[b.n - i]; i++)
		if ((i == a.n || a.p[a.n - i - 1] == '\n') && (i == b.n || b.p[b.n - i - 1] == '\n'))
			same = i;
	return same;
}

static void put_lines(struct buf *out, const char *mark, struct str lines)
{
	struct str line;

	while (lines.n > 0) {
		str_cut(lines, '\n', &line, &lines);
		put_line(out, mark, line);
	}
}

/* The last `count` lines of s, which ends with a line end or is empty. */
static struct str last_lines(struct str s, size_t count)
{
	size_t at = s.n;

	while (at > 0 && (s.p[at - 1] != '\n' || at == s.n || count-- > 1))
		at--;
	return str_skip(s, at);
}

static struct str first_lines(struct str s, size_t count)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\n' && --count == 0)
			return (struct str){s.p, i + 1};
	return s;
}

void link_preview(struct buf *out, struct str before, struct str after)
{
	size_t front = same_front(before, after), back;

	back = same_back(str_skip(before, front), str_skip(after, front));
	put_lines(out, "  ", last_lines((struct str){before.p, front}, CONTEXT_LINES));
	put_lines(out, "- ", (struct str){before.p + front, before.n - front - back});
	put_lines(out, "+ ", (struct str){after.p + front, after.n - front - back});
	put_lines(out, "  ", first_lines(str_skip(before, before.n - back), CONTEXT_LINES));
}
