/* Command line options from tables: --name VALUE, --name=VALUE, --flag, -h, and operands.
 *
 * A command lists what it knows; one parser reads it, the help and the reference page are
 * printed from it. */
#ifndef GATEHOUSE_CLI_OPTIONS_H
#define GATEHOUSE_CLI_OPTIONS_H

#include "base/str.h"

#define OPTIONS_MAX 16 /* given at once */
#define OPERANDS_MAX 4

struct option {
	const char *name;  /* without its dashes: "config" */
	const char *value; /* what it takes, as the help shows it: "FILE"; NULL: a flag */
	const char *doc;   /* for the help: one line */
};

/* What a command line said; texts belong to argv and are NUL-terminated. */
struct options {
	struct {
		const struct option *option;
		struct str value;
	} given[OPTIONS_MAX];
	size_t given_count;
	struct str operands[OPERANDS_MAX];
	size_t operand_count;
};

/* Options that every command takes. Like all tables of options, ended by a row without a name. */
extern const struct option common_options[];

/* Read `count` words. `own` (may be NULL) and the common options are known; "--" ends them.
 *   ret_options  borrows the words and the tables
 *   problem      what is wrong, one sentence without an end
 *   Errors       ERR_USAGE: unknown, given twice, without its value or with one it does not take,
 *                too many operands */
NODISCARD enum err options_parse(const struct option *own, int count, char *const *words, struct buf *problem,
				 struct options *ret_options);

/* The value of an option; p NULL when it was not given. */
struct str options_get(const struct options *options, const char *name);

/* Whether an option or flag was given. */
bool options_has(const struct options *options, const char *name);

#endif
