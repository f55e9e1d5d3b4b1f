/* What calls need to know of a ready instance, in one reference-counted block that any loop
 * may read, and the header lines made from it. */
#include <stdlib.h>

#include "base/check.h"
#include "upstream/ask.h"

#define FACTS_MAGIC 0x46435401u

static atomic_ullong serials; /* process-wide, so that no two facts are ever mistaken */

struct facts *facts_new(struct upstream *upstream, enum mcp_revision revision, struct str session)
{
	AUTO_BUF head = {0};
	struct facts *facts;

	buf_put(&head, STR("Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"));
	/* spec: 2025-06-18 basic/transports#protocol-version-header; older servers know no such header */
	if (revision >= MCP_2025_06_18)
		buf_put_fmt(&head, "MCP-Protocol-Version: %.*s\r\n", STR_ARG(mcp_revision_text(revision)));
	if (session.p != NULL)
		buf_put_fmt(&head, "Mcp-Session-Id: %.*s\r\n", STR_ARG(session));
	buf_put(&head, upstream->config_lines);

	facts = aligned_alloc(64, (sizeof(*facts) + head.n + 63) / 64 * 64);
	CHECK(facts != NULL);
	memset(facts, 0, sizeof(*facts));
	facts->magic = FACTS_MAGIC;
	atomic_init(&facts->refs, 1);
	facts->revision = revision;
	facts->serial = atomic_fetch_add_explicit(&serials, 1, memory_order_relaxed);
	facts->has_session = session.p != NULL;
	memcpy((char *)(facts + 1), head.p, head.n);
	facts->head = (struct str){(const char *)(facts + 1), head.n};
	return facts;
}

struct facts *facts_ref(struct facts *facts)
{
	CHECK_OBJ(facts, FACTS_MAGIC);
	atomic_fetch_add_explicit(&facts->refs, 1, memory_order_relaxed);
	return facts;
}

void facts_unref(struct facts *facts)
{
	if (facts == NULL)
		return;
	CHECK_OBJ(facts, FACTS_MAGIC);
	if (atomic_fetch_sub_explicit(&facts->refs, 1, memory_order_acq_rel) != 1)
		return;
	facts->magic = 0;
	free(facts);
}

/* A header line; none at all when the value, which may come from a client's JSON, holds bytes
 * that would end it or begin another one. */
static void put_line(struct buf *head, struct str name, struct str value)
{
	if (!str_is_printable(value))
		return;
	buf_put(head, name);
	buf_put(head, value);
	buf_put(head, STR("\r\n"));
}

void http_call_lines(struct buf *head, enum mcp_revision revision, struct str method, struct str name,
		     const struct upstream_call *call)
{
	/* spec: 2026-07-28 basic/transports/streamable-http#standard-headers; a legacy server must
	 * not see them, since nothing would check them against the body */
	if (mcp_is_modern(revision)) {
		put_line(head, STR("Mcp-Method: "), method);
		if (name.p != NULL) {
			buf_put(head, STR("Mcp-Name: "));
			mcp_header_encode(name, head);
			buf_put(head, STR("\r\n"));
		}
		if (call != NULL)
			buf_put(head, call->param_headers);
	}
	if (call == NULL)
		return;
	if (call->request_id.n > 0)
		put_line(head, STR("X-Request-Id: "), call->request_id);
	if (call->outgoing.traceparent.n > 0)
		put_line(head, STR("traceparent: "), call->outgoing.traceparent);
	if (call->outgoing.tracestate.n > 0)
		put_line(head, STR("tracestate: "), call->outgoing.tracestate);
}
