/* Doctor, the upstreams: is each command there, can each address be connected to. All of them at
 * once, so that one that does not answer costs no more than its own time. */
#include "cli/doctor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "connector/connector.h"
#include "gateway/local.h"
#include "http/client.h"

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"
#define CONNECT_MS 5000
#define ADDRESSES_MAX 8

struct probe {
	struct doctor *doctor;
	const struct upstream_spec *spec;
};

static void note(const struct probe *probe, enum finding finding, const char *text, struct str about)
{
	AUTO_BUF what = {0};

	buf_put_fmt(&what, "upstream %.*s", STR_ARG(probe->spec->name));
	buf_put_byte(&what, '\0');
	doctor_note(probe->doctor, finding, what.p, text, STR_ARG(about));
}

/* ---- commands -------------------------------------------------------------------- */

static bool can_run(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* Where the child will be looked up: in the PATH that the config gives it, else in ours. */
static struct str path_of(const struct upstream_spec *spec)
{
	for (size_t i = 0; i < spec->env_count; i++)
		if (str_eq(spec->env[i].name, STR("PATH")))
			return spec->env[i].value;
	return getenv("PATH") != NULL ? str_of(getenv("PATH")) : STR(DEFAULT_PATH);
}

static bool find_command(const struct upstream_spec *spec)
{
	struct str rest = path_of(spec), directory;

	if (memchr(spec->command.p, '/', spec->command.n) != NULL)
		return can_run(spec->command.p);
	while (rest.n > 0) {
		AUTO_BUF path = {0};

		str_cut(rest, ':', &directory, &rest);
		buf_put_fmt(&path, "%.*s/%.*s", STR_ARG(directory), STR_ARG(spec->command));
		buf_put_byte(&path, '\0');
		if (can_run(path.p))
			return true;
	}
	return false;
}

static void check_command(const struct probe *probe)
{
	const struct upstream_spec *spec = probe->spec;

	/* A running server may have been started with another PATH than ours. */
	if (!find_command(spec))
		note(probe, probe->doctor->server_runs ? FINDING_WARN : FINDING_FAIL,
		     "the command %.*s is not in PATH; install it or give its full path", spec->command);
	else if (!str_eq(spec->cwd, probe->doctor->config->data) && access(spec->cwd.p, X_OK) != 0)
		note(probe, FINDING_FAIL, "its working directory %.*s cannot be entered", spec->cwd);
	else
		note(probe, FINDING_OK, "%.*s is there", spec->command);
}

/* ---- addresses ------------------------------------------------------------------- */

static void ignore_bytes(void *owner, struct str bytes)
{
	(void)owner;
	(void)bytes;
}

static void ignore_drain(void *owner)
{
	(void)owner;
}

static void ignore_close(void *owner, enum err reason)
{
	(void)owner;
	(void)reason;
}

static const struct stream_events ignore_events = {ignore_bytes, ignore_drain, ignore_close, NULL};

AWAITS static enum err connect_any(const struct upstream_spec *spec, const struct url *url)
{
	const struct address_guard guard = {.allow_private = spec->allow_private};
	struct address addresses[ADDRESSES_MAX];
	struct stream *stream;
	enum err err = ERR_DNS;
	size_t count;

	TRY(address_resolve(url->host, url->port, addresses, ARRAY_LEN(addresses), &count));
	for (size_t i = 0; i < count; i++) {
		TRY(address_guard_check(&guard, &addresses[i]));
		err = stream_connect(&addresses[i], NULL, STR_NONE, &ignore_events, NULL, &stream);
		if (err == OK) {
			stream_close(stream, 0);
			return OK;
		}
	}
	return err;
}

AWAITS_ENTRY static void check_url(void *arg)
{
	const struct probe *probe = arg;
	struct url url;
	enum err err;

	fiber_deadline_set(clock_ms() + CONNECT_MS);
	err = url_parse(probe->spec->url, &url);
	if (err == OK)
		err = connect_any(probe->spec, &url);
	if (err == OK)
		note(probe, FINDING_OK, "%.*s accepts connections", url.host);
	else if (err == ERR_CONFIG)
		note(probe, FINDING_FAIL, "its url is not an http:// or https:// URL; correct it%.*s", STR_NONE);
	else if (err == ERR_DNS)
		note(probe, FINDING_FAIL, "the host name %.*s cannot be resolved; is it right, does DNS work?",
		     url.host);
	else if (err == ERR_REFUSED_ADDRESS)
		note(probe, FINDING_FAIL, "%.*s is on a private network; set `allow_private: true` if that is meant",
		     url.host);
	else
		note(probe, FINDING_FAIL, "%.*s accepts no connection; is the server running, is a firewall between?",
		     url.host);
}

AWAITS void doctor_check_upstreams(struct doctor *doctor)
{
	const struct config *config = doctor->config;
	struct probe *probes = calloc(config->upstream_count + 1, sizeof(*probes));
	struct group group;

	group_init(&group, loop_self());
	if (config->upstream_count == 0)
		doctor_note(doctor, FINDING_WARN, "upstreams",
			    "the configuration names none, so there are no tools; add some under `upstreams`");
	for (size_t i = 0; probes != NULL && i < config->upstream_count; i++) {
		probes[i] = (struct probe){doctor, &config->upstreams[i]};
		if (config->upstreams[i].kind == UPSTREAM_STDIO)
			check_command(&probes[i]);
		else if (config->upstreams[i].kind == UPSTREAM_LOCAL)
			note(&probes[i], FINDING_OK, "%.*s is served by the gateway itself",
			     connector_name(local_connector(config->upstreams[i].local)));
		else if (group_spawn(&group, "doctor", check_url, &probes[i]) != OK)
			note(&probes[i], FINDING_WARN, "not looked at%.*s: too many upstreams", STR_NONE);
	}
	if (group_join(&group) != OK)
		doctor_note(doctor, FINDING_WARN, "upstreams", "the look at them was cut short; run this again");
	free(probes);
}
