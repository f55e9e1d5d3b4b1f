/* Secrets with an end. A new one is added while the old one is good, kept, told from then on, and the old one goes when
 * its overlap is over:
 *
 *     old │██████████████████████│▒▒▒▒ overlap ▒▒▒▒│ removed
 *     new                        │██████████████████████████████ ...
 *                                └ client_secret_expires_at, as told with the old one, is the end of the overlap
 *
 * A client learns of the new one where it registered. A run that ends in the middle leaves a secret there that nobody
 * knows; the next one begins by removing such. */
#include "base/clock.h"
#include "base/log.h"
#include "bridge/bridge_private.h"

#define CLIENTS_PER_RUN 200 /* the next run has the rest */
#define ROWS_BYTES_MAX (32u << 20)

struct turn {
	struct bridge *bridge;
	const struct bridge_settings *settings;
	struct bridge_tally *tally;
};

AWAITS static enum err keep(struct turn *turn, struct bridged_client *client, const struct graph_password *password)
{
	const struct bridge_spec *spec = &turn->bridge->spec;
	const struct vault_place place = bridge_place(client);
	int64_t before_ms = client->changed_ms;
	struct bridged_client after = *client;
	AUTO_BUF sealed = {0};

	TRY(vault_seal(spec->vault, &place, password->secret, &sealed));
	after.sealed = buf_str(&sealed);
	after.key_id = password->key_id;
	after.secret_expires_ms = password->ends_ms;
	after.old_key_id = client->key_id;
	after.changed_ms = clock_wall_ms();
	after.old_until_ms = after.changed_ms + turn->settings->overlap_ms;
	return bridged_client_rekey(spec->db, &after, before_ms);
}

AWAITS static enum err add(struct turn *turn, struct graph *graph, struct bridged_client *client)
{
	int64_t ends_ms = clock_wall_ms() + turn->settings->secret_life_ms + turn->settings->overlap_ms;
	struct graph_password password;
	unsigned repeats;

	TRY(graph_keep_passwords(graph, client->object_id, client->key_id, STR("")));
	repeats = graph->repeats;
	TRY(graph_make_password(graph, client->object_id, ends_ms, &password));
	TRY(keep(turn, client, &password));
	if (graph->repeats > repeats)
		TRY(graph_keep_passwords(graph, client->object_id, password.key_id, client->key_id));
	turn->tally->rotated++;
	return bridge_audit(turn->bridge, NULL, "bridge.secret_rotated", client, OK);
}

AWAITS static enum err drop_old(struct turn *turn, struct graph *graph, struct bridged_client *client)
{
	int64_t before_ms = client->changed_ms;

	TRY(graph_keep_passwords(graph, client->object_id, client->key_id, STR("")));
	client->old_key_id = STR("");
	client->old_until_ms = 0;
	client->changed_ms = clock_wall_ms();
	TRY(bridged_client_rekey(turn->bridge->spec.db, client, before_ms));
	turn->tally->superseded++;
	return OK;
}

/* One client's failure is not the others': its secret is good for the overlap yet, and the next run tries again. An
 * application that is gone is reconcile.c's; a row that changed meanwhile is somebody's who was faster. */
AWAITS static enum err each(struct turn *turn, enum bridged_pick pick, int64_t at_ms,
			    enum err (*work)(struct turn *turn, struct graph *graph, struct bridged_client *client))
{
	AUTO(arena) *arena = arena_new(ROWS_BYTES_MAX);
	struct bridged_client *clients;
	enum err failed = OK;
	size_t count;

	TRY(bridged_client_pick(turn->bridge->spec.db, arena, turn->settings->name, pick, at_ms, STR(""),
				CLIENTS_PER_RUN, &clients, &count));
	for (size_t i = 0; i < count; i++) {
		struct graph graph;
		enum err err;

		graph_begin(&graph, turn->settings);
		err = work(turn, &graph, &clients[i]);
		if (err != OK && err != ERR_NOT_FOUND) {
			log_warn("bridge.rotation_failed", LOG_STR("bridge", turn->settings->name),
				 LOG_STR("client", clients[i].id), LOG_ERR(err),
				 LOG_STR("problem", buf_str(&graph.problem)));
			failed = err;
		}
		graph_end(&graph);
		if (err == ERR_CANCELED || err == ERR_BRIDGE_REFUSED)
			break;
	}
	return failed;
}

AWAITS enum err bridge_rotate(struct bridge *bridge, const struct bridge_settings *settings, struct bridge_tally *tally)
{
	struct turn turn = {bridge, settings, tally};
	int64_t now_ms = clock_wall_ms();

	TRY(each(&turn, BRIDGED_SUPERSEDED, now_ms, drop_old));
	return each(&turn, BRIDGED_EXPIRING, now_ms + settings->overlap_ms, add);
}
