/* Files below one directory, and nothing else: no way leads out of it, over a symbolic link or into something that is
 * no regular file. Everything blocks: worker threads.
 *
 *   Source     openat2(2) */
#ifndef GATEHOUSE_NOTES_PLACE_H
#define GATEHOUSE_NOTES_PLACE_H

#include "base/arena.h"

#define NOTE_BYTES_MAX (1024 * 1024) /* of a note */
#define PLACE_TEMPORARY ".tmp-"	     /* how names of unfinished files begin */

/* By which a file is known to be the one that was read. */
struct place_stamp {
	uint64_t inode;
	int64_t bytes, mtime_ns, ctime_ns;
};
bool place_stamp_eq(const struct place_stamp *a, const struct place_stamp *b);

/* Open what is at a path that path.c has checked; "" is the directory itself. The caller closes.
 *   flags      of open(2), without O_CREAT
 *   Errors     ERR_NOT_FOUND (also where a link or a file is in the way), ERR_IO */
NODISCARD enum err place_open(int root, struct str path, int flags, int *ret_fd);

/* Of a regular file.   Errors     as place_open */
NODISCARD enum err place_stat(int root, struct str path, struct place_stamp *ret_stamp);

/* The whole of a regular file.
 *   out        gets it
 *   Errors     ERR_NOT_FOUND, ERR_LIMIT (more than NOTE_BYTES_MAX), ERR_IO */
NODISCARD enum err place_read(int root, struct str path, struct buf *out, struct place_stamp *ret_stamp);

/* Put a whole file in its place: other readers see the old one or the new one, also after a crash.
 *   seen       the file that it replaces, as it was read; NULL: there must be none yet. Its folder must exist.
 *   ret_stamp  of what is there now
 *   Errors     ERR_EXISTS: something else is there by now; ERR_NOT_FOUND, ERR_IO */
NODISCARD enum err place_write(int root, struct str path, struct str bytes, const struct place_stamp *seen,
			       struct place_stamp *ret_stamp);

/* Make a folder and those that it lies in.   Errors     as place_open */
NODISCARD enum err place_make_folder(int root, struct str folder);

#endif
