/* Walking the chain: every row is encoded again from its columns and hashed again. Then the head
 * says whether the table ends where the last writer left it.
 *
 * It begins at the anchor, the last row that was archived; without one, at row 1. Rows may be archived while we walk:
 * when something seems amiss and the anchor has moved on since, the walk begins again from there.
 *
 * The head is read first: rows that a running gateway adds meanwhile lie behind it and only have
 * to be linked soundly. What this can't see: the whole file replaced by an older copy of itself.
 * Against that, keep the number this reports somewhere else. */
#include "audit/chain.h"
#include <stdio.h>

#include "base/check.h"

#define PAGE_ROWS 1000
#define PAGE_BYTES_MAX (PAGE_ROWS * (CHAIN_BODY_BYTES_MAX + 1024)) /* texts and cells */
#define WALKS_MAX 5 /* an archiver that moves the anchor during each of them is not real */

struct walk {
	struct db *db;
	const struct secret *key;
	struct buf *problem;
	struct audit_head anchor, head;
	int64_t seq; /* of the last sound row */
	uint8_t mac[AUDIT_MAC_BYTES];
};

static enum err PRINTF(2, 3) broken(struct walk *walk, const char *fmt, ...)
{
	char text[256];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	CHECK(n >= 0 && (size_t)n < sizeof(text));
	if (walk->problem != NULL)
		buf_put_fmt(walk->problem, "%s (rows before it that verify: %lld)", text, (long long)walk->seq);
	return ERR_DB_CORRUPT;
}

/* The row's bytes as chain_link wants them; false when they can't be ours. */
static bool encode_row(const struct audit_row *row, uint8_t *head, size_t *ret_body_bytes)
{
	struct chain_body body = {
		.at_ms = row->at_ms,
		.duration_us = row->duration_us,
		.bytes_in = row->bytes_in,
		.bytes_out = row->bytes_out,
		.strings = {row->event, row->tenant_id, row->principal, row->ip, row->request_id, row->target,
			    row->upstream, row->outcome},
	};

	for (size_t i = 0; i < CHAIN_STRINGS; i++) {
		if (body.strings[i].n > CHAIN_STRING_BYTES_MAX)
			return false;
	}
	*ret_body_bytes = chain_encode(&body, head + CHAIN_HEAD_BYTES);
	return !row->damaged;
}

static enum err check_row(struct walk *walk, const struct audit_row *row)
{
	uint8_t bytes[CHAIN_HEAD_BYTES + CHAIN_BODY_BYTES_MAX], mac[AUDIT_MAC_BYTES];
	size_t body_bytes;

	if (row->seq <= walk->anchor.seq) /* 0 without one */
		return broken(walk, "row %lld does not belong there", (long long)row->seq);
	if (row->seq != walk->seq + 1)
		return broken(walk, "row %lld is missing", (long long)walk->seq + 1);
	if (!encode_row(row, bytes, &body_bytes))
		return broken(walk, "row %lld was changed", (long long)row->seq);
	chain_link(walk->key, bytes, body_bytes, walk->mac, row->seq, mac);
	if (!str_eq_secret((struct str){(const char *)mac, sizeof(mac)},
			   (struct str){(const char *)row->mac, sizeof(row->mac)}))
		return broken(walk, "row %lld was changed, or does not follow the row before it", (long long)row->seq);
	memcpy(walk->mac, mac, sizeof(mac));
	walk->seq = row->seq;
	if (row->seq == walk->head.seq && memcmp(mac, walk->head.mac, sizeof(mac)) != 0)
		return broken(walk, "row %lld is not the one that was written last", (long long)row->seq);
	return OK;
}

AWAITS static enum err walk_rows(struct walk *walk)
{
	int64_t after = INT64_MIN; /* rows put in front of the first one are to be seen as well */
	size_t count;

	do {
		AUTO(arena) *arena = arena_new(PAGE_BYTES_MAX);
		struct audit_row *rows;

		TRY(audit_row_page(walk->db, arena, after, PAGE_ROWS, &rows, &count));
		for (size_t i = 0; i < count; i++)
			TRY(check_row(walk, &rows[i]));
		after = walk->seq;
	} while (count == PAGE_ROWS);
	return OK;
}

static bool head_is_empty(const struct audit_head *head)
{
	static const struct audit_head none;

	return memcmp(head, &none, sizeof(none)) == 0;
}

AWAITS static enum err check_head(struct walk *walk)
{
	if (head_is_empty(&walk->head) && walk->seq > 0) {
		/* The very first rows may have come after we looked. */
		TRY(audit_head_get(walk->db, &walk->head));
		if (head_is_empty(&walk->head))
			return broken(walk, "the mark of the last row is missing");
	}
	if (head_is_empty(&walk->head))
		return OK;
	if (!chain_is_sealed(walk->key, &walk->head))
		return broken(walk, "the mark of the last row was changed");
	return OK;
}

AWAITS static enum err check_anchor(struct walk *walk)
{
	TRY(audit_anchor_get(walk->db, &walk->anchor));
	if (head_is_empty(&walk->anchor))
		return OK;
	if (walk->anchor.seq <= 0 || !chain_is_anchor(walk->key, &walk->anchor))
		return broken(walk, "the mark of the last archived row was changed");
	walk->seq = walk->anchor.seq;
	memcpy(walk->mac, walk->anchor.mac, sizeof(walk->mac));
	return OK;
}

AWAITS static enum err walk_once(struct walk *walk)
{
	walk->seq = 0;
	memset(walk->mac, 0, sizeof(walk->mac));
	TRY(check_anchor(walk));
	TRY(audit_head_get(walk->db, &walk->head));
	TRY(walk_rows(walk));
	TRY(check_head(walk));
	if (walk->head.seq > walk->seq)
		return broken(walk, "rows %lld to %lld are missing at the end", (long long)walk->seq + 1,
			      (long long)walk->head.seq);
	return OK;
}

AWAITS enum err audit_verify(struct db *db, const struct secret *key, struct buf *problem, int64_t *ret_rows)
{
	struct walk walk = {.db = db, .key = key, .problem = problem};
	size_t said = problem == NULL ? 0 : problem->n;
	enum err err;

	for (unsigned i = 0; i < WALKS_MAX; i++) {
		struct audit_head anchor;

		if (problem != NULL)
			problem->n = said;
		err = walk_once(&walk);
		if (err != ERR_DB_CORRUPT)
			break;
		TRY(audit_anchor_get(db, &anchor));
		if (anchor.seq <= walk.anchor.seq || !chain_is_anchor(key, &anchor))
			break;
	}
	TRY(err);
	*ret_rows = walk.seq;
	return OK;
}
