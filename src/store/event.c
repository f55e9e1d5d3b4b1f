/* Events as rows. A unique index over the upstream's own key for an event decides whether it was told before; each one
 * that comes removes what has expired, retention sweeps where nothing comes any more. */
#include "store/event.h"

#include "base/check.h"
#include "store/cells.h"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

AWAITS enum err event_add(struct db *db, const struct platform_event *event, bool trim)
{
	const struct db_statement statements[] = {
		STATEMENT("DELETE FROM event WHERE tenant_id = ? AND at_ms < ?", -1, DB_T(event->tenant_id),
			  DB_I(event->at_ms - EVENT_LIFE_MS)),
		STATEMENT("INSERT INTO event (id, tenant_id, upstream, kind, route, subject, dedup, at_ms, body)"
			  " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			  1, DB_T(event->id), DB_T(event->tenant_id), DB_T(event->upstream), DB_T(event->kind),
			  cell_text(event->route), cell_text(event->subject), DB_T(event->dedup), DB_I(event->at_ms),
			  DB_T(event->body)),
		STATEMENT("DELETE FROM event WHERE tenant_id = ? AND id IN (SELECT id FROM event WHERE tenant_id = ?"
			  " ORDER BY id DESC LIMIT " ALL_ROWS " OFFSET " TEXT(EVENTS_PER_TENANT_MAX) ")",
			  -1, DB_T(event->tenant_id), DB_T(event->tenant_id)),
	};

	return db_write(db, scope_of(event->tenant_id), statements, trim ? 3 : 2);
}

#define ASKED_FOR                                                                                                      \
	"SELECT id, kind, route, subject, at_ms, body FROM event WHERE tenant_id = ? AND upstream = ?"                 \
	" AND id > ? AND (? = '' OR kind = ?) AND (? = '' OR route = ?) AND (? = '' OR subject = ?)"

AWAITS enum err event_list(struct db *db, struct arena *arena, const struct event_query *query,
			   struct platform_event **ret_events, size_t *ret_count)
{
	struct platform_event *events;
	struct db_rows *rows;

	TRY(db_query(db, scope_of(query->tenant_id), arena,
		     query->newest ? ASKED_FOR " ORDER BY id DESC LIMIT ?" : ASKED_FOR " ORDER BY id LIMIT ?",
		     CELLS(DB_T(query->tenant_id), DB_T(query->upstream), cell_text(query->after),
			   cell_text(query->kind), cell_text(query->kind), cell_text(query->route),
			   cell_text(query->route), cell_text(query->subject), cell_text(query->subject),
			   DB_I(query->limit)),
		     10, &rows));
	events = arena_alloc(arena, (rows->rows + 1) * sizeof(*events));
	for (size_t i = 0; i < rows->rows; i++) {
		const struct db_value *cell = &rows->cells[i * rows->columns];

		events[query->newest ? rows->rows - 1 - i : i] = (struct platform_event){
			.id = cell_str(&cell[0]),
			.tenant_id = query->tenant_id,
			.upstream = query->upstream,
			.kind = cell_str(&cell[1]),
			.route = cell_str(&cell[2]),
			.subject = cell_str(&cell[3]),
			.at_ms = cell_int(&cell[4]),
			.body = cell_str(&cell[5]),
		};
	}
	*ret_events = events;
	*ret_count = rows->rows;
	return OK;
}
