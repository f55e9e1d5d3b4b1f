/* Where requests may go: to the hosts of settings that are URLs, and by https to the file's `hosts`. Every URL is
 * looked at when it is whole, wherever its parts came from: an answer that says "@evil.example" behind a setting is
 * seen for what it is. The account's credential goes to hosts of the settings alone. */
#include "connector/request.h"

#define HTTPS_PORT 443

bool target_is_plain(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] <= ' ' || text.p[i] >= 0x7f || text.p[i] == '\\')
			return false;
	return text.n > 0 && text.n <= REQUEST_URL_BYTES_MAX;
}

static bool host_matches(struct str pattern, struct str host)
{
	struct str tail;

	if (!str_starts(pattern, STR("*.")))
		return str_eq_nocase(pattern, host);
	tail = str_skip(pattern, 1);
	return host.n > tail.n && str_eq_nocase(tail, str_skip(host, host.n - tail.n));
}

static bool is_listed(const struct connector *connector, const struct url *url)
{
	if (!url->tls || url->port != HTTPS_PORT)
		return false;
	for (size_t i = 0; i < connector->host_count; i++)
		if (host_matches(connector->hosts[i], url->host))
			return true;
	return false;
}

enum err target_check(struct run *run, struct str text, struct url *ret_url, bool *ret_own)
{
	const struct connector_setup *setup = run->call->setup;
	struct url url;

	if (!target_is_plain(text) || url_parse(text, &url) != OK)
		return run_fail(run, CLASS_INVALID, "the address that was composed is no URL of at most %d characters",
				REQUEST_URL_BYTES_MAX);
	for (size_t i = 0; i < setup->origin_count; i++) {
		if (!url_same_origin(&setup->origin[i], &url))
			continue;
		if (!url.tls && !run->call->terms.allow_private)
			return run_fail(run, CLASS_INVALID,
					"requests without TLS go to private addresses only: `allow_private`");
		*ret_url = url;
		*ret_own = true;
		return OK;
	}
	if (!is_listed(run->connector, &url))
		return run_fail(run, CLASS_INVALID, "requests may not go to %.*s: it is none of the connector's hosts",
				STR_ARG(url.host));
	*ret_url = url;
	*ret_own = false;
	return OK;
}
