/* How a file is cut into parts that are sent one by one. Private to the room. */
#ifndef GATEHOUSE_CONNECTOR_CHUNK_H
#define GATEHOUSE_CONNECTOR_CHUNK_H

#include "connector/run.h"

/* TikTok's plan: parts of so many bytes, so many of them, the last taking what is left over.
 *   Source     TikTok Content Posting API, Media Transfer Guide */
int64_t chunk_tiktok_bytes(int64_t size);
int64_t chunk_tiktok_count(int64_t size);

struct chunk {
	int64_t first, bytes;
};
struct chunk_plan_made {
	struct media *file;
	yyjson_val *object; /* that stands for the file */
	int64_t total, bytes;
	size_t count;
	yyjson_val *ranges; /* CHUNK_RANGES: what the server wants; else NULL */
};

/* Lay out what a step's `chunks` says.
 *   Errors     ERR_TOOL_FAILED: it names no file, or wants too many parts */
NODISCARD enum err chunk_plan(struct run *run, const struct chunks *chunks, struct chunk_plan_made *ret_plan);
/* One of them. CHUNK_RANGES: the element is in the scope.
 *   Errors     ERR_TOOL_FAILED: the range is not within the file */
NODISCARD enum err chunk_at(struct run *run, const struct chunks *chunks, const struct chunk_plan_made *plan,
			    size_t number, struct chunk *ret_chunk);
/* Set `part` in the scope. */
NODISCARD enum err chunk_show(struct run *run, const struct chunk_plan_made *plan, size_t number,
			      const struct chunk *chunk);

/* ---- run_open.c: the object that stands for a file ---- */
void media_describe(struct media *media, size_t number, struct buf *out);

#endif
