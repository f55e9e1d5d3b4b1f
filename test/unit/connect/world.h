/* A struct connect with a tenant, and one server at a site of the test's own. */
#ifndef GATEHOUSE_TEST_CONNECT_WORLD_H
#define GATEHOUSE_TEST_CONNECT_WORLD_H

#include "connect_fixture.h"
#include "site.h"

#include "authclient/settings.h"
#include "base/log.h"
#include "connect/machine.h"
#include "connect/registration.h"

#define ISSUER_DOCUMENT(more)                                                                                          \
	"{\"issuer\":\"@\",\"authorization_endpoint\":\"@/authorize\",\"token_endpoint\":\"@/token\","                 \
	"\"code_challenge_methods_supported\":[\"S256\"]" more "}"
#define REGISTERS ",\"registration_endpoint\":\"@/register\""
#define AS_PLACE "/.well-known/oauth-authorization-server"
#define PRM_PLACE "/.well-known/oauth-protected-resource"
#define RESOURCE_DOCUMENT(more) "{\"resource\":\"@/mcp\",\"authorization_servers\":[\"@\"]" more "}"
#define REGISTERED(id) "{\"client_id\":\"" id "\",\"client_secret\":\"s of " id "\"}"

/* A connect room with a tenant, the site, and one server at it. */
struct world {
	struct replica_of_connect replica;
	struct site site;
	struct tenant tenant;
	struct auth_settings settings;
	struct connect_at at;
	struct arena *arena;
	struct buf problem;
};

AWAITS static inline void world_start(struct world *world, struct db *db, struct signing *signing)
{
	log_setup(LOG_LEVELS, LOG_TEXT);
	world->arena = arena_new(64 << 20);
	replica_start(&world->replica.replica, db, 1);
	world->replica.connect = connect_new(
		&(struct connect_spec){.db = db, .vault = world->replica.replica.vault, .signing = signing});
	site_start(&world->site);
	world->tenant = test_tenant(db, world->arena, "acme");
	world->at = (struct connect_at){.upstream = STR("files"),
					.url = site_text(&world->site, world->arena, "@/mcp"),
					.settings = &world->settings,
					.tenant_id = world->tenant.id,
					.public_url = STR("https://gate.example"),
					.allow_private = true};
}

AWAITS static inline void world_stop(struct world *world)
{
	site_stop(&world->site);
	connect_stop(&world->replica);
	buf_free(&world->problem);
	arena_free(world->arena);
}

/* What is kept of documents is forgotten. */
AWAITS static inline void world_fresh(struct world *world, struct db *db)
{
	connect_free(world->replica.connect);
	world->replica.connect = connect_new(&(struct connect_spec){.db = db, .vault = world->replica.replica.vault});
}

AWAITS static inline enum err world_find(struct world *world, struct connect_target *ret_target)
{
	world->problem.n = 0;
	return connect_target_find(world->replica.connect, world->arena, &world->at, STR_NONE, &world->problem,
				   ret_target);
}

#define ck_problem(world, word)                                                                                        \
	ck_assert_msg(memmem((world)->problem.p, (world)->problem.n, word, strlen(word)) != NULL, "%.*s",              \
		      STR_ARG(buf_str(&(world)->problem)))

#endif
