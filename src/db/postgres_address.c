/* Where PostgreSQL is: a URL, read by libpq's own parser, checked against what the house allows and
 * completed with time-outs, keepalive and TLS. Passwords stand in a file that nobody else may
 * read, never in a URL, which is shown in process lists and logs. A server on another machine, or one for which
 * a CA is named, must prove its name (sslmode=verify-full) unless the URL says otherwise in so many words.
 *
 * libpq would look names up while it blocks, so they are resolved here, on a worker thread, into
 * its `hostaddr`: every address of every host, in order. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "base/secret_file.h"
#include "db/postgres_private.h"

#define PASSWORD_BYTES_MAX 4096 /* a token of a cloud provider, at most */
#define HOSTS_MAX 8		/* of a URL */
#define ADDRESSES_MAX 4		/* of a name */
#define SYSTEM_CA_FILE "/etc/ssl/certs/ca-certificates.crt"

struct pg_address {
	PQconninfoOption *parsed;     /* freed by libpq */
	struct secret_text *password; /* with a NUL behind it; NULL: none */
	const char *password_file, *ca_file, *ssl_mode, *user;
	bool names; /* some host must be looked up */
	bool replica;
	const char *host, *port;
};

/* libpq's own words are English here, the server's are what its administrator chose. */
static bool is_about_tls(const char *words)
{
	return strstr(words, "SSL") != NULL || strstr(words, "certificate") != NULL;
}

static const char *parsed(const struct pg_address *address, const char *key)
{
	for (const PQconninfoOption *at = address->parsed; at->keyword != NULL; at++) {
		if (strcmp(at->keyword, key) == 0)
			return at->val;
	}
	return NULL;
}

static enum err refuse(struct buf *problem, const char *text, const char *detail)
{
	if (problem != NULL)
		buf_put_fmt(problem, "%s%s", text, detail);
	return ERR_CONFIG;
}

static bool is_number(const char *host)
{
	uint8_t bytes[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static bool is_socket(const char *host)
{
	return host[0] == '/' || host[0] == '@';
}

static bool is_local(const char *host)
{
	return is_socket(host) || strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
	       (str_starts(str_of(host), STR("127.")) && is_number(host));
}

/* The next of a list with commas; false at its end. */
static bool next_of(const char **list, char out[256])
{
	size_t n = *list == NULL ? 0 : strcspn(*list, ",");

	if (*list == NULL || n >= 256)
		return false;
	memcpy(out, *list, n);
	out[n] = '\0';
	*list = (*list)[n] == ',' ? *list + n + 1 : NULL;
	return true;
}

static enum err read_password(struct pg_address *address, const char *path, struct buf *problem)
{
	AUTO(secret_text) *text = NULL;
	AUTO_BUF why = {0};
	struct str password;
	char *p;

	if (secret_file_text(AT_FDCWD, path, SECRET_FILE_PRIVATE, &why, &text) != OK) {
		buf_put_byte(&why, '\0');
		return refuse(problem, "the database's password file ", why.p);
	}
	password = secret_text_str(text);
	if (password.n > PASSWORD_BYTES_MAX)
		return refuse(problem, "the password is too long in the database's password file ", path);
	address->password = secret_text_room(password.n + 1, &p); /* libpq wants a NUL behind it */
	memcpy(p, password.p, password.n);
	return OK;
}

static enum err check_hosts(struct pg_address *address, struct buf *problem)
{
	const char *list = address->host;
	bool local = true;
	char host[256];
	size_t count = 0;

	while (next_of(&list, host)) {
		if (++count > HOSTS_MAX)
			return refuse(problem, "the database's URL names too many hosts", "");
		local = local && is_local(host);
		address->names = address->names || (!is_socket(host) && !is_number(host));
	}
	if (count == 0)
		return refuse(problem,
			      "the database's URL names no host: postgresql://USER@HOST:PORT/NAME or "
			      "postgresql:///NAME?host=/DIRECTORY&user=USER",
			      "");
	if (parsed(address, "hostaddr") != NULL)
		return refuse(problem, "the database's URL must name hosts, not hostaddr", "");
	address->ssl_mode = parsed(address, "sslmode");
	if (address->ssl_mode == NULL || strcmp(address->ssl_mode, "prefer") == 0) /* libpq's default */
		address->ssl_mode = local && address->ca_file == NULL ? "prefer" : "verify-full";
	else if (!local && strcmp(address->ssl_mode, "verify-full") != 0)
		log_warn("db.insecure", LOG_CSTR("sslmode", address->ssl_mode),
			 LOG_CSTR("advice", "the server need not prove who it is; use sslmode=verify-full"));
	return OK;
}

static enum err complete(struct pg_address *address, const struct db_server *server, struct buf *problem)
{
	if (parsed(address, "password") != NULL || parsed(address, "sslpassword") != NULL)
		return refuse(
			problem,
			"the database's URL must not hold a password: write it into a file, mode 0600, and name that "
			"(password_file of `database`, --password-file)",
			"");
	if (parsed(address, "service") != NULL)
		return refuse(problem, "the database's URL must not name a service", "");
	address->host = parsed(address, "host");
	address->port = parsed(address, "port");
	address->password_file = server->password_file;
	address->user = server->user != NULL ? server->user : parsed(address, "user");
	address->ca_file = server->ca_file != NULL ? server->ca_file : parsed(address, "sslrootcert");
	TRY(check_hosts(address, problem));
	if (address->ca_file == NULL && strcmp(address->ssl_mode, "verify-full") == 0)
		address->ca_file = SYSTEM_CA_FILE;
	return server->password_file == NULL ? OK : read_password(address, server->password_file, problem);
}

enum err pg_address_new(const char *url, const struct db_server *server, struct buf *problem,
			struct pg_address **ret_address)
{
	struct pg_address *address = calloc(1, sizeof(*address));
	char *words = NULL;
	enum err err;

	CHECK(address != NULL);
	address->replica = url == server->replica_url;
	if (str_starts(str_of(url), STR("postgresql://")) || str_starts(str_of(url), STR("postgres://")))
		address->parsed = PQconninfoParse(url, &words);
	if (address->parsed == NULL) {
		err = refuse(problem, "the database's URL cannot be read: ", /* libpq's words may repeat a password */
			     words == NULL ? "it must begin with postgresql://" : "see its syntax in the manual");
		PQfreemem(words);
	} else {
		err = complete(address, server, problem);
	}
	if (err != OK)
		pg_address_free(address);
	else
		*ret_address = address;
	return err;
}

void pg_address_free(struct pg_address *address)
{
	if (address == NULL)
		return;
	PQconninfoFree(address->parsed);
	secret_text_unref(address->password);
	free(address);
}

const char *pg_address_url_user(const struct pg_address *address)
{
	return parsed(address, "user");
}

void pg_address_explain(const struct pg_address *address, const PGconn *pq, struct buf *problem)
{
	const char *words = PQerrorMessage(pq);

	buf_put_fmt(problem, "cannot connect to PostgreSQL: %.*s", STR_ARG(str_trim(str_of(words))));
	if (PQconnectionNeedsPassword(pq) && address->password == NULL)
		buf_put(problem, STR("; write the password into a file, mode 0600, and name it (password_file of "
				     "`database`, --password-file)"));
	else if (PQconnectionUsedPassword(pq))
		buf_put_fmt(problem, "; the password is the one in %s", address->password_file);
	else if (strcmp(address->ssl_mode, "verify-full") == 0 && is_about_tls(words))
		buf_put_fmt(problem,
			    "; the server must speak TLS and show a certificate of its name from an authority in %s "
			    "(`ca` of "
			    "`database`, --ca-file)",
			    address->ca_file);
}

bool pg_address_blocks(const struct pg_address *address)
{
	return address->names;
}

/* --- names to addresses --- */

struct lists {
	struct buf hosts, addresses, ports;
};

static void put_item(struct buf *list, const char *item, bool first)
{
	if (!first)
		buf_put_byte(list, ',');
	buf_put(list, str_of(item));
}

static void put_host(struct lists *lists, const char *host, const char *number, const char *port, bool *first)
{
	put_item(&lists->hosts, host, *first);
	put_item(&lists->addresses, number, *first);
	put_item(&lists->ports, port, *first);
	*first = false;
}

static void put_name(struct lists *lists, const char *host, const char *port, bool *first)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	struct addrinfo *found = NULL;
	char number[INET6_ADDRSTRLEN];
	int left = ADDRESSES_MAX;

	if (getaddrinfo(host, NULL, &hints, &found) != 0)
		return;
	for (struct addrinfo *at = found; at != NULL && left > 0; at = at->ai_next, left--) {
		if (getnameinfo(at->ai_addr, at->ai_addrlen, number, sizeof(number), NULL, 0, NI_NUMERICHOST) == 0)
			put_host(lists, host, number, port, first);
	}
	freeaddrinfo(found);
}

static void resolve(const struct pg_address *address, struct lists *lists)
{
	const char *hosts = address->host, *ports = address->port;
	char host[256], port[256] = "";
	bool first = true;

	while (next_of(&hosts, host)) {
		(void)next_of(&ports, port); /* a single port is that of all hosts */
		if (is_socket(host))
			put_host(lists, host, "", port, &first);
		else if (is_number(host))
			put_host(lists, host, host, port, &first);
		else
			put_name(lists, host, port, &first);
	}
}

static char *take_text(struct buf *buf)
{
	char *text;

	buf_put_byte(buf, '\0');
	text = strdup(buf->p);
	CHECK(text != NULL);
	buf_free(buf);
	return text;
}

static void set_option(struct pg_options *options, const char *key, const char *value)
{
	size_t at = 0;

	if (value == NULL || value[0] == '\0')
		return;
	while (options->keys[at] != NULL && strcmp(options->keys[at], key) != 0)
		at++;
	CHECK(at < PG_OPTIONS_MAX);
	options->keys[at] = key;
	options->values[at] = value;
}

static void set_options(const struct pg_address *address, struct pg_options *options)
{
	set_option(options, "connect_timeout", "3");
	set_option(options, "keepalives_idle", "5");
	set_option(options, "keepalives_interval", "2");
	set_option(options, "keepalives_count", "2");
	set_option(options, "tcp_user_timeout", "5000");
	set_option(options, "application_name", "gatehouse");
	if (strchr(address->host, ',') != NULL)
		set_option(options, "target_session_attrs", address->replica ? "prefer-standby" : "read-write");
	for (const PQconninfoOption *at = address->parsed; at->keyword != NULL; at++)
		set_option(options, at->keyword, at->val);
	set_option(options, "client_encoding", "UTF8");
	set_option(options, "gssencmode", "disable"); /* it blocks */
	set_option(options, "sslmode", address->ssl_mode);
	set_option(options, "sslrootcert", address->ca_file);
	set_option(options, "user", address->user);
	if (address->password != NULL)
		set_option(options, "password", secret_text_str(address->password).p);
	set_option(options, "host", options->hosts);
	set_option(options, "hostaddr", options->addresses);
	set_option(options, "port", options->ports);
}

enum err pg_address_resolve(const struct pg_address *address, struct pg_options *ret_options)
{
	struct lists lists = {0};

	resolve(address, &lists);
	memset(ret_options, 0, sizeof(*ret_options));
	ret_options->hosts = take_text(&lists.hosts);
	ret_options->addresses = take_text(&lists.addresses);
	ret_options->ports = take_text(&lists.ports);
	if (ret_options->hosts[0] == '\0') {
		pg_options_free(ret_options);
		return ERR_DNS;
	}
	set_options(address, ret_options);
	return OK;
}

void pg_options_free(struct pg_options *options)
{
	free(options->hosts);
	free(options->addresses);
	free(options->ports);
	memset(options, 0, sizeof(*options));
}
