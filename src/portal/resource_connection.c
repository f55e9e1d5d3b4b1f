/* Links that connect accounts at other services. Everybody makes them for themselves; for the tenant, or for somebody
 * else, who may manage upstreams. What is connected then is a credential, and listed there. */
#include "portal/table.h"

#include "connect/flow.h"

enum { CONN_ID, CONN_UPSTREAM, CONN_USER, CONN_RETURN, CONN_URL, CONN_STATE, CONN_PROBLEM, CONN_EXPIRES };

static const struct field connection_fields[] = {
	[CONN_ID] = {"id", FIELD_TEXT, FIELD_READ_ONLY | FIELD_COLUMN, .doc = "To ask what became of the link."},
	[CONN_UPSTREAM] = {"upstream", FIELD_TEXT, FIELD_AT_BIRTH | FIELD_NEEDED | FIELD_COLUMN, 65,
			   .doc = "Name of the server that wants an account, or UPSTREAM.ACCOUNT."},
	[CONN_USER] = {"user", FIELD_TEXT, FIELD_AT_BIRTH | FIELD_COLUMN, 254,
		       .doc = "Whose calls it is for: id, email or `self`; empty: all of the tenant."},
	[CONN_RETURN] = {"return_to", FIELD_TEXT, FIELD_WRITE_ONLY | FIELD_AT_BIRTH, 1024,
			 .doc = "A path of this gateway to go to at the end; empty: a page says that it is done."},
	[CONN_URL] = {"url", FIELD_TEXT, FIELD_READ_ONLY | FIELD_SHOWN_ONCE, .doc = "To be opened in a browser, once."},
	[CONN_STATE] = {"state", FIELD_TEXT, FIELD_READ_ONLY | FIELD_VOLATILE | FIELD_COLUMN,
			.doc = "`waiting`, `connected` or `failed`."},
	[CONN_PROBLEM] = {"problem", FIELD_TEXT, FIELD_READ_ONLY | FIELD_VOLATILE,
			  .doc = "Of `failed`: name of an error."},
	[CONN_EXPIRES] = {"expires_at", FIELD_TIME, FIELD_READ_ONLY, .doc = "When the link is over."},
};

static void connection_object(const struct work *work, const struct connect_link *link, struct object *ret_object)
{
	*ret_object = (struct object){.id = link->id, .tenant_id = work->tenant.id};
	ret_object->at[CONN_ID] = value_text(link->id);
	ret_object->at[CONN_UPSTREAM] = value_text(link->upstream);
	ret_object->at[CONN_USER] = value_text(link->user_id);
	ret_object->at[CONN_URL] = value_text(link->url);
	ret_object->at[CONN_STATE] = value_text(link->state);
	ret_object->at[CONN_PROBLEM] = value_text(link->problem);
	ret_object->at[CONN_EXPIRES] = value_number(link->expires_ms);
}

/* Their own account is everybody's business, all others that of who manages upstreams. */
static enum err check_whose(struct work *work, struct str user_id)
{
	const struct caller *caller = work->call->caller;
	enum err err;

	if (is_operator(work) || (user_id.n > 0 && str_eq(user_id, str_of(caller->user_id))))
		return OK;
	err = policy_decide(work->policy, caller, PERMISSION_UPSTREAMS_MANAGE);
	if (err != ERR_FORBIDDEN)
		return err;
	return work_fail(work, err, "/user", "your role lacks the permission %s; for yourself: \"user\": \"self\"",
			 permission_name(PERMISSION_UPSTREAMS_MANAGE));
}

AWAITS static enum err connections_create(struct work *work, struct object *object)
{
	struct connect *connect = work->portal->spec.connect;
	struct str upstream = object->at[CONN_UPSTREAM].text;
	struct str by = str_of(work->call->caller->principal), user_id;
	struct connect_link link;
	struct connect_at at;
	enum err err;

	TRY(user_named(work, object->at[CONN_USER].text, &user_id));
	TRY(check_whose(work, user_id));
	if (connect == NULL)
		return work_fail(work, ERR_FORBIDDEN, NULL, "only a running gateway makes links");
	err = connect_find(connect, work->arena, upstream, work->tenant.id, user_id, &at);
	if (err == ERR_NOT_FOUND)
		return work_fail(work, ERR_API_FIELD, "/upstream", "there is no such server, or it wants no account");
	TRY(err);
	if (work->call->origin.n > 0)
		at.public_url = work->call->origin;
	err = connect_begin_watched(connect, &at, by, object->at[CONN_RETURN].text, work->arena, &link);
	if (err == ERR_CONFIG)
		return work_fail(work, ERR_FORBIDDEN, NULL, "set `public_url` in the configuration: links need it");
	TRY(err);
	connection_object(work, &link, object);
	return OK;
}

AWAITS static enum err connections_get(struct work *work, struct str id, struct object *ret_object)
{
	struct connect *connect = work->portal->spec.connect;
	const struct caller *caller = work->call->caller;
	struct connect_link link;

	if (connect == NULL)
		return ERR_NOT_FOUND;
	TRY(connect_link_find(connect, work->arena, work->tenant.id, id, &link));
	if (!is_operator(work) && !str_eq(link.by, str_of(caller->principal)))
		return ERR_NOT_FOUND; /* whoever made it asks */
	connection_object(work, &link, ret_object);
	return OK;
}

const struct resource resource_connections = {
	.path = "connections",
	.noun = "connection",
	.about = "Links to be opened in a browser, where a person connects an account at a server with `auth` of type "
		 "`oauth`. What is connected is listed among the credentials.",
	.everybodys = true,
	.event = "connection",
	.fields = connection_fields,
	.field_count = ARRAY_LEN(connection_fields),
	.get = connections_get,
	.create = connections_create,
};
