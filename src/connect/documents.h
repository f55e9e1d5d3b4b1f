/* What other servers publish about themselves, fetched. Those about authorization servers are kept for a moment: they
 * are the same for all their servers and people. Private to the room. */
#ifndef GATEHOUSE_CONNECT_DOCUMENTS_H
#define GATEHOUSE_CONNECT_DOCUMENTS_H

#include "connect/connect.h"

#define DOCUMENTS_MAX 32		    /* kept: more issuers than most installations know */
#define DOCUMENT_KEPT_BYTES_MAX (64 * 1024) /* a larger one is asked for each time; real ones have 2 to 10 KB */
#define DOCUMENT_MS 60000      /* kept so long when it does not say; a server's mistake is mended within it */
#define DOCUMENT_MS_MAX 300000 /* whatever it says */

struct documents;

/* One of a process, empty. To free NULL is fine.
 *   Runs on    any thread */
struct documents *documents_new(void);
void documents_free(struct documents *documents);

/* The document at a URL.
 *   ret_text   in `arena`
 *   ret_fresh_ms  how long it may be kept, by its own words: see struct fetched
 *   Errors     ERR_NOT_FOUND: nothing there that could be one (look elsewhere); ERR_UPSTREAM_BUSY: the server is there
 *              but not well (look elsewhere, and ask again later); others: there is no use in going on
 *   Runs on    a fiber */
NODISCARD enum err documents_fetch(struct arena *arena, const struct connect_at *at, struct str url,
				   struct str *ret_text, int64_t *ret_fresh_ms) AWAITS;

/* An issuer's document that was kept. Who asks with other certificates, or may not go where it came from, has its own.
 *   Errors     ERR_NOT_FOUND
 *   Runs on    any thread, both */
NODISCARD enum err documents_get(struct documents *documents, struct arena *arena, const struct connect_at *at,
				 struct str issuer, struct str *ret_text);
void documents_keep(struct documents *documents, const struct connect_at *at, struct str issuer, struct str text,
		    int64_t fresh_ms);

#endif
