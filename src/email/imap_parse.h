/* What an IMAP server sends, taken apart: first where a response ends, then what stands in it. No input is trusted:
 * bytes, depth and count are bounded, and what does not parse ends the session.
 *
 *     bytes ─▶ imap_frame (line ends, literals) ─▶ imap_parse ─▶ struct imap_response
 *
 *   Source     RFC 9051 sections 2.2 and 9, RFC 3501 */
#ifndef GATEHOUSE_EMAIL_IMAP_PARSE_H
#define GATEHOUSE_EMAIL_IMAP_PARSE_H

#include "base/arena.h"

#define IMAP_LITERAL_BYTES_MAX (16u * 1024 * 1024)  /* a part is fetched in pieces below this */
#define IMAP_RESPONSE_BYTES_MAX (20u * 1024 * 1024) /* a line with its literals: SEARCH of two million messages */
#define IMAP_DEPTH_MAX 32			    /* of lists: mail within mail within mail */
#define IMAP_NODES_MAX 50000			    /* of a response */

/* Where the first response in a growing buffer ends. Zero-initialise for each response. */
struct imap_framer {
	size_t at; /* looked at so far */
};

/* Look at what has come since the last time.
 *   ret_bytes  of the whole response, its line end included; 0: more is needed
 *   Errors     ERR_LIMIT: it is too long, or will be */
NODISCARD enum err imap_frame(struct imap_framer *framer, struct str bytes, size_t *ret_bytes);

enum imap_kind { IMAP_NIL, IMAP_ATOM, IMAP_STRING, IMAP_LIST };
struct imap_node {
	enum imap_kind kind;
	struct str text;	 /* of an atom or a string, unescaped; slices of the response or of the arena */
	struct imap_node *first; /* of a list */
	struct imap_node *next;	 /* beside it */
};

enum imap_status { IMAP_NONE, IMAP_OK, IMAP_NO, IMAP_BAD, IMAP_BYE, IMAP_PREAUTH };
struct imap_response {
	struct str tag;		 /* "*", "+" or a command's */
	enum imap_status status; /* IMAP_NONE: it is data */
	struct str code;	 /* of a status: "UIDNEXT 5" between its brackets; may be empty */
	struct str text;	 /* of a status or "+": words for people. Of SEARCH: all that follows */
	uint32_t number;	 /* of data: "* 5 FETCH" */
	struct str name;	 /* of data: "FETCH", in upper case as servers send it */
	struct imap_node *first; /* of data */
	struct imap_response *next;
};

/* Take one whole response apart.
 *   bytes         as framed, line end included; must live as long as the result
 *   ret_response  in `arena`, as all of it
 *   Errors        ERR_UPSTREAM_GARBAGE, ERR_LIMIT
 *   Runs on       any thread */
NODISCARD enum err imap_parse(struct arena *arena, struct str bytes, struct imap_response **ret_response);

/* The n-th of a list's nodes; NULL when there are less, or it is no list. */
const struct imap_node *imap_at(const struct imap_node *list, size_t n);
/* A node's text; empty for NIL, lists and NULL. */
struct str imap_text(const struct imap_node *node);
/* Its number; false when it is none that fits. */
bool imap_number(const struct imap_node *node, uint64_t *ret_number);
/* In the items of a FETCH or STATUS, NAME VALUE NAME VALUE: the value under a name, which may be a beginning
 * ("BODY[1.2]"); NULL none. */
const struct imap_node *imap_item(const struct imap_node *list, struct str name);

#endif
