/* The account is there, but one account there may be several to us. Until the person has chosen, its tokens wait sealed
 * under a ticket, bound to the browser and the person as the callback was; what is chosen must be on the list that was
 * read with them. */
#include "connect/pick.h"

#include "authclient/settings.h"
#include "base/json.h"
#include "connect/identity.h"
#include "http/reply.h"
#include "signin/page.h"

static void put_choices(struct arena *arena, const struct auth_settings *settings, yyjson_val *items, struct buf *json,
			size_t *ret_count)
{
	yyjson_val *item;
	size_t i, n;

	*ret_count = 0;
	buf_put_byte(json, '[');
	yyjson_arr_foreach(items, i, n, item)
	{
		struct str id = identity_text(arena, item, settings->pick_id, ACCOUNT_ID_BYTES_MAX);
		struct str name = identity_text(arena, item, settings->pick_name, ACCOUNT_NAME_BYTES_MAX);

		if (id.n == 0 || *ret_count == PICK_MAX)
			continue;
		buf_put(json, *ret_count > 0 ? STR(",[") : STR("["));
		buf_put_json(json, id);
		buf_put_byte(json, ',');
		buf_put_json(json, name.n > 0 ? name : id);
		buf_put_byte(json, ']');
		++*ret_count;
	}
	buf_put_byte(json, ']');
}

AWAITS enum err pick_find(struct step *step, const struct grant *grant, struct str *ret_choices)
{
	const struct auth_settings *settings = step->at.settings;
	struct str pointer = settings->pick_items;
	yyjson_val *root, *items;
	AUTO_BUF json = {0};
	size_t count;

	*ret_choices = STR_NONE;
	if (settings->pick_url.n == 0)
		return OK;
	TRY(identity_read(step->arena, &step->at, grant, settings->pick_url, &root));
	items = pointer.n == 0 ? root : yyjson_ptr_getn(root, pointer.p, pointer.n);
	if (!yyjson_is_arr(items))
		return ERR_UPSTREAM_GARBAGE;
	put_choices(step->arena, settings, items, &json, &count);
	if (count == 0)
		return ERR_NOT_FOUND;
	*ret_choices = arena_str(step->arena, buf_str(&json));
	return OK;
}

struct str pick_only(struct arena *arena, struct str choices, struct str *ret_name)
{
	yyjson_val *root, *item;

	if (json_read(arena, choices, &root) != OK || yyjson_arr_size(root) != 1)
		return STR_NONE;
	item = yyjson_arr_get_first(root);
	*ret_name = json_str(yyjson_arr_get(item, 1));
	return json_str(yyjson_arr_get(item, 0));
}

void pick_note(struct arena *arena, struct grant *grant, struct str id, struct str name)
{
	grant->picked = id;
	grant->account_name = grant->account_name.n > 0
				      ? arena_fmt(arena, "%.*s, %.*s", STR_ARG(grant->account_name), STR_ARG(name))
				      : name;
}

AWAITS enum err pick_begin(struct step *step, const struct grant *grant, struct str choices)
{
	char ticket[TICKET_TEXT_LEN + 1];
	AUTO_BUF json = {0};
	enum err err;

	grant_put(grant, &json);
	step->flow.grant = buf_str(&json);
	step->flow.choices = choices;
	step->flow.client_secret = step->flow.verifier = STR(""); /* done with, or in the grant */
	err = flow_keep(step->connect, TICKET_CHOICE, &step->flow, step->at.life_ms, ticket);
	crypto_wipe(json.p, json.n);
	step->flow.grant = STR("");
	TRY(err);
	return reply_redirect(step->visit->exchange, STR(""),
			      arena_fmt(step->arena, "/auth/%.*s/pick?ticket=%s", STR_ARG(step->upstream), ticket));
}

/* ---- the page -------------------------------------------------------------------------- */

AWAITS static enum err choice_over(struct step *step)
{
	step->flow = (struct flow){0};
	return step_fail(step, 410, STR("NOT_FOUND"), "This choice is over",
			 STR("It was made already, or begun in another browser, or too long ago."));
}

/* The ticket's flow, of this browser and person. */
AWAITS static enum err enter(struct step *step, struct str ticket)
{
	enum err err = flow_look(step->connect, step->arena, TICKET_CHOICE, ticket, &step->flow);

	if (err == OK && !step_is_of_browser(step))
		err = ERR_NOT_FOUND;
	if (err == OK)
		err = step_check_person(step);
	if (err == OK)
		err = step_find_upstream(step);
	if (err == ERR_NOT_FOUND || err == ERR_FORBIDDEN || err == ERR_UNAUTHENTICATED)
		return choice_over(step);
	return err;
}

AWAITS enum err pick_show(struct step *step)
{
	struct form *query = ARENA_NEW(step->arena, struct form);
	struct str ticket;

	TRY(form_read(step->arena, step->visit->exchange->query, query));
	ticket = form_get(query, STR("ticket"));
	TRY(enter(step, ticket));
	if (step->visit->exchange->answered)
		return OK;
	return screen_pick(step, ticket, step->flow.choices);
}

/* The item with this id: its name; p NULL: it is not on the list. */
static struct str name_of(struct arena *arena, struct str choices, struct str id)
{
	yyjson_val *root, *item;
	size_t i, n;

	if (json_read(arena, choices, &root) != OK)
		return STR_NONE;
	yyjson_arr_foreach(root, i, n, item) if (str_eq(json_str(yyjson_arr_get(item, 0)), id)) return json_str(
		yyjson_arr_get(item, 1));
	return STR_NONE;
}

AWAITS static enum err keep(struct step *step, struct str ticket, struct str id, struct str name)
{
	struct grant grant;
	enum err err = flow_take(step->connect, step->arena, TICKET_CHOICE, ticket, &step->flow);

	if (err == ERR_NOT_FOUND)
		return choice_over(step);
	TRY(err);
	TRY(grant_read(step->arena, step->flow.grant, &grant));
	pick_note(step->arena, &grant, id, name);
	return step_connected(step, &grant);
}

AWAITS enum err pick_take(struct step *step)
{
	struct form *form = ARENA_NEW(step->arena, struct form);
	struct str ticket, id, name;

	TRY(guard_form(step->visit, form));
	ticket = form_get(form, STR("ticket"));
	id = form_get(form, STR("id"));
	TRY(enter(step, ticket));
	if (step->visit->exchange->answered)
		return OK;
	if (step->signs_in && !str_eq_secret(form_get(form, STR("csrf")), step->csrf))
		return ERR_FORBIDDEN;
	name = name_of(step->arena, step->flow.choices, id);
	return name.p == NULL ? screen_pick(step, ticket, step->flow.choices) : keep(step, ticket, id, name);
}
