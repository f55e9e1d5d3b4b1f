/* Pages in plain words. Whoever follows a link must see where it leads and whose calls will use the account, before
 * anything happens: the link may have come from somebody else. What a service or a person has named is only ever
 * shown escaped. */
#include "connect/page.h"

#include "base/json.h"
#include "connect/flow_private.h"
#include "signin/page.h"
#include "signin/signin.h"

/* A consent page may hand the browser on through hosts that nobody here knows, and browsers hold each of them against
 * the form that led there. */
#define CONSENT_TARGETS STR("https: http://localhost:* http://127.0.0.1:*")

static void put_whose(struct step *step, struct buf *body)
{
	const struct flow *flow = &step->flow;
	const struct user *user = &step->user;

	if (flow->user_id.n > 0 && step->signs_in)
		page_text(body, "calls that <strong>", user->email.n > 0 ? user->email : user->name, "</strong> makes");
	else if (flow->user_id.n > 0)
		page_text(body, "calls of the user <strong>", flow->user_id, "</strong>");
	else
		page_text(body, "calls of <strong>everybody</strong> of the tenant <strong>",
			  step->signs_in ? user->tenant_name : flow->tenant_id, "</strong>");
}

AWAITS enum err screen_start(struct step *step, struct str ticket, struct str present)
{
	AUTO_BUF body = {0};

	page_text(&body, "<p>You are about to connect an account at <strong>", step->flow.upstream, "</strong>");
	page_text(&body, " (", step->at.url, ").</p>\n<p>It will be used for ");
	put_whose(step, &body);
	buf_put(&body, STR(".</p>\n"));
	if (present.p != NULL)
		page_text(&body, "<p>There is one already, which this one replaces: <strong>",
			  present.n > 0 ? present : STR("its name is not known"), "</strong>.</p>\n");
	buf_put(&body, STR("<p>You sign in at the service and decide there what is allowed. Go on only if you, or "
			   "somebody whom you trust, asked for this.</p>\n"
			   "<form method=\"post\">\n"));
	page_hidden(&body, "ticket", ticket);
	page_hidden(&body, "csrf", step->csrf);
	buf_put(&body, STR("<button type=\"submit\" autofocus>Go on</button>\n</form>\n"));
	return signin_page(step->visit, 200, STR(""), CONSENT_TARGETS, "Connect an account", buf_str(&body));
}

AWAITS enum err screen_pick(struct step *step, struct str ticket, struct str choices)
{
	AUTO_BUF body = {0};
	yyjson_val *root, *item;
	size_t i, count;

	TRY(json_read(step->arena, choices, &root));
	page_text(&body, "<p>Your account at <strong>", step->flow.upstream,
		  "</strong> has several. Which one is to be used?</p>\n<form method=\"post\">\n");
	page_hidden(&body, "ticket", ticket);
	page_hidden(&body, "csrf", step->csrf);
	yyjson_arr_foreach(root, i, count, item)
	{
		buf_put_fmt(&body, "<label for=\"c%zu\"><input type=\"radio\" required name=\"id\" id=\"c%zu\"", i, i);
		page_text(&body, " value=\"", json_str(yyjson_arr_get(item, 0)), "\"> ");
		page_text(&body, "", json_str(yyjson_arr_get(item, 1)), "</label>\n");
	}
	buf_put(&body, STR("<button type=\"submit\">Use this one</button>\n</form>\n"));
	return signin_page(step->visit, 200, STR(""), STR(""), "Choose one", buf_str(&body));
}

AWAITS enum err screen_connected(struct step *step, struct str account)
{
	AUTO_BUF body = {0};

	buf_put(&body, STR("<p>The account"));
	if (account.n > 0)
		page_text(&body, " <strong>", account, "</strong>");
	page_text(&body, " at <strong>", step->flow.upstream, "</strong> is connected. It is used for ");
	put_whose(step, &body);
	buf_put(&body, STR(".</p>\n<p>You can close this page.</p>\n"));
	return signin_page(step->visit, 200, STR(""), STR(""), "Connected", buf_str(&body));
}

AWAITS enum err screen_sorry(struct step *step, int status, const char *title, struct str sentence)
{
	AUTO_BUF body = {0};

	page_text(&body, "<p role=\"alert\">", sentence, "</p>\n");
	buf_put(&body, STR("<p>Nothing was changed. To begin again, ask for a new link where you got this one.</p>\n"));
	return signin_page(step->visit, status, STR(""), STR(""), title, buf_str(&body));
}
