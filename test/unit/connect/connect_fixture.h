/* A struct connect over the case's database, a tenant and an account in it. */
#ifndef GATEHOUSE_TEST_CONNECT_FIXTURE_H
#define GATEHOUSE_TEST_CONNECT_FIXTURE_H

#include "../vault/vault_fixture.h"

#include "authclient/settings.h"
#include "base/clock.h"
#include "connect/grant.h"

struct replica_of_connect {
	struct replica replica;
	struct connect *connect;
};

static inline void connect_start(struct replica_of_connect *it, struct db *db, struct audit *audit)
{
	replica_start(&it->replica, db, 1);
	it->connect = connect_new(&(struct connect_spec){.db = db, .vault = it->replica.vault, .audit = audit});
}

AWAITS static inline void connect_stop(struct replica_of_connect *it)
{
	connect_free(it->connect);
	replica_stop(&it->replica);
}

static inline struct grant test_grant(const char *access, const char *refresh)
{
	return (struct grant){.issuer = STR("https://issuer.example"),
			      .token_url = STR("https://issuer.example/token"),
			      .client_id = STR("us"),
			      .client_auth = CLIENT_AUTH_NONE,
			      .scope = STR("read"),
			      .access_token = str_of(access),
			      .refresh_token = str_of(refresh),
			      .account_name = STR("Ada")};
}

#endif
