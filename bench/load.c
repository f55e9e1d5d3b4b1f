/* load: command line and report of the load generator. Prints one line of JSON.
 *
 * "@ID@" in --body becomes a different ten-digit number in each request; the answer must
 * carry it as "id" (see load.h). Exit 1 when any answer was wrong. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "load.h"

static const char help_text[] = "load --port PORT [options]\n"
				"  --host ADDRESS      IPv4 (127.0.0.1)\n"
				"  --connections N     (1)\n"
				"  --seconds S         measured time (2), after\n"
				"  --warmup S          (0.3)\n"
				"  --requests N        send N in all instead\n"
				"  --method M --path P (POST /mcp)\n"
				"  --header 'K: V'     as often as wanted\n"
				"  --body TEXT         @ID@ becomes the request's id\n"
				"  --expect TEXT       must occur in each answer\n"
				"  --no-id             answers carry no id\n";

enum option_id {
	OPT_HOST = 256,
	OPT_PORT,
	OPT_CONNECTIONS,
	OPT_SECONDS,
	OPT_WARMUP,
	OPT_REQUESTS,
	OPT_METHOD,
	OPT_PATH,
	OPT_HEADER,
	OPT_BODY,
	OPT_EXPECT,
	OPT_NO_ID,
};

static const struct option option_table[] = {
	{"host", required_argument, NULL, OPT_HOST},
	{"port", required_argument, NULL, OPT_PORT},
	{"connections", required_argument, NULL, OPT_CONNECTIONS},
	{"seconds", required_argument, NULL, OPT_SECONDS},
	{"warmup", required_argument, NULL, OPT_WARMUP},
	{"requests", required_argument, NULL, OPT_REQUESTS},
	{"method", required_argument, NULL, OPT_METHOD},
	{"path", required_argument, NULL, OPT_PATH},
	{"header", required_argument, NULL, OPT_HEADER},
	{"body", required_argument, NULL, OPT_BODY},
	{"expect", required_argument, NULL, OPT_EXPECT},
	{"no-id", no_argument, NULL, OPT_NO_ID},
	{NULL, 0, NULL, 0},
};

struct request_parts {
	const char *method, *path;
	struct buf headers;
	struct str body;
};

static void set_option(struct load_options *options, struct request_parts *parts, int id)
{
	switch (id) {
	case OPT_HOST:
		options->host = optarg;
		break;
	case OPT_PORT:
		options->port = (int)strtol(optarg, NULL, 10);
		break;
	case OPT_CONNECTIONS:
		options->connections = (unsigned)strtoul(optarg, NULL, 10);
		break;
	case OPT_SECONDS:
		options->run_ms = (int64_t)(strtod(optarg, NULL) * 1000);
		break;
	case OPT_WARMUP:
		options->warmup_ms = (int64_t)(strtod(optarg, NULL) * 1000);
		break;
	case OPT_REQUESTS:
		options->requests = strtoull(optarg, NULL, 10);
		options->warmup_ms = 0;
		break;
	case OPT_METHOD:
		parts->method = optarg;
		break;
	case OPT_PATH:
		parts->path = optarg;
		break;
	case OPT_HEADER:
		buf_put_fmt(&parts->headers, "%s\r\n", optarg);
		break;
	case OPT_BODY:
		parts->body = str_of(optarg);
		break;
	case OPT_EXPECT:
		options->expect = str_of(optarg);
		break;
	case OPT_NO_ID:
		options->check_id = false;
		break;
	default:
		fputs(help_text, stderr);
		exit(2);
	}
}

/* The id's mark is widened to the ten characters that the digits will take. */
static void put_body(struct buf *out, struct str body)
{
	const char *mark = memmem(body.p == NULL ? "" : body.p, body.n, "@ID@", 4);

	if (mark == NULL) {
		buf_put(out, body);
		return;
	}
	buf_put(out, (struct str){body.p, (size_t)(mark - body.p)});
	buf_put(out, STR("@ID@000000"));
	buf_put(out, str_skip(body, (size_t)(mark - body.p) + 4));
}

static struct buf build_request(const struct load_options *options, const struct request_parts *parts)
{
	struct buf request = {0};
	AUTO_BUF body = {0};

	put_body(&body, parts->body);
	buf_put_fmt(&request, "%s %s HTTP/1.1\r\nHost: %s:%d\r\n%.*s", parts->method, parts->path, options->host,
		    options->port, (int)parts->headers.n, parts->headers.n > 0 ? parts->headers.p : "");
	if (body.n > 0)
		buf_put_fmt(&request, "Content-Type: application/json\r\nContent-Length: %zu\r\n", body.n);
	buf_put(&request, STR("\r\n"));
	buf_put(&request, buf_str(&body));
	return request;
}

static double cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void report(const struct load_result *r)
{
	double seconds = (double)r->run_ns / 1e9;
	AUTO_BUF error = {0};

	buf_put_json(&error, str_of(r->first_error));
	printf("{\"answers\":%llu,\"errors\":%llu,\"seconds\":%.6f,\"rate\":%.1f,\"p50_us\":%.1f,\"p90_us\":%.1f,"
	       "\"p99_us\":%.1f,\"max_us\":%.1f,\"body_min\":%llu,\"body_max\":%llu,\"load_cpu_s\":%.4f,"
	       "\"first_error\":%.*s}\n",
	       (unsigned long long)r->answers, (unsigned long long)r->errors, seconds, (double)r->answers / seconds,
	       (double)histogram_at(&r->latency, 0.5) / 1e3, (double)histogram_at(&r->latency, 0.9) / 1e3,
	       (double)histogram_at(&r->latency, 0.99) / 1e3, (double)r->latency.max_ns / 1e3,
	       (unsigned long long)r->body_min, (unsigned long long)r->body_max, cpu_seconds(), (int)error.n, error.p);
}

int main(int argc, char **argv)
{
	struct load_options options = {
		.host = "127.0.0.1", .connections = 1, .run_ms = 2000, .warmup_ms = 300, .check_id = true};
	struct request_parts parts = {.method = "POST", .path = "/mcp"};
	static struct load_result result; /* the histogram is too large for a stack frame */
	AUTO_BUF request = {0};
	int id;

	while ((id = getopt_long(argc, argv, "", option_table, NULL)) != -1)
		set_option(&options, &parts, id);
	if (options.port <= 0 || options.connections == 0 || optind < argc) {
		fputs(help_text, stderr);
		return 2;
	}
	request = build_request(&options, &parts);
	options.request = buf_str(&request);
	if (memmem(options.request.p, options.request.n, "@ID@", 4) == NULL)
		options.check_id = false;
	load_run(&options, &result);
	buf_free(&parts.headers);
	report(&result);
	return result.errors > 0 || result.answers == 0;
}
