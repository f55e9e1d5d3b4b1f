/* Secrets in files and in systemd's directory: names, who may read them, what is made, replaced and listed. */
#include "../unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rt/loop.h"
#include "secrets/secrets.h"

static char root[64];

static void write_file(const char *name, const char *bytes, size_t n, mode_t mode)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, n), (ssize_t)n);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	close(fd);
}

static void make_root(void)
{
	snprintf(root, sizeof(root), "/tmp/gatehouse-unit-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
}

static void remove_root(void)
{
	static const char *const left[] = {
		"server.key", "operator.key", "secrets/token", "secrets/empty", "secrets/line",
		"secrets",    "token",	      "link",	       "pipe",		""};
	char path[128];

	for (size_t i = 0; i < ARRAY_LEN(left); i++) {
		snprintf(path, sizeof(path), "%s/%s", root, left[i]);
		(void)remove(path);
	}
	ck_assert_int_ne(access(root, F_OK), 0); /* nothing else was left */
}

AWAITS static void get_fails(struct secrets *secrets, const char *name, enum err want, const char *words)
{
	struct secret_text *text = NULL;
	AUTO_BUF problem = {0};

	ck_err(secrets_get(secrets, str_of(name), &problem, &text), want);
	buf_put_byte(&problem, '\0');
	ck_assert_msg(strstr(problem.p, words) != NULL, "%s", problem.p);
}

AWAITS static void get_is(struct secrets *secrets, const char *name, struct str want)
{
	AUTO(secret_text) *text = NULL;
	AUTO_BUF problem = {0};
	enum err err = secrets_get(secrets, str_of(name), &problem, &text);

	ck_assert_msg(err == OK, "%.*s", STR_ARG(buf_str(&problem)));
	ck_bytes(secret_text_str(text), want);
}

AWAITS static enum err put(struct secrets *secrets, const char *name, struct str value, bool fresh)
{
	AUTO(secret_text) *text = secret_text_new(value);
	AUTO_BUF problem = {0};

	return secrets_put(secrets, str_of(name), text, fresh, &problem);
}

START_TEST(names)
{
	char longest[SECRETS_NAME_MAX + 1];

	memset(longest, 'a', sizeof(longest));
	ck_assert(secrets_name_ok(STR("server-key")) && secrets_name_ok(STR("0")) && secrets_name_ok(STR("a-")));
	ck_assert(secrets_name_ok((struct str){longest, SECRETS_NAME_MAX}));
	ck_assert(!secrets_name_ok((struct str){longest, SECRETS_NAME_MAX + 1}));
	ck_assert(!secrets_name_ok(STR("")) && !secrets_name_ok(STR("-a")) && !secrets_name_ok(STR("A")));
	ck_assert(!secrets_name_ok(STR("a/b")) && !secrets_name_ok(STR("..")) && !secrets_name_ok(STR("a_b")));
}
END_TEST

AWAITS_ENTRY static void file_body(void *arg)
{
	struct secrets_settings settings = {.data = str_of(root), .refresh_ms = 60000};
	AUTO(arena) *arena = arena_new(1 << 20);
	struct secrets *secrets;
	struct secret_fact *facts;
	AUTO_BUF problem = {0};
	struct stat st;
	char path[128];
	size_t count;

	ck_ok(secrets_open(&settings, &problem, &secrets));
	get_fails(secrets, "token", ERR_NOT_FOUND, "secret token: ");
	get_fails(secrets, "token", ERR_NOT_FOUND,
		  "/secrets/token: there is no such file; `gatehouse secret set token`");
	get_fails(secrets, "../token", ERR_CONFIG, "a name has 1 to 64 of a-z 0-9 -");
	ck_ok(put(secrets, "token", STR("one\n"), true));
	get_is(secrets, "token", STR("one"));
	ck_err(put(secrets, "token", STR("two"), true), ERR_EXISTS);
	get_is(secrets, "token", STR("one"));
	ck_ok(put(secrets, "token", STR("two\r\n"), false));
	get_is(secrets, "token", STR("two"));
	ck_err(put(secrets, "token", STR(""), false), ERR_CONFIG);
	snprintf(path, sizeof(path), "%s/secrets/token", root);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(chmod(path, 0644), 0);
	get_fails(secrets, "token", ERR_CONFIG, "others may read it");
	ck_assert_int_eq(chmod(path, 0600), 0);
	write_file("secrets/empty", "", 0, 0600);
	get_fails(secrets, "empty", ERR_CONFIG, "is empty");
	write_file("secrets/line", "\n", 1, 0600);
	get_fails(secrets, "line", ERR_CONFIG, "is empty");
	ck_assert_int_eq(truncate(path, SECRET_TEXT_BYTES_MAX + 1), 0);
	get_fails(secrets, "token", ERR_CONFIG, "is too long");
	ck_ok(put(secrets, "operator-key", STR("gho_x"), true));
	ck_ok(secrets_list(secrets, arena, &problem, &facts, &count));
	ck_assert_uint_eq(count, 4);
	ck_str(facts[0].name, "empty");
	ck_str(facts[2].name, "operator-key");
	ck_assert_int_gt(facts[2].changed_ms, 1600000000000);
	snprintf(path, sizeof(path), "%s/operator.key", root);
	ck_assert_int_eq(access(path, F_OK), 0);
	secrets_close(secrets);
}

START_TEST(files)
{
	make_root();
	ck_ok(rt_run(1, file_body, NULL));
	remove_root();
}
END_TEST

AWAITS_ENTRY static void key_body(void *arg)
{
	struct secrets_settings settings = {.data = str_of(root), .refresh_ms = 60000, .production = true};
	struct secret *made = NULL, *again = NULL;
	struct secrets *secrets;
	AUTO_BUF problem = {0};

	ck_ok(secrets_open(&settings, &problem, &secrets));
	ck_err(secrets_get_key(secrets, STR("server-key"), true, &problem, &made), ERR_NOT_FOUND);
	settings.production = false;
	ck_err(secrets_get_key(secrets, STR("server-key"), false, &problem, &made), ERR_NOT_FOUND);
	problem.n = 0;
	ck_ok(secrets_get_key(secrets, STR("server-key"), true, &problem, &made));
	ck_assert_uint_eq(problem.n, 0);
	ck_ok(secrets_get_key(secrets, STR("server-key"), true, &problem, &again));
	ck_assert_int_eq(memcmp(secret_bytes(made), secret_bytes(again), CRYPTO_KEY_BYTES), 0);
	secret_free(made);
	secret_free(again);
	/* The last of 32 bytes may be a line's end. */
	write_file("server.key", "0123456789abcdef0123456789abcde\n", 32, 0600);
	ck_ok(secrets_get_key(secrets, STR("server-key"), true, &problem, &made));
	ck_assert_int_eq(secret_bytes(made)[31], '\n');
	secret_free(made);
	write_file("server.key", "short", 5, 0600);
	ck_err(secrets_get_key(secrets, STR("server-key"), true, &problem, &made), ERR_CONFIG);
	buf_put_byte(&problem, '\0');
	ck_assert_msg(strstr(problem.p, "secret server-key: is not a key") != NULL, "%s", problem.p);
	secrets_close(secrets);
}

START_TEST(keys)
{
	make_root();
	ck_ok(rt_run(1, key_body, NULL));
	remove_root();
}
END_TEST

AWAITS_ENTRY static void systemd_body(void *arg)
{
	struct secrets_settings settings = {.kind = SECRETS_SYSTEMD, .data = STR("/nonexistent"), .refresh_ms = 60000};
	AUTO(arena) *arena = arena_new(1 << 20);
	struct secrets *secrets = NULL;
	struct secret_fact *facts;
	AUTO_BUF problem = {0};
	char path[128];
	size_t count;

	unsetenv("CREDENTIALS_DIRECTORY");
	ck_err(secrets_open(&settings, &problem, &secrets), ERR_CONFIG);
	setenv("CREDENTIALS_DIRECTORY", "credentials", 1);
	ck_err(secrets_open(&settings, &problem, &secrets), ERR_CONFIG);
	setenv("CREDENTIALS_DIRECTORY", root, 1);
	ck_ok(secrets_open(&settings, &problem, &secrets));
	get_fails(secrets, "token", ERR_NOT_FOUND, "systemd-creds encrypt --name=token");
	write_file("token", "value\n", 6, 0400);
	get_is(secrets, "token", STR("value"));
	write_file("token", "value\n", 6, 0444);
	get_fails(secrets, "token", ERR_CONFIG, "others may read it");
	snprintf(path, sizeof(path), "%s/link", root);
	ck_assert_int_eq(symlink("token", path), 0);
	get_fails(secrets, "link", ERR_CONFIG, "is a symbolic link");
	snprintf(path, sizeof(path), "%s/pipe", root);
	ck_assert_int_eq(mkfifo(path, 0400), 0);
	get_fails(secrets, "pipe", ERR_CONFIG, "is not a plain file");
	ck_err(put(secrets, "token", STR("x"), false), ERR_CONFIG);
	ck_ok(secrets_list(secrets, arena, &problem, &facts, &count));
	ck_assert_uint_eq(count, 1);
	ck_str(facts[0].name, "token");
	secrets_close(secrets);
}

START_TEST(systemd)
{
	make_root();
	ck_ok(rt_run(1, systemd_body, NULL));
	remove_root();
}
END_TEST

UNIT_MAIN("secret files", names, files, keys, systemd)
