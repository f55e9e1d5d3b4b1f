/* The room's one object: what it was given. Each file of the room keeps what it needs beside that in a member of its
 * own (connect_private.h) and is called from here when it begins and ends; what is known of an account lies in the
 * database, never here. */
#include "connect/connect_private.h"

#include <stdlib.h>

#include "authclient/settings.h"
#include "rt/fiber.h"

#define ENDING_MS 100000 /* more than a renewal can take: its asking is bound, and its writing */
#define ENDING_LOOK_MS 10

struct connect *connect_new(const struct connect_spec *spec)
{
	struct connect *connect = calloc(1, sizeof(*connect));

	CHECK(connect != NULL);
	connect->magic = CONNECT_MAGIC;
	connect->spec = *spec;
	counts_init(&connect->counts);
	connect->documents = documents_new();
	return connect;
}

AWAITS static void wait_for_renewals(struct connect *connect)
{
	struct fiber_shield shield = fiber_shield_begin(ENDING_MS);

	atomic_store(&connect->ending, true);
	while (atomic_load(&connect->renewals) > 0)
		if (fiber_sleep(ENDING_LOOK_MS) != OK)
			break;
	fiber_shield_end(shield);
	CHECK(atomic_load(&connect->renewals) == 0);
}

AWAITS void connect_free(struct connect *connect)
{
	if (connect == NULL)
		return;
	CHECK_OBJ(connect, CONNECT_MAGIC);
	wait_for_renewals(connect);
	counts_finish(&connect->counts);
	documents_free(connect->documents);
	connect->magic = 0;
	free(connect);
}

void connect_at_copy(struct arena *arena, const struct connect_at *from, struct connect_at *ret_at)
{
	struct auth_settings *settings = ARENA_NEW(arena, struct auth_settings);

	auth_settings_copy(arena, from->settings, settings);
	*ret_at = (struct connect_at){
		.upstream = arena_str(arena, from->upstream),
		.callback = arena_str(arena, from->callback),
		.url = arena_str(arena, from->url),
		.settings = settings,
		.tenant_id = arena_str(arena, from->tenant_id),
		.user_id = arena_str(arena, from->user_id),
		.subject = arena_str(arena, from->subject),
		.public_url = arena_str(arena, from->public_url),
		.client_document = arena_str(arena, from->client_document),
		.client_name = arena_str(arena, from->client_name),
		.life_ms = from->life_ms,
		.ca_file = from->ca_file == NULL ? NULL : arena_str(arena, str_of(from->ca_file)).p,
		.allow_private = from->allow_private,
	};
}
