/* Where reports come from: tools of the platforms' connectors (connectors/google-ads.yaml ...), which are called within
 * the process with a tenant's account. The gateway gives it; tests give their own. */
#ifndef GATEHOUSE_ADS_SOURCE_H
#define GATEHOUSE_ADS_SOURCE_H

#include "base/arena.h"

enum ads_platform { ADS_GOOGLE, ADS_META, ADS_TIKTOK, ADS_PLATFORMS };

/* Whose credential at which upstream. All borrowed. */
struct ads_place {
	struct str tenant_id;
	struct str upstream; /* "google-ads" */
	struct str account;  /* one of several that the upstream has; empty: the only one */
	struct str holder;   /* a principal, where each user connects its own; empty: the tenant's */
	bool connected;	     /* somebody has connected it; false: it could be */
};

/* Why there is no report. Texts live in the arena of the call. */
struct ads_failure {
	struct str class; /* a failure class of connectors ("rate_limited"), "not_connected" or "unexpected_shape" */
	struct str message;
	int64_t retry_after_s; /* 0: not known */
	/* Of a list of ad accounts: whose place it is; empty: not said. */
	struct str upstream, account;
};

struct ads_source {
	/* The upstreams of a platform that a tenant may use, in the order of the configuration.
	 *   holder     the caller's principal; empty: only what the tenant holds itself (background work)
	 *   ret_places in `arena`; a place for each account that is connected. Where none is: for each that could be,
	 * so that ERR_CREDENTIAL_MISSING of a call there names it Errors     ERR_DB ... */
	enum err (*places)(void *arg, struct str tenant_id, struct str holder, enum ads_platform platform,
			   struct arena *arena, struct ads_place **ret_places, size_t *ret_count) /* AWAITS */;
	/* Call a tool there. Its tokens are renewed, its retries made, its pauses kept, as for any call of a connector.
	 *   arguments   JSON object
	 *   ret_result  its structured content, in `arena`
	 *   Errors      ERR_TOOL_FAILED: `ret_failure` says why; ERR_CREDENTIAL_*: connect the account (the corridor
	 * makes a link of it); ERR_CANCELED, ERR_TIMEOUT ... */
	enum err (*call)(void *arg, const struct ads_place *place, const char *tool, struct str arguments,
			 struct arena *arena, struct str *ret_result, struct ads_failure *ret_failure) /* AWAITS */;
	/* Tenants that have an account at a platform, after `after` by id; ret_tenants in `arena`. */
	enum err (*tenants)(void *arg, struct str after, size_t limit, struct arena *arena, struct str **ret_tenants,
			    size_t *ret_count) /* AWAITS */;
	void *arg;
};

/* "google"; static. ADS_PLATFORMS: none has that name. */
const char *ads_platform_name(enum ads_platform platform);
enum ads_platform ads_platform_named(struct str name);

#endif
