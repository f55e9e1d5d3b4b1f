/* The operator's key in its file: "gho_" and 256 random bits, alone on one line, readable by its owner only. The
 * gateway reads it when it reads its configuration; requests are compared with its MAC, so that snapshots of the
 * configuration hold no secret. A new key takes the old one's place in one step. */
#include "gateway/operator_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/random.h"

#define PATH_BYTES_MAX 4096
#define PREFIX STR("gho_")
#define FILE_BYTES_MAX (OPERATOR_KEY_TEXT_LEN + 2) /* with the end of its line */

static enum err fail(struct buf *problem, enum err err, const char *path, const char *what)
{
	buf_put_fmt(problem, "%s: %s", path, what);
	return err;
}

static bool looks_like_one(struct str raw)
{
	return raw.n == OPERATOR_KEY_TEXT_LEN && str_starts(raw, PREFIX);
}

static enum err read_file(const char *path, struct buf *problem, char out[FILE_BYTES_MAX], struct str *ret_raw)
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
	n = read(fd, out, FILE_BYTES_MAX);
	close(fd);
	*ret_raw = str_trim((struct str){out, n < 0 ? 0 : (size_t)n});
	if (!looks_like_one(*ret_raw))
		return fail(problem, ERR_CONFIG, path,
			    "is not an operator's key; `gatehouse operator-key rotate` makes one");
	return OK;
}

enum err operator_key_load(struct config *config, const struct secret *key, struct buf *problem)
{
	struct str named = config->identity.operator_key_file;
	char path[PATH_BYTES_MAX], text[FILE_BYTES_MAX];
	struct str raw;
	enum err err;

	config->has_operator_key = false;
	if (named.n > 0)
		snprintf(path, sizeof(path), "%.*s", STR_ARG(named));
	else
		snprintf(path, sizeof(path), "%.*s/operator.key", STR_ARG(config->data));
	err = read_file(path, problem, text, &raw);
	if (err == ERR_NOT_FOUND)
		return named.n == 0 ? OK : fail(problem, err, path, "is not there; it is named as operator_key");
	if (err == OK) {
		crypto_mac(key, &raw, 1, config->operator_mac);
		config->has_operator_key = true;
	}
	crypto_wipe(text, sizeof(text));
	return err;
}

bool operator_key_is(const struct config *config, const struct secret *key, struct str raw)
{
	uint8_t mac[CRYPTO_MAC_BYTES];

	if (!config->has_operator_key || !looks_like_one(raw))
		return false;
	crypto_mac(key, &raw, 1, mac);
	return str_eq_secret((struct str){(const char *)mac, sizeof(mac)},
			     (struct str){(const char *)config->operator_mac, sizeof(config->operator_mac)});
}

static void make_raw(char out[OPERATOR_KEY_TEXT_LEN + 1])
{
	uint8_t bytes[CRYPTO_KEY_BYTES];
	struct buf text = {0};

	random_bytes(bytes, sizeof(bytes));
	buf_put(&text, PREFIX);
	base64url_put(&text, bytes, sizeof(bytes));
	CHECK(text.n == OPERATOR_KEY_TEXT_LEN);
	memcpy(out, text.p, text.n);
	out[text.n] = '\0';
	crypto_wipe(bytes, sizeof(bytes));
	crypto_wipe(text.p, text.n);
	buf_free(&text);
}

static bool write_synced(const char *path, const char *raw)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool good;

	if (fd < 0)
		return false;
	good = write(fd, raw, OPERATOR_KEY_TEXT_LEN) == OPERATOR_KEY_TEXT_LEN && write(fd, "\n", 1) == 1 &&
	       fsync(fd) == 0;
	return close(fd) == 0 && good;
}

enum err operator_key_make(struct str data_directory, bool replace, struct buf *problem,
			   char ret_raw[OPERATOR_KEY_TEXT_LEN + 1])
{
	char path[PATH_BYTES_MAX], fresh[PATH_BYTES_MAX + 32], raw[OPERATOR_KEY_TEXT_LEN + 1];
	enum err err = OK;

	snprintf(path, sizeof(path), "%.*s/operator.key", STR_ARG(data_directory));
	snprintf(fresh, sizeof(fresh), "%s.%d", path, (int)getpid());
	if (replace && access(path, F_OK) != 0)
		return fail(problem, ERR_NOT_FOUND, path, "is not there; `gatehouse operator-key create` makes it");
	make_raw(raw);
	if (!write_synced(fresh, raw))
		err = fail(problem, ERR_SYSTEM, path, "cannot be written");
	else if (replace && rename(fresh, path) != 0)
		err = fail(problem, ERR_SYSTEM, path, "cannot be replaced");
	else if (!replace && link(fresh, path) != 0)
		err = errno == EEXIST ? fail(problem, ERR_EXISTS, path,
					     "is there already; `gatehouse operator-key rotate` makes a new one")
				      : fail(problem, ERR_SYSTEM, path, "cannot be written");
	unlink(fresh);
	if (err == OK)
		memcpy(ret_raw, raw, sizeof(raw));
	crypto_wipe(raw, sizeof(raw));
	return err;
}
