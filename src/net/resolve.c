/* Names to addresses, by getaddrinfo on a worker thread: it reads files and waits for the
 * network, so it may not run on a loop. Literals need no thread. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>

#include "base/check.h"
#include "net/address.h"

#define HOST_BYTES_MAX 254 /* RFC 1035 s2.3.4, and a NUL */

struct lookup {
	char host[HOST_BYTES_MAX];
	struct address *addresses;
	size_t cap, count;
	uint16_t port;
};

static void set_port(struct address *address, uint16_t port)
{
	if (address->sa.sa_family == AF_INET)
		address->in4.sin_port = htons(port);
	else
		address->in6.sin6_port = htons(port);
}

static enum err lookup_run(void *arg)
{
	static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	struct lookup *lookup = arg;
	struct addrinfo *found = NULL;

	if (getaddrinfo(lookup->host, NULL, &hints, &found) != 0)
		return ERR_DNS;
	for (struct addrinfo *at = found; at != NULL && lookup->count < lookup->cap; at = at->ai_next) {
		struct address *address = &lookup->addresses[lookup->count];

		if (at->ai_family != AF_INET && at->ai_family != AF_INET6)
			continue;
		memset(address, 0, sizeof *address);
		memcpy(address, at->ai_addr, at->ai_addrlen);
		set_port(address, lookup->port);
		lookup->count++;
	}
	freeaddrinfo(found);
	return lookup->count > 0 ? OK : ERR_DNS;
}

static bool parse_literal(const char *host, struct address *address)
{
	memset(address, 0, sizeof *address);
	if (inet_pton(AF_INET, host, &address->in4.sin_addr) == 1)
		address->sa.sa_family = AF_INET;
	else if (inet_pton(AF_INET6, host, &address->in6.sin6_addr) == 1)
		address->sa.sa_family = AF_INET6;
	else
		return false;
	return true;
}

AWAITS enum err address_resolve(struct str host, uint16_t port, struct address *ret_addresses, size_t cap,
				size_t *ret_count)
{
	struct lookup lookup = {.addresses = ret_addresses, .cap = cap, .port = port};

	CHECK(cap > 0);
	if (host.n == 0 || host.n >= sizeof lookup.host || memchr(host.p, '\0', host.n) != NULL)
		return ERR_DNS;
	memcpy(lookup.host, host.p, host.n);
	if (parse_literal(lookup.host, &ret_addresses[0])) {
		set_port(&ret_addresses[0], port);
		*ret_count = 1;
		return OK;
	}
	TRY(work_run(lookup_run, &lookup));
	*ret_count = lookup.count;
	return OK;
}
