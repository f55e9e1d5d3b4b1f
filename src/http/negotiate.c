/* Accept and Accept-Encoding: lists of ranges with a quality, of which only "is it zero?"
 * matters here. The most specific range that matches decides. */
#include "http/negotiate.h"
#include "http/server.h"

/* Cut the next element off a comma-separated list, and its parameters off the element. */
static bool next_range(struct str *list, struct str *ret_name, struct str *ret_params)
{
	struct str element;

	while (list->n > 0) {
		if (!str_cut(*list, ',', &element, list))
			*list = STR_NONE;
		if (!str_cut(element, ';', ret_name, ret_params))
			*ret_params = STR_NONE;
		*ret_name = str_trim(*ret_name);
		if (ret_name->n > 0)
			return true;
	}
	return false;
}

/* "q=0", "q=0.000": not acceptable. */
static bool is_refused(struct str params)
{
	struct str param;

	while (params.n > 0) {
		if (!str_cut(params, ';', &param, &params))
			params = STR_NONE;
		param = str_trim(param);
		if (param.n < 3 || (param.p[0] | 0x20) != 'q' || param.p[1] != '=')
			continue;
		for (size_t i = 2; i < param.n; i++)
			if (param.p[i] != '0' && param.p[i] != '.')
				return false;
		return true;
	}
	return false;
}

bool http_accepts_gzip(struct str accept_encoding)
{
	struct str name, params;
	bool any = false;

	while (next_range(&accept_encoding, &name, &params)) {
		if (str_eq_nocase(name, STR("gzip")) || str_eq_nocase(name, STR("x-gzip")))
			return !is_refused(params);
		if (str_eq(name, STR("*")))
			any = !is_refused(params);
	}
	return any;
}

/* How closely a range fits: 3 the type itself, 2 its family, 1 any type, 0 not at all. */
static int match(struct str range, struct str media_type)
{
	struct str type, rest;

	if (str_eq_nocase(range, media_type))
		return 3;
	if (str_eq(range, STR("*/*")))
		return 1;
	str_cut(media_type, '/', &type, &rest);
	return range.n == type.n + 2 && str_ends(range, STR("/*")) && str_eq_nocase((struct str){range.p, type.n}, type)
		       ? 2
		       : 0;
}

bool http_accepts(struct str accept, struct str media_type)
{
	struct str name, params;
	bool accepted = str_trim(accept).n == 0; /* no Accept: anything goes */
	int best = 0;

	while (next_range(&accept, &name, &params)) {
		int specific = match(name, media_type);

		if (specific <= best)
			continue;
		best = specific;
		accepted = !is_refused(params);
	}
	return accepted;
}
