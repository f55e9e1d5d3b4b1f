/* A vault for a test: a directory of its own that goes when the test ends. */
#ifndef GATEHOUSE_TEST_VAULT_H
#define GATEHOUSE_TEST_VAULT_H

#include "../unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64];

static inline int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *at)
{
	return remove(path);
}

static inline void remove_directory(void)
{
	(void)nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Make it, with an empty folder `vault`, which becomes the working directory. */
static inline void make_directory(void)
{
	(void)snprintf(directory, sizeof(directory), "/tmp/gatehouse-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	(void)atexit(remove_directory);
	ck_assert_int_eq(chdir(directory), 0);
	ck_assert_int_eq(mkdir("vault", 0700), 0);
	ck_assert_int_eq(chdir("vault"), 0);
}

static inline void make_folder(const char *path)
{
	ck_assert_int_eq(mkdir(path, 0700), 0);
}

static inline void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	(void)fputs(text, file);
	ck_assert_int_eq(fclose(file), 0);
}

/* A file of zeros. */
static inline void write_large(const char *path, off_t bytes)
{
	write_file(path, "");
	ck_assert_int_eq(truncate(path, bytes), 0);
}

static inline unsigned count_entries(const char *path)
{
	DIR *dir = opendir(path);
	unsigned count = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir) != NULL)
		count++;
	(void)closedir(dir);
	return count - 2;
}

#endif
