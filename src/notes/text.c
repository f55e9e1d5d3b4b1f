/* One pass over a note, line by line: fenced code is skipped whole, code between backquotes within its line. What is
 * found is bounded, so a note cannot make more of us than its size. */
#include "notes/text.h"

#include "base/check.h"
#include "base/utf8.h"
#include "notes/path.h"

#define LINE_MARKUP_MAX (64 * 1024) /* of a line that is looked through: longer ones are data, not prose */

struct reading {
	struct arena *arena;
	struct note_text *note;
	struct str fence; /* of the code that we are in: its run of ` or ~; n 0: in none */
	size_t heading_cap, tag_cap, link_cap;
};

/* Room for one more; NULL when there are `max`. */
static void *more(struct arena *arena, void *items, size_t count, size_t *cap, size_t size, size_t max)
{
	size_t wanted = *cap == 0 ? 8 : *cap * 2;
	void *made;

	if (count < *cap)
		return items;
	if (count >= max)
		return NULL;
	made = arena_try_alloc(arena, wanted * size);
	if (made == NULL)
		return NULL;
	if (count > 0)
		memcpy(made, items, count * size);
	*cap = wanted;
	return made;
}

static void add_tag(struct reading *reading, struct str tag)
{
	struct note_text *note = reading->note;
	struct str *tags;

	for (size_t i = 0; i < note->tag_count; i++)
		if (str_eq_nocase(note->tags[i], tag))
			return;
	tags = more(reading->arena, note->tags, note->tag_count, &reading->tag_cap, sizeof(*tags), NOTE_TAGS_MAX);
	if (tags == NULL)
		return;
	note->tags = tags;
	note->tags[note->tag_count++] = tag;
}

static void add_link(struct reading *reading, struct note_link link)
{
	struct note_text *note = reading->note;
	struct note_link *links =
		more(reading->arena, note->links, note->link_count, &reading->link_cap, sizeof(*links), NOTE_LINKS_MAX);

	if (links == NULL)
		return;
	note->links = links;
	note->links[note->link_count++] = link;
}

static void add_heading(struct reading *reading, struct note_heading heading)
{
	struct note_text *note = reading->note;
	struct note_heading *headings = more(reading->arena, note->headings, note->heading_count, &reading->heading_cap,
					     sizeof(*headings), NOTE_HEADINGS_MAX);

	if (headings == NULL)
		return;
	note->headings = headings;
	note->headings[note->heading_count++] = heading;
}

/* ---- within a line ----------------------------------------------------------------- */

/* Letters, digits, _ - / and what is not ASCII, but for spaces and punctuation of Unicode's general blocks. */
static bool is_tag_rune(uint32_t rune)
{
	if (rune < 0x80)
		return (rune >= '0' && rune <= '9') || ((rune | 0x20) >= 'a' && (rune | 0x20) <= 'z') || rune == '_' ||
		       rune == '-' || rune == '/';
	return rune > 0xBF && !(rune >= 0x2000 && rune <= 0x206F) && !(rune >= 0x3000 && rune <= 0x303F) &&
	       rune != 0xFFFD;
}

/* Behind the # at `at`; at least one character is no digit. */
static size_t take_tag(struct reading *reading, struct str line, size_t at)
{
	const uint8_t *p = (const uint8_t *)line.p, *end = p + line.n;
	size_t from = at + 1, to = from;
	bool named = false;

	while (to < line.n) {
		uint32_t rune;
		size_t n = utf8_take(p + to, end, &rune);

		if (!is_tag_rune(rune))
			break;
		named |= rune < '0' || rune > '9';
		to += n;
	}
	if (named)
		add_tag(reading, (struct str){line.p + from, to - from});
	return to;
}

/* "Note#Heading|shown" */
static void take_target(struct reading *reading, struct str inside, bool embed)
{
	struct note_link link = {.embed = embed};
	struct str shown;

	(void)str_cut(inside, '|', &inside, &shown);
	(void)str_cut(inside, '#', &link.target, &link.fragment);
	link.target = str_trim(link.target);
	if (link.target.n + link.fragment.n > 0)
		add_link(reading, link);
}

/* [[...]] at `at`; returns where to go on. */
static size_t take_wikilink(struct reading *reading, struct str line, size_t at)
{
	struct str rest = str_skip(line, at + 2);
	const char *end = memmem(rest.p, rest.n < NOTE_LINK_BYTES_MAX ? rest.n : NOTE_LINK_BYTES_MAX, "]]", 2);

	if (end == NULL)
		return at + 2;
	take_target(reading, (struct str){rest.p, (size_t)(end - rest.p)}, at > 0 && line.p[at - 1] == '!');
	return at + 4 + (size_t)(end - rest.p);
}

static int hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct str percent_decoded(struct arena *arena, struct str text)
{
	char *out = text.n > 0 ? arena_try_alloc(arena, text.n) : NULL;
	size_t n = 0;

	if (out == NULL || memchr(text.p, '%', text.n) == NULL)
		return text;
	for (size_t i = 0; i < text.n; i++) {
		int high = text.p[i] == '%' && i + 2 < text.n ? hex_of(text.p[i + 1]) : -1;
		int low = high >= 0 ? hex_of(text.p[i + 2]) : -1;

		out[n++] = low < 0 ? text.p[i] : (char)(high << 4 | low);
		i += low < 0 ? 0 : 2;
	}
	return (struct str){out, n};
}

/* Whether it leads to a place of the web rather than to a file: "https:", "mailto:". */
static bool has_scheme(struct str target)
{
	for (size_t i = 0; i < target.n; i++) {
		char c = target.p[i] | 0x20;

		if (target.p[i] == ':')
			return i > 1;
		if (!(c >= 'a' && c <= 'z') && !(i > 0 && ((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.')))
			return false;
	}
	return false;
}

/* ](target "title") at the bracket `at`. */
static size_t take_markdown_link(struct reading *reading, struct str line, size_t at)
{
	struct str rest = str_skip(line, at + 2), inside, target, fragment;
	size_t near = rest.n < NOTE_LINK_BYTES_MAX ? rest.n : NOTE_LINK_BYTES_MAX;
	const char *end = near > 0 ? memchr(rest.p, rest.p[0] == '<' ? '>' : ')', near) : NULL;

	if (end == NULL)
		return at + 2;
	inside = (struct str){rest.p, (size_t)(end - rest.p)};
	if (inside.n > 0 && inside.p[0] == '<')
		inside = str_skip(inside, 1);
	else
		(void)str_cut(inside, ' ', &inside, &target);
	(void)str_cut(inside, '#', &target, &fragment);
	if (target.n > 0 && !has_scheme(inside) && inside.p[0] != '/')
		add_link(reading, (struct note_link){.target = percent_decoded(reading->arena, target),
						     .fragment = percent_decoded(reading->arena, fragment)});
	return at + 2 + (size_t)(end - rest.p);
}

/* Behind the code that begins at the backquote `at`; an unclosed one is a character. */
static size_t skip_code(struct str line, size_t at)
{
	size_t run = 0, same = 0;

	while (at + run < line.n && line.p[at + run] == '`')
		run++;
	for (size_t i = at + run; i < line.n; i++) {
		same = line.p[i] == '`' ? same + 1 : 0;
		if (same == run && (i + 1 == line.n || line.p[i + 1] != '`'))
			return i + 1;
	}
	return at + run;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void read_inline(struct reading *reading, struct str line)
{
	size_t at = 0;

	if (line.n > LINE_MARKUP_MAX)
		line.n = LINE_MARKUP_MAX;
	while (at < line.n) {
		char c = line.p[at], next = at + 1 < line.n ? line.p[at + 1] : '\0';

		if (c == '`')
			at = skip_code(line, at);
		else if (c == '[' && next == '[')
			at = take_wikilink(reading, line, at);
		else if (c == ']' && next == '(')
			at = take_markdown_link(reading, line, at);
		else if (c == '#' && (at == 0 || is_blank(line.p[at - 1])))
			at = take_tag(reading, line, at);
		else
			at += c == '\\' ? 2 : 1;
	}
}

/* ---- lines ------------------------------------------------------------------------- */

/* The run of ``` or ~~~ that opens or closes a block of code; n 0: it is none. */
static struct str fence_of(struct str line)
{
	size_t at = 0, n = 0;

	while (at < line.n && at < 3 && line.p[at] == ' ')
		at++;
	while (at + n < line.n && line.p[at + n] == line.p[at] && (line.p[at] == '`' || line.p[at] == '~'))
		n++;
	return n >= 3 ? (struct str){line.p + at, n} : STR_NONE;
}

/* Whether the line belongs to code, its fences included. */
static bool in_code(struct reading *reading, struct str line)
{
	struct str fence = fence_of(line);

	if (reading->fence.n == 0) {
		reading->fence = fence;
		return fence.n > 0;
	}
	if (fence.n >= reading->fence.n && fence.p[0] == reading->fence.p[0] &&
	    str_trim((struct str){fence.p + fence.n, (size_t)(line.p + line.n - fence.p) - fence.n}).n == 0)
		reading->fence = STR_NONE;
	return true;
}

/* "## Title ##" */
static void read_heading(struct reading *reading, struct str line, size_t from, size_t next)
{
	struct note_heading heading = {.from = from, .body = next};
	struct str text;

	while (heading.level < line.n && line.p[heading.level] == '#')
		heading.level++;
	if (heading.level == 0 || heading.level > 6 || heading.level == line.n || !is_blank(line.p[heading.level]))
		return;
	text = str_trim(str_skip(line, heading.level));
	while (text.n > 0 && text.p[text.n - 1] == '#')
		text.n--;
	heading.text = str_trim(text);
	add_heading(reading, heading);
}

static void read_properties(struct reading *reading)
{
	struct note_text *note = reading->note;
	struct str *tags;
	size_t count;

	note->unreadable = !front_read(reading->arena, note->front, &note->properties);
	count = note_property_texts(reading->arena, note, "tags", &tags);
	for (size_t i = 0; i < count; i++)
		if (tags[i].n > 0)
			add_tag(reading, tags[i].p[0] == '#' ? str_skip(tags[i], 1) : tags[i]);
}

static size_t line_end(struct str text, size_t at)
{
	const char *end = at < text.n ? memchr(text.p + at, '\n', text.n - at) : NULL;

	return end == NULL ? text.n : (size_t)(end - text.p);
}

void note_text_read(struct arena *arena, struct str text, struct note_text *ret_note)
{
	struct reading reading = {.arena = arena, .note = ret_note};
	size_t next;

	*ret_note = (struct note_text){.text = text, .front = front_find(text)};
	read_properties(&reading);
	for (size_t at = ret_note->front.end; at < text.n; at = next) {
		size_t end = line_end(text, at);
		struct str line = {text.p + at, end - at};

		next = end < text.n ? end + 1 : end;
		if (in_code(&reading, line))
			continue;
		read_heading(&reading, line, at, next);
		read_inline(&reading, line);
	}
}

/* ---- asking ------------------------------------------------------------------------ */

size_t note_property_texts(struct arena *arena, const struct note_text *note, const char *name, struct str **ret_items)
{
	const struct conf_node *node = conf_get(note->properties, name);
	struct str *items, rest;
	size_t count = 0, room;

	if (node == NULL || node->kind == CONF_MAP)
		return 0;
	room = node->kind == CONF_LIST ? node->count : NOTE_TAGS_MAX;
	items = arena_alloc(arena, (room + 1) * sizeof(*items));
	if (node->kind == CONF_LIST) {
		for (size_t i = 0; i < node->count; i++)
			if (node->entries[i].value->kind == CONF_SCALAR)
				items[count++] = str_trim(node->entries[i].value->text);
	} else {
		bool more_follow = node->text.n > 0;

		for (rest = node->text; more_follow && count < room; count++) {
			more_follow = str_cut(rest, ',', &items[count], &rest);
			items[count] = str_trim(items[count]);
		}
	}
	*ret_items = items;
	return count;
}

static size_t section_end(const struct note_text *note, size_t heading)
{
	for (size_t i = heading + 1; i < note->heading_count; i++)
		if (note->headings[i].level <= note->headings[heading].level)
			return note->headings[i].from;
	return note->text.n;
}

/* The first heading of this text between two offsets. */
static bool find_heading(struct arena *arena, const struct note_text *note, struct str wanted, size_t from, size_t to,
			 size_t *ret_at)
{
	struct str folded = note_fold(arena, wanted);

	for (size_t i = 0; i < note->heading_count; i++) {
		const struct note_heading *heading = &note->headings[i];

		if (heading->from >= from && heading->from < to && str_eq(note_fold(arena, heading->text), folded)) {
			*ret_at = i;
			return true;
		}
	}
	return false;
}

enum err note_section(struct arena *arena, const struct note_text *note, struct str heading, struct str *ret_section)
{
	size_t from = 0, to = note->text.n, at = 0;
	struct str part, rest = heading;
	bool more_follow = true;

	while (more_follow) {
		more_follow = str_cut(rest, '#', &part, &rest);
		part = str_trim(part);
		if (part.n == 0)
			continue; /* "## Plans" is meant like "Plans" */
		if (!find_heading(arena, note, part, from, to, &at))
			return ERR_NOT_FOUND;
		from = note->headings[at].body;
		to = section_end(note, at);
	}
	if (from == 0)
		return ERR_NOT_FOUND;
	*ret_section = (struct str){note->text.p + note->headings[at].from, to - note->headings[at].from};
	return OK;
}

/* The line's own id, "^id" at its end behind a space or alone. */
static bool has_block_id(struct str line, struct str id)
{
	line = str_trim(line);
	if (!str_ends(line, id) || line.n <= id.n || line.p[line.n - id.n - 1] != '^')
		return false;
	return line.n == id.n + 1 || is_blank(line.p[line.n - id.n - 2]);
}

/* A list's item stands for itself; other lines belong to those around them. */
static bool is_item(struct str line)
{
	line = str_trim(line);
	return line.n > 1 && strchr("-*+", line.p[0]) != NULL && is_blank(line.p[1]);
}

enum err note_block(const struct note_text *note, struct str id, struct str *ret_block)
{
	struct str text = note->text, before = STR_NONE;
	size_t paragraph = note->front.end, next;

	id = str_starts(id, STR("^")) ? str_skip(id, 1) : id;
	for (size_t at = note->front.end; id.n > 0 && at < text.n; at = next) {
		size_t end = line_end(text, at);
		struct str line = {text.p + at, end - at};

		next = end < text.n ? end + 1 : end;
		if (is_item(line))
			paragraph = at;
		if (has_block_id(line, id)) {
			/* alone on its line it names the paragraph above */
			bool alone = str_trim(line).n == id.n + 1 && paragraph == at;

			*ret_block = alone && before.n > 0 ? before : (struct str){text.p + paragraph, end - paragraph};
			return OK;
		}
		if (str_trim(line).n == 0)
			paragraph = next;
		else
			before = (struct str){text.p + paragraph, end - paragraph};
	}
	return ERR_NOT_FOUND;
}

size_t note_line(struct str text, size_t offset)
{
	size_t line = 1;

	for (size_t i = 0; i < offset && i < text.n; i++)
		line += text.p[i] == '\n';
	return line;
}
