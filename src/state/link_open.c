/* How a connection begins: the password from its file, the name resolved, TCP or a Unix socket, TLS, then AUTH, SELECT,
 * the scripts, and the channel for the one that listens. All on a fiber with a deadline, anew at each attempt. */
#include <fcntl.h>

#include "base/check.h"
#include "base/secret_file.h"
#include "state/link_private.h"

#define ADDRESSES_MAX 8

struct reading {
	const char *file;
	struct secret_text *password;
	struct buf problem;
};

static enum err read_work(void *arg)
{
	struct reading *reading = arg;

	return secret_file_text(AT_FDCWD, reading->file, SECRET_FILE_PRIVATE, &reading->problem, &reading->password);
}

/* ---- what is said ---------------------------------------------------------------- */

/* Ask, and take an error for an answer. */
AWAITS static enum err say(struct link *link, const struct str *words, size_t count, struct reply **ret_reply)
{
	AUTO(reply) *reply = NULL;

	TRY(link_ask_opening(link, words, count, &reply));
	if (reply->kind == REPLY_ERROR) {
		link_note_problem(link, reply->text);
		return ERR_IO;
	}
	if (ret_reply != NULL) {
		*ret_reply = reply;
		reply = NULL;
	}
	return OK;
}

AWAITS static enum err say_password(struct link *link)
{
	const struct str user = str_of(link->spec->place.user);
	struct reading reading = {.file = link->spec->password_file};
	struct str words[3] = {STR("AUTH")};
	size_t count = 1;
	enum err err;

	if (reading.file == NULL)
		return OK;
	err = work_run(read_work, &reading);
	if (err == OK) {
		if (user.n > 0)
			words[count++] = user;
		words[count++] = secret_text_str(reading.password);
		err = say(link, words, count, NULL);
	} else {
		link_note_problem(link, buf_str(&reading.problem));
	}
	/* Until the reply had come it lay in the link's buffer too. */
	if (link->out.n == 0 && link->out.cap > 0)
		crypto_wipe(link->out.p, link->out.cap);
	secret_text_unref(reading.password);
	buf_free(&reading.problem);
	return err;
}

AWAITS static enum err load_scripts(struct link *link)
{
	for (enum script i = 0; i < SCRIPTS; i++) {
		AUTO(reply) *reply = NULL;
		const struct str words[] = {STR("SCRIPT"), STR("LOAD"), script_text(i)};

		TRY(say(link, words, ARRAY_LEN(words), &reply));
		if (reply_text(reply).n != SCRIPT_SHA_LEN) {
			link_note_problem(link, STR("it loads no scripts"));
			return ERR_IO;
		}
		memcpy(link->sha[i], reply->text.p, SCRIPT_SHA_LEN);
	}
	return OK;
}

AWAITS static enum err say_all(struct link *link)
{
	unsigned database = link->spec->place.database;
	char text[16];
	struct str words[] = {STR("SELECT"), {text, 0}};
	struct str listen[] = {STR("SUBSCRIBE"), link->channel};

	TRY(say_password(link));
	words[1].n = (size_t)snprintf(text, sizeof(text), "%u", database);
	if (database != 0)
		TRY(say(link, words, ARRAY_LEN(words), NULL));
	if (link->channel.n > 0)
		return say(link, listen, ARRAY_LEN(listen), NULL);
	return load_scripts(link);
}

/* ---- connecting ------------------------------------------------------------------ */

AWAITS static enum err connect_any(struct link *link)
{
	const struct place *place = &link->spec->place;
	struct address addresses[ADDRESSES_MAX] = {place->address};
	size_t count = 1;
	enum err err = ERR_DNS;

	if (!place->is_unix)
		TRY(address_resolve(str_of(place->host), place->port, addresses, ADDRESSES_MAX, &count));
	for (size_t i = 0; i < count; i++) {
		err = stream_connect(&addresses[i], link->spec->tls, str_of(place->host), &link_stream_events, link,
				     &link->stream);
		if (err == OK || err == ERR_CANCELED || err == ERR_TIMEOUT)
			return err;
	}
	return err;
}

AWAITS enum err link_open(struct link *link)
{
	enum err err;

	reply_reader_free(link->reader);
	link->reader = reply_reader_new();
	link->problem_n = 0;
	err = connect_any(link);
	if (err == OK && link->state == LINK_OPENING)
		err = say_all(link);
	if (err != OK && link->problem_n == 0)
		link_note_problem(link, str_of(err_text(err)));
	return err;
}
