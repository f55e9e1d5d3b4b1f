/* server.key: made once, synced to disk before anything is derived from it (a key that was
 * used and then lost would orphan every API key), refused when others can read it. */
#include "gateway/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"
#include "base/secret_file.h"

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

/* Under another name first, so that a crash leaves no short key; link() refuses to replace a
 * key that another process made meanwhile. */
static enum err key_make(const char *path, struct buf *problem)
{
	uint8_t key[CRYPTO_KEY_BYTES];
	char fresh[KEY_PATH_MAX + 32];
	enum err err;

	snprintf(fresh, sizeof(fresh), "%s.%d", path, (int)getpid());
	random_bytes(key, sizeof(key));
	err = secret_file_write(AT_FDCWD, fresh, (struct str){(const char *)key, sizeof(key)});
	crypto_wipe(key, sizeof(key));
	if (err == OK && link(fresh, path) != 0 && errno != EEXIST)
		err = ERR_SYSTEM;
	unlink(fresh);
	return err == OK ? OK : fail(problem, err, path, "cannot be written; is the data directory writable?");
}

enum err keys_load(struct str data_directory, struct buf *problem, struct keys *ret_keys)
{
	AUTO(secret) *master = NULL;
	char path[KEY_PATH_MAX];

	TRY(directory_make(data_directory, path, problem));
	snprintf(path, sizeof(path), "%.*s/server.key", STR_ARG(data_directory));
	if (access(path, F_OK) != 0 && errno == ENOENT)
		TRY(key_make(path, problem));
	TRY(secret_file_key(AT_FDCWD, path, problem, &master));
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
