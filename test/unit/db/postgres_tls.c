/* Whom PostgreSQL must prove to be, and the password that we prove to be with: both doors, that of serving (db_open)
 * and that of the owner's commands, under one rule. The authorities are made here by openssl, for a server on
 * localhost. */
#include "../database.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "db/owner.h"
#include "db/postgres_words.h"

static const char tables[] = "CREATE TABLE item (id BIGINT PRIMARY KEY, name TEXT)";

static bool installed;
static char made[64]; /* directory of certificates and passwords */

/* A path in it; four live at a time. */
static const char *at(const char *name)
{
	static char paths[4][128];
	static size_t next;
	char *path = paths[next++ % 4];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", made, name);
	return path;
}

static void put(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fchmod(fileno(file), mode), 0);
	ck_assert_int_eq(fclose(file), 0);
}

static void make_certificates(void)
{
	static const char script[] =
		"set -e; cd %s; key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'\n"
		"for ca in ca other; do openssl req -x509 $key -keyout $ca.key -out $ca.pem -subj /CN=$ca -days 2; "
		"done\n"
		"openssl req $key -keyout server.key -out server.csr -subj /CN=localhost\n"
		"echo subjectAltName=DNS:localhost > names\n"
		"openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names"
		" -out server.pem\n"
		"chmod 600 server.key; [ $(id -u) != 0 ] || chown 65534:65534 . server.key server.pem\n";
	char text[1024];
	int status;
	pid_t pid;

	(void)snprintf(made, sizeof(made), "/tmp/gatehouse-tls-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(made));
	(void)snprintf(text, sizeof(text), script, made);
	put(at("make.sh"), text, 0700);
	pid = fork();
	if (pid == 0) {
		(void)freopen(at("log"), "w", stderr);
		(void)execlp("sh", "sh", at("make.sh"), NULL);
		_exit(1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

static unsigned free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &n), 0);
	close(fd);
	return ntohs(address.sin_port);
}

/* A server on a port of localhost, with TLS or without; who connects there as gatehouse needs a password. */
static struct db_spec begin(bool tls)
{
	static char port[16], certificate[160], key[160], hba[160], database[128];
	const char *const options[] = {"-p",
				       port,
				       "-c",
				       "listen_addresses=localhost",
				       "-c",
				       hba,
				       tls ? "-c" : NULL,
				       "ssl=on",
				       "-c",
				       certificate,
				       "-c",
				       key,
				       NULL};
	struct db_spec spec;

	test_engine = DB_POSTGRES;
	make_certificates();
	put(at("hba"),
	    "local all postgres trust\nlocal all gatehouse_owner trust\nlocal all gatehouse scram-sha-256\n"
	    "host all gatehouse all scram-sha-256\nhost all gatehouse_owner all trust\n",
	    0644);
	test_postgres_port = free_port();
	(void)snprintf(port, sizeof(port), "%u", test_postgres_port);
	(void)snprintf(hba, sizeof(hba), "hba_file=%s/hba", made);
	(void)snprintf(certificate, sizeof(certificate), "ssl_cert_file=%s/server.pem", made);
	(void)snprintf(key, sizeof(key), "ssl_key_file=%s/server.key", made);
	memcpy(test_postgres_options, options, sizeof(options));
	test_postgres_launch();
	test_postgres_roles();
	spec = test_spec(NULL, 0, tables, 5);
	(void)snprintf(database, sizeof(database), "%s", test_postgres_name());
	test_postgres_run("postgres", database,
			  "ALTER ROLE gatehouse PASSWORD 'open sesame'; GRANT SELECT ON item TO gatehouse");
	put(at("password"), "open sesame\n", 0600);
	return spec;
}

static void end(void)
{
	test_postgres_kill(SIGQUIT);
	(void)nftw(made, test_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static const char *url_of(const char *user, const char *host, const char *rest)
{
	static char url[256];

	(void)snprintf(url, sizeof(url), "postgresql://%s@%s:%u/%s%s", user, host, test_postgres_port,
		       test_postgres_name(), rest);
	return url;
}

/* --- both doors --- */

struct door {
	const struct db_server *server;
	struct buf serving, commanding; /* problems */
	enum err served, commanded;
	int64_t tls; /* whether the session that served was encrypted */
};

AWAITS_ENTRY static void serve(void *arg)
{
	struct door *door = arg;
	const struct db_spec spec = {test_data(), NULL, 0, 5, *door->server};
	struct db *db;

	door->served = db_open(&spec, &door->serving, &db);
	if (door->served != OK)
		return;
	/* of a connection of the loop's, not of the one that opened */
	door->tls =
		test_int(db, "SELECT CASE WHEN ssl THEN 1 ELSE 0 END FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
	db_close(db);
}

static void knock(struct door *door, const struct db_server *server)
{
	AUTO(owner) *owner = NULL;

	*door = (struct door){.server = server, .tls = -1};
	door->commanded = owner_open(server, &door->commanding, &owner);
	ck_ok(rt_run(1, serve, door));
}

static void ck_said(const struct buf *problem, const char *words)
{
	ck_assert_msg(memmem(problem->p, problem->n, words, strlen(words)) != NULL, "'%.*s' lacks '%s'",
		      STR_ARG(buf_str(problem)), words);
	ck_assert_ptr_null(memmem(problem->p, problem->n, "sesame", 6));
}

static void ck_open(const struct db_server *server, bool tls)
{
	struct door door;

	knock(&door, server);
	ck_assert_msg(door.served == OK, "%.*s", STR_ARG(buf_str(&door.serving)));
	ck_assert_msg(door.commanded == OK, "%.*s", STR_ARG(buf_str(&door.commanding)));
	ck_assert_int_eq(door.tls, tls);
}

static void ck_closed(const struct db_server *server, enum err err, const char *words, const char *advice)
{
	struct door door;

	knock(&door, server);
	ck_err(door.served, err);
	ck_err(door.commanded, err);
	ck_said(&door.serving, words);
	ck_said(&door.serving, advice);
	ck_said(&door.commanding, words);
	ck_said(&door.commanding, advice);
	buf_free(&door.serving);
	buf_free(&door.commanding);
}

/* --- cases --- */

START_TEST(server_proves_its_name)
{
	struct db_server server = {.password_file = NULL};

	if (!installed)
		return;
	(void)begin(true);
	server.password_file = at("password");
	server.ca_file = at("ca.pem");
	server.url = url_of("gatehouse", "localhost", "");
	ck_open(&server, true);
	server.url = url_of("gatehouse", "127.0.0.1", ""); /* its certificate does not name that */
	ck_closed(&server, ERR_DB, "does not match host name", "--ca-file");
	server.url = url_of("gatehouse", "127.0.0.1", "?sslmode=verify-ca"); /* said in so many words */
	ck_open(&server, true);
	server.url = url_of("gatehouse", "localhost", "");
	server.ca_file = at("other.pem");
	ck_closed(&server, ERR_DB, "certificate verify failed", "other.pem");
	server.ca_file = at("missing.pem");
	ck_closed(&server, ERR_DB, "does not exist", "missing.pem");
	server.ca_file = NULL; /* this machine: TLS when offered */
	ck_open(&server, true);
	end();
}
END_TEST

START_TEST(server_without_tls_is_refused)
{
	struct db_server server = {.password_file = NULL};

	if (!installed)
		return;
	(void)begin(false);
	server.password_file = at("password");
	server.ca_file = at("ca.pem");
	server.url = url_of("gatehouse", "localhost", "");
	ck_closed(&server, ERR_DB, "does not support SSL", "must speak TLS");
	server.url = url_of("gatehouse", "localhost", "?sslmode=require");
	ck_closed(&server, ERR_DB, "does not support SSL", "");
	server.ca_file = NULL;
	server.url = url_of("gatehouse", "localhost", "");
	ck_open(&server, false);
	end();
}
END_TEST

START_TEST(password_comes_from_a_private_file)
{
	struct db_server server = {.password_file = NULL};

	if (!installed)
		return;
	(void)begin(true);
	server.url = url_of("gatehouse", "localhost", "");
	ck_closed(&server, ERR_DB, "no password supplied", "--password-file");
	server.password_file = at("absent");
	ck_closed(&server, ERR_CONFIG, "absent", "no such file");
	put(at("open"), "open sesame\n", 0644);
	server.password_file = at("open");
	ck_closed(&server, ERR_CONFIG, "/open", "chmod 600");
	put(at("empty"), "\n", 0600);
	server.password_file = at("empty");
	ck_closed(&server, ERR_CONFIG, "/empty", "is empty");
	put(at("wrong"), "close sesame\n", 0600);
	server.password_file = at("wrong");
	ck_closed(&server, ERR_DB, "password authentication failed", "/wrong");
	server.password_file = at("password");
	ck_open(&server, true);
	end();
}
END_TEST

static const char *option(const struct pg_options *options, const char *key)
{
	for (size_t i = 0; options->keys[i] != NULL; i++)
		if (strcmp(options->keys[i], key) == 0)
			return options->values[i];
	return "";
}

/* What libpq is told: nothing is resolved, nobody is called. */
START_TEST(elsewhere_means_verified)
{
	static const struct {
		const char *url, *ca_file, *mode, *root;
	} cases[] = {
		{"postgresql://g@192.0.2.1/g", NULL, "verify-full", "/etc/ssl/certs/ca-certificates.crt"},
		{"postgresql://g@192.0.2.1/g", "my.pem", "verify-full", "my.pem"},
		{"postgresql://g@192.0.2.1/g?sslmode=prefer", NULL, "verify-full",
		 "/etc/ssl/certs/ca-certificates.crt"},
		{"postgresql://g@192.0.2.1/g?sslmode=require", NULL, "require", ""},
		{"postgresql://g@192.0.2.1,127.0.0.1/g", NULL, "verify-full", "/etc/ssl/certs/ca-certificates.crt"},
		{"postgresql://g@127.0.0.1/g", NULL, "prefer", ""},
		{"postgresql://g@127.0.0.1/g", "my.pem", "verify-full", "my.pem"},
		{"postgresql:///g?host=/run/postgresql", NULL, "prefer", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct db_server server = {.ca_file = cases[i].ca_file};
		struct pg_address *address;
		struct pg_options options;

		ck_ok(pg_address_new(cases[i].url, &server, NULL, &address));
		ck_ok(pg_address_resolve(address, &options));
		ck_assert_str_eq(option(&options, "sslmode"), cases[i].mode);
		ck_assert_str_eq(option(&options, "sslrootcert"), cases[i].root);
		pg_options_free(&options);
		pg_address_free(address);
	}
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("postgres_tls");
	int status;

	installed = test_postgres_init();
	if (!installed)
		fprintf(stderr, "PostgreSQL is not installed: most is not tested here\n");
	tcase_add_test(tcase, server_proves_its_name);
	tcase_add_test(tcase, server_without_tls_is_refused);
	tcase_add_test(tcase, password_comes_from_a_private_file);
	tcase_add_test(tcase, elsewhere_means_verified);
	status = unit_run("postgres_tls", tcase);
	test_postgres_end();
	return status;
}
