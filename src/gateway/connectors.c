/* One runner for the process. Rooms with operations of the gateway's own export a table each; all of them are gathered
 * here, since this is where every room is known. */
#include "gateway/connectors.h"

#include <stdlib.h>

#include "ads/ads.h"
#include "base/check.h"
#include "connector/connector.h"
#include "connector/native_events.h"
#include "connector/native_media.h"
#include "email/email.h"
#include "events/events.h"
#include "gateway/accounts_health.h"
#include "gateway/ads_room.h"
#include "notes/notes.h"

#define NATIVES_MAX 8 /* tables */

/* Rooms that are there for connectors alone. */
struct connector_rooms {
	struct email_room *email;
	struct notes *notes;
	struct native_table natives[NATIVES_MAX];
	size_t native_count;
};

static void gather(struct connector_rooms *rooms, struct native_table table)
{
	CHECK(rooms->native_count < NATIVES_MAX);
	rooms->natives[rooms->native_count++] = table;
}

enum err connectors_start(struct gateway *gateway, const struct secret *key)
{
	struct connector_rooms *rooms = calloc(1, sizeof(*rooms));

	CHECK(rooms != NULL);
	gateway->connector_rooms = rooms;
	gateway->accounts_health = accounts_health_new();
	TRY(email_room_new(&rooms->email));
	rooms->notes = notes_new(gateway->started_config->data.p);
	gateway->events = events_new(&(struct events_spec){.db = gateway->db});
	gather(rooms, events_natives(gateway->events));
	gather(rooms, *email_natives(rooms->email));
	gather(rooms, notes_natives(rooms->notes));
	gather(rooms, media_natives());
	ads_room_start(gateway);
	gather(rooms, ads_natives(gateway->ads));
	gateway->connectors = connector_runner_new(&(struct connector_runner_spec){
		.db = gateway->db,
		.vault = gateway->vault,
		.media = gateway->media,
		.key = key,
		.natives = rooms->natives,
		.native_count = rooms->native_count,
	});
	return OK;
}

AWAITS static void rooms_end(struct connector_rooms *rooms)
{
	if (rooms == NULL)
		return;
	if (rooms->notes != NULL)
		notes_free(rooms->notes);
	email_room_free(rooms->email);
	free(rooms);
}

AWAITS void connectors_stop(struct gateway *gateway)
{
	accounts_health_stop(gateway->accounts_health);
	ads_room_stop(gateway);
	if (gateway->connectors != NULL)
		connector_runner_free(gateway->connectors);
	rooms_end(gateway->connector_rooms);
	accounts_health_free(gateway->accounts_health);
	events_free(gateway->events);
	gateway->connectors = NULL;
	gateway->connector_rooms = NULL;
	gateway->accounts_health = NULL;
	gateway->events = NULL;
}

const char *connectors_account_health(void *arg, struct str tenant_id, struct str place, struct str user_id)
{
	const struct account_place of = {tenant_id, place, user_id};

	return account_health_name(accounts_health_ask(arg, &of));
}
