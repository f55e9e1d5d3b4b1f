/* What the operations share: an asked one, its arguments, its answer. Operations run on a worker thread, with the
 * vault's connection of their lane to themselves. Private to the room. */
#ifndef GATEHOUSE_NOTES_OPS_H
#define GATEHOUSE_NOTES_OPS_H

#include "notes/notebook.h"

struct note_ask {
	struct native_call *call;
	struct notebook *book;
	struct side *side;    /* of the lane; no other thread uses it meanwhile */
	int64_t quota_bytes;  /* 0: none */
	struct str heartbeat; /* a file of the vault that its sync touches; empty none */
};

/* Arguments, by name; absent ones are empty, 0 or false. */
struct str ask_text(const struct note_ask *ask, const char *name);
int64_t ask_int(const struct note_ask *ask, const char *name, int64_t fallback);
bool ask_bool(const struct note_ask *ask, const char *name, bool fallback);
yyjson_val *ask_value(const struct note_ask *ask, const char *name);

/* Say no: a class of the connector language and a sentence; ERR_TOOL_FAILED. */
NODISCARD enum err ask_refuse(struct note_ask *ask, struct str class, const char *fmt, ...) PRINTF(3, 4);

/* The answer: a JSON object. */
void ask_answer(struct note_ask *ask, const struct buf *json);

/* The note of a path as the caller gave it, in its own spelling.
 *   ret_path   as it is on the disk; of one that is not there yet: as it would be made
 *   ret_there  whether it is there; NULL: it must be
 *   Errors     ERR_TOOL_FAILED, said in the call */
NODISCARD enum err ask_path(struct note_ask *ask, struct str given, struct str *ret_path, bool *ret_there);

/* Read it.   text       gets it */
NODISCARD enum err ask_note(struct note_ask *ask, struct str path, struct buf *text, struct place_stamp *ret_stamp);

/* In hexadecimal. */
#define SHA256_HEX_BYTES 64
void sha256_hex(struct str text, char out[SHA256_HEX_BYTES + 1]);

/* A time as the connectors tell it: RFC 3339. */
void put_time(struct buf *out, int64_t wall_ms);

/* The operations; see connectors/obsidian.yaml for what they take and give. */
enum err op_search(struct note_ask *ask);
enum err op_read(struct note_ask *ask);
enum err op_append(struct note_ask *ask);
enum err op_update(struct note_ask *ask);
enum err op_status(struct note_ask *ask);

#endif
