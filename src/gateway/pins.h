/* Pinned definitions: what an upstream's tools were when they were accepted, against what they are
 * now. doc/decisions/0010-pins.md says what is held back when. */
#ifndef GATEHOUSE_GATEWAY_PINS_H
#define GATEHOUSE_GATEWAY_PINS_H

#include "catalog/catalog.h"
#include "gateway/config.h"
#include "store/tool_pin.h"

#define PINS_SHOWN_MAX 500 /* tools in one diff */

/* Compare a shelf's tools with their pins, keep what is new in the database, and set the marks: standing,
 * open suspicions, held. What is found for the first time is logged. Marks are only set once the database
 * has it.
 *   Errors     those of the database; the marks stay as they were
 *   Runs on    a fiber; compares on a worker thread */
NODISCARD enum err pins_judge(struct db *db, struct shelf *shelf, enum pin_policy policy) AWAITS;

/* Append what an operator should look at, as JSON: {"tools":[{"upstream","tool","state","held","flags",
 * "digest","changes":[{"path","old","new"}]}],"more":false}.
 *   config     for each upstream's policy
 *   Runs on    a fiber */
NODISCARD enum err pins_diff_write(struct db *db, const struct config *config, struct buf *out) AWAITS;

/* Append "upstream.tool"; what it holds then. */
struct str pins_label(const struct tool_pin *pin, struct buf *out);

/* What to accept. */
struct pins_approval {
	struct str upstream;
	struct str tool;   /* p NULL: all of the upstream that wait */
	struct str digest; /* hex, or its beginning, as the diff shows it; p NULL: whatever it is now */
};

/* Accept what was last seen. Each tool is one row of its own: `accepted` is called after it is durable.
 *   ret_count  how many tools there were to accept
 *   Errors     ERR_NOT_FOUND: nothing waits by that name, or not with that digest; the database's
 *   Runs on    a fiber */
NODISCARD enum err pins_approve(struct db *db, const struct pins_approval *approval,
				enum err (*accepted)(void *arg, const struct tool_pin *pin) /* AWAITS */, void *arg,
				size_t *ret_count) AWAITS;

#endif
