/* notes.append and notes.update: read, make the new text, put it in the place of what was read. A note that has changed
 * in between is never overwritten: an update says so, an append begins again with what is there now.
 *
 * Bytes that are not changed stay as they are, whatever encoding they are in. */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "notes/ops.h"
#include "notes/path.h"

#define APPEND_TRIES_MAX 4 /* somebody else writes the same note at the same moment */
#define EDITS_MAX 64

struct writing {
	struct str path;
	bool there;
	struct place_stamp seen; /* of what was read */
	struct buf old, new;
};

static void writing_auto(struct writing *writing)
{
	buf_free(&writing->old);
	buf_free(&writing->new);
}
#define AUTO_WRITING __attribute__((cleanup(writing_auto))) struct writing

static enum err check_size(struct note_ask *ask, const struct writing *writing)
{
	struct index_totals totals;

	if (writing->new.n > NOTE_BYTES_MAX)
		return ask_refuse(ask, STR("too_large"), "the note would be larger than 1 MiB");
	if (ask->quota_bytes == 0 || writing->new.n <= writing->old.n)
		return OK;
	TRY(index_totals(ask->side, ask->call->arena, &totals));
	if (totals.bytes + (int64_t)(writing->new.n - writing->old.n) > ask->quota_bytes)
		return ask_refuse(ask, STR("quota"), "the vault would have more than the %lld bytes that it may have",
				  (long long)ask->quota_bytes);
	return OK;
}

/* The index follows at once, so that who wrote also finds. */
static enum err take_over(struct note_ask *ask, const struct writing *writing, const struct place_stamp *stamp)
{
	struct note_text note;
	enum err err;

	note_text_read(ask->call->arena, buf_str(&writing->new), &note);
	TRY(index_begin(ask->side));
	err = index_put(ask->side, ask->call->arena, writing->path, stamp, &note);
	return index_end(ask->side, err);
}

/* ERR_EXISTS: what is there is not what was read. */
static enum err put_back(struct note_ask *ask, const struct writing *writing)
{
	struct place_stamp stamp;

	if (!writing->there && !note_path_is_linkable(writing->path))
		return ask_refuse(ask, STR("invalid"),
				  "names of notes have none of # | ^ : [ ] %%%%: links could not lead there");
	TRY(check_size(ask, writing));
	if (!writing->there && note_path_folder(writing->path).n > 0)
		TRY(place_make_folder(ask->book->root, note_path_folder(writing->path)));
	TRY(place_write(ask->book->root, writing->path, buf_str(&writing->new), writing->there ? &writing->seen : NULL,
			&stamp));
	return take_over(ask, writing, &stamp);
}

static enum err read_old(struct note_ask *ask, struct writing *writing)
{
	TRY(ask_path(ask, ask_text(ask, "path"), &writing->path, &writing->there));
	writing->old.n = writing->new.n = 0;
	return writing->there ? ask_note(ask, writing->path, &writing->old, &writing->seen) : OK;
}

static void put_result(const struct writing *writing, struct buf *out)
{
	char digest[SHA256_HEX_BYTES + 1];

	sha256_hex(buf_str(&writing->new), digest);
	buf_put(out, STR("{\"path\":"));
	buf_put_json(out, writing->path);
	buf_put_fmt(out, ",\"sha256\":\"%s\",\"bytes\":%zu", digest, writing->new.n);
}

/* ---- append ------------------------------------------------------------------------- */

static void end_line(struct buf *out)
{
	if (out->n > 0 && out->p[out->n - 1] != '\n')
		buf_put_byte(out, '\n');
}

/* What is added, ending with a line's end. */
static struct str addition(struct note_ask *ask)
{
	struct str content = ask_text(ask, "content");
	time_t now = (time_t)(clock_wall_ms() / 1000);
	char stamp[32] = "";
	struct tm tm;

	if (ask_bool(ask, "timestamp", false) && gmtime_r(&now, &tm) != NULL)
		(void)strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M UTC: ", &tm);
	return arena_fmt(ask->call->arena, "%s%.*s%s", stamp, STR_ARG(content),
			 str_ends(content, STR("\n")) ? "" : "\n");
}

/* The end of a section without the empty lines that part it from the next. */
static size_t without_blanks(struct str text, size_t end)
{
	while (end > 0 && strchr(" \t\r\n", text.p[end - 1]) != NULL)
		end--;
	while (end < text.n && text.p[end] != '\n')
		end++;
	return end < text.n ? end + 1 : end;
}

/* Where to add.   ret_heading    a heading that has to be made before it; empty none */
static enum err find_spot(struct note_ask *ask, const struct note_text *note, size_t *ret_at, struct str *ret_heading)
{
	struct str heading = ask_text(ask, "heading"), section;
	bool at_start = str_eq(ask_text(ask, "position"), STR("start"));

	*ret_heading = STR_NONE;
	*ret_at = at_start ? note->front.end : note->text.n;
	if (heading.n == 0)
		return OK;
	if (note_section(ask->call->arena, note, heading, &section) == OK) {
		size_t from = (size_t)(section.p - note->text.p);
		const char *line = memchr(section.p, '\n', section.n);
		size_t body = line == NULL ? note->text.n : (size_t)(line - note->text.p) + 1;

		*ret_at = at_start ? body : without_blanks(note->text, from + section.n);
		return OK;
	}
	if (!ask_bool(ask, "create_heading", false))
		return ask_refuse(ask, STR("not_found"), "the note has no heading \"%.*s\"; `create_heading` makes it",
				  STR_ARG(heading));
	*ret_at = note->text.n;
	*ret_heading = heading;
	return OK;
}

static void put_heading(struct buf *out, struct str heading)
{
	while (str_starts(heading, STR("#")))
		heading = str_skip(heading, 1);
	end_line(out);
	buf_put_fmt(out, "%s## %.*s\n", out->n > 0 ? "\n" : "", STR_ARG(str_trim(heading)));
}

static enum err append_once(struct note_ask *ask, struct writing *writing)
{
	struct note_text note;
	struct str heading;
	size_t at;

	TRY(read_old(ask, writing));
	if (!writing->there && !ask_bool(ask, "create_if_missing", true))
		return ask_refuse(ask, STR("not_found"), "there is no note %.*s", STR_ARG(writing->path));
	note_text_read(ask->call->arena, buf_str(&writing->old), &note);
	TRY(find_spot(ask, &note, &at, &heading));
	buf_put(&writing->new, (struct str){note.text.p, at});
	end_line(&writing->new);
	if (heading.n > 0)
		put_heading(&writing->new, heading);
	buf_put(&writing->new, addition(ask));
	buf_put(&writing->new, str_skip(note.text, at));
	return put_back(ask, writing);
}

enum err op_append(struct note_ask *ask)
{
	AUTO_WRITING writing = {0};
	AUTO_BUF out = {0};
	enum err err = ERR_EXISTS;

	for (int i = 0; i < APPEND_TRIES_MAX && err == ERR_EXISTS; i++)
		err = append_once(ask, &writing);
	if (err == ERR_EXISTS)
		return ask_refuse(ask, STR("conflict"), "the note is being changed by somebody else; try again");
	TRY(err);
	put_result(&writing, &out);
	buf_put(&out, writing.there ? STR(",\"created\":false}") : STR(",\"created\":true}"));
	ask_answer(ask, &out);
	return OK;
}

/* ---- update ------------------------------------------------------------------------- */

/* Replace exact text; each edit sees what the ones before have made. */
static enum err edit_once(struct note_ask *ask, yyjson_val *edit, size_t number, struct buf *text)
{
	struct str find = json_str(json_get(edit, "find")), replace = json_str(json_get(edit, "replace")), rest;
	int64_t wanted = 1, found = 0;
	AUTO_BUF made = {0};
	const char *at;

	(void)json_int(json_get(edit, "count"), &wanted);
	if (find.n == 0)
		return ask_refuse(ask, STR("invalid"), "edit %zu: `find` is empty", number);
	for (rest = buf_str(text); (at = memmem(rest.p, rest.n, find.p, find.n)) != NULL; found++) {
		struct str before = {rest.p, (size_t)(at - rest.p)};

		buf_put(&made, before);
		buf_put(&made, replace);
		if (made.n > NOTE_BYTES_MAX)
			return ask_refuse(ask, STR("too_large"), "the note would be larger than 1 MiB");
		rest = str_skip(rest, before.n + find.n);
	}
	if (found != wanted)
		return ask_refuse(ask, STR("conflict"),
				  "edit %zu: the text to find is there %lld times, not %lld: nothing was changed",
				  number, (long long)found, (long long)wanted);
	buf_put(&made, rest);
	text->n = 0;
	buf_put(text, buf_str(&made));
	return OK;
}

static enum err make_edits(struct note_ask *ask, yyjson_val *edits, struct writing *writing)
{
	yyjson_arr_iter each = yyjson_arr_iter_with(edits);
	yyjson_val *edit;
	size_t number = 0;

	buf_put(&writing->new, buf_str(&writing->old));
	while ((edit = yyjson_arr_iter_next(&each)) != NULL) {
		if (number == EDITS_MAX)
			return ask_refuse(ask, STR("invalid"), "at most %d edits at once", EDITS_MAX);
		TRY(edit_once(ask, edit, ++number, &writing->new));
	}
	return OK;
}

static enum err change_properties(struct note_ask *ask, yyjson_val *properties, struct writing *writing)
{
	enum err err = front_change(ask->call->arena, buf_str(&writing->old), properties, &writing->new);

	if (err == ERR_RPC_PARAMS)
		return ask_refuse(ask, STR("unsupported"),
				  "the note's front matter cannot be read as simple YAML, so its "
				  "properties are not changed; use `edits`");
	if (err == ERR_LIMIT)
		return ask_refuse(ask, STR("too_large"), "the front matter would be larger than 64 KiB");
	return err;
}

/* Whether the note still is what the caller has seen. */
static enum err check_seen(struct note_ask *ask, const struct writing *writing, bool replaces, const char *digest)
{
	struct str expected = ask_text(ask, "expected_sha256");

	if (!writing->there && expected.n > 0)
		return ask_refuse(ask, STR("conflict"), "precondition_failed: the note is not there any more");
	if (writing->there && expected.n > 0 && !str_eq_nocase(expected, str_of(digest)))
		return ask_refuse(ask, STR("conflict"),
				  "precondition_failed: the note has changed since it was read; read it again. "
				  "Its sha256 is now %s",
				  digest);
	if (writing->there && replaces && expected.n == 0 && !ask_bool(ask, "force", false))
		return ask_refuse(
			ask, STR("conflict"),
			"precondition_failed: the note exists. To replace all of it give `expected_sha256` as "
			"read_note told it, or `force`. Its sha256 is now %s",
			digest);
	return OK;
}

static enum err make_new(struct note_ask *ask, struct writing *writing, const char *digest)
{
	yyjson_val *content = ask_value(ask, "content"), *edits = ask_value(ask, "edits");
	yyjson_val *properties = ask_value(ask, "properties");

	if ((content != NULL) + (edits != NULL) + (properties != NULL) != 1)
		return ask_refuse(ask, STR("invalid"), "give one of `content`, `edits` and `properties`");
	TRY(check_seen(ask, writing, content != NULL, digest));
	if (content != NULL) {
		buf_put(&writing->new, json_str(content));
		return OK;
	}
	if (edits != NULL && !writing->there)
		return ask_refuse(ask, STR("not_found"), "there is no note %.*s", STR_ARG(writing->path));
	return edits != NULL ? make_edits(ask, edits, writing) : change_properties(ask, properties, writing);
}

enum err op_update(struct note_ask *ask)
{
	char digest[SHA256_HEX_BYTES + 1] = "";
	AUTO_WRITING writing = {0};
	AUTO_BUF out = {0};
	enum err err;

	TRY(read_old(ask, &writing));
	if (writing.there)
		sha256_hex(buf_str(&writing.old), digest);
	TRY(make_new(ask, &writing, digest));
	err = put_back(ask, &writing);
	if (err == ERR_EXISTS)
		return ask_refuse(ask, STR("conflict"),
				  "precondition_failed: the note was changed by somebody else just now; "
				  "read it again");
	TRY(err);
	put_result(&writing, &out);
	if (writing.there)
		buf_put_fmt(&out, ",\"previous_sha256\":\"%s\"", digest);
	buf_put_byte(&out, '}');
	ask_answer(ask, &out);
	return OK;
}
