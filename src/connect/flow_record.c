/* What is known of a flow, from its struct to a text under a ticket and back. One table names the fields, so that
 * nothing is written that is not read again. */
#include "connect/flow_private.h"

#include <assert.h>
#include <stddef.h>

#define FIELD(name)                                                                                                    \
	{                                                                                                              \
#name, offsetof(struct flow, name)                                                                     \
	}

static const struct {
	const char *name;
	size_t at;
} fields[] = {
	FIELD(upstream), FIELD(tenant_id),  FIELD(user_id),	  FIELD(by),	      FIELD(return_to),
	FIELD(link),	 FIELD(expires_ms), FIELD(browser),	  FIELD(person),      FIELD(redirect_uri),
	FIELD(verifier), FIELD(issuer),	    FIELD(iss_promised),  FIELD(token_url),   FIELD(revoke_url),
	FIELD(dpop),	 FIELD(client_id),  FIELD(client_secret), FIELD(client_auth), FIELD(resource),
	FIELD(scope),	 FIELD(grant),	    FIELD(choices),
};

static_assert(sizeof(struct flow) == ARRAY_LEN(fields) * sizeof(struct str), "each field of a flow is in the table");
static_assert(ARRAY_LEN(fields) < FORM_FIELDS_MAX, "a flow is read as a form");

/* Room for all of it at once, so that the text never moves and leaves a copy behind. */
static void reserve(const struct flow *flow, struct buf *text)
{
	size_t bytes = 0;

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		bytes += strlen(fields[i].name) + 2 + 3 * ((const struct str *)((const char *)flow + fields[i].at))->n;
	buf_reserve(text, bytes);
}

void flow_put(const struct flow *flow, struct buf *text)
{
	reserve(flow, text);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const struct str *value = (const struct str *)((const char *)flow + fields[i].at);

		if (value->n > 0)
			form_put(text, str_of(fields[i].name), *value);
	}
}

enum err flow_read(struct arena *arena, struct str text, struct flow *ret_flow)
{
	struct flow flow;
	struct form form;

	if (form_read(arena, text, &form) != OK)
		return ERR_NOT_FOUND;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		struct str value = form_get(&form, str_of(fields[i].name));

		*(struct str *)((char *)&flow + fields[i].at) = value.p == NULL ? STR("") : value;
	}
	*ret_flow = flow;
	return OK;
}

static struct ticket_place place_of(struct connect *connect)
{
	return (struct ticket_place){.state = connect->spec.state, .key = connect->spec.key};
}

AWAITS enum err flow_keep(struct connect *connect, enum ticket_kind kind, const struct flow *flow, int64_t life_ms,
			  char ret_ticket[TICKET_TEXT_LEN + 1])
{
	const struct ticket_place place = place_of(connect);
	AUTO_BUF text = {0};
	enum err err;

	flow_put(flow, &text);
	err = ticket_issue(&place, kind, buf_str(&text), life_ms, ret_ticket);
	crypto_wipe(text.p, text.n);
	return err;
}

AWAITS enum err flow_look(struct connect *connect, struct arena *arena, enum ticket_kind kind, struct str ticket,
			  struct flow *ret_flow)
{
	const struct ticket_place place = place_of(connect);
	struct str text;

	TRY(ticket_look(&place, kind, ticket, arena, &text));
	return flow_read(arena, text, ret_flow);
}

AWAITS enum err flow_take(struct connect *connect, struct arena *arena, enum ticket_kind kind, struct str ticket,
			  struct flow *ret_flow)
{
	const struct ticket_place place = place_of(connect);
	struct str text;

	TRY(ticket_take(&place, kind, ticket, arena, &text));
	return flow_read(arena, text, ret_flow);
}
