/* Whether a form comes from a page of our own. Browsers say where a POST comes from, by Origin or Sec-Fetch-Site: what
 * names another place is refused. A client that sends neither is no browser, and nobody's cookies are at stake. What
 * is done in somebody's name needs the session's token besides. */
#include "signin/signin_private.h"

enum err signin_check_origin(const struct visit *visit)
{
	const struct http_fields *fields = &visit->exchange->fields;
	struct str origin = http_field_get(fields, HTTP_ORIGIN);
	struct str site = http_field_find(fields, STR("sec-fetch-site"));
	bool opaque = str_eq(origin, STR("null")); /* a sandbox, a redirect, or a page without referrers */

	if (fields->repeated[HTTP_ORIGIN])
		return ERR_HTTP_ORIGIN;
	if (origin.p != NULL && !opaque && !str_eq_nocase(origin, visit->origin))
		return ERR_HTTP_ORIGIN;
	if (site.p != NULL && !str_eq(site, STR("same-origin")) && (opaque || !str_eq(site, STR("none"))))
		return ERR_HTTP_ORIGIN;
	return opaque && site.p == NULL ? ERR_HTTP_ORIGIN : OK;
}

static bool is_form(struct str type)
{
	struct str media, parameters;

	str_cut(type, ';', &media, &parameters);
	return str_eq_nocase(str_trim(media), STR("application/x-www-form-urlencoded"));
}

enum err guard_form(const struct visit *visit, struct form *ret_form)
{
	TRY(signin_check_origin(visit));
	if (!is_form(http_field_get(&visit->exchange->fields, HTTP_CONTENT_TYPE)))
		return ERR_HTTP_TYPE;
	return form_read(visit->arena, visit->exchange->body, ret_form);
}

AWAITS enum err guard_signed_in(struct signin *signin, struct visit *visit, struct form *ret_form,
				struct live *ret_live)
{
	TRY(guard_form(visit, ret_form));
	TRY(session_current(signin, visit, ret_live));
	return str_eq_secret(form_get(ret_form, STR("csrf")), ret_live->csrf) ? OK : ERR_FORBIDDEN;
}
