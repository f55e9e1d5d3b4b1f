/* What the index is asked: names and links to paths, words to notes, sums. Names are compared folded and shown as they
 * are; a link is resolved anew each time, since where it leads depends on all other notes. Texts that FTS5 reads as its
 * syntax are made by search.c. */
#include "base/check.h"
#include "notes/index.h"
#include "notes/path.h"

#define STAMP_OF(cells)                                                                                                \
	((struct place_stamp){                                                                                         \
		.inode = (uint64_t)(cells)[0].num,                                                                     \
		.bytes = (cells)[1].num,                                                                               \
		.mtime_ns = (cells)[2].num,                                                                            \
		.ctime_ns = (cells)[3].num,                                                                            \
	})

enum err index_files(struct side *side, struct arena *arena, struct index_file **ret_files, size_t *ret_count)
{
	struct index_file *files;
	struct db_rows *rows;

	TRY(side_query(side, arena, "SELECT path, inode, bytes, mtime, ctime FROM file ORDER BY path", NULL, 0, &rows));
	files = arena_try_alloc(arena, (rows->rows + 1) * sizeof(*files));
	if (files == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < rows->rows; i++) {
		const struct db_value *cells = &rows->cells[i * rows->columns];

		files[i] = (struct index_file){.path = cells[0].str, .stamp = STAMP_OF(cells + 1)};
	}
	*ret_files = files;
	*ret_count = rows->rows;
	return OK;
}

enum err index_stamp(struct side *side, struct arena *arena, struct str path, struct place_stamp *ret_stamp)
{
	const struct db_value param = DB_T(path);
	struct db_rows *rows;

	TRY(side_query(side, arena, "SELECT inode, bytes, mtime, ctime FROM file WHERE path = ?", &param, 1, &rows));
	if (rows->rows == 0)
		return ERR_NOT_FOUND;
	*ret_stamp = STAMP_OF(rows->cells);
	return OK;
}

enum err index_spelling(struct side *side, struct arena *arena, struct str path, struct str *ret_path)
{
	const struct db_value param = DB_T(note_fold(arena, path));
	struct db_rows *rows;

	TRY(side_query(side, arena, "SELECT path FROM file WHERE fold = ? LIMIT 2", &param, 1, &rows));
	if (rows->rows != 1)
		return rows->rows == 0 ? ERR_NOT_FOUND : ERR_EXISTS;
	*ret_path = rows->cells[0].str;
	return OK;
}

/* Folding keeps slashes, so the folder's spelling is as many parts of a path in it. */
static struct str parts_of(struct str path, struct str folder)
{
	size_t slashes = 0, n = 0;

	for (size_t i = 0; i < folder.n; i++)
		slashes += folder.p[i] == '/';
	while (n < path.n && (path.p[n] != '/' || slashes-- > 0))
		n++;
	return (struct str){path.p, n};
}

enum err index_folder(struct side *side, struct arena *arena, struct str folder, struct str *ret_folder)
{
	struct str below = arena_fmt(arena, "%.*s/", STR_ARG(folder));
	struct str end = arena_fmt(arena, "%.*s0", STR_ARG(folder)); /* 0 follows the slash in ASCII */
	const struct db_value params[] = {DB_T(note_fold(arena, below)), DB_T(note_fold(arena, end))};
	struct db_rows *rows;

	TRY(side_query(side, arena, "SELECT path FROM file WHERE fold > ? AND fold < ? LIMIT 1", params,
		       ARRAY_LEN(params), &rows));
	if (rows->rows == 0)
		return ERR_NOT_FOUND;
	*ret_folder = parts_of(rows->cells[0].str, folder);
	return OK;
}

/* Of files with the right name: those whose path is the target's, or ends with it.
 *   returns    whether one of them is exactly it: then it is the only one */
static bool pick(struct arena *arena, const struct db_rows *rows, struct str wanted, struct str *paths, size_t *count)
{
	struct str tail = arena_fmt(arena, "/%.*s", STR_ARG(wanted));

	*count = 0;
	for (size_t i = 0; i < rows->rows; i++) {
		struct str path = rows->cells[i * 2].str, bare = note_path_bare(rows->cells[i * 2 + 1].str);

		if (str_eq(bare, wanted)) {
			paths[0] = path;
			*count = 1;
			return true;
		}
		if (str_ends(bare, tail))
			paths[(*count)++] = path;
	}
	return false;
}

enum err index_resolve(struct side *side, struct arena *arena, struct str target, struct str **ret_paths,
		       size_t *ret_count)
{
	struct str *paths = arena_alloc(arena, INDEX_CANDIDATES_MAX * sizeof(*paths));
	struct str wanted = note_fold(arena, note_path_bare(target));
	const struct db_value params[] = {DB_T(note_path_name(wanted)), DB_I(INDEX_CANDIDATES_MAX)};
	struct db_rows *rows;
	size_t count;

	TRY(side_query(side, arena, "SELECT path, fold FROM file WHERE name = ? ORDER BY length(path), path LIMIT ?",
		       params, ARRAY_LEN(params), &rows));
	(void)pick(arena, rows, wanted, paths, &count);
	if (count == 0) {
		TRY(side_query(side, arena,
			       "SELECT file.path FROM alias JOIN file ON file.id = alias.file WHERE alias.name = ?"
			       " ORDER BY length(file.path), file.path LIMIT ?",
			       (const struct db_value[]){DB_T(wanted), DB_I(INDEX_CANDIDATES_MAX)}, 2, &rows));
		for (count = 0; count < rows->rows; count++)
			paths[count] = rows->cells[count].str;
	}
	*ret_paths = paths;
	*ret_count = count;
	return count == 1 ? OK : count == 0 ? ERR_NOT_FOUND : ERR_EXISTS;
}

/* Links are kept as they are written: whether one leads here depends on all other notes. */
static bool leads_to(struct side *side, struct arena *arena, struct str target, struct str path)
{
	struct str *paths;
	size_t count;

	return index_resolve(side, arena, target, &paths, &count) == OK && str_eq(paths[0], path);
}

enum err index_backlinks(struct side *side, struct arena *arena, struct str path, struct str **ret_paths,
			 size_t *ret_count)
{
	struct str *paths = arena_alloc(arena, INDEX_BACKLINKS_MAX * sizeof(*paths));
	const struct db_value params[] = {DB_T(path), DB_I(INDEX_BACKLINKS_MAX)};
	struct db_rows *rows;
	size_t count = 0;

	TRY(side_query(side, arena,
		       "SELECT file.path, link.target FROM link JOIN file ON file.id = link.file WHERE link.name IN"
		       " (SELECT name FROM file WHERE path = ?1 UNION SELECT alias.name FROM alias JOIN file"
		       " ON file.id = alias.file WHERE file.path = ?1) AND file.path <> ?1 ORDER BY file.path LIMIT ?2",
		       params, ARRAY_LEN(params), &rows));
	for (size_t i = 0; i < rows->rows; i++) {
		struct str from = rows->cells[i * 2].str;

		if ((count == 0 || !str_eq(paths[count - 1], from)) &&
		    leads_to(side, arena, rows->cells[i * 2 + 1].str, path))
			paths[count++] = from;
	}
	*ret_paths = paths;
	*ret_count = count;
	return OK;
}

/* A title counts more than a heading, that more than a tag, that more than the text. Only numbers are sorted; what is
 * shown is read for the page. */
#define SEARCH_FILTER(id)                                                                                              \
	" (?2 = '' OR EXISTS (SELECT 1 FROM tag WHERE tag.file = " id                                                  \
	" AND (tag.name = ?2 OR substr(tag.name, 1, length(?2) + 1) = ?2 || '/')))"                                    \
	" AND (?4 = '' OR EXISTS (SELECT 1 FROM property WHERE property.file = " id                                    \
	" AND property.name = ?4 AND property.value = ?5))"                                                            \
	" AND ((?3 = '' AND ?6 = 0) OR EXISTS (SELECT 1 FROM file AS f WHERE f.id = " id                               \
	" AND substr(f.fold, 1, length(?3)) = ?3 AND f.mtime > ?6))"
#define SEARCH_SHOWN "SELECT file.id, file.path, file.title, file.tags, file.mtime / 1000000, "

static const char search_words[] =
	SEARCH_SHOWN "printf('%.3f', hit.score) FROM (SELECT rowid AS id, -bm25(words, 10.0, 6.0, 4.0, 1.0) AS score"
		     " FROM words WHERE words MATCH ?1 AND" SEARCH_FILTER(
			     "words.rowid") " ORDER BY score DESC, id"
					    " LIMIT ?7 OFFSET ?8) AS hit JOIN file ON file.id = hit.id ORDER BY "
					    "hit.score DESC, hit.id";

static const char search_all[] = SEARCH_SHOWN "'0' FROM file WHERE note = 1 AND ?1 = '' AND" SEARCH_FILTER(
	"file.id") " ORDER BY file.mtime DESC, file.id LIMIT ?7 OFFSET ?8";

enum err index_search(struct side *side, struct arena *arena, const struct index_query *query,
		      struct index_hit **ret_hits, size_t *ret_count)
{
	const struct db_value params[] = {
		DB_T(query->match),	     DB_T(query->tag),
		DB_T(query->folder),	     DB_T(query->property_name),
		DB_T(query->property_value), DB_I(query->modified_after_ns),
		DB_I(query->limit),	     DB_I(query->offset),
	};
	const char *sql = query->match.n > 0 ? search_words : search_all;
	struct index_hit *hits;
	struct db_rows *rows;

	TRY(side_query(side, arena, sql, params, ARRAY_LEN(params), &rows));
	hits = arena_alloc(arena, (rows->rows + 1) * sizeof(*hits));
	for (size_t i = 0; i < rows->rows; i++) {
		const struct db_value *cells = &rows->cells[i * rows->columns];

		hits[i] = (struct index_hit){
			.id = cells[0].num,
			.path = cells[1].str,
			.title = cells[2].str,
			.tags = cells[3].str,
			.modified_ms = cells[4].num,
			.score = cells[5].str,
		};
	}
	*ret_hits = hits;
	*ret_count = rows->rows;
	return OK;
}

static enum err one_text(struct side *side, struct arena *arena, const char *sql, const struct db_value *params,
			 size_t count, struct str *ret_text)
{
	struct db_rows *rows;

	TRY(side_query(side, arena, sql, params, count, &rows));
	*ret_text = rows->rows > 0 ? rows->cells[0].str : STR_NONE;
	return OK;
}

enum err index_marked(struct side *side, struct arena *arena, struct str match, int64_t id, struct str *ret_text)
{
	const struct db_value params[] = {DB_T(match), DB_I(id)};

	return one_text(side, arena,
			"SELECT highlight(words, 3, char(1), char(2)) FROM words WHERE words MATCH ? AND rowid = ?",
			params, ARRAY_LEN(params), ret_text);
}

enum err index_text(struct side *side, struct arena *arena, int64_t id, struct str *ret_text)
{
	const struct db_value param = DB_I(id);

	return one_text(side, arena, "SELECT body FROM words WHERE rowid = ?", &param, 1, ret_text);
}

enum err index_totals(struct side *side, struct arena *arena, struct index_totals *ret_totals)
{
	struct db_rows *rows;
	struct index_totals totals;

	TRY(side_query(side, arena,
		       "SELECT coalesce(sum(note), 0), count(*) - coalesce(sum(note), 0), coalesce(sum(bytes), 0),"
		       " coalesce(max(mtime), 0) / 1000000 FROM file",
		       NULL, 0, &rows));
	totals = (struct index_totals){
		.notes = rows->cells[0].num,
		.attachments = rows->cells[1].num,
		.bytes = rows->cells[2].num,
		.modified_ms = rows->cells[3].num,
	};
	TRY(side_query(side, arena,
		       "SELECT path FROM file WHERE fold LIKE '%.sync-conflict-%' OR fold LIKE '%(conflict%'"
		       " OR fold LIKE '%conflicted copy%' ORDER BY path LIMIT 50",
		       NULL, 0, &rows));
	totals.conflicts = arena_alloc(arena, (rows->rows + 1) * sizeof(struct str));
	for (size_t i = 0; i < rows->rows; i++)
		totals.conflicts[i] = rows->cells[i].str;
	totals.conflict_count = rows->rows;
	*ret_totals = totals;
	return OK;
}
