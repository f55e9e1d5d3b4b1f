/* What the configuration says about bridges: parsed by gateway/config_bridges.c, read by this room. Part of the
 * immutable snapshot: every string lives as long as it. */
#ifndef GATEHOUSE_BRIDGE_SETTINGS_H
#define GATEHOUSE_BRIDGE_SETTINGS_H

#include "state/state.h"

#define BRIDGES_MAX 16
#define BRIDGE_SCOPES_MAX 32

/* A scope that clients may have, and what an application there must ask for so that it is granted. */
struct bridge_scope {
	struct str name;
	struct str resource, permission; /* ids there: the API's application, its permission; empty: nothing */
};

enum bridge_type { BRIDGE_ENTRA };

/* A bridge to a directory of Microsoft Entra. */
struct bridge_settings {
	enum bridge_type type;
	struct str name;      /* [a-z0-9-]: in its paths */
	struct str tenant;    /* the directory's id, or one of its domains */
	struct str client_id; /* the application that the gateway is there */
	struct str client_secret;
	struct str authority, graph;	  /* origins without a slash at their end */
	const struct str *redirect_hosts; /* of https redirect URIs */
	size_t redirect_host_count;
	bool loopback; /* redirect URIs on the user's own machine are allowed as well */
	const struct bridge_scope *scopes;
	size_t scope_count;
	unsigned quota;	  /* clients of one tenant */
	struct rate rate; /* registrations of one tenant */
	int64_t secret_life_ms;
	int64_t overlap_ms; /* an old secret is good so long beside the new one */
	int64_t grace_ms;   /* what is unfinished is left alone so long */
	struct str ca_file;
	bool allow_private;
};

#endif
