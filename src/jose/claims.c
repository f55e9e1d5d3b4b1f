/* The registered claims of a token whose signature held. Times are numbers of seconds, perhaps with a fraction.
 *   Source     RFC 7519 section 4.1; RFC 8725 section 3.8 and 3.9 */
#include <errno.h>
#include <stdlib.h>

#include "jose/jose_private.h"

#define SECONDS_MAX 253402300800.0 /* the year 10000: beyond it something else was meant */

/* false: present and no time. */
static bool read_time(yyjson_val *claims, const char *name, int64_t *ret_ms)
{
	yyjson_val *v = json_get(claims, name);
	char text[40], *end;
	double seconds;

	*ret_ms = 0;
	if (v == NULL)
		return true;
	if (!yyjson_is_raw(v) || yyjson_get_len(v) >= sizeof(text))
		return false;
	memcpy(text, yyjson_get_raw(v), yyjson_get_len(v));
	text[yyjson_get_len(v)] = '\0';
	seconds = strtod(text, &end);
	if (*end != '\0' || !(seconds > 0 && seconds < SECONDS_MAX))
		return false;
	*ret_ms = (int64_t)(seconds * 1000);
	return true;
}

/* What comes before the path of a URL; 0: not a URL. */
static size_t authority_end(struct str text)
{
	const char *mark = memmem(text.p, text.n, "://", 3), *slash;

	if (mark == NULL)
		return 0;
	slash = memchr(mark + 3, '/', text.n - (size_t)(mark + 3 - text.p));
	return slash == NULL ? text.n : (size_t)(slash - text.p);
}

static struct str without_slash(struct str text)
{
	if (text.n > 0 && text.p[text.n - 1] == '/')
		text.n--;
	return text;
}

bool jose_same_audience(struct str a, struct str b)
{
	size_t end = authority_end(a);

	if (str_eq(a, b))
		return true;
	if (end == 0 || end != authority_end(b))
		return false;
	return str_eq_nocase((struct str){a.p, end}, (struct str){b.p, end}) &&
	       str_eq(without_slash(str_skip(a, end)), without_slash(str_skip(b, end)));
}

static bool is_for(struct str audience, const struct jose_expected *expected)
{
	for (size_t i = 0; i < expected->audience_count; i++)
		if (audience.p != NULL && jose_same_audience(audience, expected->audiences[i]))
			return true;
	return false;
}

static bool is_for_us(yyjson_val *aud, const struct jose_expected *expected)
{
	yyjson_val *v;
	size_t i, count;

	if (expected->audience_count == 0)
		return true;
	if (!yyjson_is_arr(aud))
		return is_for(json_str(aud), expected);
	yyjson_arr_foreach(aud, i, count, v) if (is_for(json_str(v), expected)) return true;
	return false;
}

enum err jose_check_claims(yyjson_val *claims, const struct jose_expected *expected, int64_t *ret_expires_ms)
{
	int64_t exp_ms, nbf_ms, iat_ms, now_ms = expected->now_ms, leeway_ms = expected->leeway_ms;

	if (expected->issuer.p != NULL && !str_eq(json_str(json_get(claims, "iss")), expected->issuer))
		return ERR_TOKEN_INVALID;
	if (!read_time(claims, "exp", &exp_ms) || !read_time(claims, "nbf", &nbf_ms) ||
	    !read_time(claims, "iat", &iat_ms) || exp_ms == 0)
		return ERR_TOKEN_INVALID;
	if (nbf_ms > now_ms + leeway_ms || iat_ms > now_ms + leeway_ms)
		return ERR_TOKEN_INVALID;
	if (expected->life_ms_max != 0 && (iat_ms == 0 || exp_ms - iat_ms > expected->life_ms_max))
		return ERR_TOKEN_INVALID;
	if (!is_for_us(json_get(claims, "aud"), expected))
		return ERR_TOKEN_AUDIENCE;
	if (now_ms >= exp_ms + leeway_ms)
		return ERR_TOKEN_EXPIRED;
	*ret_expires_ms = exp_ms + leeway_ms;
	return OK;
}
