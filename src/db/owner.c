/* libpq as a command uses it: one connection, one thing after the other, waiting. What serves goes another way; this is
 * for work that takes a moment or an hour and that nobody else waits for. */
#include "db/owner.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"

#define OWNER_MAGIC 0x6f776e72u
#define PASSWORD_BYTES_MAX 1024
#define PARAMS_MAX 9
#define CONNECT_SECONDS "10"
#define LOAD_PIECE_BYTES (64 * 1024) /* handed to libpq at once */

struct owner {
	uint32_t magic;
	PGconn *link;
	struct buf piece; /* rows of a load that were not handed over yet */
};

static enum err refuse(struct buf *problem, enum err err, const char *text)
{
	struct str line = str_trim(str_of(text));

	buf_put(problem, line);
	return err;
}

/* The value of a part of a URL; NULL: it does not say. */
static const char *part_of(const PQconninfoOption *parts, const char *keyword)
{
	for (; parts->keyword != NULL; parts++)
		if (strcmp(parts->keyword, keyword) == 0)
			return parts->val;
	return NULL;
}

static bool is_here(const char *host)
{
	return host == NULL || host[0] == '/' || host[0] == '\0' || strcmp(host, "localhost") == 0 ||
	       strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

static enum err parse_url(const char *url, struct buf *problem, PQconninfoOption **ret_parts)
{
	char *why = NULL;

	*ret_parts = PQconninfoParse(url, &why);
	if (*ret_parts != NULL)
		return OK;
	buf_put(problem, STR("the URL of the database cannot be read; write postgresql://USER@HOST:PORT/NAME"));
	PQfreemem(why);
	return ERR_CONFIG;
}

/* The first line of a file that others cannot read. */
static enum err read_password(const char *path, struct buf *problem, char ret_password[PASSWORD_BYTES_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat file;
	ssize_t n = -1;

	if (fd >= 0 && fstat(fd, &file) == 0 && (file.st_mode & S_IRWXO) == 0)
		n = read(fd, ret_password, PASSWORD_BYTES_MAX - 1);
	if (fd >= 0)
		close(fd);
	if (n < 0) {
		buf_put_fmt(problem, "the password file %s cannot be read, or others can read it: chmod 600", path);
		return ERR_CONFIG;
	}
	ret_password[n] = '\0';
	ret_password[strcspn(ret_password, "\r\n")] = '\0';
	return OK;
}

static void ignore_notice(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

static enum err connect_to(const struct db_server *server, const char *user, const char *password, const char *sslmode,
			   PGconn **ret_link)
{
	const char *const words[] = {"dbname", "connect_timeout", "application_name", "client_encoding",
				     "user",   "password",	  "sslmode",	      "sslrootcert",
				     NULL};
	/* Later ones win over the URL's; an empty one says nothing. */
	const char *const values[] = {server->url, CONNECT_SECONDS, "gatehouse",     "UTF8", user,
				      password,	   sslmode,	    server->ca_file, NULL};

	*ret_link = PQconnectdbParams(words, values, 1);
	CHECK(*ret_link != NULL);
	PQsetNoticeProcessor(*ret_link, ignore_notice, NULL);
	return PQstatus(*ret_link) == CONNECTION_OK ? OK : ERR_DB;
}

static const char *sslmode_of(const struct db_server *server, const PQconninfoOption *parts)
{
	if (server->ca_file != NULL)
		return "verify-full";
	if (is_here(part_of(parts, "host")) || strstr(server->url, "sslmode=") != NULL)
		return NULL;
	return "require";
}

enum err owner_open(const struct db_server *server, struct str user, struct buf *problem, struct owner **ret_owner)
{
	char password[PASSWORD_BYTES_MAX] = "";
	PQconninfoOption *parts;
	AUTO_BUF name = {0};
	struct owner *owner;
	PGconn *link = NULL;
	enum err err = OK;

	TRY(parse_url(server->url, problem, &parts));
	if (part_of(parts, "password") != NULL) {
		err = ERR_CONFIG; /* lists of processes show command lines */
		buf_put(problem, STR("a password does not belong into the URL: put it into a file, --password-file"));
	}
	if (err == OK && server->password_file != NULL)
		err = read_password(server->password_file, problem, password);
	buf_put(&name, user.p == NULL ? STR("") : user);
	buf_put_byte(&name, '\0');
	if (err == OK) {
		err = connect_to(server, name.n > 1 ? name.p : NULL, password[0] != '\0' ? password : NULL,
				 sslmode_of(server, parts), &link);
		if (err != OK)
			refuse(problem, err, PQerrorMessage(link));
	}
	explicit_bzero(password, sizeof(password));
	PQconninfoFree(parts);
	if (err != OK) {
		PQfinish(link);
		return err;
	}
	owner = calloc(1, sizeof(*owner));
	CHECK(owner != NULL);
	*owner = (struct owner){.magic = OWNER_MAGIC, .link = link};
	*ret_owner = owner;
	return OK;
}

void owner_close(struct owner *owner)
{
	if (owner == NULL)
		return;
	CHECK_OBJ(owner, OWNER_MAGIC);
	PQfinish(owner->link);
	buf_free(&owner->piece);
	owner->magic = 0;
	free(owner);
}

enum err owner_runtime_name(const struct db_server *server, struct buf *problem, struct buf *out)
{
	PQconninfoOption *parts;
	const char *user;

	TRY(parse_url(server->url, problem, &parts));
	user = part_of(parts, "user");
	if (user != NULL)
		buf_put(out, str_of(user));
	PQconninfoFree(parts);
	if (out->n == 0) {
		buf_put(problem, STR("the URL of the database names no user: write postgresql://USER@HOST:PORT/NAME"));
		return ERR_CONFIG;
	}
	return OK;
}

/* What the server answered; freed. */
static enum err take(struct owner *owner, PGresult *result, ExecStatusType wanted, struct buf *problem)
{
	ExecStatusType status = PQresultStatus(result);
	enum err err = status == wanted || (wanted == PGRES_COMMAND_OK && status == PGRES_TUPLES_OK) ? OK : ERR_DB;

	if (err != OK)
		refuse(problem, err, PQerrorMessage(owner->link));
	PQclear(result);
	return err;
}

enum err owner_run(struct owner *owner, const char *sql, struct buf *problem)
{
	CHECK_OBJ(owner, OWNER_MAGIC);
	return take(owner, PQexec(owner->link, sql), PGRES_COMMAND_OK, problem);
}

/* Parameters as texts, which lie in `texts`. */
static void put_params(const struct db_value *params, size_t count, struct buf *texts, const char *values[PARAMS_MAX])
{
	size_t at[PARAMS_MAX];

	CHECK(count <= PARAMS_MAX);
	for (size_t i = 0; i < count; i++) {
		at[i] = texts->n;
		if (params[i].kind == DB_INT)
			buf_put_fmt(texts, "%lld", (long long)params[i].num);
		else
			buf_put(texts, params[i].str);
		buf_put_byte(texts, '\0');
	}
	for (size_t i = 0; i < count; i++)
		values[i] = texts->p + at[i];
}

enum err owner_int(struct owner *owner, const char *sql, const struct db_value *params, size_t count,
		   struct buf *problem, int64_t *ret_value)
{
	const char *values[PARAMS_MAX] = {NULL};
	AUTO_BUF texts = {0};
	struct str text;
	PGresult *result;
	enum err err;

	CHECK_OBJ(owner, OWNER_MAGIC);
	put_params(params, count, &texts, values);
	result = PQexecParams(owner->link, sql, (int)count, NULL, values, NULL, NULL, 0);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		return take(owner, result, PGRES_TUPLES_OK, problem);
	if (PQntuples(result) == 0 || PQgetisnull(result, 0, 0)) {
		PQclear(result);
		return ERR_NOT_FOUND;
	}
	text = str_of(PQgetvalue(result, 0, 0));
	err = OK;
	if (str_eq(text, STR("t")) || str_eq(text, STR("f")))
		*ret_value = text.p[0] == 't';
	else
		err = str_to_i64(text, ret_value);
	PQclear(result);
	return err;
}

/* --- loading (PostgreSQL documentation, COPY, binary format) --- */

static void put_be(struct buf *out, uint64_t value, unsigned bytes)
{
	while (bytes-- > 0)
		buf_put_byte(out, (char)(value >> (8 * bytes)));
}

static enum err hand_over(struct owner *owner, struct buf *problem)
{
	if (PQputCopyData(owner->link, owner->piece.p, (int)owner->piece.n) != 1)
		return refuse(problem, ERR_DB, PQerrorMessage(owner->link));
	owner->piece.n = 0;
	return OK;
}

enum err owner_load_begin(struct owner *owner, const char *sql, struct buf *problem)
{
	CHECK_OBJ(owner, OWNER_MAGIC);
	TRY(take(owner, PQexec(owner->link, sql), PGRES_COPY_IN, problem));
	owner->piece.n = 0;
	buf_put(&owner->piece, (struct str){"PGCOPY\n\377\r\n\0", 11});
	put_be(&owner->piece, 0, 4); /* flags */
	put_be(&owner->piece, 0, 4); /* no extension */
	return OK;
}

enum err owner_load_row(struct owner *owner, const struct db_value *cells, size_t count, struct buf *problem)
{
	struct buf *out = &owner->piece;

	put_be(out, count, 2);
	for (size_t i = 0; i < count; i++) {
		const struct db_value *cell = &cells[i];

		if (cell->kind == DB_NULL) {
			put_be(out, UINT32_MAX, 4);
		} else if (cell->kind == DB_INT) {
			put_be(out, 8, 4);
			put_be(out, (uint64_t)cell->num, 8);
		} else {
			put_be(out, cell->str.n, 4);
			buf_put(out, cell->str);
		}
	}
	return out->n < LOAD_PIECE_BYTES ? OK : hand_over(owner, problem);
}

enum err owner_load_end(struct owner *owner, struct buf *problem)
{
	PGresult *result;

	put_be(&owner->piece, UINT16_MAX, 2);
	TRY(hand_over(owner, problem));
	if (PQputCopyEnd(owner->link, NULL) != 1)
		return refuse(problem, ERR_DB, PQerrorMessage(owner->link));
	result = PQgetResult(owner->link);
	PQclear(PQgetResult(owner->link)); /* the end of the command */
	return take(owner, result, PGRES_COMMAND_OK, problem);
}
