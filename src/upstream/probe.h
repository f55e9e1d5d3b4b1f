/* Which era does an upstream speak? The verdict on its answer to server/discover. Pure.
 *   Source     MCP 2026-07-28 basic/versioning; the official SDK's classifier */
#ifndef GATEHOUSE_UPSTREAM_PROBE_H
#define GATEHOUSE_UPSTREAM_PROBE_H

#include "mcp/message.h"
#include "mcp/revision.h"

enum probe_verdict {
	PROBE_MODERN,
	PROBE_LEGACY,
	PROBE_AGAIN, /* ask once more with a version that both know */
	PROBE_AUTH,  /* the credential was refused: says nothing about eras */
	PROBE_ERROR, /* neither did this: try again later */
};

struct probe_outcome {
	bool stdio;
	bool again;			  /* this was the second attempt already */
	enum err err;			  /* of the exchange */
	int status;			  /* HTTP; 0 when there was none */
	const struct mcp_message *answer; /* NULL: none that is JSON-RPC */
};

/*   ret_revision  set for PROBE_MODERN and PROBE_AGAIN */
enum probe_verdict probe_classify(struct arena *arena, const struct probe_outcome *outcome,
				  enum mcp_revision *ret_revision);

#endif
