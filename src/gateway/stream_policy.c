/* Open streams and rules: when a tenant's roles or rules have changed, so may have its lists, and its streams are told.
 * A stream holds the policy that it knows, and so a comparison of two addresses says whether it is another one. The
 * round is stream_watch.c's. While a policy is read streams come and go: only tenants' ids are kept across the wait. */
#include <stdlib.h>

#include "access/access.h"
#include "base/check.h"
#include "gateway/streams.h"

struct tenant_name {
	char id[ID_LEN + 1];
};

/* The tenants with a stream on this loop, each once. In a heap block, since nobody can say how many. */
static struct tenant_name *tenants_here(const struct gateway_loop *here, size_t *ret_count)
{
	struct tenant_name *tenants = calloc(here->stream_count + 1, sizeof(*tenants));
	struct map seen = {0};
	size_t count = 0;

	CHECK(tenants != NULL);
	for (struct list *l = here->streams.next; l != &here->streams; l = l->next) {
		const struct open_stream *open = LIST_OBJ(l, struct open_stream, link);

		if (map_get(&seen, str_of(open->mark.tenant_id)) != NULL)
			continue;
		memcpy(tenants[count].id, open->mark.tenant_id, sizeof(tenants[count].id));
		map_put(&seen, str_of(tenants[count].id), &tenants[count]);
		count++;
	}
	map_free(&seen);
	*ret_count = count;
	return tenants;
}

AWAITS void streams_check_policies(struct gateway_loop *here)
{
	struct tenant_name *tenants;
	size_t count;

	if (here->stream_count == 0)
		return;
	tenants = tenants_here(here, &count);
	for (size_t i = 0; i < count && fiber_status() == OK; i++) {
		AUTO(policy) *policy = NULL;

		if (access_policy(here->gateway->access, str_of(tenants[i].id), &policy) == OK)
			streams_policy_changed(here, str_of(tenants[i].id), policy);
	}
	free(tenants);
}
