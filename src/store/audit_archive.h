/* Which rows of the trail are old, and taking those away that were archived. */
#ifndef GATEHOUSE_STORE_AUDIT_ARCHIVE_H
#define GATEHOUSE_STORE_AUDIT_ARCHIVE_H

#include "store/audit_row.h"

/* The last of the rows behind `after`, up to `upto`, in front of which no row is from `before_ms` or later; `after`
 * when there is none. Looks at upto - after rows at most. ret_first_ms  when the first of them was written */
NODISCARD enum err audit_archive_end(struct db *db, int64_t after, int64_t upto, int64_t before_ms, int64_t *ret_last,
				     int64_t *ret_first_ms) AWAITS;

/* Move the anchor from `after` on to `anchor`, and remove the rows up to it, in one transaction.
 *   Errors     ERR_NOT_FOUND: the anchor is not at `after` any more; nothing was done */
NODISCARD enum err audit_archive_move(struct db *db, int64_t after, const struct audit_head *anchor, struct str file,
				      int64_t now_ms) AWAITS;

/* What has been archived so far: the last row's number, the newest file, when. All empty: nothing.
 *   ret_file   in `arena` */
NODISCARD enum err audit_archive_state(struct db *db, struct arena *arena, int64_t *ret_seq, struct str *ret_file,
				       int64_t *ret_at_ms) AWAITS;

#endif
