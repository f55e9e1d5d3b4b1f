/* Who is there, among the users of this process alone. Never waits. Private to state. */
#ifndef GATEHOUSE_STATE_MEMBERS_H
#define GATEHOUSE_STATE_MEMBERS_H

#include "state/state.h"

struct members;

/*   Runs on    any thread, as all here */
struct members *members_new(void);
void members_free(struct members *members); /* NULL is fine */

/*   Errors     ERR_LIMIT: STATE_MEMBERS_MAX are there, of all sets together */
NODISCARD enum err members_join(struct members *members, struct str set, const struct state_member *member,
				int64_t life_ms);
void members_leave(struct members *members, struct str set, uint64_t id);

/* As state_members; the array has a place for each, in `arena`. */
size_t members_list(struct members *members, struct arena *arena, struct str set, struct state_member **ret_members);

/* By ascending id. */
void members_sort(struct state_member *members, size_t count);

#endif
