/* One request, composed: what goes where, with which body. Private to the room.
 *
 * The whole of it lies in heap buffers that are wiped at the end, and in the arena of the answer to come, which is too:
 * secrets stand in URLs, headers and bodies. */
#ifndef GATEHOUSE_CONNECTOR_REQUEST_H
#define GATEHOUSE_CONNECTOR_REQUEST_H

#include "connector/run.h"

#define REQUEST_URL_BYTES_MAX 8192 /* pre-signed addresses have 2 KB */
#define REQUEST_HEAD_BYTES_MAX (32 * 1024)
#define REQUEST_BODY_BYTES_MAX (16 * 1024 * 1024) /* what is written by templates; files are streamed */
#define REQUEST_SEGMENTS_MAX 64			  /* texts and files of a body, by turns */

/* A stretch of a body: text in `text` (when file is NULL), or bytes of a file. */
struct segment {
	struct media *file;
	int64_t offset;
	uint64_t bytes;
};

struct body {
	struct buf text; /* all texts, one after the other */
	bool streamed;	 /* a file is among it: it is sent by segments */
	struct segment *segment;
	size_t count;
	uint64_t bytes;
	/* while it is sent */
	size_t at, text_at;
	uint64_t done; /* of the segment */
};

struct request {
	const struct step *step;
	struct arena *arena; /* of the answer to come */
	struct buf url, head;
	struct url to; /* slices of `url` */
	bool own;      /* it goes to where the account's credential may go */
	struct body body;
	struct str content_type; /* STR_NONE: none */
};

/* ---- request.c ---- */

/* Compose it. The credential is in the run already, if it goes along.
 *   Errors     ERR_TOOL_FAILED, ERR_LIMIT, ERR_CREDENTIAL_* (signatures) */
NODISCARD enum err request_compose(struct run *run, const struct step *step, struct request *request) AWAITS;
/* Wipe it; NULL-safe for what was begun only. */
void request_done(struct run *run, struct request *request);

/* ---- target.c ---- */

/* Where a URL leads, if requests may go there.
 *   ret_own    to a host of the settings
 *   Errors     ERR_TOOL_FAILED */
NODISCARD enum err target_check(struct run *run, struct str text, struct url *ret_url, bool *ret_own);
/* Whether it could be a URL: not too long, and nothing in it that readers of URLs disagree about. */
bool target_is_plain(struct str text);

/* ---- body.c ---- */

/* Compose the body, after which its size is known.
 *   Errors     ERR_TOOL_FAILED: too large, or a file is none */
NODISCARD enum err body_compose(struct run *run, const struct http_step *http, struct request *request);
/* As http_call wants it: `arg` is the body. */
enum err body_next(void *arg, struct str *ret_piece) AWAITS;
void body_rewind(struct body *body);

/* Append pairs as a form has them, or as the query of a URL that is there already. */
void put_pairs(struct run *run, const struct named_templates *pairs, bool query, struct buf *out);

#endif
