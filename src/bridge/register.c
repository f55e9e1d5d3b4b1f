/* Registering a client. Four things are made, each of which may fail or be the last before a crash:
 *
 *     row `making` ──▶ application ──▶ service principal ──▶ secret ──▶ row `active`, the secret sealed ──▶ 201
 *          │                │                 │                 │
 *          └────────────────┴──────────▶ undone in reverse ◀────┘      (the secret goes with its application)
 *
 * The row is first: it takes the tenant's place in the quota, and its id is the application's name there, so that
 * asking twice makes one application. After a crash the row is what is found: reconcile.c undoes it. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "bridge/bridge_private.h"

#define UNDO_MS 15000	/* at most, for what was made; the rest is the job's */
#define SEALING_TRIES 3 /* a data key may be replaced while we seal */

/* What a registration has come to. */
struct making {
	struct bridge *bridge;
	const struct bridge_settings *settings;
	const struct bridge_request *request;
	struct graph graph;
	struct bridged_client client;
	struct graph_password password; /* in graph's arena */
	char id[ID_LEN + 1], token[BRIDGE_TOKEN_TEXT_MAX];
};

static void make_token(char ret_text[BRIDGE_TOKEN_TEXT_MAX])
{
	AUTO_BUF text = {0};

	random_text_put(&text, BRIDGE_TOKEN_BYTES);
	snprintf(ret_text, BRIDGE_TOKEN_TEXT_MAX, "ghb_%.*s", STR_ARG(buf_str(&text)));
	crypto_wipe(text.p, text.n);
}

/* ---- making ---------------------------------------------------------------------------- */

AWAITS static enum err reserve(struct making *making, struct visit *visit)
{
	struct bridged_client *client = &making->client;
	AUTO_BUF metadata = {0};
	enum err err;

	random_id(making->id);
	make_token(making->token);
	buf_put_byte(&metadata, '{');
	bridge_request_put(making->request, &metadata);
	buf_put_byte(&metadata, '}');
	client->id = (struct str){making->id, ID_LEN};
	client->tenant_id = str_of(visit->caller.tenant_id);
	client->bridge = making->settings->name;
	client->metadata = arena_str(visit->arena, buf_str(&metadata));
	client->created_ms = clock_wall_ms();
	bridge_token_mac(making->bridge, str_of(making->token), client->token_mac);
	err = bridged_client_insert(making->bridge->spec.db, client, making->settings->quota);
	return err == ERR_LIMIT ? ERR_BRIDGE_QUOTA : err;
}

AWAITS static enum err make_application(struct making *making)
{
	char tag[GRAPH_TAG_BYTES + 1];
	struct graph_application application;
	AUTO_BUF body = {0};

	bridge_tag(making->bridge, making->settings, tag);
	graph_application_put(making->request, making->settings, str_of(tag), &body);
	TRY(graph_make(&making->graph, bridge_unique(making->graph.arena, making->client.id), buf_str(&body),
		       &application));
	making->client.object_id = application.object_id;
	making->client.client_id = application.client_id;
	return graph_make_principal(&making->graph, application.client_id);
}

/* An attempt whose answer was lost may have left a secret that nobody knows. */
AWAITS static enum err make_password(struct making *making)
{
	struct bridged_client *client = &making->client;
	int64_t ends_ms = client->created_ms + making->settings->secret_life_ms + making->settings->overlap_ms;
	unsigned repeats = making->graph.repeats;

	TRY(graph_make_password(&making->graph, client->object_id, ends_ms, &making->password));
	client->key_id = making->password.key_id;
	client->secret_expires_ms = making->password.ends_ms;
	if (making->graph.repeats == repeats)
		return OK;
	return graph_keep_passwords(&making->graph, client->object_id, client->key_id, STR(""));
}

AWAITS static enum err keep(struct making *making)
{
	const struct bridge_spec *spec = &making->bridge->spec;
	const struct vault_place place = bridge_place(&making->client);
	enum err err = ERR_NOT_FOUND;

	for (int i = 0; i < SEALING_TRIES && err == ERR_NOT_FOUND; i++) {
		AUTO_BUF sealed = {0};

		if (making->password.secret.n > 0)
			TRY(vault_seal(spec->vault, &place, making->password.secret, &sealed));
		making->client.sealed = buf_str(&sealed);
		err = bridged_client_activate(spec->db, &making->client);
		making->client.sealed = STR("");
		if (err == ERR_NOT_FOUND)
			vault_forget(spec->vault, making->client.tenant_id);
	}
	return err;
}

AWAITS static enum err make(struct making *making)
{
	TRY(make_application(making));
	if (making->request->auth != BRIDGE_AUTH_NONE)
		TRY(make_password(making));
	return keep(making);
}

/* ---- undoing --------------------------------------------------------------------------- */

AWAITS enum err bridge_undo(struct bridge *bridge, struct graph *graph, const struct bridged_client *client)
{
	struct graph_application application = {.object_id = client->object_id, .client_id = client->client_id};
	enum err err = OK;

	if (application.object_id.n == 0)
		err = graph_find(graph, STR(""), bridge_unique(graph->arena, client->id), &application);
	if (err == OK)
		err = graph_drop(graph, &application);
	if (err != OK && err != ERR_NOT_FOUND)
		return err;
	err = bridged_client_delete(bridge->spec.db, client->tenant_id, client->id);
	return err == ERR_NOT_FOUND ? OK : err;
}

/* Whoever waits for the answer may have gone, and the time for it may be over: what was made is removed all the same.
 * What cannot be removed now has its row. */
AWAITS static void undo(struct making *making)
{
	struct fiber_shield shield = fiber_shield_begin(UNDO_MS);
	enum err err;

	making->graph.until_ms = clock_ms() + UNDO_MS;
	err = bridge_undo(making->bridge, &making->graph, &making->client);
	if (err != OK)
		log_warn("bridge.undo_failed", LOG_STR("bridge", making->settings->name),
			 LOG_STR("client", making->client.id), LOG_ERR(err),
			 LOG_STR("problem", buf_str(&making->graph.problem)),
			 LOG_CSTR("effect", "the job `bridges` removes it"));
	fiber_shield_end(shield);
}

/* ---- the request ------------------------------------------------------------------------ */

AWAITS static enum err take_rate(struct bridge *bridge, struct visit *visit, const struct bridge_settings *settings)
{
	struct str key = arena_fmt(visit->arena, "bg%s/%.*s", visit->caller.tenant_id, STR_ARG(settings->name));

	return visit_take(visit, bridge->spec.state, key, &settings->rate);
}

AWAITS static enum err run(struct making *making, struct visit *visit)
{
	enum err err;

	TRY(reserve(making, visit));
	err = make(making);
	if (err == OK)
		err = bridge_audit(making->bridge, visit, "bridge.client_registered", &making->client, OK);
	if (err == OK)
		return bridge_answer(visit, making->settings, 201, &making->client, making->password.secret,
				     str_of(making->token));
	bridge_note(visit, making->settings, &making->graph, err);
	undo(making);
	TRY(bridge_audit(making->bridge, visit, "bridge.registration_failed", &making->client, err));
	/* Not the client's business: something that was just made cannot be found. */
	return err == ERR_NOT_FOUND || err == ERR_EXISTS ? ERR_BRIDGE_DOWN : err;
}

AWAITS enum err bridge_register(struct bridge *bridge, struct visit *visit, const struct bridge_settings *settings)
{
	struct making making = {.bridge = bridge, .settings = settings};
	struct bridge_request request;
	AUTO_BUF problem = {0};
	enum err err;

	if (visit->caller.tenant_id[0] == '\0') {
		visit->problem = STR("an API key of a tenant is needed, whose client it will be");
		return ERR_FORBIDDEN;
	}
	TRY(take_rate(bridge, visit, settings));
	err = bridge_request_read(visit->arena, settings, visit->exchange->body, &problem, &request);
	if (err != OK) {
		visit->problem = arena_str(visit->arena, buf_str(&problem));
		return err;
	}
	visit->exchange->cancel_on_close = false; /* what was begun is ended: made, or undone */
	making.request = &request;
	graph_begin(&making.graph, settings);
	err = run(&making, visit);
	graph_end(&making.graph);
	crypto_wipe(making.token, sizeof(making.token));
	return err;
}
