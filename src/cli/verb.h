/* Commands made from the management API's table of resources: `gatehouse role create`, `client list` ... */
#ifndef GATEHOUSE_CLI_VERB_H
#define GATEHOUSE_CLI_VERB_H

#include "cli/command.h"
#include "portal/resource.h"

enum verb_kind { VERB_LIST, VERB_SHOW, VERB_CREATE, VERB_SET, VERB_REMOVE, VERB_ACT, VERB_EXPORT };

struct verb {
	struct command command;
	enum verb_kind kind;
	const struct resource *resource;
	const struct action *action; /* VERB_ACT */
	bool whole;		     /* without --tenant it is the installation's: the resource is there twice */
};

/* All of them, made when first asked for. */
const struct verb *verbs(size_t *ret_count);

/* The fields that a verb's options stand for; their number. */
const struct field *verb_fields(const struct verb *verb, size_t *ret_count);

/* Whether a field can be given with this verb. */
bool verb_takes(const struct verb *verb, const struct field *field);

/* Append an option's value as the JSON value of its field: words between commas, times as "90d" or RFC 3339, documents
 * as JSON or @FILE.
 *   problem    what is wrong with it
 *   Errors     ERR_USAGE */
NODISCARD enum err verb_value(const struct field *field, struct str text, struct buf *out, struct buf *problem);

/* Print an object's members, a line each; a list's objects as a table. */
void verb_print_object(struct buf *out, const struct resource *resource, yyjson_val *object);
void verb_print_table(struct buf *out, const struct resource *resource, yyjson_val *const *objects, size_t count);

/* Run the verb that an invocation's command was made from.
 *   returns    the exit status */
int verb_run(const struct invocation *invocation);

#endif
