/* Records on disk: what was written comes back, from any record, and nothing that was altered, moved or cut does. */
#include "../database.h"

#include "media/sealed_file.h"

#define ID STR("01ABCDEFGHJKMNPQRSTVWXYZ00")
#define OTHER STR("01ABCDEFGHJKMNPQRSTVWXYZ01")
#define BYTES (3 * SEALED_RECORD_BYTES + 100)
#define STORED (SEALED_RECORD_BYTES + CRYPTO_SEAL_OVERHEAD)

static char plain[BYTES];

static void make_plain(void)
{
	for (size_t i = 0; i < sizeof(plain); i++)
		plain[i] = (char)(i * 31 + (i >> 16));
}

static struct sealed_file *create(struct str id, bool unnamed)
{
	struct str directory = str_of(test_data());
	uint8_t key[CRYPTO_KEY_BYTES] = {7};
	struct sealed_file *file;

	ck_ok(sealed_file_create(directory, id, key, unnamed, &file));
	ck_assert_int_eq(key[0], 0);
	make_plain();
	ck_ok(sealed_file_write(file, 0, (struct str){plain, SEALED_RECORD_BYTES}));
	ck_ok(sealed_file_write(file, SEALED_RECORD_BYTES,
				(struct str){plain + SEALED_RECORD_BYTES, BYTES - SEALED_RECORD_BYTES}));
	ck_ok(sealed_file_sync(file));
	return file;
}

static enum err read_record(struct sealed_file *file, int64_t record, size_t n, char *out)
{
	return sealed_file_read(file, record, out, n);
}

static void ck_whole(struct sealed_file *file)
{
	static char out[SEALED_RECORD_BYTES];

	for (int64_t record = 3; record >= 0; record--) {
		size_t n = record == 3 ? 100 : SEALED_RECORD_BYTES;

		ck_ok(read_record(file, record, n, out));
		ck_assert(memcmp(out, plain + record * SEALED_RECORD_BYTES, n) == 0);
	}
}

START_TEST(it_comes_back)
{
	struct sealed_file *file = create(ID, false);
	uint8_t key[CRYPTO_KEY_BYTES] = {7};

	ck_whole(file);
	sealed_file_close(file);
	ck_err(sealed_file_create(str_of(test_data()), ID, key, false, &file), ERR_EXISTS);
	key[0] = 7;
	ck_ok(sealed_file_open(str_of(test_data()), ID, key, &file));
	ck_whole(file);
	/* a record may be written again */
	ck_ok(sealed_file_write(file, SEALED_RECORD_BYTES,
				(struct str){plain + SEALED_RECORD_BYTES, SEALED_RECORD_BYTES}));
	ck_whole(file);
	sealed_file_close(file);
	sealed_file_remove(str_of(test_data()), ID);
	sealed_file_remove(str_of(test_data()), ID);
	key[0] = 7;
	ck_err(sealed_file_open(str_of(test_data()), ID, key, &file), ERR_NOT_FOUND);
}
END_TEST

START_TEST(unnamed_leaves_nothing)
{
	struct sealed_file *file = create(ID, true);
	uint8_t key[CRYPTO_KEY_BYTES] = {7};
	struct sealed_file *again;

	ck_whole(file);
	ck_err(sealed_file_open(str_of(test_data()), ID, key, &again), ERR_NOT_FOUND);
	sealed_file_close(file);
}
END_TEST

static int open_raw(struct str id)
{
	char path[256];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%.*s", test_data(), STR_ARG(id));
	fd = open(path, O_RDWR);
	ck_assert_int_ge(fd, 0);
	return fd;
}

START_TEST(no_plaintext_on_disk)
{
	static const char words[] = "a sentence that anybody would recognise";
	static char stored[2 * STORED];
	uint8_t key[CRYPTO_KEY_BYTES] = {7};
	struct sealed_file *file;
	ssize_t n;
	int fd;

	ck_ok(sealed_file_create(str_of(test_data()), ID, key, false, &file));
	ck_ok(sealed_file_write(file, 0, STR(words)));
	sealed_file_close(file);
	fd = open_raw(ID);
	n = read(fd, stored, sizeof(stored));
	ck_assert_int_eq(n, (ssize_t)(sizeof(words) - 1 + CRYPTO_SEAL_OVERHEAD));
	ck_assert_ptr_null(memmem(stored, (size_t)n, "sentence", 8));
	close(fd);
	sealed_file_remove(str_of(test_data()), ID);
}
END_TEST

START_TEST(altered_does_not_open)
{
	static char out[SEALED_RECORD_BYTES], record[STORED];
	struct sealed_file *file = create(ID, false);
	int fd = open_raw(ID);
	char byte;

	/* one bit */
	ck_assert_int_eq(pread(fd, &byte, 1, STORED + 1000), 1);
	byte ^= 1;
	ck_assert_int_eq(pwrite(fd, &byte, 1, STORED + 1000), 1);
	ck_err(read_record(file, 1, SEALED_RECORD_BYTES, out), ERR_CRYPTO);
	ck_ok(read_record(file, 0, SEALED_RECORD_BYTES, out));
	/* another record in its place */
	ck_assert_int_eq(pread(fd, record, STORED, 0), STORED);
	ck_assert_int_eq(pwrite(fd, record, STORED, STORED), STORED);
	ck_err(read_record(file, 1, SEALED_RECORD_BYTES, out), ERR_CRYPTO);
	/* cut, and read with another length */
	ck_err(read_record(file, 3, 99, out), ERR_CRYPTO);
	ck_assert_int_eq(ftruncate(fd, 3 * STORED + 50), 0);
	ck_err(read_record(file, 3, 100, out), ERR_CRYPTO);
	close(fd);
	sealed_file_close(file);
	sealed_file_remove(str_of(test_data()), ID);
}
END_TEST

START_TEST(another_files_record_does_not_open)
{
	static char out[SEALED_RECORD_BYTES], record[STORED];
	struct sealed_file *one = create(ID, false), *two = create(OTHER, false);
	int from = open_raw(ID), to = open_raw(OTHER);

	ck_assert_int_eq(pread(from, record, STORED, 0), STORED);
	ck_assert_int_eq(pwrite(to, record, STORED, 0), STORED);
	ck_err(read_record(two, 0, SEALED_RECORD_BYTES, out), ERR_CRYPTO); /* though the key is the same */
	close(from);
	close(to);
	sealed_file_close(one);
	sealed_file_close(two);
	sealed_file_remove(str_of(test_data()), ID);
	sealed_file_remove(str_of(test_data()), OTHER);
}
END_TEST

START_TEST(a_full_disk_is_said)
{
	uint8_t key[CRYPTO_KEY_BYTES] = {7};
	struct sealed_file *file;

	ck_ok(sealed_file_create(str_of(test_data()), ID, key, true, &file));
	test_disk_limit(SEALED_RECORD_BYTES);
	ck_err(sealed_file_write(file, 0, (struct str){plain, BYTES}), ERR_IO);
	sealed_file_close(file);
}
END_TEST

UNIT_MAIN("sealed_file", it_comes_back, unnamed_leaves_nothing, no_plaintext_on_disk, altered_does_not_open,
	  another_files_record_does_not_open, a_full_disk_is_said)
