/* The operator's key in its file: "gho_" and 256 random bits, alone on one line, readable by its owner only. The
 * gateway reads it when it reads its configuration; requests are compared with its MAC, so that snapshots of the
 * configuration hold no secret. A new key takes the old one's place in one step. */
#include "gateway/operator_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/check.h"
#include "base/random.h"
#include "base/secret_file.h"

#define PATH_BYTES_MAX 4096
#define PREFIX STR("gho_")

static enum err fail(struct buf *problem, enum err err, const char *path, const char *what)
{
	buf_put_fmt(problem, "%s: %s", path, what);
	return err;
}

static bool looks_like_one(struct str raw)
{
	return raw.n == OPERATOR_KEY_TEXT_LEN && str_starts(raw, PREFIX);
}

/* Of a file that is not there nothing is said: that may be in order. */
static enum err read_file(const char *path, struct buf *problem, struct secret_text **ret_text)
{
	size_t said = problem->n;
	enum err err = secret_file_text(AT_FDCWD, path, SECRET_FILE_PRIVATE, problem, ret_text);

	if (err == ERR_NOT_FOUND)
		problem->n = said;
	if (err != OK || looks_like_one(secret_text_str(*ret_text)))
		return err;
	return fail(problem, ERR_CONFIG, path, "is not an operator's key; `gatehouse operator-key rotate` makes one");
}

enum err operator_key_load(struct config *config, const struct secret *key, struct buf *problem)
{
	struct str named = config->identity.operator_key_file;
	AUTO(secret_text) *text = NULL;
	char path[PATH_BYTES_MAX];
	struct str raw;
	enum err err;

	config->has_operator_key = false;
	if (named.n > 0)
		snprintf(path, sizeof(path), "%.*s", STR_ARG(named));
	else
		snprintf(path, sizeof(path), "%.*s/operator.key", STR_ARG(config->data));
	err = read_file(path, problem, &text);
	if (err == ERR_NOT_FOUND)
		return named.n == 0 ? OK : fail(problem, err, path, "is not there; it is named as operator_key");
	if (err == OK) {
		raw = secret_text_str(text);
		crypto_mac(key, &raw, 1, config->operator_mac);
		config->has_operator_key = true;
	}
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

enum err operator_key_make(struct str data_directory, bool replace, struct buf *problem,
			   char ret_raw[OPERATOR_KEY_TEXT_LEN + 1])
{
	char path[PATH_BYTES_MAX], fresh[PATH_BYTES_MAX + 32], raw[OPERATOR_KEY_TEXT_LEN + 2];
	enum err err = OK;

	snprintf(path, sizeof(path), "%.*s/operator.key", STR_ARG(data_directory));
	snprintf(fresh, sizeof(fresh), "%s.%d", path, (int)getpid());
	if (replace && access(path, F_OK) != 0)
		return fail(problem, ERR_NOT_FOUND, path, "is not there; `gatehouse operator-key create` makes it");
	make_raw(raw);
	raw[OPERATOR_KEY_TEXT_LEN] = '\n';
	if (secret_file_write(AT_FDCWD, fresh, (struct str){raw, OPERATOR_KEY_TEXT_LEN + 1}) != OK)
		err = fail(problem, ERR_SYSTEM, path, "cannot be written");
	else if (replace && rename(fresh, path) != 0)
		err = fail(problem, ERR_SYSTEM, path, "cannot be replaced");
	else if (!replace && link(fresh, path) != 0)
		err = errno == EEXIST ? fail(problem, ERR_EXISTS, path,
					     "is there already; `gatehouse operator-key rotate` makes a new one")
				      : fail(problem, ERR_SYSTEM, path, "cannot be written");
	unlink(fresh);
	raw[OPERATOR_KEY_TEXT_LEN] = '\0';
	if (err == OK)
		memcpy(ret_raw, raw, OPERATOR_KEY_TEXT_LEN + 1);
	crypto_wipe(raw, sizeof(raw));
	return err;
}
