/* One request to a stranger's server, on the client's own pool: a pool of one connection that is used once. Being rare
 * it costs what it costs: trusted certificates are read anew on a worker thread each time, which also notices that
 * they were replaced.
 *
 * The address guard looks at the address that is connected to, at every hop, so neither a redirect nor a name that
 * changes its meaning (DNS rebinding) leads inside. Redirects are followed only where nothing is sent: what goes out
 * in a body is for who was asked. To another origin no headers go either.
 *   Source     RFC 9110 section 15.4, RFC 9111 section 5.2.2; RFC 9700 section 4.12 */
#include "http/fetch.h"

#include "base/check.h"
#include "base/clock.h"
#include "net/stream.h"
#include "net/tls.h"

#define REDIRECTS_MAX 3
#define FRESH_S_MAX (366LL * 24 * 3600)
#define RETRY_AFTER_S_MAX 3600

static bool is_loopback(struct str host)
{
	struct address address;
	char literal[ADDRESS_TEXT_MAX];

	if (str_eq_nocase(host, STR("localhost")))
		return true;
	if (host.n > 64)
		return false;
	snprintf(literal, sizeof(literal), memchr(host.p, ':', host.n) != NULL ? "[%.*s]:1" : "%.*s:1", STR_ARG(host));
	return address_parse(str_of(literal), &address) == OK && address_is_loopback(&address);
}

static enum err read_url(const struct fetch *fetch, struct str text, struct url *ret_url)
{
	TRY(url_parse(text, ret_url));
	if (!ret_url->tls && !fetch->plain && !(fetch->allow_private && is_loopback(ret_url->host)))
		return ERR_CONFIG;
	return OK;
}

struct trusting {
	const char *ca_file;
	struct tls *tls;
};

static enum err read_trusted(void *arg)
{
	struct trusting *trusting = arg;

	return tls_client_new(&(struct tls_client_spec){.ca_file = trusting->ca_file}, NULL, &trusting->tls);
}

static int64_t retry_after_of(const struct http_fields *fields)
{
	uint64_t seconds;

	if (str_to_u64(http_field_find(fields, STR("retry-after")), &seconds) != OK)
		return 0;
	return (int64_t)(seconds < RETRY_AFTER_S_MAX ? seconds : RETRY_AFTER_S_MAX) * 1000;
}

/* As Cache-Control allows. */
static int64_t fresh_ms_of(const struct http_fields *fields)
{
	struct str rest = http_field_find(fields, STR("cache-control"));
	int64_t fresh_ms = 0;

	while (rest.n > 0) {
		struct str directive, name, value = STR_NONE;
		uint64_t seconds;

		str_cut(rest, ',', &directive, &rest);
		str_cut(str_trim(directive), '=', &name, &value);
		if (str_eq_nocase(name, STR("no-store")))
			return -1;
		if (str_eq_nocase(name, STR("max-age")) && str_to_u64(value, &seconds) == OK)
			fresh_ms = (int64_t)(seconds < FRESH_S_MAX ? seconds : FRESH_S_MAX) * 1000;
	}
	return fresh_ms;
}

/* Several lines of a list are the same as one. Source     RFC 9110 section 5.3 */
static struct str joined(struct arena *arena, const struct http_fields *fields, enum http_header_id id)
{
	struct str text = arena_str(arena, http_field_get(fields, id));

	if (!fields->repeated[id])
		return text;
	for (size_t i = (size_t)fields->first[id] + 1; i < fields->count; i++)
		if (fields->field[i].id == id)
			text = arena_fmt(arena, "%.*s, %.*s", STR_ARG(text), STR_ARG(fields->field[i].value));
	return text;
}

static bool is_redirect(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* One hop's parts: where to, and what is left of the time. */
struct hop {
	struct url url;
	struct str headers;
	int64_t until_ms;
};

/* Where the answer sends us: an absolute URL or an absolute path. */
static enum err turn(struct arena *arena, const struct fetch *fetch, const struct http_fields *fields, struct hop *hop)
{
	struct str to = http_field_get(fields, HTTP_LOCATION);
	size_t origin_bytes = hop->url.text.n;
	struct url url;

	if (to.n == 0)
		return ERR_UPSTREAM_GARBAGE;
	if (to.p[0] == '/' && !str_starts(to, STR("//"))) {
		const char *slash = memchr(hop->url.text.p + 8, '/', hop->url.text.n - 8);

		if (slash != NULL)
			origin_bytes = (size_t)(slash - hop->url.text.p);
		to = arena_fmt(arena, "%.*s%.*s", (int)origin_bytes, hop->url.text.p, STR_ARG(to));
	}
	TRY(read_url(fetch, arena_str(arena, to), &url));
	if (hop->url.tls && !url.tls)
		return ERR_CONFIG;
	if (!url_same_origin(&hop->url, &url))
		hop->headers = STR("");
	hop->url = url;
	return OK;
}

/* A body that is too large is known by its head, if that says so: nothing of it has to come. */
AWAITS static enum err pour(struct http_answer *answer, const struct fetch *fetch, const struct fetched *fetched)
{
	struct str piece = http_field_get(&answer->fields, HTTP_CONTENT_LENGTH);
	uint64_t bytes = 0;

	if (str_to_u64(piece, &bytes) == OK && bytes > fetch->bytes_max)
		return ERR_UPSTREAM_TOO_LARGE;
	for (bytes = 0;;) {
		TRY(http_answer_read(answer, &piece));
		if (piece.n == 0)
			return OK;
		bytes += piece.n;
		if (bytes > fetch->bytes_max)
			return ERR_UPSTREAM_TOO_LARGE;
		TRY(fetch->sink(fetch->arg, fetched, piece));
	}
}

AWAITS static enum err ask(struct http_pool *pool, struct arena *arena, const struct fetch *fetch,
			   const struct hop *hop, struct fetched *ret_fetched, struct http_answer **ret_answer)
{
	AUTO(http_answer) *answer = NULL;
	const struct piece body = {.str = fetch->body};
	const struct http_call call = {
		.method = fetch->method.p == NULL ? STR("GET") : fetch->method,
		.path = hop->url.path,
		.headers = arena_fmt(arena, "User-Agent: gatehouse\r\n%.*s", STR_ARG(hop->headers)),
		.body = &body,
		.body_count = fetch->body.n > 0,
		.timeout_ms = hop->until_ms - clock_ms(),
	};

	if (call.timeout_ms <= 0)
		return ERR_UPSTREAM_TIMEOUT;
	TRY(http_call(pool, arena, &call, &answer));
	if (is_redirect(answer->status) && fetch->redirects > 0) {
		*ret_answer = answer;
		answer = NULL;
		return OK;
	}
	if (http_field_get(&answer->fields, HTTP_CONTENT_ENCODING).n > 0) /* none was asked for */
		return ERR_UPSTREAM_GARBAGE;
	*ret_fetched = (struct fetched){
		.status = answer->status,
		.content_type = arena_str(arena, http_field_get(&answer->fields, HTTP_CONTENT_TYPE)),
		.challenge = joined(arena, &answer->fields, HTTP_WWW_AUTHENTICATE),
		.dpop_nonce = arena_str(arena, http_field_find(&answer->fields, STR("dpop-nonce"))),
		.retry_after_ms = retry_after_of(&answer->fields),
		.fresh_ms = fresh_ms_of(&answer->fields),
	};
	if (fetch->sink != NULL && answer->status / 100 == 2)
		return pour(answer, fetch, ret_fetched);
	return http_answer_body(answer,
				fetch->sink != NULL || fetch->bytes_max == 0 ? FETCH_BYTES_MAX : fetch->bytes_max,
				&ret_fetched->body);
}

/* One hop.
 *   ret_turned  it was a redirect, and `hop` leads on */
AWAITS static enum err go(struct arena *arena, const struct fetch *fetch, struct hop *hop, struct fetched *ret_fetched,
			  bool *ret_turned)
{
	struct http_pool_spec spec = {
		.url = hop->url,
		.guard = {.allow_private = fetch->allow_private},
		.connections_max = 1,
		.idle_ms = 1,
		.connect_timeout_ms = hop->until_ms - clock_ms(),
	};
	struct http_answer *redirect = NULL;
	struct trusting trusting = {.ca_file = fetch->ca_file};
	AUTO(tls) *tls = NULL;
	struct http_pool *pool;
	enum err err;

	if (spec.connect_timeout_ms <= 0)
		return ERR_UPSTREAM_TIMEOUT;
	if (hop->url.tls)
		TRY(work_run(read_trusted, &trusting));
	spec.tls = tls = trusting.tls;
	pool = http_pool_new(loop_self(), &spec);
	err = ask(pool, arena, fetch, hop, ret_fetched, &redirect);
	*ret_turned = redirect != NULL;
	if (redirect != NULL)
		err = turn(arena, fetch, &redirect->fields, hop);
	http_answer_end(redirect);
	http_pool_free(pool);
	return err;
}

AWAITS enum err http_fetch(struct arena *arena, const struct fetch *fetch, struct fetched *ret_fetched)
{
	struct hop hop = {
		.headers = fetch->headers,
		.until_ms = clock_ms() + (fetch->timeout_ms == 0 ? FETCH_TIMEOUT_MS : fetch->timeout_ms),
	};
	bool turned = true;
	enum err err = OK;

	CHECK(fetch->redirects <= REDIRECTS_MAX);
	CHECK(fetch->redirects == 0 || (fetch->method.p == NULL && fetch->body.n == 0));
	TRY(read_url(fetch, fetch->url, &hop.url));
	for (unsigned i = 0; turned && i <= fetch->redirects && err == OK; i++)
		err = go(arena, fetch, &hop, ret_fetched, &turned);
	stream_wipe_shared(); /* both ways may have been somebody's token */
	if (err != OK)
		return err;
	return turned ? ERR_UPSTREAM_GARBAGE : OK;
}
