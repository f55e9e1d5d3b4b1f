/* The room's door: a table of paths, and what a person sees when a page cannot be given: a way to sign in, or a
 * sentence. Errors that are no person's doing go back to the one place that answers errors. */
#include "signin/signin_private.h"

#include <stdlib.h>

#include "base/check.h"
#include "signin/provider.h"

#define SIGNIN_MAGIC 0x53474e49u /* "SGNI" */
#define HASHING_MAX 2		 /* of the worker threads, which also read the database */
#define HASHING_QUEUE_MAX 64	 /* some seconds' worth */

static const struct {
	struct str path;
	enum err (*show)(struct signin *signin, struct visit *visit); /* GET. AWAITS */
	enum err (*take)(struct signin *signin, struct visit *visit); /* POST. AWAITS */
} pages[] = {
	{{"/login", 6}, login_show, login_take},
	{{"/login/", 7}, login_show, NULL},
	{{"/login/totp", 11}, second_show, second_take},
	{{"/login/enrol", 12}, enrol_show, enrol_take},
	{{"/login/password", 15}, password_show, password_take},
	{{"/logout", 7}, logout_show, logout_take},
};

struct signin *signin_new(const struct signin_spec *spec)
{
	struct signin *signin = calloc(1, sizeof(*signin));

	CHECK(signin != NULL);
	signin->magic = SIGNIN_MAGIC;
	signin->spec = *spec;
	signin->providers = providers_new();
	gate_init(&signin->hashing, HASHING_MAX, HASHING_QUEUE_MAX);
	return signin;
}

void signin_free(struct signin *signin)
{
	if (signin == NULL)
		return;
	CHECK_OBJ(signin, SIGNIN_MAGIC);
	providers_free(signin->providers);
	signin->magic = 0;
	free(signin);
}

AWAITS static enum err serve(struct signin *signin, struct visit *visit)
{
	enum http_method method = visit->exchange->method;

	if (str_eq(visit->path, STR(STYLE_PATH)))
		return method == HTTP_GET || method == HTTP_HEAD ? page_style(visit) : ERR_HTTP_METHOD;
	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		if (!str_eq(visit->path, pages[i].path))
			continue;
		if (method == HTTP_GET || method == HTTP_HEAD)
			return pages[i].show(signin, visit);
		return method == HTTP_POST && pages[i].take != NULL ? pages[i].take(signin, visit) : ERR_HTTP_METHOD;
	}
	return provider_serve(signin, visit);
}

AWAITS enum err signin_serve(struct signin *signin, struct visit *visit)
{
	enum err err;

	CHECK_OBJ(signin, SIGNIN_MAGIC);
	if (!cookies_are_safe(visit->origin)) {
		return page_sorry(visit, 403, "A safe connection is needed",
				  STR("People can sign in over https only. Set `public_url` in the configuration."));
	}
	err = serve(signin, visit);
	if (visit->exchange->answered)
		return err;
	switch (err) {
	case ERR_UNAUTHENTICATED:
		return signin_begin(signin, visit, visit->path);
	case ERR_FORBIDDEN:
	case ERR_HTTP_ORIGIN:
		return page_sorry(visit, 403, "This page is out of date",
				  STR("Nothing was changed. Go back, load the page again and try once more."));
	case ERR_BUSY:
		return page_sorry(visit, 503, "Too much is going on", STR("Wait a moment and try again."));
	default:
		return err;
	}
}
