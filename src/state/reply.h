/* Replies of the server, read from bytes as they come: hiredis' parser with bounds of our own. Private to state. */
#ifndef GATEHOUSE_STATE_REPLY_H
#define GATEHOUSE_STATE_REPLY_H

#include "base/str.h"

#define REPLY_BYTES_MAX (5 * 1024 * 1024) /* of one that is not whole yet: a value of STATE_VALUE_BYTES_MAX fits */
#define REPLY_ITEMS_MAX 4096		  /* of one, all levels together; members need twice STATE_MEMBERS_MAX */

enum reply_kind { REPLY_TEXT, REPLY_NUMBER, REPLY_LIST, REPLY_NIL, REPLY_ERROR };

struct reply {
	enum reply_kind kind;
	int64_t number;
	struct str text;      /* of TEXT and ERROR; in the same block */
	struct reply **items; /* of LIST; none is NULL in a whole reply */
	size_t count;
};

/* With all its items; NULL is fine. */
void reply_free(struct reply *reply);
DEFINE_AUTO(reply, reply_free);

/* The number, also one that stands in a text; the text, empty for other kinds; item `i` of a list or, beyond it, a
 * nil. */
int64_t reply_number(const struct reply *reply);
struct str reply_text(const struct reply *reply);
const struct reply *reply_item(const struct reply *reply, size_t i);

struct reply_reader;

/* A reader of one connection, at its beginning. */
struct reply_reader *reply_reader_new(void);
void reply_reader_free(struct reply_reader *reader); /* NULL is fine */

/* Take bytes. Once it has failed the reader is of no use.
 *   Errors     ERR_LIMIT: more is held than a reply may have */
NODISCARD enum err reply_reader_feed(struct reply_reader *reader, struct str bytes);

/*   ret_reply  the caller's; NULL: no whole one is there
 *   Errors     ERR_IO: not the protocol; ERR_LIMIT: too many items */
NODISCARD enum err reply_reader_next(struct reply_reader *reader, struct reply **ret_reply);

#endif
