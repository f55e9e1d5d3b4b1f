/* What is known of a vault's files without opening them: an FTS5 index and tables of names, tags, properties and links,
 * in a side database that can be made anew at any time. The only place of this room with SQL. Blocks: worker threads.
 */
#ifndef GATEHOUSE_NOTES_INDEX_H
#define GATEHOUSE_NOTES_INDEX_H

#include "db/side.h"
#include "notes/place.h"
#include "notes/text.h"

#define INDEX_CANDIDATES_MAX 32 /* notes of one name that are told */
#define INDEX_BACKLINKS_MAX 200
#define INDEX_PROPERTIES_MAX 256 /* values of a note that can be searched for */
#define INDEX_VALUE_BYTES_MAX 256

/* Open or make it, for writing.   Errors     as side_open */
NODISCARD enum err index_open(const char *path, struct side **ret_side);

/* ---- changing: between "begin" and "end" -------------------------------------------- */

/* A transaction; readers see all of it or nothing.   Errors     ERR_BUSY, ERR_DB */
NODISCARD enum err index_begin(struct side *side);
/* With OK it commits; otherwise, or when that fails, it rolls back and returns the error. */
NODISCARD enum err index_end(struct side *side, enum err err);

/* Take over a file as it is now.
 *   note       NULL: it is no note, or one that is too large to be read */
NODISCARD enum err index_put(struct side *side, struct arena *arena, struct str path, const struct place_stamp *stamp,
			     const struct note_text *note);
NODISCARD enum err index_drop(struct side *side, struct str path);

/* ---- asking -------------------------------------------------------------------------- */

struct index_file {
	struct str path;
	struct place_stamp stamp;
};
/* All files, by path.   Errors     ERR_LIMIT */
NODISCARD enum err index_files(struct side *side, struct arena *arena, struct index_file **ret_files,
			       size_t *ret_count);
NODISCARD enum err index_stamp(struct side *side, struct arena *arena, struct str path, struct place_stamp *ret_stamp);

/* The file's own spelling of a path that may differ in case or composition.
 *   Errors     ERR_NOT_FOUND; ERR_EXISTS: there are several */
NODISCARD enum err index_spelling(struct side *side, struct arena *arena, struct str path, struct str *ret_path);

/* The same for a folder, as far as its files tell. */
NODISCARD enum err index_folder(struct side *side, struct arena *arena, struct str folder, struct str *ret_folder);

/* Where a link leads: the exact path, else the one file of that name, else the one note with that alias.
 *   ret_paths  INDEX_CANDIDATES_MAX at most; in `arena`
 *   returns    OK with one path, ERR_NOT_FOUND with none, ERR_EXISTS with several */
NODISCARD enum err index_resolve(struct side *side, struct arena *arena, struct str target, struct str **ret_paths,
				 size_t *ret_count);

/* Notes with a link to this one; INDEX_BACKLINKS_MAX at most. */
NODISCARD enum err index_backlinks(struct side *side, struct arena *arena, struct str path, struct str **ret_paths,
				   size_t *ret_count);

struct index_query {
	struct str match;			  /* for FTS5; empty: all, newest first */
	struct str tag;				  /* folded, without #; empty any */
	struct str folder;			  /* folded, with a slash behind; empty any */
	struct str property_name, property_value; /* folded; the name empty: any */
	int64_t modified_after_ns;		  /* 0 any */
	int64_t limit, offset;
};
struct index_hit {
	int64_t id, modified_ms;
	struct str path, title, tags; /* tags as a JSON array */
	struct str score;	      /* as a JSON number */
};
/* Best first.   ret_hits   in `arena`, query->limit at most
 *   Errors     ERR_DB, ERR_LIMIT */
NODISCARD enum err index_search(struct side *side, struct arena *arena, const struct index_query *query,
				struct index_hit **ret_hits, size_t *ret_count);

/* The hit's text, with INDEX_MARK before and INDEX_MARK_END behind what the words match. */
#define INDEX_MARK '\1'
#define INDEX_MARK_END '\2'
NODISCARD enum err index_marked(struct side *side, struct arena *arena, struct str match, int64_t id,
				struct str *ret_text);
/* The same without marks: how it begins. */
NODISCARD enum err index_text(struct side *side, struct arena *arena, int64_t id, struct str *ret_text);

struct index_totals {
	int64_t notes, attachments, bytes, modified_ms;
	struct str *conflicts; /* paths of copies that a sync left behind */
	size_t conflict_count;
};
/* Sums of all files; lists in `arena`.   Errors     ERR_DB */
NODISCARD enum err index_totals(struct side *side, struct arena *arena, struct index_totals *ret_totals);

#endif
