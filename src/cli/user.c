/* `gatehouse user create|password|list|disable|enable`: people with local accounts, and the way back in for who has
 * lost a password or an authenticator. Passwords come from standard input, never from the command line, where other
 * users of the machine could read them. */
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/installation.h"
#include "signin/password.h"
#include "store/user.h"

#define EMAIL_BYTES_MAX 254
#define PAGE_ROWS 500

const struct option user_create_options[] = {
	{"tenant", "NAME", "whose user it is (needed)"},
	{"email", "EMAIL", "what they sign in with (needed)"},
	{"role", "ROLE", "owner, admin, member, viewer or one of the tenant's own; default member"},
	{"name", "TEXT", "what they are called"},
	{"password-stdin", NULL, "read a password from standard input; without it they cannot sign in locally yet"},
	{NULL, NULL, NULL},
};

const struct option user_password_options[] = {
	{"tenant", "NAME", "of users whose address several tenants know"},
	{"password-stdin", NULL, "read the password from standard input (on a terminal it is asked for)"},
	{"reset-totp", NULL, "forget their authenticator, too"},
	{NULL, NULL, NULL},
};

const struct option user_options[] = {
	{"tenant", "NAME", "of users whose address several tenants know"},
	{NULL, NULL, NULL},
};

/* One line, without echo on a terminal. */
static enum err read_password(struct installation *installation, char out[PASSWORD_BYTES_MAX + 2], struct str *ret)
{
	bool terminal = isatty(STDIN_FILENO);
	struct termios before, quiet;
	char *line;

	if (terminal && tcgetattr(STDIN_FILENO, &before) == 0) {
		quiet = before;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		fputs("New password: ", stderr);
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
		line = fgets(out, PASSWORD_BYTES_MAX + 2, stdin);
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		fputc('\n', stderr);
	} else {
		line = fgets(out, PASSWORD_BYTES_MAX + 2, stdin);
	}
	if (line == NULL)
		return installation_fail(installation, ERR_USAGE, "no password came on standard input");
	*ret = (struct str){out, strcspn(out, "\r\n")};
	if (password_problem(*ret) != NULL)
		return installation_fail(installation, ERR_USAGE, "the password is not accepted: %s",
					 password_problem(*ret));
	return OK;
}

/*   ret_encoded until the buffer is freed */
static enum err hash_stdin(struct installation *installation, struct buf *out)
{
	char line[PASSWORD_BYTES_MAX + 2];
	struct str password;
	enum err err = read_password(installation, line, &password);

	if (err == OK)
		err = password_hash(password, out);
	crypto_wipe(line, sizeof(line));
	return err;
}

static struct str lower(struct arena *arena, struct str text)
{
	struct str copy = arena_str(arena, text);

	for (char *c = (char *)copy.p; c < copy.p + copy.n; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c += 'a' - 'A';
	return copy;
}

static bool email_is_good(struct str email)
{
	struct str user, host;

	return email.n <= EMAIL_BYTES_MAX && str_is_printable(email) && memchr(email.p, ' ', email.n) == NULL &&
	       str_cut(email, '@', &user, &host) && user.n > 0 && host.n > 0 && memchr(host.p, '@', host.n) == NULL;
}

AWAITS static enum err create(struct installation *installation)
{
	const struct options *options = &installation->invocation->options;
	struct str tenant_name = options_get(options, "tenant");
	char id[ID_LEN + 1];
	struct tenant tenant;
	AUTO_BUF encoded = {0};
	struct user user = {.kind = STR("person"), .created_ms = clock_wall_ms()};
	enum err err;

	user.email = lower(installation->arena, options_get(options, "email"));
	user.name = options_get(options, "name");
	user.role = options_has(options, "role") ? options_get(options, "role") : STR("member");
	if (!email_is_good(user.email))
		return installation_fail(installation, ERR_USAGE, "--email takes an address such as ada@example.com");
	err = tenant_find(installation->db, installation->arena, tenant_name, &tenant);
	if (err == ERR_NOT_FOUND)
		return installation_fail(installation, err,
					 "there is no tenant \"%.*s\"; `gatehouse tenant create %.*s` makes it",
					 STR_ARG(tenant_name), STR_ARG(tenant_name));
	TRY(err);
	if (options_has(options, "password-stdin"))
		TRY(hash_stdin(installation, &encoded));
	random_id(id);
	user.id = (struct str){id, ID_LEN};
	user.tenant_id = tenant.id;
	user.password = buf_str(&encoded);
	err = user_insert(installation->db, &user);
	if (err == ERR_EXISTS)
		return installation_fail(installation, err, "tenant %.*s has a user %.*s already", STR_ARG(tenant_name),
					 STR_ARG(user.email));
	TRY(err);
	TRY(installation_audit(installation, "user.created", tenant.id, user.id));
	printf(installation->invocation->json ? "{\"id\":\"%s\",\"tenant\":\"%.*s\"}\n"
					      : "user %s of tenant %.*s is made\n",
	       id, STR_ARG(tenant.name));
	return OK;
}

int user_create_run(const struct invocation *invocation)
{
	if (!options_has(&invocation->options, "tenant") || !options_has(&invocation->options, "email"))
		return command_misused(invocation, "--tenant and --email are needed");
	return installation_run(invocation, INSTALLATION_USE, create, NULL);
}

/* The user that an id or an email address means. */
AWAITS static enum err find(struct installation *installation, struct user *ret_user)
{
	const struct options *options = &installation->invocation->options;
	struct str word = options->operands[0], tenant = options_get(options, "tenant");
	struct user *users, *found = NULL;
	size_t count;

	if (memchr(word.p, '@', word.n) == NULL) {
		enum err err = user_get(installation->db, DB_ALL_TENANTS, installation->arena, word, ret_user);

		return err == ERR_NOT_FOUND
			       ? installation_fail(installation, err, "there is no user %.*s", STR_ARG(word))
			       : err;
	}
	TRY(user_find_email(installation->db, installation->arena, lower(installation->arena, word), &users, &count));
	for (size_t i = 0; i < count; i++) {
		if (tenant.p != NULL && !str_eq(users[i].tenant_name, tenant))
			continue;
		if (found != NULL)
			return installation_fail(installation, ERR_EXISTS,
						 "several tenants have a user %.*s; name one with --tenant",
						 STR_ARG(word));
		found = &users[i];
	}
	if (found == NULL)
		return installation_fail(installation, ERR_NOT_FOUND,
					 "there is no user %.*s; `gatehouse user list` shows them", STR_ARG(word));
	*ret_user = *found;
	return OK;
}

AWAITS static enum err set_password(struct installation *installation)
{
	const struct options *options = &installation->invocation->options;
	AUTO_BUF encoded = {0};
	struct user user;

	TRY(find(installation, &user));
	TRY(hash_stdin(installation, &encoded));
	TRY(user_set_password(installation->db, user.tenant_id, user.id, buf_str(&encoded), clock_wall_ms()));
	TRY(installation_audit(installation, "user.password_changed", user.tenant_id, user.id));
	if (options_has(options, "reset-totp")) {
		TRY(user_set_totp(installation->db, user.tenant_id, user.id, STR_NONE, clock_wall_ms()));
		TRY(installation_audit(installation, "user.totp_removed", user.tenant_id, user.id));
	}
	printf(installation->invocation->json ? "{\"id\":\"%.*s\"}\n"
					      : "user %.*s has a new password, and is signed out everywhere\n",
	       STR_ARG(user.id));
	return OK;
}

int user_password_run(const struct invocation *invocation)
{
	return installation_run(invocation, INSTALLATION_USE, set_password, NULL);
}

AWAITS static enum err set_disabled(struct installation *installation)
{
	bool disable = installation->arg != NULL;
	int64_t before_ms;
	struct user user;

	TRY(find(installation, &user));
	user.disabled = disable;
	before_ms = user.changed_ms;
	user.changed_ms = clock_wall_ms();
	TRY(user_update(installation->db, &user, before_ms));
	TRY(installation_audit(installation, disable ? "user.disabled" : "user.enabled", user.tenant_id, user.id));
	if (installation->invocation->json)
		printf("{\"id\":\"%.*s\",\"disabled\":%s}\n", STR_ARG(user.id), disable ? "true" : "false");
	else
		printf("user %.*s is %s\n", STR_ARG(user.id),
		       disable ? "disabled; a running server refuses them within a second" : "enabled");
	return OK;
}

int user_disable_run(const struct invocation *invocation)
{
	return installation_run(invocation, INSTALLATION_USE, set_disabled, &(int){1});
}

int user_enable_run(const struct invocation *invocation)
{
	return installation_run(invocation, INSTALLATION_USE, set_disabled, NULL);
}

static const char *proof_of(const struct user *user)
{
	if (user->subject.n > 0)
		return "provider";
	if (user->password.n == 0)
		return "none";
	return user->totp.n > 0 ? "password+code" : "password";
}

static void put_user(struct buf *out, const struct user *user, bool json)
{
	char last[CLOCK_ISO_LEN + 1];

	clock_iso(user->last_login_ms, last);
	if (!json) {
		buf_put_fmt(out, "%.*s  %-16.*s  %-10.*s  %-13s  %-8s  %-10.10s  %.*s\n", STR_ARG(user->id),
			    STR_ARG(user->tenant_name), STR_ARG(user->role), proof_of(user),
			    user->disabled ? "disabled" : "live", user->last_login_ms == 0 ? "never" : last,
			    STR_ARG(user->email.n > 0 ? user->email : user->name));
		return;
	}
	buf_put_fmt(out, "{\"id\":\"%.*s\",\"tenant\":\"%.*s\",\"kind\":\"%.*s\",\"email\":", STR_ARG(user->id),
		    STR_ARG(user->tenant_name), STR_ARG(user->kind));
	buf_put_json(out, user->email);
	buf_put(out, STR(",\"name\":"));
	buf_put_json(out, user->name);
	buf_put(out, STR(",\"role\":"));
	buf_put_json(out, user->role);
	buf_put_fmt(out, ",\"signs_in_with\":\"%s\",\"disabled\":%s,\"last_sign_in\":", proof_of(user),
		    user->disabled ? "true" : "false");
	buf_put_fmt(out, user->last_login_ms == 0 ? "null}" : "\"%s\"}", last);
}

AWAITS static enum err list_tenant(struct installation *installation, struct str tenant_id, struct buf *out)
{
	bool json = installation->invocation->json;
	struct str after = STR("");
	struct user *users;
	size_t count;

	do {
		TRY(user_list(installation->db, installation->arena, tenant_id, after, PAGE_ROWS, &users, &count));
		for (size_t i = 0; i < count; i++) {
			buf_put(out, json && out->n > 1 ? STR(",") : STR(""));
			put_user(out, &users[i], json);
			after = users[i].id;
		}
	} while (count == PAGE_ROWS);
	return OK;
}

AWAITS static enum err list(struct installation *installation)
{
	struct str wanted = options_get(&installation->invocation->options, "tenant");
	bool json = installation->invocation->json;
	struct tenant *tenants;
	AUTO_BUF out = {0};
	bool found = false;
	size_t count;

	TRY(tenant_list(installation->db, installation->arena, &tenants, &count));
	if (json)
		buf_put_byte(&out, '[');
	else
		buf_put_fmt(&out, "%-26s  %-16s  %-10s  %-13s  %-8s  %-10s  %s\n", "ID", "TENANT", "ROLE",
			    "SIGNS IN WITH", "STATE", "LAST", "EMAIL");
	for (size_t i = 0; i < count; i++) {
		if (wanted.p != NULL && !str_eq(tenants[i].name, wanted))
			continue;
		found = true;
		TRY(list_tenant(installation, tenants[i].id, &out));
	}
	if (wanted.p != NULL && !found)
		return installation_fail(installation, ERR_NOT_FOUND,
					 "there is no tenant \"%.*s\"; `gatehouse tenant list` shows them",
					 STR_ARG(wanted));
	buf_put(&out, json ? STR("]\n") : STR(""));
	command_print(&out);
	return OK;
}

int user_list_run(const struct invocation *invocation)
{
	return installation_run(invocation, INSTALLATION_USE, list, NULL);
}
