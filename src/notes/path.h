/* How notes may be named: paths inside a folder of notes, and the spellings that count as the same. */
#ifndef GATEHOUSE_NOTES_PATH_H
#define GATEHOUSE_NOTES_PATH_H

#include "base/arena.h"

#define NOTE_PART_BYTES_MAX 240 /* of one name: 255 is the file system's, and a temporary name must fit too */
#define NOTE_DEPTH_MAX 16
#define NOTE_PATH_BYTES_MAX 2048 /* of a whole path: half of what the system takes */

/* A note's path as a caller gave it: relative, in composed Unicode (NFC), with `.md` behind.
 *   ret_path   in `arena`, NUL-terminated
 *   ret_why    what is wrong with it, static, for the caller
 *   Errors     ERR_RPC_PARAMS
 *   Runs on    any thread, as all of these */
NODISCARD enum err note_path_read(struct arena *arena, struct str given, struct str *ret_path, const char **ret_why);

/* A folder's; "" and "/" are the top. */
NODISCARD enum err note_folder_read(struct arena *arena, struct str given, struct str *ret_path, const char **ret_why);

/* Whether links can lead to a note of this path: it has none of the characters that mean something in them. */
bool note_path_is_linkable(struct str path);

/* Folded: two texts that differ in case or composition only become one. In `arena`; what is no UTF-8 stays as it is. */
struct str note_fold(struct arena *arena, struct str text);

/* Whether it ends in .md, in any case. */
bool note_path_is_note(struct str path);

/* Pieces of a path, borrowed: without .md; behind the last slash; before it, empty at the top. */
struct str note_path_bare(struct str path);
/* Its last part. */
struct str note_path_name(struct str path);
/* Its folder. */
struct str note_path_folder(struct str path);

#endif
