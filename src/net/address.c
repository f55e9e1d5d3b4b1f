/* Addresses as text and as 16 bytes: parsing, printing, prefixes, the SSRF guard.
 *
 * Everything that compares works on one form, the 16 bytes of IPv6 with IPv4 as
 * ::ffff:a.b.c.d, so that a mapped address can't slip past a rule written for the other
 * family. Nothing here touches the network; names are resolved in resolve.c. */
#include <arpa/inet.h>
#include <stdio.h>

#include "base/check.h"
#include "net/address.h"

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

/* The comparable form; false for Unix sockets. */
static bool address_bytes(const struct address *address, uint8_t out[16])
{
	switch (address->sa.sa_family) {
	case AF_INET:
		memcpy(out, mapped_prefix, 12);
		memcpy(out + 12, &address->in4.sin_addr, 4);
		return true;
	case AF_INET6:
		memcpy(out, &address->in6.sin6_addr, 16);
		return true;
	default:
		return false;
	}
}

static bool bytes_covered(const uint8_t *prefix, unsigned bits, const uint8_t *bytes)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(prefix, bytes, whole) != 0)
		return false;
	return rest == 0 || ((prefix[whole] ^ bytes[whole]) >> (8 - rest)) == 0;
}

/* A literal without port; the port is left 0. */
static NODISCARD enum err parse_host(struct str host, struct address *ret_address)
{
	struct address address = {0};
	char text[INET6_ADDRSTRLEN];

	if (host.n >= sizeof text)
		return ERR_CONFIG;
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	if (inet_pton(AF_INET, text, &address.in4.sin_addr) == 1)
		address.in4.sin_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &address.in6.sin6_addr) == 1)
		address.in6.sin6_family = AF_INET6;
	else
		return ERR_CONFIG;
	*ret_address = address;
	return OK;
}

static NODISCARD enum err parse_unix(struct str path, struct address *ret_address)
{
	struct address address = {0};

	if (path.n == 0 || path.n >= sizeof address.un.sun_path || memchr(path.p, '\0', path.n) != NULL)
		return ERR_CONFIG;
	address.un.sun_family = AF_UNIX;
	memcpy(address.un.sun_path, path.p, path.n);
	*ret_address = address;
	return OK;
}

enum err address_parse(struct str text, struct address *ret_address)
{
	struct address address = {0};
	struct str host, port_text;
	uint64_t port;
	size_t colon = text.n;

	if (str_starts(text, STR("unix:")))
		return parse_unix(str_skip(text, 5), ret_address);
	while (colon > 0 && text.p[colon - 1] != ':')
		colon--;
	if (colon == 0)
		return ERR_CONFIG;
	host = (struct str){text.p, colon - 1};
	port_text = str_skip(text, colon);
	if (port_text.n > 5 || str_to_u64(port_text, &port) != OK || port > UINT16_MAX)
		return ERR_CONFIG;
	if (host.n == 0) {
		address.in6.sin6_family = AF_INET6; /* :: takes IPv4 too */
	} else if (host.p[0] == '[') {
		if (host.n < 2 || host.p[host.n - 1] != ']')
			return ERR_CONFIG;
		TRY(parse_host((struct str){host.p + 1, host.n - 2}, &address));
		if (address.sa.sa_family != AF_INET6)
			return ERR_CONFIG;
	} else {
		TRY(parse_host(host, &address));
		if (address.sa.sa_family != AF_INET) /* "::1:80" is ambiguous */
			return ERR_CONFIG;
	}
	if (address.sa.sa_family == AF_INET)
		address.in4.sin_port = htons((uint16_t)port);
	else
		address.in6.sin6_port = htons((uint16_t)port);
	*ret_address = address;
	return OK;
}

struct str address_text(const struct address *address, bool with_port, char out[ADDRESS_TEXT_MAX])
{
	char host[INET6_ADDRSTRLEN] = "";
	uint8_t bytes[16];
	bool v6;
	int n;

	if (!address_bytes(address, bytes)) {
		n = snprintf(out, ADDRESS_TEXT_MAX, "unix:%.*s", (int)sizeof address->un.sun_path,
			     address->un.sun_path);
		return (struct str){out, (size_t)n};
	}
	v6 = memcmp(bytes, mapped_prefix, sizeof mapped_prefix) != 0;
	inet_ntop(v6 ? AF_INET6 : AF_INET, v6 ? bytes : bytes + 12, host, sizeof host);
	if (with_port)
		n = snprintf(out, ADDRESS_TEXT_MAX, v6 ? "[%s]:%u" : "%s:%u", host, (unsigned)address_port(address));
	else
		n = snprintf(out, ADDRESS_TEXT_MAX, "%s", host);
	return (struct str){out, (size_t)n};
}

uint16_t address_port(const struct address *address)
{
	switch (address->sa.sa_family) {
	case AF_INET:
		return ntohs(address->in4.sin_port);
	case AF_INET6:
		return ntohs(address->in6.sin6_port);
	default:
		return 0;
	}
}

bool address_is_loopback(const struct address *address)
{
	uint8_t bytes[16];

	if (!address_bytes(address, bytes))
		return true;
	if (memcmp(bytes, mapped_prefix, sizeof mapped_prefix) == 0)
		return bytes[12] == 127;
	return memcmp(bytes, &in6addr_loopback, 16) == 0;
}

void address_peer_key(const struct address *address, uint8_t out[16])
{
	if (!address_bytes(address, out))
		memset(out, 0, 16);
	else if (memcmp(out, mapped_prefix, sizeof mapped_prefix) != 0)
		memset(out + 8, 0, 8); /* one household or one virtual machine usually has a /64 */
}

enum err prefix_parse(struct str text, struct prefix *ret_prefix)
{
	struct address address;
	struct prefix prefix = {0};
	struct str host, bits_text;
	uint64_t bits, most;
	bool has_bits = str_cut(text, '/', &host, &bits_text);

	TRY(parse_host(host, &address));
	address_bytes(&address, prefix.bytes);
	most = address.sa.sa_family == AF_INET ? 32 : 128;
	bits = most;
	if (has_bits && (bits_text.n > 3 || str_to_u64(bits_text, &bits) != OK || bits > most))
		return ERR_CONFIG;
	prefix.bits = (uint8_t)(128 - most + bits);
	*ret_prefix = prefix;
	return OK;
}

bool prefix_covers(const struct prefix *prefix, const struct address *address)
{
	uint8_t bytes[16];

	return address_bytes(address, bytes) && bytes_covered(prefix->bytes, prefix->bits, bytes);
}

bool prefix_of(const struct address *address, struct prefix *ret_prefix)
{
	ret_prefix->bits = 128;
	return address_bytes(address, ret_prefix->bytes);
}

void prefix_cut(struct prefix *prefix)
{
	for (unsigned i = 0; i < sizeof(prefix->bytes); i++) {
		unsigned left = prefix->bits > 8 * i ? prefix->bits - 8 * i : 0;

		if (left < 8)
			prefix->bytes[i] &= (uint8_t)(0xff00u >> left);
	}
}

struct str prefix_text(const struct prefix *prefix, char out[PREFIX_TEXT_MAX])
{
	bool is4 = prefix->bits >= 96 && memcmp(prefix->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0;
	size_t n;

	inet_ntop(is4 ? AF_INET : AF_INET6, is4 ? prefix->bytes + 12 : prefix->bytes, out, PREFIX_TEXT_MAX);
	n = strlen(out);
	if (prefix->bits < 128)
		n += (size_t)snprintf(out + n, PREFIX_TEXT_MAX - n, "/%d", is4 ? prefix->bits - 96 : prefix->bits);
	return (struct str){out, n};
}

/* Not the public Internet. spec: IANA special-purpose address registries (RFC 6890 and
 * updates); multicast; the deprecated site-local and IPv4-compatible ranges. */
static const struct {
	uint8_t bytes[4], bits;
} internal4[] = {
	{{0}, 8},
	{{10}, 8},
	{{100, 64}, 10},
	{{127}, 8},
	{{169, 254}, 16},
	{{172, 16}, 12},
	{{192, 0, 0}, 24},
	{{192, 0, 2}, 24},
	{{192, 88, 99}, 24},
	{{192, 168}, 16},
	{{198, 18}, 15},
	{{198, 51, 100}, 24},
	{{203, 0, 113}, 24},
	{{224}, 4},
	{{240}, 4},
};
static const struct {
	uint8_t bytes[16], bits;
} internal6[] = {
	{{0}, 96},				    /* ::, ::1, IPv4-compatible */
	{{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48}, /* local NAT64 */
	{{0x01, 0x00}, 64},			    /* discard */
	{{0x20, 0x01}, 23},			    /* IETF: Teredo, ORCHID, benchmarks */
	{{0x20, 0x01, 0x0d, 0xb8}, 32},		    /* documentation */
	{{0x20, 0x02}, 16},			    /* 6to4 */
	{{0x3f, 0xff}, 20},			    /* documentation */
	{{0x5f, 0x00}, 16},			    /* segment routing */
	{{0xfc}, 7},				    /* unique local */
	{{0xfe, 0x80}, 10},			    /* link-local */
	{{0xfe, 0xc0}, 10},			    /* site-local */
	{{0xff}, 8},				    /* multicast */
};

static bool is_internal4(const uint8_t *bytes)
{
	for (size_t i = 0; i < ARRAY_LEN(internal4); i++)
		if (bytes_covered(internal4[i].bytes, internal4[i].bits, bytes))
			return true;
	return false;
}

static bool is_internal(const uint8_t bytes[16])
{
	static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};

	if (memcmp(bytes, mapped_prefix, 12) == 0 || memcmp(bytes, nat64, 12) == 0)
		return is_internal4(bytes + 12);
	for (size_t i = 0; i < ARRAY_LEN(internal6); i++)
		if (bytes_covered(internal6[i].bytes, internal6[i].bits, bytes))
			return true;
	return false;
}

enum err address_guard_check(const struct address_guard *guard, const struct address *address)
{
	uint8_t bytes[16];

	if (guard->allow_private)
		return OK;
	if (!address_bytes(address, bytes))
		return ERR_REFUSED_ADDRESS;
	for (size_t i = 0; i < guard->allow_count; i++)
		if (prefix_covers(&guard->allow[i], address))
			return OK;
	return is_internal(bytes) ? ERR_REFUSED_ADDRESS : OK;
}
