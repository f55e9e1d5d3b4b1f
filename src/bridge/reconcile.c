/* The directory and the database, compared. Each may have what the other has not: a registration that a crash cut
 * short, a row whose database was restored from a backup, an application that somebody deleted there.
 *
 *     row `making`, older than the grace     what is there of it goes, then the row
 *     row `removing`                         the same
 *     row `active`, no application           the row goes: the client has to register again
 *     application with our mark, no row      it goes, when it is older than the grace
 *
 * The last one is the dangerous one: a gateway that was started with another database would find every application
 * without its row. More such than clients that are known are therefore left alone, and said. */
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "bridge/bridge_private.h"

#define PAGE_ROWS 100
#define PAGES_MAX 100		   /* of a list there: 10,000 applications, as many as a bridge will have */
#define ORPHANS_SURELY 10	   /* so many are believed to be orphans, however few clients there are */
#define LIST_BYTES_MAX (32u << 20) /* 10,000 applications of 250 bytes, 100 URLs, with room */
#define ROWS_BYTES_MAX (32u << 20)

struct comparison {
	struct bridge *bridge;
	const struct bridge_settings *settings;
	struct bridge_tally *tally;
	int64_t before_ms;   /* what is older than this is finished, or never will be */
	struct arena *arena; /* has the list */
	struct map there;    /* applications with our mark that have not met their row, by the row's id */
	struct map met;	     /* ... that have */
	enum err failed;     /* the last failure that was passed over */
};

/* What is needed of a page outlives its session. */
static void take_page(struct comparison *comparison, const struct graph_application *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct str id = bridge_unique_id(items[i].unique);
		struct graph_application *kept;

		if (id.p == NULL)
			continue;
		kept = ARENA_NEW(comparison->arena, struct graph_application);
		*kept = (struct graph_application){
			.object_id = arena_str(comparison->arena, items[i].object_id),
			.client_id = arena_str(comparison->arena, items[i].client_id),
			.unique = arena_str(comparison->arena, items[i].unique),
			.created_ms = items[i].created_ms,
		};
		(void)map_put(&comparison->there, bridge_unique_id(kept->unique), kept);
	}
}

AWAITS static enum err read_page(struct comparison *comparison, struct str tag, struct str *next)
{
	struct graph_application *items;
	struct graph graph;
	size_t count;
	enum err err;

	graph_begin(&graph, comparison->settings);
	err = graph_list(&graph, tag, next, &items, &count);
	if (err == OK && count > GRAPH_PAGE_ITEMS)
		err = ERR_LIMIT;
	if (err == OK) {
		take_page(comparison, items, count);
		*next = next->p == NULL ? STR_NONE : arena_str(comparison->arena, *next);
	} else {
		log_warn("bridge.list_failed", LOG_STR("bridge", comparison->settings->name), LOG_ERR(err),
			 LOG_STR("problem", buf_str(&graph.problem)));
	}
	graph_end(&graph);
	return err;
}

AWAITS static enum err read_there(struct comparison *comparison)
{
	struct str next = STR_NONE;
	char tag[GRAPH_TAG_BYTES + 1];

	bridge_tag(comparison->bridge, comparison->settings, tag);
	for (int page = 0; page < PAGES_MAX; page++) {
		TRY(read_page(comparison, str_of(tag), &next));
		if (next.p == NULL)
			return OK;
	}
	return ERR_LIMIT;
}

AWAITS static enum err undo(struct comparison *comparison, const struct bridged_client *client, unsigned *tally)
{
	struct graph graph;
	enum err err;

	graph_begin(&graph, comparison->settings);
	err = bridge_undo(comparison->bridge, &graph, client);
	if (err == OK)
		(*tally)++;
	else
		log_warn("bridge.reconcile_failed", LOG_STR("bridge", comparison->settings->name),
			 LOG_STR("client", client->id), LOG_ERR(err), LOG_STR("problem", buf_str(&graph.problem)));
	graph_end(&graph);
	return err;
}

/* Lists there are some seconds behind: what is missing in one is asked for by itself. */
AWAITS static enum err check_lost(struct comparison *comparison, const struct bridged_client *client)
{
	struct graph_application application;
	struct graph graph;
	enum err err;

	graph_begin(&graph, comparison->settings);
	err = graph_find(&graph, client->object_id, STR(""), &application);
	graph_end(&graph);
	if (err != ERR_NOT_FOUND)
		return err;
	TRY(undo(comparison, client, &comparison->tally->lost));
	return bridge_audit(comparison->bridge, NULL, "bridge.client_lost", client, OK);
}

AWAITS static enum err compare_row(struct comparison *comparison, const struct bridged_client *client)
{
	struct graph_application *application = map_remove(&comparison->there, client->id);

	if (application != NULL)
		(void)map_put(&comparison->met, bridge_unique_id(application->unique), application);
	if (str_eq(client->state, BRIDGED_REMOVING) ||
	    (str_eq(client->state, BRIDGED_MAKING) && client->created_ms < comparison->before_ms))
		return undo(comparison, client, &comparison->tally->finished);
	if (str_eq(client->state, BRIDGED_ACTIVE) && application == NULL && client->created_ms < comparison->before_ms)
		return check_lost(comparison, client);
	return OK;
}

AWAITS static enum err compare_rows(struct comparison *comparison)
{
	char after[ID_LEN + 1] = "";

	for (;;) {
		AUTO(arena) *arena = arena_new(ROWS_BYTES_MAX);
		struct bridged_client *clients;
		size_t count;

		TRY(bridged_client_pick(comparison->bridge->spec.db, arena, comparison->settings->name, BRIDGED_ALL, 0,
					str_of(after), PAGE_ROWS, &clients, &count));
		for (size_t i = 0; i < count; i++) {
			enum err err = compare_row(comparison, &clients[i]);

			if (err == ERR_CANCELED)
				return err;
			comparison->failed = err != OK ? err : comparison->failed;
		}
		if (count < PAGE_ROWS)
			return OK;
		memcpy(after, clients[count - 1].id.p, ID_LEN);
		after[ID_LEN] = '\0';
	}
}

AWAITS static enum err remove_orphan(struct comparison *comparison, const struct graph_application *application)
{
	struct bridged_client client = {.id = bridge_unique_id(application->unique),
					.tenant_id = STR(""),
					.bridge = comparison->settings->name};
	struct graph graph;
	enum err err;

	graph_begin(&graph, comparison->settings);
	err = graph_drop(&graph, application);
	graph_end(&graph);
	TRY(err);
	comparison->tally->orphans++;
	return bridge_audit(comparison->bridge, NULL, "bridge.orphan_removed", &client, OK);
}

AWAITS static enum err remove_orphans(struct comparison *comparison)
{
	const struct graph_application *application;
	size_t cursor = 0, orphans = 0;

	while ((application = map_next(&comparison->there, &cursor)) != NULL)
		orphans += application->created_ms < comparison->before_ms;
	if (orphans > ORPHANS_SURELY && orphans > comparison->met.used) {
		log_error("bridge.orphans_kept", LOG_STR("bridge", comparison->settings->name),
			  LOG_INT("applications", (int64_t)orphans), LOG_INT("known", (int64_t)comparison->met.used),
			  LOG_CSTR("advice", "is this the right database? Else remove them in the directory"));
		return ERR_LIMIT;
	}
	cursor = 0;
	while ((application = map_next(&comparison->there, &cursor)) != NULL)
		if (application->created_ms < comparison->before_ms)
			TRY(remove_orphan(comparison, application));
	return OK;
}

AWAITS static enum err compare(struct comparison *comparison)
{
	TRY(read_there(comparison));
	TRY(compare_rows(comparison));
	TRY(remove_orphans(comparison));
	return comparison->failed;
}

AWAITS enum err bridge_reconcile(struct bridge *bridge, const struct bridge_settings *settings,
				 struct bridge_tally *tally)
{
	struct comparison comparison = {.bridge = bridge,
					.settings = settings,
					.tally = tally,
					.before_ms = clock_wall_ms() - settings->grace_ms};
	enum err err;

	comparison.arena = arena_new(LIST_BYTES_MAX);
	err = compare(&comparison);
	map_free(&comparison.there);
	map_free(&comparison.met);
	arena_free(comparison.arena);
	return err;
}

AWAITS enum err bridge_tend(struct bridge *bridge, const struct bridge_settings *settings, size_t count,
			    struct buf *words)
{
	struct bridge_tally tally = {0};
	enum err failed = OK;

	for (size_t i = 0; i < count; i++) {
		enum err err = bridge_rotate(bridge, &settings[i], &tally);

		if (err == OK)
			err = bridge_reconcile(bridge, &settings[i], &tally);
		failed = err != OK ? err : failed;
		if (err == ERR_CANCELED)
			break;
	}
	buf_put_fmt(words, "%u secrets rotated, %u old ones removed, %u unfinished, %u orphans, %u lost", tally.rotated,
		    tally.superseded, tally.finished, tally.orphans, tally.lost);
	return failed;
}
