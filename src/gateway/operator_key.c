/* The operator's key: "gho_" and 256 random bits. The gateway asks for it when it reads its configuration; requests are
 * compared with its MAC, so that snapshots of the configuration hold no secret. A new key takes the old one's place in
 * one step. */
#include "gateway/operator_key.h"

#include "base/check.h"
#include "base/random.h"

#define NAME STR("operator-key")
#define PREFIX STR("gho_")

static bool looks_like_one(struct str raw)
{
	return raw.n == OPERATOR_KEY_TEXT_LEN && str_starts(raw, PREFIX);
}

/* From the file that the configuration names. */
AWAITS static enum err read_named(struct str named, struct buf *problem, struct secret_text **ret_text)
{
	enum err err = secrets_read_file(named, problem, ret_text);

	if (err == ERR_NOT_FOUND)
		buf_put(problem, STR("; it is named as operator_key"));
	return err;
}

/* That there is none is in order, unless the configuration names its file. */
AWAITS enum err operator_key_load(struct config *config, struct secrets *secrets, const struct secret *key,
				  struct buf *problem)
{
	struct str named = config->identity.operator_key_file;
	AUTO(secret_text) *text = NULL;
	size_t said = problem->n;
	struct str raw;
	enum err err;

	config->has_operator_key = false;
	if (named.n > 0)
		err = read_named(named, problem, &text);
	else
		err = secrets_get(secrets, NAME, problem, &text);
	if (err == ERR_NOT_FOUND && named.n == 0) {
		problem->n = said;
		return OK;
	}
	if (err != OK)
		return err;
	raw = str_trim(secret_text_str(text));
	if (!looks_like_one(raw)) {
		buf_put_fmt(problem, "%.*s: is not an operator's key; `gatehouse operator-key rotate` makes one",
			    STR_ARG(named.n > 0 ? named : NAME));
		return ERR_CONFIG;
	}
	crypto_mac(key, &raw, 1, config->operator_mac);
	config->has_operator_key = true;
	return OK;
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
	struct buf text = {0};

	buf_put(&text, PREFIX);
	random_text_put(&text, CRYPTO_KEY_BYTES);
	CHECK(text.n == OPERATOR_KEY_TEXT_LEN);
	memcpy(out, text.p, text.n);
	out[text.n] = '\0';
	crypto_wipe(text.p, text.n);
	buf_free(&text);
}

/* Whether there is one to replace. */
AWAITS static enum err find_old(struct secrets *secrets, struct buf *problem)
{
	AUTO(secret_text) *old = NULL;
	size_t said = problem->n;
	enum err err = secrets_get(secrets, NAME, problem, &old);

	if (err == ERR_NOT_FOUND) {
		problem->n = said;
		buf_put(problem, STR("there is no operator's key yet; `gatehouse operator-key create` makes it"));
	}
	return err;
}

AWAITS enum err operator_key_make(struct secrets *secrets, bool replace, struct buf *problem,
				  char ret_raw[OPERATOR_KEY_TEXT_LEN + 1])
{
	char raw[OPERATOR_KEY_TEXT_LEN + 1];
	AUTO(secret_text) *value = NULL;
	enum err err;
	char *line;

	if (replace)
		TRY(find_old(secrets, problem));
	make_raw(raw);
	value = secret_text_room(OPERATOR_KEY_TEXT_LEN + 1, &line);
	memcpy(line, raw, OPERATOR_KEY_TEXT_LEN);
	line[OPERATOR_KEY_TEXT_LEN] = '\n';
	err = secrets_put(secrets, NAME, value, !replace, problem);
	if (err == ERR_EXISTS)
		buf_put(problem, STR("; `gatehouse operator-key rotate` makes a new one"));
	if (err == OK)
		memcpy(ret_raw, raw, sizeof(raw));
	crypto_wipe(raw, sizeof(raw));
	return err;
}
