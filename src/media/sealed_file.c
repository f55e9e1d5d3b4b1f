/* Records of a file, sealed with AES-256-GCM under random nonces: a record may be written again, as when an upload was
 * cut off and goes on. What stands on the disk says nothing but how long it is.
 *   Source     NIST SP 800-38D section 8.2.2: 65,536 records of one key are far from its bound for random nonces */
#include "media/sealed_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"

#define SEALED_FILE_MAGIC 0x53465245u /* "SFRE" */
#define STORED_BYTES (SEALED_RECORD_BYTES + CRYPTO_SEAL_OVERHEAD)
#define BOUND_BYTES (ID_LEN + 8)

struct sealed_file {
	uint32_t magic;
	int fd;
	struct secret *key;
	char id[ID_LEN];
};

static bool put_path(struct str directory, struct str id, char out[SEALED_PATH_MAX])
{
	int n = snprintf(out, SEALED_PATH_MAX, "%.*s/%.*s", STR_ARG(directory), STR_ARG(id));

	return n > 0 && n < SEALED_PATH_MAX;
}

static enum err open_it(struct str directory, struct str id, uint8_t key[CRYPTO_KEY_BYTES], int flags,
			struct sealed_file **ret_file)
{
	AUTO(secret) *secret = secret_new(key);
	char path[SEALED_PATH_MAX];
	struct sealed_file *file;
	int fd;

	CHECK(id.n == ID_LEN);
	if (!put_path(directory, id, path))
		return ERR_IO;
	fd = open(path, flags | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 && (errno == ENOENT || errno == EEXIST))
		return errno == ENOENT ? ERR_NOT_FOUND : ERR_EXISTS;
	if (fd < 0) {
		log_error("media.unopened", LOG_CSTR("path", path), LOG_CSTR("problem", strerror(errno)));
		return ERR_IO;
	}
	file = calloc(1, sizeof(*file));
	CHECK(file != NULL);
	*file = (struct sealed_file){.magic = SEALED_FILE_MAGIC, .fd = fd, .key = secret};
	memcpy(file->id, id.p, ID_LEN);
	secret = NULL;
	*ret_file = file;
	return OK;
}

enum err sealed_file_open(struct str directory, struct str id, uint8_t key[CRYPTO_KEY_BYTES],
			  struct sealed_file **ret_file)
{
	return open_it(directory, id, key, 0, ret_file);
}

enum err sealed_file_create(struct str directory, struct str id, uint8_t key[CRYPTO_KEY_BYTES], bool unnamed,
			    struct sealed_file **ret_file)
{
	TRY(open_it(directory, id, key, O_CREAT | O_EXCL, ret_file));
	if (unnamed)
		sealed_file_remove(directory, id);
	return OK;
}

void sealed_file_close(struct sealed_file *file)
{
	if (file == NULL)
		return;
	CHECK_OBJ(file, SEALED_FILE_MAGIC);
	close(file->fd);
	secret_free(file->key);
	file->magic = 0;
	free(file);
}

void sealed_file_remove(struct str directory, struct str id)
{
	char path[SEALED_PATH_MAX];

	if (put_path(directory, id, path) && unlink(path) != 0 && errno != ENOENT)
		log_error("media.unremoved", LOG_CSTR("path", path), LOG_CSTR("problem", strerror(errno)));
}

static struct str bound_of(const struct sealed_file *file, int64_t record, char out[BOUND_BYTES])
{
	memcpy(out, file->id, ID_LEN);
	for (int i = 0; i < 8; i++)
		out[ID_LEN + i] = (char)(record >> (56 - 8 * i));
	return (struct str){out, BOUND_BYTES};
}

static enum err write_all(struct sealed_file *file, struct str bytes, off_t at)
{
	while (bytes.n > 0) {
		ssize_t n = pwrite(file->fd, bytes.p, bytes.n, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			log_error("media.unwritten", LOG_CSTR("problem", strerror(errno)));
			return ERR_IO;
		}
		bytes = str_skip(bytes, (size_t)n);
		at += n;
	}
	return OK;
}

enum err sealed_file_write(struct sealed_file *file, int64_t offset, struct str bytes)
{
	int64_t record = offset / SEALED_RECORD_BYTES;
	AUTO_BUF sealed = {0};

	CHECK_OBJ(file, SEALED_FILE_MAGIC);
	CHECK(offset >= 0 && offset % SEALED_RECORD_BYTES == 0);
	for (; bytes.n > 0; record++) {
		struct str plain = {bytes.p, bytes.n < SEALED_RECORD_BYTES ? bytes.n : SEALED_RECORD_BYTES};
		char bound[BOUND_BYTES];

		sealed.n = 0;
		crypto_seal(file->key, plain, bound_of(file, record, bound), &sealed);
		TRY(write_all(file, buf_str(&sealed), (off_t)record * STORED_BYTES));
		bytes = str_skip(bytes, plain.n);
	}
	return OK;
}

enum err sealed_file_sync(struct sealed_file *file)
{
	CHECK_OBJ(file, SEALED_FILE_MAGIC);
	return fdatasync(file->fd) == 0 ? OK : ERR_IO;
}

enum err sealed_file_read(struct sealed_file *file, int64_t record, void *out, size_t n)
{
	size_t wanted = n + CRYPTO_SEAL_OVERHEAD, have = 0, opened;
	char bound[BOUND_BYTES];
	AUTO_BUF sealed = {0};

	CHECK_OBJ(file, SEALED_FILE_MAGIC);
	CHECK(record >= 0 && n <= SEALED_RECORD_BYTES);
	buf_reserve(&sealed, wanted);
	while (have < wanted) {
		ssize_t got =
			pread(file->fd, sealed.p + have, wanted - have, (off_t)(record * STORED_BYTES) + (off_t)have);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ERR_IO;
		if (got == 0)
			return ERR_CRYPTO;
		have += (size_t)got;
	}
	return crypto_open(file->key, (struct str){sealed.p, wanted}, bound_of(file, record, bound), out, &opened);
}
