/* What a caller may still use: the terms of its tenant, and the meters of both for this month. Found once for each
 * caller, loop and generation of the store; a connection remembers its caller's. */
#ifndef GATEHOUSE_GATEWAY_ALLOWANCE_H
#define GATEHOUSE_GATEWAY_ALLOWANCE_H

#include "gateway/meters.h"
#include "gateway/plan.h"
#include "gateway/request.h"

#define ALLOWANCES_PER_LOOP_MAX 8192 /* count, about 250 bytes each; the one used longest ago goes first */

/* Reference-counted on its loop, unchanged once made. Of a tenant (principal empty, tenant NULL) or of a caller. */
struct allowance {
	uint32_t magic;
	unsigned refs;
	struct list by_use;
	struct str key; /* tenant_id, then principal: in key_text */
	char key_text[2 * ID_LEN];
	int64_t generation, month_end_ms; /* it holds until either has passed */
	uint64_t config_number;
	struct allowance *tenant; /* one reference */
	struct terms terms;	  /* a tenant's, as these: */
	struct prefix *networks;  /* where it may be called from */
	size_t network_count;
	bool anywhere;
	struct meter *meter; /* one reference */
};

/* A loop's table; free it after the last request. Connections may let go of theirs later.
 *   Runs on    loop 0, while the loop itself does nothing with it */
struct allowances *allowances_new(void);
void allowances_free(struct allowances *allowances);

/* Find that of the request's caller, into req->allowance: one reference, given back with allowance_unref when the
 * request ends. NULL for who is of no tenant.
 *   Errors     ERR_KEY_INVALID (the tenant is gone), ERR_DB, ERR_BUSY ... */
NODISCARD enum err allowance_find(struct request *req) AWAITS;

/* Whether the tenant may be called from there; who is of no tenant (NULL) may from anywhere. */
bool allowance_covers(const struct allowance *allowance, const struct address *address);

/* NULL is fine. Runs on its loop. */
void allowance_unref(struct allowance *allowance);

/* Count a call of the caller.
 *   ret_limit  the quota that is used up; set with ERR_QUOTA
 *   Errors     ERR_QUOTA, those of meters_take */
NODISCARD enum err allowance_take(struct meters *meters, struct allowance *allowance, enum plan_limit *ret_limit)
	AWAITS;

/* The call that was counted has failed. */
void allowance_failed(struct allowance *allowance);

#endif
