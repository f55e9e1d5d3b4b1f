/* Addresses: parsing, printing, prefixes, and the guard that keeps outbound connections off
 * internal networks (SSRF). */
#ifndef GATEHOUSE_NET_ADDRESS_H
#define GATEHOUSE_NET_ADDRESS_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "rt/loop.h"

struct address {
	union {
		struct sockaddr sa;
		struct sockaddr_in in4;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	};
};

#define ADDRESS_TEXT_MAX 120 /* "[v6]:port" or "unix:/path", NUL included */

/* "127.0.0.1:8080", "[::1]:80", ":8080" (all addresses), "unix:/run/gatehouse.sock".
 * Names are not resolved here.
 *   Errors     ERR_CONFIG */
NODISCARD enum err address_parse(struct str text, struct address *ret_address);

/* Print with or without the port; IPv4-mapped IPv6 prints as IPv4. */
struct str address_text(const struct address *address, bool with_port, char out[ADDRESS_TEXT_MAX]);

/* Whether only this machine can be at the other end; Unix sockets count, mapped 127/8 too. */
bool address_is_loopback(const struct address *address);

/* The port in host order; 0 for Unix sockets. */
uint16_t address_port(const struct address *address);

/* The 16 bytes that identify the peer for limits: IPv4 as mapped, IPv6 cut to its /64,
 * all Unix peers the same. */
void address_peer_key(const struct address *address, uint8_t out[16]);

/* "10.0.0.0/8", "2001:db8::/32", or a bare address. */
struct prefix {
	uint8_t bytes[16]; /* IPv4 as mapped */
	uint8_t bits;
};
NODISCARD enum err prefix_parse(struct str text, struct prefix *ret_prefix);
bool prefix_covers(const struct prefix *prefix, const struct address *address);

/* The prefix of this very address; false for Unix sockets. Clear the bits behind a prefix's length. Print it: the
 * length is left out where it is the whole address. */
bool prefix_of(const struct address *address, struct prefix *ret_prefix);
void prefix_cut(struct prefix *prefix);
#define PREFIX_TEXT_MAX 64
struct str prefix_text(const struct prefix *prefix, char out[PREFIX_TEXT_MAX]);

/* What outbound connections may reach. The check is made on the resolved address that is
 * really connected to, so DNS rebinding gains nothing. */
struct address_guard {
	bool allow_private;	    /* loopback, RFC 1918, link-local, ULA, CGNAT, ... */
	const struct prefix *allow; /* exceptions, borrowed */
	size_t allow_count;
};
/*   Errors     ERR_REFUSED_ADDRESS */
NODISCARD enum err address_guard_check(const struct address_guard *guard, const struct address *address);

/* Resolve a host (or literal) on a worker thread.
 *   ret_addresses  at most `cap`, in getaddrinfo's order
 *   Errors     ERR_DNS, ERR_CANCELED, ERR_TIMEOUT */
NODISCARD enum err address_resolve(struct str host, uint16_t port, struct address *ret_addresses, size_t cap,
				   size_t *ret_count) AWAITS;

#endif
