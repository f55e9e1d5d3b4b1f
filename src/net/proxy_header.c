/* PROXY protocol version 2: who is really at the other end of a load balancer's connection.
 * Garbage is refused as soon as it is seen, since a listener that expects the header may
 * only be reached through the balancer; version 1 is garbage here. */
#include <arpa/inet.h>

#include "net/proxy_header.h"

#define FIXED_BYTES 16

enum { COMMAND_LOCAL = 0x20, COMMAND_PROXY = 0x21 };
enum { FAMILY_UNSPEC = 0x00, FAMILY_TCP4 = 0x11, FAMILY_TCP6 = 0x21, FAMILY_UNIX = 0x31 };

static const char signature[12] = "\r\n\r\n\0\r\nQUIT\n";

static NODISCARD enum err parse_source(uint8_t family, const uint8_t *at, size_t n, struct address *source)
{
	switch (family) {
	case FAMILY_UNSPEC:
	case FAMILY_UNIX:
		return OK;
	case FAMILY_TCP4:
		if (n < 12)
			return ERR_HTTP_MALFORMED;
		source->in4.sin_family = AF_INET;
		memcpy(&source->in4.sin_addr, at, 4);
		memcpy(&source->in4.sin_port, at + 8, 2);
		return OK;
	case FAMILY_TCP6:
		if (n < 36)
			return ERR_HTTP_MALFORMED;
		source->in6.sin6_family = AF_INET6;
		memcpy(&source->in6.sin6_addr, at, 16);
		memcpy(&source->in6.sin6_port, at + 32, 2);
		return OK;
	default:
		return ERR_HTTP_MALFORMED;
	}
}

enum err proxy_header_parse(struct str bytes, size_t *ret_n, struct address *ret_source)
{
	const uint8_t *at = (const uint8_t *)bytes.p;
	size_t known = bytes.n < sizeof signature ? bytes.n : sizeof signature;
	struct address source = {.sa.sa_family = AF_UNSPEC};
	size_t length;

	if (known > 0 && memcmp(at, signature, known) != 0)
		return ERR_HTTP_MALFORMED;
	if (bytes.n > 12 && at[12] != COMMAND_LOCAL && at[12] != COMMAND_PROXY)
		return ERR_HTTP_MALFORMED;
	if (bytes.n < FIXED_BYTES) {
		*ret_n = 0;
		return OK;
	}
	length = (size_t)at[14] << 8 | at[15];
	if (FIXED_BYTES + length > PROXY_HEADER_BYTES_MAX)
		return ERR_HTTP_MALFORMED;
	if (bytes.n < FIXED_BYTES + length) {
		*ret_n = 0;
		return OK;
	}
	if (at[12] == COMMAND_PROXY)
		TRY(parse_source(at[13], at + FIXED_BYTES, length, &source));
	*ret_source = source;
	*ret_n = FIXED_BYTES + length;
	return OK;
}
