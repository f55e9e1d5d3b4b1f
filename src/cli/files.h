/* Files that belong to somebody: read whole, written so that nothing is ever lost. */
#ifndef GATEHOUSE_CLI_FILES_H
#define GATEHOUSE_CLI_FILES_H

#include "base/str.h"

#define FILE_BYTES_MAX (64u * 1024 * 1024)

/* Read a file; one that is not there reads as empty with *ret_exists false.
 *   problem    what is wrong with it
 *   Errors     ERR_SYSTEM, ERR_LIMIT */
NODISCARD enum err file_read(const char *path, struct buf *out, bool *ret_exists, struct buf *problem);

/* Put `text` in place of a file's content: a copy of the old one is kept beside it (its name is
 * appended to ret_backup, NUL-terminated), the new one is renamed over it, readable by its owner only
 * (it may hold a key now), and a symbolic link keeps leading to it. Directories in front of a
 * new file are made (0700).
 *   Errors     ERR_SYSTEM */
NODISCARD enum err file_replace(const char *path, struct str before, bool exists, struct str text,
				struct buf *ret_backup, struct buf *problem);

/* A new file that only its owner may read.
 *   Errors     ERR_EXISTS, ERR_SYSTEM */
NODISCARD enum err file_create(const char *path, struct str text, struct buf *problem);

#endif
