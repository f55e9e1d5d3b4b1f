/* Finding tools by what they are for: an index over one view, made with the catalog and
 * immutable like it. */
#ifndef GATEHOUSE_CATALOG_SEARCH_H
#define GATEHOUSE_CATALOG_SEARCH_H

#include "catalog/catalog.h"

#define SEARCH_QUERY_BYTES_MAX 1024 /* a sentence or two; longer ones are cut */
#define SEARCH_QUERY_WORDS_MAX 32   /* each costs a walk over its tools */
#define SEARCH_HITS_MAX 50

struct search_hit {
	const struct catalog_item *item;
	float score;
};

/* The two tools that a view in search mode lists. */
extern const struct str search_tool_find; /* "search_tools" */
extern const struct str search_tool_call; /* "call_tool" */
extern const struct str search_listing;	  /* both as tools/list shows them: "[{...},{...}]" */

/* Index the names, titles, descriptions and parameters of tools.
 *   ret        in `arena`, borrows `items`
 *   Runs on    any thread; about 10 us a tool */
struct search *search_build(struct arena *arena, struct catalog_item *const *items, size_t count);

/* The tools that fit best, best first; those that fit alike in the order of the list. A query that
 * is the very name of a tool finds that one first.
 *   scratch    takes 4 bytes a tool
 *   hits       room for `limit`
 *   returns    how many there are
 *   Errors     none; 0 also when scratch has no room
 *   Runs on    any thread
 *   Source     BM25F: Robertson, Zaragoza, The Probabilistic Relevance Framework, 2009 */
size_t search_run(const struct search *search, struct str query, struct arena *scratch, struct search_hit *hits,
		  size_t limit);

#endif
