/* An account at a service, and a gateway that has it. */
#ifndef GATEHOUSE_TEST_CONNECT_SCENE_H
#define GATEHOUSE_TEST_CONNECT_SCENE_H

#include "connect_fixture.h"

#include "audit/audit.h"
#include "connect/fresh.h"
#include "service_run.h"

static struct service service;

struct scene {
	struct db *db;
	struct arena *arena;
	struct audit *audit;
	struct replica_of_connect it;
	struct auth_settings settings;
	struct connect_at at;
};

AWAITS static inline void scene_start(struct scene *scene, struct db *db)
{
	*scene = (struct scene){.db = db, .arena = arena_new(1 << 20)};
	service_start(&service);
	ck_ok(audit_start(db, secret_random(), AUDIT_STRICT, &scene->audit));
	connect_start(&scene->it, db, scene->audit);
	scene->settings.client_id = STR("us");
	scene->at = (struct connect_at){.upstream = STR("mail"),
					.settings = &scene->settings,
					.tenant_id = test_tenant(db, scene->arena, "acme").id,
					.user_id = STR("u1"),
					.allow_private = true};
}

AWAITS static inline void scene_end(struct scene *scene)
{
	connect_stop(&scene->it);
	audit_stop(scene->audit);
	arena_free(scene->arena);
	service_stop(&service);
}

/* The account's first pair, which ends so many ms from now; 0: never. */
AWAITS static inline void scene_account(struct scene *scene, int64_t ends_in_ms)
{
	struct grant grant = test_grant("at-1", "rt-1");

	grant.token_url = str_of(service.token_url);
	grant.revoke_url = str_of(service.revoke_url);
	grant.expires_ms = ends_in_ms == 0 ? 0 : clock_wall_ms() + ends_in_ms;
	ck_ok(grant_keep(scene->it.connect, &scene->at, &grant, GRANT_ACTIVE));
}

/* As if the row had been written long ago. */
AWAITS static inline void scene_age(struct scene *scene)
{
	ck_ok(test_write(scene->db, "UPDATE credential SET changed_ms = changed_ms - 3000000"));
}

AWAITS static inline int64_t changed_of(struct scene *scene)
{
	return test_int(scene->db, "SELECT changed_ms FROM credential");
}

#define ck_token(scene, want)                                                                                          \
	do {                                                                                                           \
		struct fresh ck_fresh_;                                                                                \
		ck_ok(connect_fresh((scene)->it.connect, &(scene)->at, &ck_fresh_));                                   \
		ck_bytes(secret_text_str(ck_fresh_.token), str_of(want));                                              \
		fresh_end(&ck_fresh_);                                                                                 \
	} while (0)

#define ck_no_token(scene, want)                                                                                       \
	do {                                                                                                           \
		struct fresh ck_fresh_;                                                                                \
		ck_err(connect_fresh((scene)->it.connect, &(scene)->at, &ck_fresh_), want);                            \
	} while (0)

#endif
