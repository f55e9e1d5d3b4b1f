/* A process's runner: what calls share. Private to the room.
 *
 * Pauses and memos are kept for all loops under one lock each, which is held for a look-up; pools of connections and
 * buffers belong to the loop they are on. */
#ifndef GATEHOUSE_CONNECTOR_RUNNER_H
#define GATEHOUSE_CONNECTOR_RUNNER_H

#include <pthread.h>

#include "base/map.h"
#include "connector/connector.h"

#define RUNNER_MAGIC 0x434f5255u
#define NATIVE_TABLES_MAX 16

struct outlets;
struct memos;
struct pauses;
struct spares;

struct connector_runner {
	uint32_t magic;
	struct db *db;
	struct vault *vault;
	struct media_store *media;
	struct secret *cursor_key, *digest_key;
	struct native_table natives[NATIVE_TABLES_MAX];
	size_t native_count;
	struct outlets *outlets;
	struct memos *memos;
	struct pauses *pauses;
	struct spares *spares;
};

/* ---- pause.c: accounts that a platform wants to be left alone ---- */

#define PAUSES_MAX 4096	     /* accounts; beyond it the one that ends first is forgotten */
#define PAUSE_MS_MAX 3600000 /* an hour: then it is tried again, whatever was said */

/* An empty table; free it when no call is under way. Any thread. */
struct pauses *pauses_new(void);
void pauses_free(struct pauses *pauses);
/* Whether any account must be left alone. Any thread. */
bool pauses_any(const struct pauses *pauses);
/* Milliseconds that are left; 0: none. Any thread. */
int64_t pauses_left_ms(struct pauses *pauses, struct str account);
void pauses_begin(struct pauses *pauses, struct str account, int64_t ms);

/* ---- memo.c: what steps captured for an account ---- */

#define MEMOS_MAX 1024		   /* entries; beyond it the oldest goes */
#define MEMO_BYTES_MAX (16 * 1024) /* of an entry; larger ones are not kept */
#define MEMO_ACCOUNT_MS 3600000	   /* `memo: account` */
#define MEMO_KEY_BYTES 32

/* An empty table; free it when no call is under way, which wipes it. Any thread. */
struct memos *memos_new(void);
void memos_free(struct memos *memos);
/* Append what is kept under a key. Any thread. */
bool memos_get(struct memos *memos, const uint8_t key[MEMO_KEY_BYTES], struct buf *out);
/* Keep it; all that an account has can be forgotten at once. */
void memos_put(struct memos *memos, const uint8_t key[MEMO_KEY_BYTES], struct str account, struct str text, int64_t ms);
void memos_forget(struct memos *memos, struct str account);

/* ---- spare.c: buffers of requests that are over ---- */

/* None yet; free it when no call is under way. Any thread. */
struct spares *spares_new(void);
void spares_free(struct spares *spares);
/* An empty buffer with 4 KB of room. On a loop. */
struct buf spares_take(struct spares *spares);
/* Wipe it and take it back; what is empty is fine. On the loop that took it. */
void spares_give(struct spares *spares, struct buf *buf);

#endif
