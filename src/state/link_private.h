/* The inside of a link, for link.c (requests and replies, breaking and beginning anew) and link_open.c (how a
 * connection begins). */
#ifndef GATEHOUSE_STATE_LINK_PRIVATE_H
#define GATEHOUSE_STATE_LINK_PRIVATE_H

#include "state/link.h"

#define LINK_MAGIC 0x6c696e6bu /* "link" */
#define LINK_PROBLEM_BYTES_MAX 160
#define LINK_WORDS_MAX 20 /* of a request */

/* Somebody who waits for a reply, on their stack. */
struct ask {
	struct wait wait;
	struct reply *reply;
};

struct asked {
	struct ask *ask; /* NULL: the asker has left, the reply is nobody's */
	int64_t at_ms;
};

struct link {
	uint32_t magic;
	enum link_state state;
	struct loop *loop;
	const struct link_spec *spec;
	struct str channel; /* empty: none */
	const struct link_events *events;
	void *owner;

	struct stream *stream; /* NULL: none; in LINK_DOWN and LINK_ENDED one that is being closed */
	struct reply_reader *reader;
	struct buf out; /* written in the loop's next turn: what a turn asks goes out as one piece */
	bool flushing;	/* `flush` is on its way */
	struct task flush;

	struct asked asked[LINK_ASKS_MAX]; /* a ring */
	unsigned first, count;
	int64_t heard_ms;
	bool suspect; /* silent for too long when last looked; bytes may lie in the socket all the same */
	struct timer silence;

	struct timer retry;
	unsigned failures; /* attempts since it was up */
	struct fiber *opener;
	struct wait *on_attempt, *on_end; /* who waits for the end of an attempt; for that of the link */
	char sha[SCRIPTS][SCRIPT_SHA_LEN];
	char problem[LINK_PROBLEM_BYTES_MAX];
	size_t problem_n;
};

/* Ask while it opens too. */
NODISCARD enum err link_ask_opening(struct link *link, const struct str *words, size_t count, struct reply **ret_reply)
	AWAITS;

/* Move to another state; only along the arrows of the drawing. */
void link_set_state(struct link *link, enum link_state to);

/* Remember why, for the log. */
void link_note_problem(struct link *link, struct str problem);

extern const struct stream_events link_stream_events;

/* Connect and say what every connection begins with.
 *   Errors     any, with the problem noted */
NODISCARD enum err link_open(struct link *link) AWAITS;

#endif
