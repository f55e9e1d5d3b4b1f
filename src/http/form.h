/* Names and values as browsers send them: queries and application/x-www-form-urlencoded bodies; cookies. */
#ifndef GATEHOUSE_HTTP_FORM_H
#define GATEHOUSE_HTTP_FORM_H

#include "base/arena.h"

#define FORM_FIELDS_MAX 64 /* more than any of our forms and OAuth requests has */

struct form_field {
	struct str name, value;
};
struct form {
	struct form_field field[FORM_FIELDS_MAX];
	size_t count;
};

/* Decode a query (without '?') or a body.
 *   ret_form   strings in `arena`
 *   Errors     ERR_HTTP_MALFORMED (a bad escape, NUL, not UTF-8), ERR_LIMIT (more than FORM_FIELDS_MAX)
 *   Source     WHATWG URL, application/x-www-form-urlencoded parsing */
NODISCARD enum err form_read(struct arena *arena, struct str text, struct form *ret_form);

/* The value of a field; STR_NONE when absent. Of a repeated one the first: see form_repeats. */
struct str form_get(const struct form *form, struct str name);

/* Whether a name comes more than once: OAuth parameters must not (RFC 6749 section 3.1). */
bool form_repeats(const struct form *form, struct str name);

/* Append "name=value", percent-encoded, with a '&' when `out` does not end in '?', '&' or nothing. */
void form_put(struct buf *out, struct str name, struct str value);

/* Append `text` percent-encoded: all but unreserved characters (RFC 3986 section 2.3). */
void percent_put(struct buf *out, struct str text);

/* The value of a cookie in a Cookie header; STR_NONE when it is absent or comes twice (then one of them is planted). */
struct str cookie_get(struct str header, struct str name);

#endif
