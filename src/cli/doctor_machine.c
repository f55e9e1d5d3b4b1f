/* Doctor, the side of the machine: limits, file modes, the running server, free ports. Everything
 * here is a plain system call; nothing is opened that a running server would notice. */
#include "cli/doctor.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/control_call.h"
#include "gateway/serve.h"

#define FILES_BESIDES 512 /* database, logs, loops, upstream connections and children */
#define CERTIFICATE_DAYS_WARN 21
#define STATUS_BYTES_MAX (64u * 1024 * 1024)

void doctor_check_limits(struct doctor *doctor)
{
	unsigned long long wanted = doctor->config->limits.connections_max + FILES_BESIDES;
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return;
	/* serve raises the soft limit to the hard one. */
	if (files.rlim_max >= wanted)
		doctor_note(doctor, FINDING_OK, "open files", "at most %llu", (unsigned long long)files.rlim_max);
	else
		doctor_note(doctor, FINDING_WARN, "open files",
			    "the limit of %llu is below the %llu that %u connections need; raise it (LimitNOFILE= of "
			    "the service) or lower limits.connections",
			    (unsigned long long)files.rlim_max, wanted, doctor->config->limits.connections_max);
}

/* Only its owner may read what lies in the data directory. */
static void check_mode(struct doctor *doctor, const char *what, struct str directory, const char *file, mode_t good,
		       enum finding finding)
{
	AUTO_BUF path = {0};
	struct stat st;

	buf_put_fmt(&path, "%.*s%s%s", STR_ARG(directory), file[0] == '\0' ? "" : "/", file);
	buf_put_byte(&path, '\0');
	if (stat(path.p, &st) != 0)
		doctor_note(doctor, errno == ENOENT ? FINDING_WARN : FINDING_FAIL, what, "%s: %s", path.p,
			    errno == ENOENT ? "not there yet; `gatehouse serve` makes it" : strerror(errno));
	else if ((st.st_mode & 077) != 0)
		doctor_note(doctor, finding, what, "%s can be read by others; run `chmod %o %s`", path.p, good, path.p);
	else if (st.st_uid != geteuid() && geteuid() != 0)
		doctor_note(doctor, FINDING_FAIL, what, "%s belongs to another user; run this as that user", path.p);
	else
		doctor_note(doctor, FINDING_OK, what, "%s", path.p);
}

void doctor_check_files(struct doctor *doctor)
{
	struct str data = doctor->config->data;

	check_mode(doctor, "data directory", data, "", 0700, FINDING_WARN);
	if (doctor->config->secrets.kind == SECRETS_FILE)
		check_mode(doctor, "server key", data, "server.key", 0600, FINDING_FAIL);
	if (str_eq(doctor->config->database.url, STR("sqlite")))
		check_mode(doctor, "database file", data, "gatehouse.db", 0600, FINDING_FAIL);
}

void doctor_check_server(struct doctor *doctor)
{
	AUTO(arena) *arena = arena_new(STATUS_BYTES_MAX);
	AUTO_BUF problem = {0}, body = {0};
	yyjson_val *status;
	int code;
	enum err err = control_call(doctor->config->data, "GET", "/status", STR_NONE, &problem, &code, &body);

	doctor->server_runs = err == OK;
	if (err == ERR_NOT_FOUND) {
		doctor_note(doctor, FINDING_OK, "server", "none runs on this data");
	} else if (err != OK) {
		doctor_note(doctor, FINDING_FAIL, "server", "%.*s", STR_ARG(buf_str(&problem)));
	} else if (json_read(arena, buf_str(&body), &status) != OK) {
		doctor_note(doctor, FINDING_WARN, "server", "it runs, but is of another version; restart it");
	} else {
		struct str state = json_str(json_get(status, "state")), version = json_str(json_get(status, "version"));
		bool same = str_eq(version, STR(GATEHOUSE_VERSION));

		doctor_note(doctor, same ? FINDING_OK : FINDING_WARN, "server", "it runs: %.*s, version %.*s%s",
			    STR_ARG(state), STR_ARG(version), same ? "" : "; restart it to run this version");
	}
}

static void check_port(struct doctor *doctor, const struct config_listen *listen)
{
	const struct address *address = &listen->address;
	socklen_t size = address->sa.sa_family == AF_INET6 ? sizeof(address->in6) : sizeof(address->in4);
	int fd, on = 1, code = 0;

	if (address->sa.sa_family == AF_UNIX)
		return; /* a stale socket file is replaced by serve */
	fd = socket(address->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, &address->sa, size) != 0)
		code = errno;
	close(fd);
	if (code == 0)
		doctor_note(doctor, FINDING_OK, "port", "%.*s is free", STR_ARG(listen->text));
	else if (code == EADDRINUSE)
		doctor_note(doctor, FINDING_FAIL, "port",
			    "%.*s is used by another program; stop it (`ss -ltnp` names it) or change `listen`",
			    STR_ARG(listen->text));
	else if (code == EACCES)
		doctor_note(doctor, FINDING_FAIL, "port",
			    "%.*s needs a right this user lacks: take a port above 1023, or socket activation",
			    STR_ARG(listen->text));
	else
		doctor_note(doctor, FINDING_FAIL, "port", "%.*s: %s; correct `listen`", STR_ARG(listen->text),
			    strerror(code));
}

/* One that is read is not yet one that clients accept tomorrow. */
static void note_certificate(struct doctor *doctor, struct str file, const struct tls *tls)
{
	int64_t left_s = tls_expires_s(tls), days = left_s / 86400;

	if (left_s <= 0)
		doctor_note(doctor, FINDING_FAIL, "certificate", "%.*s has expired; renew it, then `gatehouse reload`",
			    STR_ARG(file));
	else if (days < CERTIFICATE_DAYS_WARN)
		doctor_note(doctor, FINDING_WARN, "certificate",
			    "%.*s expires in %lld days; renew it, then `gatehouse reload`", STR_ARG(file),
			    (long long)days);
	else
		doctor_note(doctor, FINDING_OK, "certificate", "%.*s, good for %lld days", STR_ARG(file),
			    (long long)days);
}

void doctor_check_ports(struct doctor *doctor)
{
	const struct config *config = doctor->config;
	AUTO_BUF problem = {0};

	for (size_t i = 0; i < config->listen_count; i++) {
		struct tls *tls = NULL;

		if (!doctor->server_runs)
			check_port(doctor, &config->listen[i]);
		if (gateway_listen_tls(&config->listen[i], &problem, &tls) != OK)
			doctor_note(doctor, FINDING_FAIL, "certificate", "%.*s", STR_ARG(buf_str(&problem)));
		else if (tls != NULL)
			note_certificate(doctor, config->listen[i].cert_file, tls);
		tls_unref(tls);
		problem.n = 0;
	}
	if (doctor->server_runs)
		doctor_note(doctor, FINDING_OK, "port", "the server listens where it was told to");
}
