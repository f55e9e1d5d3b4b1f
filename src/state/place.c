/* The words for the shared backend. A password has no place in them: the configuration is shown, printed and kept in
 * version control; it comes from a file of its own. */
#include "state/place.h"

static enum err wrong(struct buf *problem, const char *what)
{
	buf_put_fmt(problem,
		    "%s; write memory, redis://HOST:6379/0, rediss://HOST:6379/0 (TLS) or unix:/PATH of a socket",
		    what);
	return ERR_CONFIG;
}

static enum err copy_word(struct str word, size_t max, char *out, const char *what, struct buf *problem)
{
	if (word.n == 0 || word.n > max || memchr(word.p, '\0', word.n) != NULL)
		return wrong(problem, what);
	memcpy(out, word.p, word.n);
	out[word.n] = '\0';
	return OK;
}

/* "HOST", "HOST:PORT", "[V6]", "[V6]:PORT" */
static enum err parse_host(struct str text, struct buf *problem, struct place *place)
{
	struct str host, port = STR("");
	uint64_t number = PLACE_PORT;

	if (str_starts(text, STR("["))) {
		if (!str_cut(str_skip(text, 1), ']', &host, &port) || (port.n > 0 && port.p[0] != ':'))
			return wrong(problem, "the address of the host is not closed by ]");
		port = str_skip(port, 1);
	} else {
		(void)str_cut(text, ':', &host, &port);
	}
	if (port.n > 0 && (str_to_u64(port, &number) != OK || number == 0 || number > UINT16_MAX))
		return wrong(problem, "the port is not a number from 1 to 65535");
	place->port = (uint16_t)number;
	return copy_word(host, PLACE_HOST_BYTES_MAX, place->host, "the host is missing or too long", problem);
}

static enum err parse_url(struct str rest, struct buf *problem, struct place *place)
{
	struct str authority, database, user, host;
	uint64_t number = 0;

	(void)str_cut(rest, '/', &authority, &database);
	if (database.n > 0 && (str_to_u64(database, &number) != OK || number > PLACE_DATABASE_MAX))
		return wrong(problem, "what follows the host is not the number of a database");
	place->database = (unsigned)number;
	if (str_cut(authority, '@', &user, &host)) {
		if (memchr(user.p, ':', user.n) != NULL)
			return wrong(problem, "a password does not belong here but into the file that "
					      "`password_file` names");
		TRY(copy_word(user, PLACE_USER_BYTES_MAX, place->user, "the user is missing or too long", problem));
	} else {
		host = authority;
	}
	return parse_host(host, problem, place);
}

enum err place_parse(struct str text, struct buf *problem, struct place *ret_place)
{
	struct place place = {.port = PLACE_PORT};
	enum err err = OK;

	if (str_eq(text, STR("memory"))) {
		place.memory = true;
	} else if (str_starts(text, STR("unix:"))) {
		place.is_unix = true;
		if (address_parse(text, &place.address) != OK)
			err = wrong(problem, "the path of the socket is missing or too long");
	} else if (str_starts(text, STR("rediss://"))) {
		place.tls = true;
		err = parse_url(str_skip(text, 9), problem, &place);
	} else if (str_starts(text, STR("redis://"))) {
		err = parse_url(str_skip(text, 8), problem, &place);
	} else {
		err = wrong(problem, "this names no place for the state");
	}
	if (err == OK)
		*ret_place = place;
	return err;
}
