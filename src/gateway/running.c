/* Which requests are under way: a list per loop, which its requests enter and leave by themselves. Nothing is
 * counted until somebody asks, which happens when a configuration leaves upstreams out.
 *
 * A request sees one catalog from start to end, and waits on its way (rates, access classes, another replica)
 * before it comes to the upstream that it found there. It is not told that the upstream has gone meanwhile:
 * the upstream waits for it, see assembly_retire. */
#include "gateway/running.h"

void running_begin(struct request *req)
{
	list_add_tail(&req->here->running, &req->running);
}

void running_end(struct request *req)
{
	list_remove(&req->running);
}

struct count {
	struct gateway *gateway;
	const struct str *names;
	size_t name_count;
	struct running *running;
};

static bool is_among(struct str name, const struct str *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(name, names[i]))
			return true;
	return false;
}

static enum err count_here(void *arg)
{
	const struct count *count = arg;
	const struct gateway_loop *here = gateway_here(count->gateway);

	for (struct list *l = here->running.next; l != &here->running; l = l->next) {
		const struct request *req = LIST_OBJ(l, struct request, running);

		if (req->catalog == here->catalog)
			continue;
		if (req->upstream.n == 0)
			count->running->undecided++;
		else if (is_among(req->upstream, count->names, count->name_count))
			count->running->bound++;
	}
	return OK;
}

AWAITS enum err running_count(struct gateway *gateway, const struct str *names, size_t name_count,
			      struct running *ret_running)
{
	struct running running = {0};
	struct count count = {gateway, names, name_count, &running};

	for (unsigned i = 0; i < loop_count(); i++)
		TRY(loop_call(loop_at(i), "running", count_here, &count));
	*ret_running = running;
	return OK;
}
