/* notes.read: a note or a part of it, with what it says about itself and where its links lead. The text is the disk's,
 * read now; only links and backlinks are asked of the index. */
#include "base/utf8.h"
#include "notes/ops.h"
#include "notes/path.h"

#define LINKS_SHOWN_MAX 200
#define READ_CHARS_DEFAULT 50000

static void put_names(struct buf *out, const struct str *names, size_t count)
{
	buf_put_byte(out, '[');
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_put_byte(out, ',');
		buf_put_json(out, names[i]);
	}
	buf_put_byte(out, ']');
}

/* A title as a link would have it: a name, a path, or an alias. */
static enum err find_title(struct note_ask *ask, struct str title, struct str *ret_path)
{
	struct str target, fragment, *paths;
	AUTO_BUF names = {0};
	size_t count;
	enum err err;

	if (str_starts(title, STR("[[")) && str_ends(title, STR("]]")))
		title = (struct str){title.p + 2, title.n - 4};
	(void)str_cut(title, '|', &title, &fragment);
	(void)str_cut(title, '#', &target, &fragment);
	err = index_resolve(ask->side, ask->call->arena, str_trim(target), &paths, &count);
	if (err == ERR_NOT_FOUND)
		return ask_refuse(ask, STR("not_found"), "no note is called \"%.*s\"", STR_ARG(title));
	if (err == ERR_EXISTS) {
		put_names(&names, paths, count);
		return ask_refuse(ask, STR("invalid"), "%zu notes are called \"%.*s\"; give the `path` of one: %.*s",
				  count, STR_ARG(title), STR_ARG(buf_str(&names)));
	}
	TRY(err);
	if (!note_path_is_note(paths[0]))
		return ask_refuse(ask, STR("unsupported"), "%.*s is an attachment, not a note", STR_ARG(paths[0]));
	*ret_path = paths[0];
	return OK;
}

/* Which note is asked for. */
static enum err find_note(struct note_ask *ask, struct str *ret_path)
{
	struct str path = ask_text(ask, "path"), title = ask_text(ask, "title");

	if ((path.n > 0) == (title.n > 0))
		return ask_refuse(ask, STR("invalid"), "give `path` or `title`, one of them");
	return path.n > 0 ? ask_path(ask, path, ret_path, NULL) : find_title(ask, title, ret_path);
}

/* Which part of it. */
static enum err find_part(struct note_ask *ask, const struct note_text *note, struct str *ret_part)
{
	struct str heading = ask_text(ask, "heading"), block = ask_text(ask, "block");

	*ret_part = str_skip(note->text, note->front.end);
	if (heading.n > 0 && note_section(ask->call->arena, note, heading, ret_part) != OK)
		return ask_refuse(ask, STR("not_found"), "the note has no heading \"%.*s\"", STR_ARG(heading));
	if (heading.n == 0 && block.n > 0 && note_block(note, block, ret_part) != OK)
		return ask_refuse(ask, STR("not_found"), "the note has no block ^%.*s", STR_ARG(block));
	return OK;
}

/* At most so many characters of it. */
static struct str cut_chars(struct str text, int64_t chars)
{
	const uint8_t *p = (const uint8_t *)text.p, *end = p + text.n;
	size_t n = 0;

	for (; n < text.n && chars > 0; chars--) {
		uint32_t rune;

		n += utf8_take(p + n, end, &rune);
	}
	return (struct str){text.p, n};
}

static enum err put_links(struct note_ask *ask, const struct note_text *note, struct buf *out)
{
	size_t shown = 0;

	buf_put(out, STR(",\"links\":["));
	for (size_t i = 0; i < note->link_count && shown < LINKS_SHOWN_MAX; i++) {
		const struct note_link *link = &note->links[i];
		struct str *paths;
		size_t count;
		enum err err;

		if (link->target.n == 0)
			continue;
		err = index_resolve(ask->side, ask->call->arena, link->target, &paths, &count);
		if (err != OK && err != ERR_NOT_FOUND && err != ERR_EXISTS)
			return err;
		buf_put(out, shown++ > 0 ? STR(",{\"target\":") : STR("{\"target\":"));
		buf_put_json(out, link->target);
		if (link->fragment.n > 0) {
			buf_put(out, STR(",\"fragment\":"));
			buf_put_json(out, link->fragment);
		}
		if (link->embed)
			buf_put(out, STR(",\"embed\":true"));
		if (err == OK) {
			buf_put(out, STR(",\"resolved_path\":"));
			buf_put_json(out, paths[0]);
		}
		buf_put_byte(out, '}');
	}
	buf_put_byte(out, ']');
	return OK;
}

static enum err put_backlinks(struct note_ask *ask, struct str path, struct buf *out)
{
	struct str *paths;
	size_t count;

	if (!ask_bool(ask, "include_backlinks", false))
		return OK;
	TRY(index_backlinks(ask->side, ask->call->arena, path, &paths, &count));
	buf_put(out, STR(",\"backlinks\":"));
	put_names(out, paths, count);
	return OK;
}

static void put_properties(const struct note_text *note, struct buf *out)
{
	buf_put(out, STR(",\"properties\":"));
	if (note->properties != NULL)
		front_put_json(out, note->properties);
	else
		buf_put(out, STR("{}"));
	if (note->unreadable) {
		buf_put(out, STR(",\"front_matter\":"));
		buf_put_json(out, note->front.yaml);
	}
}

static void put_content(struct note_ask *ask, struct str part, struct buf *out)
{
	struct str shown = cut_chars(part, ask_int(ask, "max_chars", READ_CHARS_DEFAULT));

	buf_put(out, STR(",\"content\":"));
	buf_put_json(out, shown);
	buf_put(out, shown.n < part.n ? STR(",\"truncated\":true") : STR(",\"truncated\":false"));
}

enum err op_read(struct note_ask *ask)
{
	char digest[SHA256_HEX_BYTES + 1];
	struct place_stamp stamp;
	struct note_text note;
	struct str path, part;
	AUTO_BUF text = {0};
	AUTO_BUF out = {0};

	TRY(find_note(ask, &path));
	TRY(ask_note(ask, path, &text, &stamp));
	note_text_read(ask->call->arena, buf_str(&text), &note);
	TRY(find_part(ask, &note, &part));
	sha256_hex(note.text, digest);
	buf_put(&out, STR("{\"path\":"));
	buf_put_json(&out, path);
	buf_put(&out, STR(",\"title\":"));
	buf_put_json(&out, note_path_name(note_path_bare(path)));
	put_properties(&note, &out);
	put_content(ask, part, &out);
	buf_put(&out, STR(",\"tags\":"));
	put_names(&out, note.tags, note.tag_count);
	TRY(put_links(ask, &note, &out));
	TRY(put_backlinks(ask, path, &out));
	buf_put_fmt(&out, ",\"sha256\":\"%s\",\"modified\":", digest);
	put_time(&out, stamp.mtime_ns / 1000000);
	buf_put_byte(&out, '}');
	ask_answer(ask, &out);
	return OK;
}
