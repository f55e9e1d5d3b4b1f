/* The tables of the index, and how a file gets into them. What is compared is kept folded; what is shown, as it is. The
 * text of notes is kept with the index: FTS5 of Debian 12 cannot delete from one without text unless it is given the
 * old one. */
#include "notes/index.h"

#include "base/check.h"
#include "base/json.h"
#include "notes/path.h"

#define INDEX_NUMBER 1

static const char schema[] =
	"CREATE TABLE file (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, fold TEXT NOT NULL, name TEXT NOT NULL,"
	" note INTEGER NOT NULL, title TEXT NOT NULL, tags TEXT NOT NULL, inode INTEGER NOT NULL,"
	" bytes INTEGER NOT NULL, mtime INTEGER NOT NULL, ctime INTEGER NOT NULL);"
	"CREATE INDEX file_fold ON file (fold);"
	"CREATE INDEX file_name ON file (name);"
	"CREATE INDEX file_mtime ON file (mtime);"
	"CREATE TABLE tag (file INTEGER NOT NULL REFERENCES file ON DELETE CASCADE, name TEXT NOT NULL,"
	" PRIMARY KEY (file, name)) WITHOUT ROWID;"
	"CREATE INDEX tag_name ON tag (name);"
	"CREATE TABLE alias (file INTEGER NOT NULL REFERENCES file ON DELETE CASCADE, name TEXT NOT NULL,"
	" PRIMARY KEY (file, name)) WITHOUT ROWID;"
	"CREATE INDEX alias_name ON alias (name);"
	"CREATE TABLE property (file INTEGER NOT NULL REFERENCES file ON DELETE CASCADE, name TEXT NOT NULL,"
	" value TEXT NOT NULL, PRIMARY KEY (file, name, value)) WITHOUT ROWID;"
	"CREATE TABLE link (file INTEGER NOT NULL REFERENCES file ON DELETE CASCADE, name TEXT NOT NULL,"
	" target TEXT NOT NULL, PRIMARY KEY (file, name, target)) WITHOUT ROWID;"
	"CREATE INDEX link_name ON link (name);"
	"CREATE VIRTUAL TABLE words USING fts5 (title, headings, tags, body, tokenize='unicode61 remove_diacritics "
	"2');";

enum err index_open(const char *path, struct side **ret_side)
{
	return side_open(path, schema, INDEX_NUMBER, ret_side);
}

enum err index_begin(struct side *side)
{
	return side_run(side, "BEGIN IMMEDIATE", NULL, 0, NULL);
}

enum err index_end(struct side *side, enum err err)
{
	if (err == OK)
		err = side_run(side, "COMMIT", NULL, 0, NULL);
	if (err != OK)
		(void)side_run(side, "ROLLBACK", NULL, 0, NULL);
	return err;
}

/* One more row of a small table. */
static enum err put_row(struct side *side, const char *sql, int64_t file, struct str name, struct str value)
{
	const struct db_value params[] = {DB_I(file), DB_T(name), DB_T(value)};

	return side_run(side, sql, params, value.p == NULL ? 2 : 3, NULL);
}

static struct str name_of(struct arena *arena, struct str path)
{
	return note_fold(arena, note_path_name(note_path_bare(path)));
}

static enum err put_links(struct side *side, struct arena *arena, int64_t file, const struct note_text *note)
{
	for (size_t i = 0; i < note->link_count; i++) {
		struct str target = note->links[i].target;

		if (target.n > 0)
			TRY(put_row(side, "INSERT OR IGNORE INTO link (file, name, target) VALUES (?, ?, ?)", file,
				    name_of(arena, target), target));
	}
	return OK;
}

static enum err put_property(struct side *side, struct arena *arena, int64_t file, struct str name,
			     const struct conf_node *value)
{
	if (value->kind != CONF_SCALAR || value->text.n > INDEX_VALUE_BYTES_MAX)
		return OK;
	return put_row(side, "INSERT OR IGNORE INTO property (file, name, value) VALUES (?, ?, ?)", file, name,
		       note_fold(arena, value->text));
}

static enum err put_properties(struct side *side, struct arena *arena, int64_t file, const struct conf_node *map)
{
	size_t left = INDEX_PROPERTIES_MAX;

	for (size_t i = 0; map != NULL && i < map->count; i++) {
		const struct conf_node *value = map->entries[i].value;
		struct str name = note_fold(arena, map->entries[i].key->text);

		if (value->kind == CONF_SCALAR && left > 0 && left--)
			TRY(put_property(side, arena, file, name, value));
		for (size_t j = 0; value->kind == CONF_LIST && j < value->count && left > 0; j++, left--)
			TRY(put_property(side, arena, file, name, value->entries[j].value));
	}
	return OK;
}

/* Control characters could be taken for our marks, and a NUL for the end. */
static void put_clean(struct buf *out, struct str text)
{
	char *to = buf_reserve(out, text.n + 1);

	for (size_t i = 0; i < text.n; i++)
		to[i] = (uint8_t)text.p[i] < 0x20 && text.p[i] != '\n' && text.p[i] != '\t' ? ' ' : text.p[i];
	to[text.n] = '\n';
	out->n += text.n + 1;
}

static enum err put_words(struct side *side, int64_t file, struct str title, const struct note_text *note,
			  const struct str *aliases, size_t alias_count)
{
	AUTO_BUF titles = {0};
	AUTO_BUF headings = {0};
	AUTO_BUF tags = {0};
	AUTO_BUF body = {0};

	put_clean(&titles, title);
	for (size_t i = 0; i < alias_count; i++)
		put_clean(&titles, aliases[i]);
	for (size_t i = 0; i < note->heading_count; i++)
		put_clean(&headings, note->headings[i].text);
	for (size_t i = 0; i < note->tag_count; i++)
		put_clean(&tags, note->tags[i]);
	put_clean(&body, note->text);
	const struct db_value params[] = {DB_I(file), DB_T(buf_str(&titles)), DB_T(buf_str(&headings)),
					  DB_T(buf_str(&tags)), DB_T(buf_str(&body))};

	return side_run(side, "INSERT INTO words (rowid, title, headings, tags, body) VALUES (?, ?, ?, ?, ?)", params,
			ARRAY_LEN(params), NULL);
}

static enum err put_note(struct side *side, struct arena *arena, int64_t file, struct str title,
			 const struct note_text *note)
{
	struct str *aliases = NULL;
	size_t count = note_property_texts(arena, note, "aliases", &aliases);

	for (size_t i = 0; i < count; i++)
		TRY(put_row(side, "INSERT OR IGNORE INTO alias (file, name) VALUES (?, ?)", file,
			    note_fold(arena, aliases[i]), STR_NONE));
	for (size_t i = 0; i < note->tag_count; i++)
		TRY(put_row(side, "INSERT OR IGNORE INTO tag (file, name) VALUES (?, ?)", file,
			    note_fold(arena, note->tags[i]), STR_NONE));
	TRY(put_links(side, arena, file, note));
	TRY(put_properties(side, arena, file, note->properties));
	return put_words(side, file, title, note, aliases, count);
}

/* What hangs on the file's row. */
static enum err clear(struct side *side, int64_t file)
{
	static const char *const all[] = {
		"DELETE FROM tag WHERE file = ?",      "DELETE FROM alias WHERE file = ?",
		"DELETE FROM property WHERE file = ?", "DELETE FROM link WHERE file = ?",
		"DELETE FROM words WHERE rowid = ?",
	};
	const struct db_value param = DB_I(file);

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		TRY(side_run(side, all[i], &param, 1, NULL));
	return OK;
}

static void put_tags(struct buf *out, const struct note_text *note)
{
	buf_put_byte(out, '[');
	for (size_t i = 0; note != NULL && i < note->tag_count; i++) {
		if (i > 0)
			buf_put_byte(out, ',');
		buf_put_json(out, note->tags[i]);
	}
	buf_put_byte(out, ']');
}

enum err index_put(struct side *side, struct arena *arena, struct str path, const struct place_stamp *stamp,
		   const struct note_text *note)
{
	struct str title = note_path_name(note_path_bare(path));
	struct db_rows *rows;
	AUTO_BUF tags = {0};
	int64_t file;

	put_tags(&tags, note);
	const struct db_value params[] = {
		DB_T(path),
		DB_T(note_fold(arena, path)),
		DB_T(note_fold(arena, title)),
		DB_I(note_path_is_note(path)),
		DB_T(title),
		DB_T(buf_str(&tags)),
		DB_I((int64_t)stamp->inode),
		DB_I(stamp->bytes),
		DB_I(stamp->mtime_ns),
		DB_I(stamp->ctime_ns),
	};

	TRY(side_query(side, arena,
		       "INSERT INTO file (path, fold, name, note, title, tags, inode, bytes, mtime, ctime)"
		       " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET fold = excluded.fold,"
		       " name = excluded.name, note = excluded.note, title = excluded.title, tags = excluded.tags,"
		       " inode = excluded.inode, bytes = excluded.bytes, mtime = excluded.mtime, ctime = excluded.ctime"
		       " RETURNING id",
		       params, ARRAY_LEN(params), &rows));
	CHECK(rows->rows == 1);
	file = rows->cells[0].num;
	TRY(clear(side, file));
	return note != NULL ? put_note(side, arena, file, title, note) : OK;
}

enum err index_drop(struct side *side, struct str path)
{
	const struct db_value param = DB_T(path);

	TRY(side_run(side, "DELETE FROM words WHERE rowid = (SELECT id FROM file WHERE path = ?)", &param, 1, NULL));
	return side_run(side, "DELETE FROM file WHERE path = ?", &param, 1, NULL);
}
