/* What a command is, and how it speaks: answers on standard output, problems on standard error in
 * one sentence that says what to do, and an exit status. */
#ifndef GATEHOUSE_CLI_COMMAND_H
#define GATEHOUSE_CLI_COMMAND_H

#include "cli/options.h"

enum { STATUS_DONE = 0, STATUS_FAILED = 1, STATUS_USAGE = 2 };

struct verb;

struct invocation {
	const struct command *command;
	struct options options;
	struct str config_file; /* p NULL: not given */
	bool json;
};

struct command {
	const char *name;     /* one or two words: "serve", "key create" */
	const char *operands; /* as the help shows them: "NAME"; NULL none */
	size_t operands_min, operands_max;
	const char *summary;				 /* one line, without a full stop */
	const char *about;				 /* what else one should know; NULL nothing */
	const struct option *options;			 /* its own; NULL none */
	int (*run)(const struct invocation *invocation); /* returns the exit status */
	bool hidden;					 /* not in the list of commands */
	const struct verb *verb;			 /* what it was made from; NULL: written by hand */
};

/* Every command, in the order of the help. */
extern const struct command commands[];
extern const size_t command_count;

/* The same with those that are made from the management API's table behind them (but for names that are there
 * already); NULL: there are no more. */
const struct command *command_at(size_t i);

/* Run what a command line asks for (words without the program's name).
 *   returns    the exit status */
int command_line(int count, char *const *words);

/* Print "gatehouse: ..." to standard error.
 *   returns    STATUS_FAILED; command_misused: STATUS_USAGE, with a hint at --help */
int command_failed(const char *fmt, ...) PRINTF(1, 2);
int command_misused(const struct invocation *invocation, const char *fmt, ...) PRINTF(2, 3);

/* Write a buffer to standard output. */
void command_print(const struct buf *text);

/* The pages of `gatehouse help` and of `gatehouse COMMAND --help`, and the reference page. */
void help_write(struct buf *out);
void help_command_write(struct buf *out, const struct command *command);
void help_reference_write(struct buf *out);

/* --- the commands, one file each --- */
int serve_run(const struct invocation *invocation);
int check_run(const struct invocation *invocation);
int version_run(const struct invocation *invocation);
int help_run(const struct invocation *invocation);
int tenant_create_run(const struct invocation *invocation);
int tenant_list_run(const struct invocation *invocation);
int user_create_run(const struct invocation *invocation);
int user_password_run(const struct invocation *invocation);
int user_list_run(const struct invocation *invocation);
int user_disable_run(const struct invocation *invocation);
int retention_show_run(const struct invocation *invocation);
int retention_run_run(const struct invocation *invocation);
int jobs_list_run(const struct invocation *invocation);
int jobs_history_run(const struct invocation *invocation);
int jobs_run_run(const struct invocation *invocation);
int jobs_drop_run(const struct invocation *invocation);
int ads_show_run(const struct invocation *invocation);
int ads_invalidate_run(const struct invocation *invocation);
int sync_latest_run(const struct invocation *invocation);
int sync_run_run(const struct invocation *invocation);
int user_export_run(const struct invocation *invocation);
int user_erase_run(const struct invocation *invocation);
int tenant_erase_run(const struct invocation *invocation);
int connector_check_run(const struct invocation *invocation);
int connector_try_run(const struct invocation *invocation);
int accounts_run(const struct invocation *invocation);
int connect_run(const struct invocation *invocation);
int disconnect_run(const struct invocation *invocation);
int vault_rotate_run(const struct invocation *invocation);
int vault_destroy_run(const struct invocation *invocation);
int user_enable_run(const struct invocation *invocation);
int operator_key_create_run(const struct invocation *invocation);
int operator_key_rotate_run(const struct invocation *invocation);
int key_create_run(const struct invocation *invocation);
int key_list_run(const struct invocation *invocation);
int key_rotate_run(const struct invocation *invocation);
int key_revoke_run(const struct invocation *invocation);
int signing_key_list_run(const struct invocation *invocation);
int signing_key_rotate_run(const struct invocation *invocation);
int secret_set_run(const struct invocation *invocation);
int secret_list_run(const struct invocation *invocation);
int secret_rotate_run(const struct invocation *invocation);
int migrate_run(const struct invocation *invocation);
int migrate_status_run(const struct invocation *invocation);
int db_copy_run(const struct invocation *invocation);
int audit_verify_run(const struct invocation *invocation);
int audit_list_run(const struct invocation *invocation);
int catalog_diff_run(const struct invocation *invocation);
int catalog_approve_run(const struct invocation *invocation);
int status_run(const struct invocation *invocation);
int reload_run(const struct invocation *invocation);
int upgrade_command_run(const struct invocation *invocation);
int doctor_run(const struct invocation *invocation);
int link_run(const struct invocation *invocation);
int import_run(const struct invocation *invocation);
int import_openapi_run(const struct invocation *invocation);
int why_run(const struct invocation *invocation);
int policy_list_run(const struct invocation *invocation);
int policy_test_run(const struct invocation *invocation);
int policy_permissions_run(const struct invocation *invocation);
int reference_run(const struct invocation *invocation);

/* Options of commands that have some. */
extern const struct option secret_set_options[], secret_rotate_options[];
extern const struct option connector_try_options[];
extern const struct option accounts_options[], connect_options[], disconnect_options[];
extern const struct option vault_rotate_options[], vault_destroy_options[];
extern const struct option erase_options[], migrate_options[], db_copy_options[];
extern const struct option serve_options_table[], key_create_options[], key_list_options[], key_rotate_options[],
	audit_list_options[], audit_verify_options[], link_options[], import_options[], import_openapi_options[],
	user_create_options[], user_password_options[], user_options[], catalog_approve_options[], why_options[],
	policy_options[];

#endif
