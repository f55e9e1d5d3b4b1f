/* `gatehouse import openapi FILE|URL`: turns an OpenAPI document into a connector file, for people to read, cut and
 * change. A URL is fetched on a loop of its own; whoever runs this decides where it leads, so private addresses are
 * fine. */
#include <stdio.h>

#include "base/log.h"
#include "cli/command.h"
#include "cli/files.h"
#include "http/fetch.h"
#include "openapi/openapi.h"
#include "rt/loop.h"

#define FETCH_MS 60000 /* tens of megabytes over a slow line */
#define FETCH_REDIRECTS 3

const struct option import_openapi_options[] = {
	{"name", "NAME", "of the connector; without it, made from the document's title"},
	{"include", "GLOB", "only operations whose tool's name, path or tag fits"},
	{"exclude", "GLOB", "none of these"},
	{"out", "FILE", "write the file there (a new one); without it, to standard output"},
	{NULL, NULL, NULL},
};

struct download {
	struct str url;
	struct arena *arena;
	struct fetched fetched;
	enum err err;
};

AWAITS_ENTRY static void download_main(void *arg)
{
	struct download *download = arg;
	const struct fetch fetch = {.url = download->url,
				    .headers = STR("Accept: application/json, application/yaml;q=0.9, */*;q=0.5\r\n"),
				    .bytes_max = OPENAPI_BYTES_MAX,
				    .timeout_ms = FETCH_MS,
				    .redirects = FETCH_REDIRECTS,
				    .allow_private = true};

	download->err = http_fetch(download->arena, &fetch, &download->fetched);
	rt_stop(1000);
}

static enum err read_url(struct str url, struct buf *out, struct buf *problem)
{
	AUTO(arena) *arena = arena_new(3 * OPENAPI_BYTES_MAX);
	struct download download = {.url = url, .arena = arena};

	log_setup(LOG_WARN, LOG_AUTO);
	if (rt_run(1, download_main, &download) != OK)
		download.err = ERR_SYSTEM;
	if (download.err == OK && download.fetched.status != 200) {
		buf_put_fmt(problem, "the answer is %d", download.fetched.status);
		return ERR_CONFIG;
	}
	if (download.err == OK)
		buf_put(out, download.fetched.body);
	else
		buf_put(problem, download.err == ERR_CONFIG
					 ? STR("an https:// URL is wanted, or http:// at this machine")
					 : str_of(err_text(download.err)));
	return download.err;
}

static enum err read_document(struct str from, struct buf *out, struct openapi_wish *wish, struct buf *problem)
{
	bool exists;

	if (str_starts(from, STR("https://")) || str_starts(from, STR("http://"))) {
		wish->source = from;
		return read_url(from, out, problem);
	}
	TRY(file_read(from.p, out, &exists, problem));
	if (exists)
		return OK;
	buf_put(problem, STR("there is no such file"));
	return ERR_NOT_FOUND;
}

int import_openapi_run(const struct invocation *invocation)
{
	const struct options *options = &invocation->options;
	struct str from = options->operands[0], to = options_get(options, "out");
	struct openapi_wish wish = {.name = options_get(options, "name"),
				    .include = options_get(options, "include"),
				    .exclude = options_get(options, "exclude")};
	AUTO_BUF text = {0}, problem = {0}, out = {0};

	if (read_document(from, &text, &wish, &problem) != OK ||
	    openapi_to_connector(buf_str(&text), &wish, &problem, &out) != OK)
		return command_failed("%.*s: %.*s", STR_ARG(from), STR_ARG(buf_str(&problem)));
	if (to.p == NULL)
		command_print(&out);
	else if (file_create(to.p, buf_str(&out), &problem) != OK)
		return command_failed("%.*s", STR_ARG(buf_str(&problem)));
	return STATUS_DONE;
}
