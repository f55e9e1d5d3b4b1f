/* What a person sees of OAuth: the page that asks whether a program may act for them, and the ways back. The page says
 * who asks by what cannot be chosen freely (the host that the answer goes to) as well as by the name the program gave
 * itself, which can. It carries the request as it came: it is read again when the form comes back. */
#include "oauth/oauth_private.h"

#include "authclient/redirect.h"
#include "oauth/resource.h"

static const struct {
	unsigned scope;
	const char *words;
} meanings[] = {
	{SCOPE_READ, "see the tools, prompts and resources that you may see"},
	{SCOPE_TOOLS, "call tools in your name"},
	{SCOPE_API, "manage the gateway in your name, as far as your role allows"},
	{OAUTH_OFFLINE, "stay signed in while you are away"},
};

static void put_scopes(struct buf *out, unsigned scopes)
{
	buf_put(out, STR("<ul>"));
	for (size_t i = 0; i < ARRAY_LEN(meanings); i++)
		if ((scopes & meanings[i].scope) != 0)
			buf_put_fmt(out, "<li>%s</li>", meanings[i].words);
	buf_put(out, STR("</ul>"));
}

static void put_hidden(struct buf *out, const char *name, struct str value)
{
	buf_put_fmt(out, "<input type=\"hidden\" name=\"%s\" value=\"", name);
	html_put(out, value);
	buf_put(out, STR("\">"));
}

static void put_client(struct buf *out, const struct authorization *authorization)
{
	const struct oauth_client *client = &authorization->client;

	buf_put(out, STR("<p><strong>"));
	html_put(out, client->name);
	buf_put(out, STR("</strong> wants to use this gateway in your name. It will be answered at <strong>"));
	html_put(out, redirect_host(authorization->redirect_uri));
	buf_put(out, redirect_is_loopback(authorization->redirect_uri) ? STR("</strong> (a program on this computer).")
								       : STR("</strong>."));
	if (str_eq(client->kind, STR("document"))) {
		buf_put(out, STR(" It is described by <strong>"));
		html_put(out, redirect_host(client->id));
		buf_put(out, STR("</strong>."));
	}
	if (str_eq(client->kind, STR("registered")))
		buf_put(out, STR(" It gave itself this name: nobody has checked it."));
	buf_put(out, STR("</p>"));
}

/* Where the form's answer leads, as a source of Content-Security-Policy: scheme and authority, or a bare scheme. */
static struct str form_target(struct str uri)
{
	struct str scheme, rest;
	const char *slash;

	str_cut(uri, ':', &scheme, &rest);
	if (!str_starts(rest, STR("//")) || (!str_eq(scheme, STR("https")) && !str_eq(scheme, STR("http"))))
		return (struct str){uri.p, scheme.n + 1};
	rest = str_skip(rest, 2);
	if (rest.n > 0 && rest.p[0] == '[') /* there are no such sources for IPv6 */
		return (struct str){uri.p, scheme.n + 1};
	slash = rest.n == 0 ? NULL : memchr(rest.p, '/', rest.n);
	if (slash == NULL)
		slash = rest.n == 0 ? NULL : memchr(rest.p, '?', rest.n);
	return slash == NULL ? uri : (struct str){uri.p, (size_t)(slash - uri.p)};
}

AWAITS enum err consent_show(struct visit *visit, const struct authorization *authorization, const struct user *user,
			     struct str csrf)
{
	AUTO_BUF body = {0};

	put_client(&body, authorization);
	buf_put(&body, STR("<p>At <strong>"));
	html_put(&body, resource_path(authorization->resource));
	buf_put(&body, STR("</strong> it may:</p>"));
	put_scopes(&body, authorization->scopes);
	buf_put(&body, STR("<p>You are signed in as <strong>"));
	html_put(&body, user->email.n > 0 ? user->email : user->name);
	buf_put(&body, STR("</strong>.</p><form method=\"post\" action=\"/oauth/authorize\">"));
	put_hidden(&body, "request", authorization->query);
	put_hidden(&body, "csrf", csrf);
	buf_put(&body, STR("<button name=\"decision\" value=\"allow\">Allow</button> "
			   "<button name=\"decision\" value=\"deny\" class=\"second\">Do not allow</button></form>"));
	return signin_page(visit, 200, STR(""), form_target(authorization->redirect_uri), "Allow access",
			   buf_str(&body));
}

AWAITS enum err consent_refuse(struct visit *visit, enum err err)
{
	struct str problem = visit->problem.n > 0 ? visit->problem : str_of(err_text(err));
	AUTO_BUF body = {0};
	int status = err == ERR_OAUTH_CLIENT ? 400 : err_row(err)->http_status;

	buf_put(&body, STR("<p>This sign-in cannot go on: "));
	html_put(&body, problem);
	buf_put(&body, STR(".</p><p>Nothing was given to anybody. Close this page, and start again from your program; "
			   "if it says the same, the program's registration here is no longer valid.</p>"));
	return signin_page(visit, status, STR(""), STR_NONE, "Cannot sign in", buf_str(&body));
}

/* `state` and `iss` exactly once each, on success and on failure (RFC 9207). */
static void put_location(struct visit *visit, const struct authorization *authorization, struct str code, enum err err,
			 struct buf *out)
{
	buf_put(out, authorization->redirect_uri);
	if (memchr(authorization->redirect_uri.p, '?', authorization->redirect_uri.n) == NULL)
		buf_put_byte(out, '?');
	if (code.n > 0) {
		form_put(out, STR("code"), code);
	} else {
		form_put(out, STR("error"), str_of(oauth_error_word(err)));
		form_put(out, STR("error_description"), visit->problem.n > 0 ? visit->problem : str_of(err_text(err)));
	}
	if (authorization->state.p != NULL)
		form_put(out, STR("state"), authorization->state);
	form_put(out, STR("iss"), visit->origin);
}

AWAITS enum err consent_return(struct visit *visit, const struct authorization *authorization, struct str code,
			       enum err err)
{
	AUTO_BUF location = {0};

	put_location(visit, authorization, code, err, &location);
	return reply_redirect(visit->exchange, STR(""), buf_str(&location));
}
