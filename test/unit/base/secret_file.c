/* Which files are private enough, what of them is the secret, and what is said of the others. */
#include "../unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/secret_file.h"

static char directory[] = "/tmp/gatehouse-secret-XXXXXX";
static int directory_fd;

static void begin(void)
{
	(void)umask(0);
	ck_assert_ptr_nonnull(mkdtemp(directory));
	directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(directory_fd, 0);
}

static void end(void)
{
	(void)unlinkat(directory_fd, "it", 0);
	close(directory_fd);
	(void)rmdir(directory);
}

static void put(struct str bytes, mode_t mode)
{
	int fd = openat(directory_fd, "it", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_eq(write(fd, bytes.p, bytes.n), (ssize_t)bytes.n);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	close(fd);
}

static void ck_text(struct str bytes, const char *want)
{
	struct secret_text *text = NULL;

	put(bytes, 0600);
	ck_ok(secret_file_text(directory_fd, "it", SECRET_FILE_PRIVATE, NULL, &text));
	ck_assert(str_eq(secret_text_str(text), str_of(want)));
	secret_text_unref(text);
}

static void ck_refused(enum err want, const char *words)
{
	struct secret_text *text = NULL;
	AUTO_BUF problem = {0};

	ck_err(secret_file_text(directory_fd, "it", SECRET_FILE_PRIVATE, &problem, &text), want);
	ck_assert_ptr_null(text);
	ck_assert_ptr_nonnull(memmem(problem.p, problem.n, words, strlen(words)));
	ck_assert(str_starts(buf_str(&problem), STR("it: ")));
}

START_TEST(ends_of_lines_do_not_belong)
{
	ck_text(STR("open sesame"), "open sesame");
	ck_text(STR("open sesame\n"), "open sesame");
	ck_text(STR("open sesame\r\n"), "open sesame");
	ck_text(STR(" spaces stay "), " spaces stay ");
	ck_text(STR("-----BEGIN\nlines\n-----END\n\n"), "-----BEGIN\nlines\n-----END");
}
END_TEST

START_TEST(what_is_no_secret_is_refused)
{
	char *much = calloc(1, SECRET_TEXT_BYTES_MAX + 1);

	memset(much, 'x', SECRET_TEXT_BYTES_MAX + 1);
	ck_refused(ERR_NOT_FOUND, "no such file");
	put(STR(""), 0600);
	ck_refused(ERR_CONFIG, "empty");
	put(STR("\n"), 0600);
	ck_refused(ERR_CONFIG, "empty");
	put(STR("a\0b"), 0600);
	ck_refused(ERR_CONFIG, "zero byte");
	put((struct str){much, SECRET_TEXT_BYTES_MAX + 1}, 0600);
	ck_refused(ERR_CONFIG, "too long");
	much[SECRET_TEXT_BYTES_MAX] = '\0';
	ck_text((struct str){much, SECRET_TEXT_BYTES_MAX}, much);
	(void)unlinkat(directory_fd, "it", 0);
	ck_assert_int_eq(mkfifoat(directory_fd, "it", 0600), 0);
	ck_refused(ERR_CONFIG, "plain file"); /* and nobody waits for its other end */
	(void)unlinkat(directory_fd, "it", 0);
	ck_assert_int_eq(mkdirat(directory_fd, "it", 0700), 0);
	ck_refused(ERR_CONFIG, "plain file");
	(void)unlinkat(directory_fd, "it", AT_REMOVEDIR);
	free(much);
}
END_TEST

START_TEST(others_may_not_read_it)
{
	static const mode_t open_to_others[] = {0644, 0640, 0604, 0602, 0620, 0601, 0666};
	struct secret_text *text;

	for (size_t i = 0; i < ARRAY_LEN(open_to_others); i++) {
		put(STR("x"), open_to_others[i]);
		ck_refused(ERR_CONFIG, "chmod 600");
		ck_ok(secret_file_text(directory_fd, "it", SECRET_FILE_ANY, NULL, &text));
		secret_text_unref(text);
	}
	put(STR("x"), 0400);
	ck_ok(secret_file_text(directory_fd, "it", SECRET_FILE_PRIVATE, NULL, &text));
	secret_text_unref(text);
}
END_TEST

/* As somebody to whom root gives a file through the group: 0 read, 1 others may read it. */
static int read_as_group(mode_t mode)
{
	struct secret_text *text;
	int status;
	pid_t pid;

	put(STR("x"), mode);
	ck_assert_int_eq(fchownat(directory_fd, "it", 0, 65534, 0), 0);
	ck_assert_int_eq(fchmodat(directory_fd, "it", mode, 0), 0);
	pid = fork();
	if (pid == 0) {
		if (setgid(65534) != 0 || setuid(65534) != 0)
			_exit(2);
		_exit(secret_file_text(directory_fd, "it", SECRET_FILE_PRIVATE, NULL, &text) == OK ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

START_TEST(root_may_hand_one_to_a_group)
{
	if (geteuid() != 0)
		return;
	ck_assert_int_eq(fchmod(directory_fd, 0755), 0);
	ck_assert_int_eq(read_as_group(0440), 0);
	ck_assert_int_eq(read_as_group(0640), 0);
	ck_assert_int_eq(read_as_group(0660), 1);
	ck_assert_int_eq(read_as_group(0444), 1);
}
END_TEST

START_TEST(bytes_are_as_they_are)
{
	char bytes[CRYPTO_KEY_BYTES];
	struct secret_text *read = NULL;
	AUTO_BUF problem = {0};

	memset(bytes, '\n', sizeof(bytes));
	bytes[1] = '\0';
	ck_ok(secret_file_write(directory_fd, "it", (struct str){bytes, sizeof(bytes)}));
	ck_ok(secret_file_bytes(directory_fd, "it", SECRET_FILE_PRIVATE, &problem, &read));
	ck_bytes(secret_text_str(read), ((struct str){bytes, sizeof(bytes)}));
	secret_text_unref(read);
	put(STR(""), 0600);
	ck_err(secret_file_bytes(directory_fd, "it", SECRET_FILE_PRIVATE, &problem, &read), ERR_CONFIG);
	put(STR("x"), 0640);
	ck_err(secret_file_bytes(directory_fd, "it", SECRET_FILE_HERE, &problem, &read), ERR_CONFIG);
	ck_assert_ptr_nonnull(memmem(problem.p, problem.n, "chmod 600", 9));
	put(STR("x"), 0600);
	ck_assert_int_eq(symlinkat("it", directory_fd, "link"), 0);
	ck_err(secret_file_bytes(directory_fd, "link", SECRET_FILE_HERE, &problem, &read), ERR_CONFIG);
	ck_ok(secret_file_bytes(directory_fd, "link", SECRET_FILE_PRIVATE, &problem, &read));
	secret_text_unref(read);
	ck_assert_int_eq(unlinkat(directory_fd, "link", 0), 0);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("secret_file");

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_add_test(tcase, ends_of_lines_do_not_belong);
	tcase_add_test(tcase, what_is_no_secret_is_refused);
	tcase_add_test(tcase, others_may_not_read_it);
	tcase_add_test(tcase, root_may_hand_one_to_a_group);
	tcase_add_test(tcase, bytes_are_as_they_are);
	return unit_run("secret_file", tcase);
}
