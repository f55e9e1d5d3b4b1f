/* The table of commands and the way from a command line to one of its rows. A command's name has
 * one or two words; the longer match wins. */
#include "cli/verb.h"

#include <stdarg.h>
#include <stdio.h>

const struct command commands[] = {
	{.name = "serve",
	 .summary = "run the gateway",
	 .about = "Runs until SIGTERM or SIGINT; SIGHUP reloads the configuration, SIGUSR2 hands\n"
		  "over to the program that now lies in its place. On a terminal, and with no configuration\n"
		  "at all, it prints the endpoint, a first key and what to paste into clients.",
	 .options = serve_options_table,
	 .run = serve_run},
	{.name = "check", .summary = "validate the configuration and say what it sets up", .run = check_run},
	{.name = "tenant create",
	 .operands = "NAME",
	 .operands_min = 1,
	 .operands_max = 1,
	 .summary = "make a tenant",
	 .about = "A name has 1 to 63 of a-z 0-9 -.",
	 .run = tenant_create_run},
	{.name = "tenant list", .summary = "list the tenants", .run = tenant_list_run},
	{.name = "user create",
	 .summary = "make a person's account",
	 .about = "They sign in at /login: with the password given here, or at a provider of the configuration.",
	 .options = user_create_options,
	 .run = user_create_run},
	{.name = "user password",
	 .operands = "USER",
	 .operands_min = 1,
	 .operands_max = 1,
	 .summary = "set a person's password and sign them out everywhere",
	 .about = "USER is an email address or an id.",
	 .options = user_password_options,
	 .run = user_password_run},
	{.name = "user list", .summary = "list users", .options = user_options, .run = user_list_run},
	{.name = "user disable",
	 .operands = "USER",
	 .operands_min = 1,
	 .operands_max = 1,
	 .summary = "keep a user out: sessions end, keys and tokens of theirs work no more",
	 .options = user_options,
	 .run = user_disable_run},
	{.name = "user enable",
	 .operands = "USER",
	 .operands_min = 1,
	 .operands_max = 1,
	 .summary = "let a disabled user in again",
	 .options = user_options,
	 .run = user_enable_run},
	{.name = "user export",
	 .operands = "ID",
	 .operands_min = 1,
	 .operands_max = 1,
	 .summary = "print everything that is kept of a user, as JSON",
	 .about =
		 "Rows, keys, grants, sessions and their part of the audit trail; no passwords and no keys themselves.",
	 .run = user_export_run},
	{.name = "connector check",
	 .operands = "FILE",
	 .operands_min = 1,
	 .operands_max = 1,
	 .summary = "say what is wrong with a connector file, or what is in it",
	 .about = "A connector file turns a platform's HTTP API into tools: see doc/connector-language.md.",
	 .run = connector_check_run},
	{.name = "accounts",
	 .summary = "list a tenant's accounts at other services, and how they are",
	 .about = "The gateway must be running: it asks each connector's service, at most once a minute.",
	 .options = accounts_options,
	 .run = accounts_run},
	{.name = "connect",
	 .summary = "print a link that connects an account at a server, and wait until it is there",
	 .about = "For servers with `auth` of type `oauth`. Whoever opens the link signs in here first: as the user, "
		  "or\n"
		  "without --user as somebody who may manage upstreams. A link is good for ten minutes and used once.\n"
		  "Ends with status 0 when the account is connected.",
	 .options = connect_options,
	 .run = connect_run},
	{.name = "disconnect",
	 .summary = "end an account at a server: there, as far as the server knows how, and here",
	 .about = "The gateway must be running. `credential delete` removes what is kept, without telling the server.",
	 .options = disconnect_options,
	 .run = disconnect_run},
	{.name = "vault rotate",
	 .summary = "give each tenant a new data key and seal its values anew",
	 .about = "Works beside running gateways. It may be stopped and run again at any time: nothing is lost.",
	 .options = vault_rotate_options,
	 .run = vault_rotate_run},
	{.name = "vault destroy",
	 .summary = "destroy a tenant's data keys: its credentials can never be read again",
	 .options = vault_destroy_options,
	 .run = vault_destroy_run},
	{.name = "user erase",
	 .operands = "ID",
	 .operands_min = 1,
	 .operands_max = 1,
	 .summary = "forget a user for good: rows, keys, grants, sessions",
	 .about = "Rows of the audit trail stay and verify, but their addresses can be read by nobody any more.\n"
		  "Backups are yours to delete.",
	 .options = erase_options,
	 .run = user_erase_run},
	{.name = "tenant erase",
	 .operands = "NAME",
	 .operands_min = 1,
	 .operands_max = 1,
	 .summary = "forget a tenant with everything it owns, for good",
	 .options = erase_options,
	 .run = tenant_erase_run},
	{.name = "key create",
	 .summary = "make an API key and print it, once",
	 .about = "Only the key itself goes to standard output. Gatehouse keeps no copy of it.",
	 .options = key_create_options,
	 .run = key_create_run},
	{.name = "key list",
	 .summary = "list API keys, without the keys themselves",
	 .options = key_list_options,
	 .run = key_list_run},
	{.name = "key rotate",
	 .operands = "ID",
	 .operands_min = 1,
	 .operands_max = 1,
	 .summary = "make a key's successor and print it, once; the old key works on for a while",
	 .about = "ID may be the beginning of a key's id, as long as it means one key only.",
	 .options = key_rotate_options,
	 .run = key_rotate_run},
	{.name = "key revoke",
	 .operands = "ID",
	 .operands_min = 1,
	 .operands_max = 1,
	 .summary = "make a key useless, at once and for good",
	 .about = "ID may be the beginning of a key's id, as long as it means one key only.",
	 .run = key_revoke_run},
	{.name = "operator-key create",
	 .summary = "make the key that manages every tenant and print it, once",
	 .about = "It is for /api/v1, /status and /metrics; it calls no tools. `gatehouse reload` makes it known.",
	 .run = operator_key_create_run},
	{.name = "operator-key rotate",
	 .summary = "make a new operator's key in the place of the old one",
	 .run = operator_key_rotate_run},
	{.name = "retention",
	 .summary = "show how long rows are kept, how many there are, and when they were last cleared away",
	 .run = retention_show_run},
	{.name = "retention run",
	 .summary = "clear away now what is past its period; a running server does it every hour",
	 .run = retention_run_run},
	{.name = "jobs", .summary = "list what the servers do at their times, and when next", .run = jobs_list_run},
	{.name = "jobs history",
	 .operands = "[KIND]",
	 .operands_max = 1,
	 .summary = "show how the latest runs of jobs went",
	 .run = jobs_history_run},
	{.name = "jobs run",
	 .operands = "JOB",
	 .operands_min = 1,
	 .operands_max = 1,
	 .summary = "let a job run now; one that has failed too often may try again",
	 .about = "A running server finds it within a second.",
	 .run = jobs_run_run},
	{.name = "jobs drop",
	 .operands = "JOB",
	 .operands_min = 1,
	 .operands_max = 1,
	 .summary = "forget a job that was to run once",
	 .run = jobs_drop_run},
	{.name = "sync",
	 .operands = "[TENANT]",
	 .operands_max = 1,
	 .summary = "show how the latest runs of background work over ad reports went",
	 .run = sync_latest_run},
	{.name = "sync run",
	 .operands = "TENANT [PLATFORM]",
	 .operands_min = 1,
	 .operands_max = 2,
	 .summary = "fetch a tenant's ad reports anew, now",
	 .about = "PLATFORM is google, meta or tiktok; without it all three. A running server finds it within a "
		  "second;\n"
		  "`gatehouse sync` shows how it went. Nothing happens while another run of the same is under way.",
	 .run = sync_run_run},
	{.name = "ads show",
	 .operands = "TENANT [PLATFORM]",
	 .operands_min = 1,
	 .operands_max = 2,
	 .summary = "list the reports of ad platforms that are kept for a tenant, and how old they are",
	 .run = ads_show_run},
	{.name = "ads invalidate",
	 .operands = "TENANT [PLATFORM]",
	 .operands_min = 1,
	 .operands_max = 2,
	 .summary = "forget a tenant's reports of ad platforms: the next call fetches them anew",
	 .about =
		 "PLATFORM is google, meta or tiktok; without it all three. Running servers notice within ten seconds.",
	 .run = ads_invalidate_run},
	{.name = "ads warm",
	 .operands = "TENANT [PLATFORM]",
	 .operands_min = 1,
	 .operands_max = 2,
	 .summary = "fetch a tenant's reports of ad platforms now, before somebody asks: as `sync run`",
	 .run = sync_run_run},
	{.name = "signing-key list", .summary = "list the keys that sign access tokens", .run = signing_key_list_run},
	{.name = "signing-key rotate",
	 .summary = "make the next key that signs access tokens",
	 .about = "It is shown at once and signs ten minutes later; tokens of the old one stay good until they expire.",
	 .run = signing_key_rotate_run},
	{.name = "secret set",
	 .operands = "NAME",
	 .operands_min = 1,
	 .operands_max = 1,
	 .summary = "keep a secret of the installation where `secrets` of the configuration says",
	 .about = "The value comes from standard input; one line end behind it does not belong to it. In the\n"
		  "configuration it is ${secret:NAME}.",
	 .options = secret_set_options,
	 .run = secret_set_run},
	{.name = "secret list",
	 .summary = "list the installation's secrets, without their values",
	 .run = secret_list_run},
	{.name = "secret rotate",
	 .operands = "NAME",
	 .operands_min = 1,
	 .operands_max = 1,
	 .summary = "put another value in the place of a secret; a running server notices",
	 .about = "credential-kek needs none: a random one takes its place, and the old one stays as\n"
		  "credential-kek-previous.",
	 .options = secret_rotate_options,
	 .run = secret_rotate_run},
	{.name = "migrate",
	 .summary = "make or bring up to date the tables of a PostgreSQL",
	 .about = "Connects as the role that owns the tables (--as) and gives the URL's role what serving needs: no "
		  "more\n"
		  "than INSERT and SELECT on the audit trail. A SQLite file is migrated when it is opened.",
	 .options = migrate_options,
	 .run = migrate_run},
	{.name = "migrate status",
	 .summary = "show how far the tables of a PostgreSQL are; changes nothing",
	 .options = migrate_options,
	 .run = migrate_status_run},
	{.name = "db copy",
	 .summary = "copy a whole SQLite installation into an empty PostgreSQL",
	 .about = "Ids, the audit chain and sealed secrets stay what they are; the keys in the data directory go on "
		  "being\n"
		  "needed. The gateway must be stopped. All or nothing: an error leaves the target empty.",
	 .options = db_copy_options,
	 .run = db_copy_run},
	{.name = "audit verify",
	 .summary = "prove that no row of the audit trail was changed, removed or reordered",
	 .about = "Walks the whole chain, from the last archived row on. Exit status 1 names the first row that does\n"
		  "not hold.",
	 .options = audit_verify_options,
	 .run = audit_verify_run},
	{.name = "audit list",
	 .summary = "show rows of the audit trail",
	 .options = audit_list_options,
	 .run = audit_list_run},
	{.name = "catalog diff",
	 .summary = "show tools that have changed, are new or look suspicious",
	 .about = "Compares what each upstream offers with what was accepted; see `pin` in the configuration.",
	 .run = catalog_diff_run},
	{.name = "catalog approve",
	 .operands = "UPSTREAM[.TOOL]",
	 .operands_min = 1,
	 .operands_max = 1,
	 .summary = "accept what `catalog diff` shows of an upstream or of one of its tools",
	 .about = "A running server serves it at once. --digest makes sure that it is still what was shown.",
	 .options = catalog_approve_options,
	 .run = catalog_approve_run},
	{.name = "why",
	 .operands = "WHO TOOL",
	 .operands_min = 2,
	 .operands_max = 2,
	 .summary = "say whether somebody may call a tool, and which role or rule decides",
	 .about = "WHO is the id of a key or user, or an email address; TOOL a name as clients see it, or\n"
		  "UPSTREAM.TOOL; prompts and resources work too.",
	 .options = why_options,
	 .run = why_run},
	{.name = "policy list",
	 .summary = "list the rules in the order in which they are asked",
	 .options = policy_options,
	 .run = policy_list_run},
	{.name = "policy test",
	 .summary = "run the tests that rules carry",
	 .about = "Rules on trial count as if they were in force. Exit status 1 when a test fails, or rules cannot be "
		  "read.",
	 .options = policy_options,
	 .run = policy_test_run},
	{.name = "connector try",
	 .operands = "FILE TOOL",
	 .operands_min = 2,
	 .operands_max = 2,
	 .summary = "call a tool of a connector file, or of a built-in connector, without a server",
	 .about = "Prints the result of the call; exit status 1 when it says that it failed. What publishes is\n"
		  "published.",
	 .options = connector_try_options,
	 .run = connector_try_run},
	{.name = "policy permissions", .summary = "list what roles can be made of", .run = policy_permissions_run},
	{.name = "status", .summary = "show how the running server and its upstreams are", .run = status_run},
	{.name = "reload",
	 .summary = "make the running server read its configuration again",
	 .about = "No request is dropped. When the new configuration is not valid, the old one stays.",
	 .run = reload_run},
	{.name = "upgrade",
	 .summary = "make the running server start the program anew and hand over to it",
	 .about = "Install the new program in the place of the old one first. No connection is refused: the new "
		  "process\n"
		  "takes over the sockets, the old one ends when its calls have. If the new one does not start, the\n"
		  "old one stays. SIGUSR2 does the same.",
	 .run = upgrade_command_run},
	{.name = "doctor",
	 .summary = "look for everything that keeps the gateway from working and say what to do",
	 .about = "Changes nothing. Exit status 1 when something must be mended.",
	 .run = doctor_run},
	{.name = "link",
	 .operands = "CLIENT",
	 .operands_min = 1,
	 .operands_max = 1,
	 .summary = "connect an MCP client: write our entry into its own configuration file",
	 .about = "CLIENT is claude-desktop, claude-code, cursor, vscode, codex, opencode or opencode-1.\n"
		  "Shows the change; --write makes it, with a key of its own, and keeps a copy of the old file.",
	 .options = link_options,
	 .run = link_run},
	{.name = "import openapi",
	 .operands = "FILE|URL",
	 .operands_min = 1,
	 .operands_max = 1,
	 .summary = "turn an OpenAPI document into a connector file",
	 .about =
		 "Reads OpenAPI 3.0 and 3.1, JSON or YAML. Each operation becomes a tool; the file is yours to change.",
	 .options = import_openapi_options,
	 .run = import_openapi_run},
	{.name = "import",
	 .operands = "FILE",
	 .operands_min = 1,
	 .operands_max = 1,
	 .summary = "turn a client's list of servers (mcpServers JSON) into a configuration",
	 .about = "Reads the files of Claude, Cursor, VS Code and the like. What cannot be taken over is named\n"
		  "on standard error.",
	 .options = import_options,
	 .run = import_run},
	{.name = "reference",
	 .operands = "PAGE",
	 .operands_min = 1,
	 .operands_max = 1,
	 .summary = "print a reference page: config, schema, cli, metrics, rule, api, providers or connectors",
	 .run = reference_run,
	 .hidden = true},
	{.name = "version", .summary = "print the version", .run = version_run},
	{.name = "help", .operands = "[COMMAND]", .operands_max = 2, .summary = "explain a command", .run = help_run},
};
const size_t command_count = ARRAY_LEN(commands);

static bool is_by_hand(const char *name)
{
	for (size_t i = 0; i < command_count; i++)
		if (strcmp(commands[i].name, name) == 0)
			return true;
	return false;
}

const struct command *command_at(size_t i)
{
	const struct verb *verb;
	size_t count;

	if (i < command_count)
		return &commands[i];
	verb = verbs(&count);
	i -= command_count;
	for (size_t k = 0; k < count; k++)
		if (!is_by_hand(verb[k].command.name) && i-- == 0)
			return &verb[k].command;
	return NULL;
}

static void print_problem(const char *fmt, va_list args)
{
	fflush(stdout);
	fputs("gatehouse: ", stderr);
	vfprintf(stderr, fmt, args);
}

int command_failed(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print_problem(fmt, args);
	va_end(args);
	fputc('\n', stderr);
	return STATUS_FAILED;
}

int command_misused(const struct invocation *invocation, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print_problem(fmt, args);
	va_end(args);
	fprintf(stderr, "; see `gatehouse %s --help`\n", invocation->command->name);
	return STATUS_USAGE;
}

void command_print(const struct buf *text)
{
	if (text->n > 0)
		fwrite(text->p, 1, text->n, stdout);
}

/* How many of the words name this command; 0 when they do not. */
static int words_of(const struct command *command, int count, char *const *words)
{
	struct str first, second;
	bool two = str_cut(str_of(command->name), ' ', &first, &second);

	if (count < 1 || !str_eq(str_of(words[0]), first))
		return 0;
	if (!two)
		return 1;
	return count > 1 && str_eq(str_of(words[1]), second) ? 2 : 0;
}

/* "key" alone: which of its commands are there. */
static bool print_family(FILE *out, struct str word)
{
	const struct command *command;
	bool found = false;

	for (size_t i = 0; (command = command_at(i)) != NULL; i++) {
		struct str first, second;

		if (!str_cut(str_of(command->name), ' ', &first, &second) || !str_eq(first, word))
			continue;
		if (!found)
			fprintf(out, "gatehouse: `%.*s` needs one more word:\n", STR_ARG(word));
		found = true;
		fprintf(out, "  gatehouse %-16s %s\n", command->name, command->summary);
	}
	return found;
}

static int no_such_command(int count, char *const *words)
{
	bool help = count > 1 && (strcmp(words[1], "--help") == 0 || strcmp(words[1], "-h") == 0);

	if (print_family(help ? stdout : stderr, str_of(words[0])))
		return help ? STATUS_DONE : STATUS_USAGE;
	if (words[0][0] == '-')
		command_failed("the command comes first: gatehouse COMMAND [OPTION...]; `gatehouse help` lists them");
	else
		command_failed("there is no command \"%s\"; `gatehouse help` lists them", words[0]);
	return STATUS_USAGE;
}

static int run(const struct command *command, int count, char *const *words)
{
	struct invocation invocation = {.command = command};
	AUTO_BUF text = {0};

	if (options_parse(command->options, count, words, &text, &invocation.options) != OK)
		return command_misused(&invocation, "%.*s", STR_ARG(buf_str(&text)));
	if (options_has(&invocation.options, "help")) {
		help_command_write(&text, command);
		command_print(&text);
		return STATUS_DONE;
	}
	if (invocation.options.operand_count < command->operands_min)
		return command_misused(&invocation, "%s is missing", command->operands);
	if (invocation.options.operand_count > command->operands_max)
		return command_misused(&invocation, "\"%s\" is one word too many",
				       invocation.options.operands[command->operands_max].p);
	invocation.json = options_has(&invocation.options, "json");
	invocation.config_file = options_get(&invocation.options, "config");
	return command->run(&invocation);
}

int command_line(int count, char *const *words)
{
	const struct command *command = NULL, *candidate;
	int used = 0;

	if (count == 0)
		return command_line(1, (char *const[]){(char *)"help"});
	if (strcmp(words[0], "--help") == 0 || strcmp(words[0], "-h") == 0)
		return command_line(1, (char *const[]){(char *)"help"});
	if (strcmp(words[0], "--version") == 0)
		return command_line(1, (char *const[]){(char *)"version"});
	for (size_t i = 0; (candidate = command_at(i)) != NULL; i++) {
		int n = words_of(candidate, count, words);

		if (n > used) {
			used = n;
			command = candidate;
		}
	}
	return command == NULL ? no_such_command(count, words) : run(command, count - used, words + used);
}
