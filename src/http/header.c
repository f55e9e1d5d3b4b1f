/* Field names to small numbers, and look-ups in a table of fields.
 *
 * The id of a name is found without a search: its length and one of its bytes leave a single
 * candidate, which is compared eight bytes at a time. Setting bit 0x20 lowers the case of
 * letters and maps no other token byte (RFC 9110 s5.6.2) onto a letter or a hyphen. The unit
 * test walks the whole table, so a name that the switch lacks does not go unnoticed. */
#include "http/header.h"

static const struct str names[] = {
#define X(id, name) {name, sizeof(name) - 1},
	HTTP_HEADER_TABLE(X)
#undef X
};

static uint32_t load4(const char *p)
{
	uint32_t word;

	memcpy(&word, p, sizeof word);
	return word;
}

static uint64_t load8(const char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof word);
	return word;
}

/* Whether s, in any case, is the (lower-case) name of the same length, at least 4. */
static bool same_name(const char *s, const char *name, size_t n)
{
	const uint64_t lower8 = 0x2020202020202020u;
	const uint32_t lower4 = 0x20202020u;

	if (n < 8)
		return (load4(s) | lower4) == load4(name) && (load4(s + n - 4) | lower4) == load4(name + n - 4);
	for (size_t at = 0; at + 8 < n; at += 8)
		if ((load8(s + at) | lower8) != load8(name + at))
			return false;
	return (load8(s + n - 8) | lower8) == load8(name + n - 8);
}

/* The only name of the table that `name` can be, judged by its length and a byte. */
static enum http_header_id candidate(struct str name)
{
	char first = (char)(name.p[0] | 0x20);

	switch (name.n) {
	case 4:
		return HTTP_HOST;
	case 6:
		return first == 'a'   ? HTTP_ACCEPT
		       : first == 'c' ? HTTP_COOKIE
		       : first == 'e' ? HTTP_EXPECT
				      : HTTP_ORIGIN;
	case 7:
		return first == 'u' ? HTTP_UPGRADE : HTTP_BAGGAGE;
	case 8:
		return first == 'l' ? HTTP_LOCATION : HTTP_MCP_NAME;
	case 9:
		return first == 'f' ? HTTP_FORWARDED : HTTP_X_API_KEY;
	case 10:
		return first == 'c'   ? HTTP_CONNECTION
		       : first == 'm' ? HTTP_MCP_METHOD
		       : first == 't' ? HTTP_TRACESTATE
				      : HTTP_USER_AGENT;
	case 11:
		return first == 'r' ? HTTP_RETRY_AFTER : HTTP_TRACEPARENT;
	case 12:
		return first == 'c' ? HTTP_CONTENT_TYPE : HTTP_X_REQUEST_ID;
	case 13:
		return first == 'a' ? HTTP_AUTHORIZATION : first == 'i' ? HTTP_IF_NONE_MATCH : HTTP_LAST_EVENT_ID;
	case 14:
		return first == 'c' ? HTTP_CONTENT_LENGTH : HTTP_MCP_SESSION_ID;
	case 15:
		return first == 'a' ? HTTP_ACCEPT_ENCODING : HTTP_X_FORWARDED_FOR;
	case 16:
		return first == 'c' ? HTTP_CONTENT_ENCODING : HTTP_WWW_AUTHENTICATE;
	case 17:
		return first == 't' ? HTTP_TRANSFER_ENCODING : HTTP_X_FORWARDED_PROTO;
	case 19:
		return HTTP_GATEHOUSE_FORWARDED;
	case 20:
		return HTTP_MCP_PROTOCOL_VERSION;
	case 29:
		return HTTP_ACCESS_CONTROL_REQUEST_METHOD;
	case 30:
		return HTTP_ACCESS_CONTROL_REQUEST_HEADERS;
	default:
		return HTTP_OTHER;
	}
}

enum http_header_id http_header_id(struct str name)
{
	enum http_header_id id = name.n == 0 ? HTTP_OTHER : candidate(name);

	return id != HTTP_OTHER && same_name(name.p, names[id].p, name.n) ? id : HTTP_OTHER;
}

struct str http_field_find(const struct http_fields *fields, struct str name)
{
	for (size_t i = 0; i < fields->count; i++)
		if (str_eq_nocase(fields->field[i].name, name))
			return fields->field[i].value;
	return STR_NONE;
}
