/* The audit trail's two ends. On the loops: audit_append encodes a row into the loop's ring and
 * rings the writer's bell. On the database's writer thread: the feed drains all rings into one
 * INSERT, links each row to the one before it, and leaves a sealed head behind.
 *
 *     loop 0: append -> ring 0 \
 *     loop 1: append -> ring 1  >-- feed_drain: seq, MAC, insert, head -- commit --> wake waiters
 *     loop n: append -> ring n /
 *
 * The head is read anew in each transaction: another process (the CLI) may have added rows. A
 * head that does not fit the table means that somebody was at the file; rows are then chained to
 * a value that can't verify, so that the break stays visible instead of being sealed over. */
#include "audit/audit.h"

#include <stdlib.h>

#include "audit/ring.h"
#include "audit/seals.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/utf8.h"

#define AUDIT_MAGIC 0x61756474u
#define APPEND_WAIT_MS 5000 /* for room, and for a strict commit */
#define STOP_WAIT_MS 5000
#define STOP_STEP_MS 2

struct audit {
	uint32_t magic;
	struct db *db;
	struct secret *key;
	enum audit_durability durability;
	atomic_uint_fast64_t waits;

	/* the writer thread's */
	struct audit_head head;	     /* as our last commit left it */
	struct audit_head next_head; /* as the open transaction will */
	int64_t seq;		     /* the transaction's: of the last row so far */
	uint8_t mac[AUDIT_MAC_BYTES];
	size_t ring_at, rows_left;
	bool failing, broken; /* already said so in the log */

	const struct secret *person_key; /* NULL: addresses stay as they are */
	struct seals **seals;		 /* by loop_index; each made by its loop when it first needs one */

	size_t ring_count;
	_Atomic(struct ring *) rings[]; /* by loop_index; each made by its loop at its first row */
};

/* --- the loops' end --- */

static struct ring *ring_here(struct audit *audit)
{
	struct loop *loop = loop_self();
	unsigned index = loop_index(loop);
	struct ring *ring = atomic_load_explicit(&audit->rings[index], memory_order_relaxed);

	if (unlikely(ring == NULL)) {
		ring = ring_new(loop);
		atomic_store_explicit(&audit->rings[index], ring, memory_order_release);
	}
	return ring;
}

/* The top bit of some byte, if one of eight is NUL or not ASCII. */
static inline uint64_t odd_bytes(const char *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word | ((word - 0x0101010101010101) & ~word);
}

/* ASCII without NUL, as nearly all of them are: eight bytes at a time, since every byte of every row comes by here. */
static bool is_plain(struct str string)
{
	uint64_t odd = 0;

	if (string.n < sizeof(odd)) {
		for (size_t i = 0; i < string.n; i++)
			odd |= (signed char)string.p[i] <= 0;
		return odd == 0;
	}
	for (size_t i = 0; i + sizeof(odd) < string.n; i += sizeof(odd))
		odd |= odd_bytes(string.p + i);
	odd |= odd_bytes(string.p + string.n - sizeof(odd)); /* the last ones, some of them again */
	return (odd & 0x8080808080808080) == 0;
}

/* What of it is text: clients name targets, and PostgreSQL would refuse the rows of everybody because of one that has a
 * NUL or is no UTF-8. */
static struct str text_of(struct str string)
{
	const uint8_t *at = (const uint8_t *)string.p, *end = at + string.n;

	while (at < end && *at != '\0') {
		size_t n = *at < 0x80 ? 1 : utf8_sequence(at, end);

		if (n == 0)
			break;
		at += n;
	}
	string.n = (size_t)((const char *)at - string.p);
	return string;
}

/* At most CHAIN_STRING_BYTES_MAX bytes of it, not ending inside a UTF-8 sequence. */
static struct str cut(struct str string)
{
	if (unlikely(!is_plain(string)))
		string = text_of(string);
	return likely(string.n <= CHAIN_STRING_BYTES_MAX) ? string : str_shorten(string, CHAIN_STRING_BYTES_MAX);
}

static struct chain_body body_of(const struct audit_record *record)
{
	return (struct chain_body){
		.at_ms = clock_wall_ms(),
		.duration_us = record->duration_us,
		.bytes_in = record->bytes_in,
		.bytes_out = record->bytes_out,
		.strings = {cut(record->event), cut(record->tenant_id), cut(record->principal), cut(record->ip),
			    cut(record->request_id), cut(record->target), cut(record->upstream), cut(record->outcome)},
	};
}

/* The ring is full: let the writer hurry, and try again after each of its commits. */
AWAITS static enum err put_waiting(struct audit *audit, struct ring *ring, const struct chain_body *body)
{
	struct fiber_shield shield = fiber_shield_begin(APPEND_WAIT_MS);
	enum err err = OK;

	atomic_fetch_add_explicit(&audit->waits, 1, memory_order_relaxed);
	while (err == OK) {
		uint64_t seen = ring_committed(ring);

		if (ring_put(ring, body))
			break;
		db_feed_ring(audit->db, true);
		err = ring_wait(ring, seen + 1);
	}
	fiber_shield_end(shield);
	return err == OK ? OK : ERR_BUSY;
}

AWAITS static enum err wait_committed(struct ring *ring, uint64_t row)
{
	struct fiber_shield shield = fiber_shield_begin(APPEND_WAIT_MS);
	enum err err = ring_wait(ring, row);

	fiber_shield_end(shield);
	return err == OK ? OK : ERR_BUSY;
}

_Static_assert(AUDIT_ADDRESS_BYTES_MAX == SEALED_BYTES_MAX, "what audit_address fills");

AWAITS enum err audit_address(struct audit *audit, struct str tenant_id, struct str principal, struct str address,
			      char out[AUDIT_ADDRESS_BYTES_MAX], struct str *ret_text)
{
	struct seals **seals = &audit->seals[loop_index(loop_self())];

	CHECK_OBJ(audit, AUDIT_MAGIC);
	*ret_text = address;
	if (audit->person_key == NULL)
		return OK;
	if (*seals == NULL)
		*seals = seals_new(audit->db, audit->person_key);
	return seals_close(*seals, principal, tenant_id, address, out, ret_text);
}

/* A row that cannot have its address sealed goes without: it says who and what all the same. */
AWAITS static struct str address_of(struct audit *audit, const struct audit_record *record,
				    char out[AUDIT_ADDRESS_BYTES_MAX])
{
	struct fiber_shield shield;
	struct str text = record->ip;

	if (audit->person_key == NULL || text.n == 0 || text.p[0] == SEAL_MARK || record->principal.n == 0)
		return text;
	shield = fiber_shield_begin(APPEND_WAIT_MS);
	if (audit_address(audit, record->tenant_id, record->principal, record->ip, out, &text) != OK)
		text = STR("");
	fiber_shield_end(shield);
	return text;
}

AWAITS enum err audit_append(struct audit *audit, const struct audit_record *record)
{
	bool strict = audit->durability == AUDIT_STRICT;
	char address[AUDIT_ADDRESS_BYTES_MAX];
	struct chain_body body = body_of(record);
	struct ring *ring;
	uint64_t row;

	CHECK_OBJ(audit, AUDIT_MAGIC);
	body.strings[3] = cut(address_of(audit, record, address));
	ring = ring_here(audit);
	if (unlikely(!ring_put(ring, &body)))
		TRY(put_waiting(audit, ring, &body));
	row = ring->put;
	db_feed_ring(audit->db, strict || ring_waiting(ring) > AUDIT_RING_ROWS / 2);
	return strict ? wait_committed(ring, row) : OK;
}

/* --- the writer's end --- */

static struct ring *ring_at(struct audit *audit, size_t index)
{
	return atomic_load_explicit(&audit->rings[index], memory_order_acquire);
}

static bool feed_pending(void *arg)
{
	struct audit *audit = arg;

	CHECK_OBJ(audit, AUDIT_MAGIC);
	for (size_t i = 0; i < audit->ring_count; i++) {
		struct ring *ring = ring_at(audit, i);

		if (ring != NULL && ring_waiting(ring) > 0)
			return true;
	}
	return false;
}

static bool next_slot(struct audit *audit, struct ring_row *ret_slot)
{
	if (audit->rows_left == 0)
		return false;
	for (; audit->ring_at < audit->ring_count; audit->ring_at++) {
		struct ring *ring = ring_at(audit, audit->ring_at);

		if (ring != NULL && ring_drain(ring, ret_slot)) {
			audit->rows_left--;
			return true;
		}
	}
	return false;
}

static bool next_row(void *arg, struct audit_row *row)
{
	struct audit *audit = arg;
	struct chain_body body;
	struct ring_row slot;

	if (!next_slot(audit, &slot))
		return false;
	audit->seq++;
	chain_link(audit->key, slot.head, slot.body_bytes, audit->mac, audit->seq, audit->mac);
	chain_decode(slot.head + CHAIN_HEAD_BYTES, &body);
	row->seq = audit->seq;
	row->at_ms = body.at_ms;
	row->event = body.strings[0];
	row->tenant_id = body.strings[1];
	row->principal = body.strings[2];
	row->ip = body.strings[3];
	row->request_id = body.strings[4];
	row->target = body.strings[5];
	row->upstream = body.strings[6];
	row->outcome = body.strings[7];
	row->duration_us = body.duration_us;
	row->bytes_in = body.bytes_in;
	row->bytes_out = body.bytes_out;
	memcpy(row->mac, audit->mac, AUDIT_MAC_BYTES);
	return true;
}

/* Whether the head is what some process with our key left, and the table ends where it says. */
static bool head_is_sound(const struct audit *audit, const struct audit_head *head, int64_t last_seq)
{
	static const struct audit_head none;

	if (head->seq != last_seq)
		return false;
	if (memcmp(head, &audit->head, sizeof(*head)) == 0)
		return true; /* ours, or none yet */
	return memcmp(head, &none, sizeof(none)) != 0 && chain_is_sealed(audit->key, head);
}

static enum err find_end(struct audit *audit, struct db_tx *tx)
{
	struct audit_head head;
	int64_t last_seq;

	TRY(audit_head_read(tx, &head));
	TRY(audit_row_last(tx, &last_seq));
	audit->seq = last_seq;
	if (head_is_sound(audit, &head, last_seq)) {
		memcpy(audit->mac, head.mac, AUDIT_MAC_BYTES);
		return OK;
	}
	memset(audit->mac, 0xff, AUDIT_MAC_BYTES);
	if (!audit->broken)
		log_error("audit.broken", LOG_INT("head_seq", head.seq), LOG_INT("last_seq", last_seq),
			  LOG_CSTR("advice", "somebody changed the audit tables; run `gatehouse audit verify`"));
	audit->broken = true;
	return OK;
}

static enum err feed_drain(void *arg, struct db_tx *tx)
{
	struct audit *audit = arg;
	struct audit_head *head = &audit->next_head;

	audit->ring_at = 0;
	audit->rows_left = AUDIT_RING_ROWS; /* one transaction is held to some 50 ms of the file's lock */
	TRY(find_end(audit, tx));
	TRY(audit_row_insert(tx, next_row, audit));
	head->seq = audit->seq;
	memcpy(head->mac, audit->mac, AUDIT_MAC_BYTES);
	chain_seal(audit->key, head);
	return audit_head_write(tx, head);
}

/* A row's mac depends on all before it and on nothing that another process knows: ours are in the table
 * exactly if the last one is. Reading the head waits for the lock, hence for the end of the transaction
 * whose outcome is asked for. */
static enum err feed_settle(void *arg, struct db_tx *tx, bool *ret_there)
{
	struct audit *audit = arg;
	struct audit_head head;

	TRY(audit_head_read(tx, &head));
	return audit_row_is(tx, audit->next_head.seq, audit->next_head.mac, ret_there);
}

static void feed_committed(void *arg)
{
	struct audit *audit = arg;

	if (audit->failing)
		log_info("audit.recovered", LOG_INT("seq", audit->seq));
	audit->failing = false;
	audit->head = audit->next_head;
	for (size_t i = 0; i < audit->ring_count; i++) {
		struct ring *ring = ring_at(audit, i);

		if (ring != NULL)
			ring_commit(ring);
	}
}

static void feed_failed(void *arg, enum err why)
{
	struct audit *audit = arg;

	if (!audit->failing)
		log_error(
			"audit.failing", LOG_ERR(why),
			LOG_CSTR("advice", "rows are kept and tried again; calls are refused when the queue is full"));
	audit->failing = true;
	for (size_t i = 0; i < audit->ring_count; i++) {
		struct ring *ring = ring_at(audit, i);

		if (ring != NULL)
			ring_rewind(ring);
	}
}

/* --- start and stop --- */

AWAITS enum err audit_start(struct db *db, struct secret *key, enum audit_durability durability,
			    struct audit **ret_audit)
{
	size_t loops = loop_count();
	struct audit *audit = calloc(1, sizeof(*audit) + loops * sizeof(audit->rings[0]));
	struct db_feed feed = {
		.pending = feed_pending,
		.drain = feed_drain,
		.committed = feed_committed,
		.failed = feed_failed,
		.settle = feed_settle,
		.arg = audit,
	};

	CHECK(audit != NULL);
	audit->magic = AUDIT_MAGIC;
	audit->db = db;
	audit->key = key;
	audit->durability = durability;
	audit->ring_count = loops;
	audit->seals = calloc(loops, sizeof(struct seals *));
	CHECK(audit->seals != NULL);
	db_feed_set(db, &feed);
	*ret_audit = audit;
	return OK;
}

/* Runs on the ring's loop, behind whatever the writer had posted there. */
static enum err free_ring(void *arg)
{
	ring_free(arg);
	return OK;
}

AWAITS void audit_stop(struct audit *audit)
{
	struct fiber_shield shield = fiber_shield_begin(2 * STOP_WAIT_MS);
	int64_t until_ms = clock_ms() + STOP_WAIT_MS;
	struct audit_stats stats;

	CHECK_OBJ(audit, AUDIT_MAGIC);
	while ((stats = audit_stats(audit)).waiting > 0 && clock_ms() < until_ms) {
		db_feed_ring(audit->db, true);
		if (fiber_sleep(STOP_STEP_MS) != OK)
			break;
	}
	db_feed_clear(audit->db);
	stats = audit_stats(audit);
	if (stats.waiting > 0)
		log_error("audit.lost", LOG_INT("rows", (int64_t)stats.waiting));
	for (size_t i = 0; i < audit->ring_count; i++) {
		struct ring *ring = ring_at(audit, i);

		if (ring != NULL && loop_call(loop_at((unsigned)i), "audit-stop", free_ring, ring) != OK)
			log_error("audit.leak", LOG_INT("loop", (int64_t)i)); /* a posted task may name it still */
	}
	fiber_shield_end(shield);
	for (size_t i = 0; i < audit->ring_count; i++)
		seals_free(audit->seals[i]);
	free(audit->seals);
	secret_free(audit->key);
	audit->magic = 0;
	free(audit);
}

void audit_seal_addresses(struct audit *audit, const struct secret *key)
{
	CHECK_OBJ(audit, AUDIT_MAGIC);
	audit->person_key = key;
}

const struct secret *audit_key(const struct audit *audit)
{
	CHECK_OBJ(audit, AUDIT_MAGIC);
	return audit->key;
}

struct audit_stats audit_stats(const struct audit *audit)
{
	struct audit_stats stats = {.waits = atomic_load_explicit(&audit->waits, memory_order_relaxed)};

	CHECK_OBJ(audit, AUDIT_MAGIC);
	for (size_t i = 0; i < audit->ring_count; i++) {
		const struct ring *ring = atomic_load_explicit(&audit->rings[i], memory_order_acquire);

		if (ring == NULL)
			continue;
		stats.rows += ring_committed(ring);
		stats.waiting += ring_waiting(ring);
	}
	return stats;
}
