/* server.key: made once, synced to disk before anything is derived from it (a key that was
 * used and then lost would orphan every API key), refused when others can read it. */
#include "gateway/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"

#define KEY_PATH_MAX 4096

static enum err fail(struct buf *problem, enum err err, const char *path, const char *what)
{
	buf_put_fmt(problem, "%s: %s", path, what);
	return err;
}

static enum err directory_make(struct str directory, char path[KEY_PATH_MAX], struct buf *problem)
{
	if (directory.n + sizeof("/server.key.new") > KEY_PATH_MAX)
		return fail(problem, ERR_CONFIG, "data", "the path of the data directory is too long");
	snprintf(path, KEY_PATH_MAX, "%.*s", STR_ARG(directory));
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return fail(problem, ERR_SYSTEM, path, "cannot be made; set `data` to a directory you may write to");
	return OK;
}

static enum err write_synced(const char *path, const uint8_t key[CRYPTO_KEY_BYTES])
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool good;

	if (fd < 0)
		return ERR_SYSTEM;
	good = write(fd, key, CRYPTO_KEY_BYTES) == CRYPTO_KEY_BYTES && fsync(fd) == 0;
	return close(fd) == 0 && good ? OK : ERR_SYSTEM;
}

/* Under another name first, so that a crash leaves no short key; link() refuses to replace a
 * key that another process made meanwhile. */
static enum err key_make(const char *path, struct buf *problem)
{
	uint8_t key[CRYPTO_KEY_BYTES];
	char fresh[KEY_PATH_MAX + 32];
	enum err err;

	snprintf(fresh, sizeof(fresh), "%s.%d", path, (int)getpid());
	random_bytes(key, sizeof(key));
	err = write_synced(fresh, key);
	crypto_wipe(key, sizeof(key));
	if (err == OK && link(fresh, path) != 0 && errno != EEXIST)
		err = ERR_SYSTEM;
	unlink(fresh);
	return err == OK ? OK : fail(problem, err, path, "cannot be written; is the data directory writable?");
}

static enum err key_read(const char *path, uint8_t key[CRYPTO_KEY_BYTES], struct buf *problem)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? ERR_NOT_FOUND : fail(problem, ERR_SYSTEM, path, "cannot be read");
	if (fstat(fd, &st) != 0 || (st.st_mode & 077) != 0) {
		close(fd);
		return fail(problem, ERR_CONFIG, path, "others may read it; run `chmod 600` on it");
	}
	n = read(fd, key, CRYPTO_KEY_BYTES);
	close(fd);
	if (n == CRYPTO_KEY_BYTES && st.st_size == CRYPTO_KEY_BYTES)
		return OK;
	return fail(problem, ERR_CONFIG, path, "is not a key file (32 bytes); restore it from a backup");
}

enum err keys_load(struct str data_directory, struct buf *problem, struct keys *ret_keys)
{
	uint8_t key[CRYPTO_KEY_BYTES];
	AUTO(secret) *master = NULL;
	char path[KEY_PATH_MAX];
	enum err err;

	TRY(directory_make(data_directory, path, problem));
	snprintf(path, sizeof(path), "%.*s/server.key", STR_ARG(data_directory));
	err = key_read(path, key, problem);
	if (err == ERR_NOT_FOUND) {
		TRY(key_make(path, problem));
		err = key_read(path, key, problem);
	}
	if (err != OK)
		return err;
	master = secret_new(key);
	ret_keys->api_key = secret_derive(master, STR("gatehouse api-key 1"));
	ret_keys->session = secret_derive(master, STR("gatehouse session 1"));
	ret_keys->state = secret_derive(master, STR("gatehouse request-state 1"));
	ret_keys->audit = secret_derive(master, STR("gatehouse audit 1"));
	ret_keys->portal = secret_derive(master, STR("gatehouse portal 1"));
	ret_keys->oauth = secret_derive(master, STR("gatehouse oauth 1"));
	ret_keys->signin = secret_derive(master, STR("gatehouse sign-in 1"));
	ret_keys->forward = secret_derive(master, STR("gatehouse forward 1"));
	ret_keys->seal = secret_derive(master, STR("gatehouse seal 1"));
	return OK;
}

void keys_free(struct keys *keys)
{
	secret_free(keys->api_key);
	secret_free(keys->session);
	secret_free(keys->state);
	secret_free(keys->audit);
	secret_free(keys->portal);
	secret_free(keys->oauth);
	secret_free(keys->signin);
	secret_free(keys->forward);
	secret_free(keys->seal);
	*keys = (struct keys){0};
}
