/* The old end of the trail as files: rows past their period move, oldest first, from the table into files that prove
 * themselves.
 *
 *     {"gatehouse_audit":1,"after":0,"mac":"00..00"}                 the link before the first row
 *     {"seq":1,"at_ms":...,"event":"...", ... ,"mac":"6f..."}        a row a line, as it was in the table
 *     {"last":20000,"mac":"9c...","seal":"41..."}                    the link of the last row, sealed as an anchor
 *
 * Files are called audit-FIRST-LAST.jsonl, each begins where the
 * one before it ends, and the anchor in the database is the end of the newest. */
#ifndef GATEHOUSE_AUDIT_ARCHIVE_H
#define GATEHOUSE_AUDIT_ARCHIVE_H

#include "audit/audit.h"
#include "store/audit_row.h"

#define ARCHIVE_ROWS 20000 /* of one file: removing them holds the database for some 30 ms */
#define ARCHIVE_NAME_BYTES 64
#define ARCHIVE_LINE_BYTES_MAX 32768 /* eight texts of 256 bytes, each escaped */

struct archive {
	struct db *db;
	const struct secret *key; /* of the chain; borrowed */
	struct str directory;	  /* made with mode 0700 when it is not there */
	int64_t before_ms;	  /* rows from before it are past their period */
	int64_t slack_ms;	  /* a file that would not be full waits until its first row is that much older */
};

/* Move one file's worth of rows. The newest row of the table always stays. What a crash leaves is a file without an
 * anchor, which the next call takes over, or a temporary file, which it removes.
 *   ret_name   of the file
 *   ret_rows   in it; 0: there was nothing to move; fewer than ARCHIVE_ROWS: there was no more
 *   problem    a sentence for the operator
 *   Errors     ERR_SYSTEM (the directory), ERR_DB_CORRUPT (the rows do not hold: nothing is moved), ERR_NOT_FOUND:
 *              another process has moved them meanwhile; ERR_DB ... */
NODISCARD enum err archive_next(const struct archive *archive, char ret_name[ARCHIVE_NAME_BYTES], int64_t *ret_rows,
				struct buf *problem) AWAITS;

/* Where a file begins and ends. */
struct archive_ends {
	struct audit_head before, last; /* seals are not looked at */
};

/* Check a file by itself: every row, every link, its seal.
 *   path       NUL-terminated
 *   problem    what is wrong, and with which row
 *   Errors     ERR_DB_CORRUPT, ERR_SYSTEM (cannot be read)
 *   Runs on    any thread but a loop's: it reads the file */
NODISCARD enum err archive_check(const char *path, const struct secret *key, struct archive_ends *ret_ends,
				 struct buf *problem);

/* The same for bytes. */
NODISCARD enum err archive_check_text(struct str text, const struct secret *key, struct archive_ends *ret_ends,
				      struct buf *problem);

/* Append the lines of a file. */
void archive_put_first(struct buf *out, const struct audit_head *before);
void archive_put_row(struct buf *out, const struct audit_row *row);
void archive_put_last(struct buf *out, const struct secret *key, struct audit_head last);

#endif
