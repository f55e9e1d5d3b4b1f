/* PostgreSQL's tables: what there is, and making it what this version needs. SQLite's are made when its file is opened.
 */
#ifndef GATEHOUSE_STORE_MIGRATE_H
#define GATEHOUSE_STORE_MIGRATE_H

#include "db/owner.h"
#include "store/store.h"

struct migrate_state {
	int64_t number; /* the last step that was made; 0: none */
	int64_t newest; /* that this version knows */
	bool two_roles; /* who serves is not who owns: the trail is protected from them */
};

/* Read how far the tables are.
 *   problem    a sentence
 *   Errors     ERR_DB, ERR_CONFIG (they were made by a newer version)
 *   Runs on    a worker thread; blocks, like migrate_up */
NODISCARD enum err migrate_read(struct owner *owner, struct str runtime, struct buf *problem,
				struct migrate_state *ret_state);

/* Make the missing steps and give the role `runtime` its rights (also where no step is missing), in one transaction.
 *   keep_ms    rows of the trail that are younger stay, whatever who serves asks for; -1: as it was (at first a day)
 *   rehearse   roll it back at the end: everything was tried, nothing has happened
 *   ret_state  as it is at the end of the transaction
 *   Errors     as migrate_read */
NODISCARD enum err migrate_up(struct owner *owner, struct str runtime, int64_t keep_ms, bool rehearse,
			      struct buf *problem, struct migrate_state *ret_state);

#endif
