/* The disk under a vault: no way out of it, whole files, and nobody's change overwritten; with openat2 and without. */
#include "vault.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "notes/place.h"

static int root;

/* openat2 says ENOSYS from here on. */
static void forbid_openat2(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {ARRAY_LEN(filter), filter};

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static void make_vault(int way)
{
	make_directory();
	make_folder("../out");
	make_folder("in");
	ck_assert_int_eq(symlink("../out", "link") | symlink("/etc/passwd", "passwd.md"), 0);
	ck_assert_int_eq(symlink("real.md", "alias.md") | mkfifo("pipe.md", 0600), 0);
	root = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(root, 0);
	if (way == 1)
		forbid_openat2();
}

static enum err put(const char *path, const char *text, const struct place_stamp *seen, struct place_stamp *ret_stamp)
{
	return place_write(root, str_of(path), str_of(text), seen, ret_stamp);
}

START_TEST(nothing_leads_out)
{
	static const char *const out[] = {"link/x.md",	 "passwd.md", "alias.md",      "pipe.md",
					  "../out/x.md", "in",	      "in/../in/y.md", "/etc/passwd"};
	struct place_stamp stamp;

	make_vault(_i);
	ck_ok(put("real.md", "real", NULL, &stamp));
	for (size_t i = 0; i < ARRAY_LEN(out); i++) {
		AUTO_BUF text = {0};

		ck_err(place_read(root, str_of(out[i]), &text, &stamp), ERR_NOT_FOUND);
		ck_assert_uint_eq(text.n, 0);
	}
	ck_err(put("link/new.md", "x", NULL, &stamp), ERR_NOT_FOUND);
	ck_err(put("passwd.md", "x", NULL, &stamp), ERR_EXISTS);
	ck_err(put("../out/new.md", "x", NULL, &stamp), ERR_NOT_FOUND);
	ck_err(place_make_folder(root, STR("link/sub")), ERR_NOT_FOUND);
	ck_assert_int_eq(access("../out/sub", F_OK), -1);
	ck_assert_int_eq(access("../out/new.md", F_OK), -1);
}
END_TEST

START_TEST(a_write_is_whole_or_nothing)
{
	struct place_stamp first, second, third;
	struct stat stat;
	AUTO_BUF text = {0};

	make_vault(_i);
	ck_ok(place_make_folder(root, STR("a/b/c")));
	ck_ok(put("a/b/c/n.md", "one", NULL, &first));
	ck_err(put("a/b/c/n.md", "two", NULL, &second), ERR_EXISTS);
	ck_assert_int_eq(chmod("a/b/c/n.md", 0604), 0);
	ck_err(put("a/b/c/n.md", "two", &first, &second), ERR_EXISTS); /* its inode has changed since */
	ck_ok(place_stat(root, STR("a/b/c/n.md"), &first));
	ck_ok(put("a/b/c/n.md", "three", &first, &third));
	ck_ok(place_read(root, STR("a/b/c/n.md"), &text, &second));
	ck_assert(place_stamp_eq(&second, &third));
	ck_str(buf_str(&text), "three");
	ck_assert_int_eq(lstat("a/b/c/n.md", &stat), 0);
	ck_assert_int_eq(stat.st_mode & 0777, 0604);
	ck_assert_uint_eq(count_entries("a/b/c"), 1); /* no temporary file is left */
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("place");

	tcase_add_loop_test(tcase, nothing_leads_out, 0, 2);
	tcase_add_loop_test(tcase, a_write_is_whole_or_nothing, 0, 2);
	return unit_run("place", tcase);
}
