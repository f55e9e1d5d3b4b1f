/* A whole SQLite installation into an empty PostgreSQL, row for row. */
#ifndef GATEHOUSE_STORE_COPY_H
#define GATEHOUSE_STORE_COPY_H

#include "db/owner.h"
#include "store/store.h"

/* Told after each table. */
typedef void copy_told(void *arg, const char *table, int64_t rows);

/* Copy everything in one transaction of the target, whose tables `gatehouse migrate` has made and which holds nothing
 * yet; then compare the numbers of rows, and that nothing was written to the source meanwhile.
 *   source     nobody else should be writing to it
 *   owner      of the target's tables
 *   problem    a sentence
 *   Errors     ERR_EXISTS (the target holds rows), ERR_BUSY (the source was written to), ERR_CONFIG (the tables are of
 *              another version), ERR_DB; nothing was copied then
 *   Runs on    a fiber; the target's part on worker threads */
NODISCARD enum err copy_all(struct db *source, struct owner *owner, copy_told *told, void *arg, struct buf *problem)
	AWAITS;

#endif
