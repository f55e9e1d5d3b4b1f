/* A database with an audit trail in it, for the tests of its two sides. */
#ifndef GATEHOUSE_TEST_TRAIL_H
#define GATEHOUSE_TEST_TRAIL_H

#include "../store_database.h"

#include "audit/audit.h"

static inline struct secret *trail_key(void)
{
	uint8_t bytes[CRYPTO_KEY_BYTES];

	memset(bytes, 3, sizeof(bytes));
	return secret_new(bytes);
}

AWAITS static inline struct audit *trail_start(struct db *db, enum audit_durability durability)
{
	struct audit *audit;

	ck_ok(audit_start(db, trail_key(), durability, &audit));
	return audit;
}

static inline struct audit_record trail_record(int64_t n)
{
	return (struct audit_record){
		.event = STR("mcp.tool_called"),
		.tenant_id = STR("01ARZ3NDEKTSV4RRFFQ69G5FAV"),
		.principal = STR("01ARZ3NDEKTSV4RRFFQ69G5FAW"),
		.ip = STR("127.0.0.1"),
		.request_id = STR("01ARZ3NDEKTSV4RRFFQ69G5FAX"),
		.target = STR("bench_echo"),
		.upstream = STR("bench"),
		.outcome = STR("ok"),
		.duration_us = 123,
		.bytes_in = 250,
		.bytes_out = n,
	};
}

AWAITS static inline void trail_append(struct audit *audit, int64_t from, int64_t count)
{
	for (int64_t n = from; n < from + count; n++) {
		struct audit_record record = trail_record(n);

		ck_ok(audit_append(audit, &record));
	}
}

/* Start, append, stop. */
AWAITS static inline void trail_write(struct db *db, int64_t from, int64_t count)
{
	struct audit *audit = trail_start(db, AUDIT_GROUP);

	trail_append(audit, from, count);
	audit_stop(audit);
}

/* The chain verifies; how many rows it has. */
AWAITS static inline int64_t trail_rows(struct db *db)
{
	AUTO(secret) *key = trail_key();
	AUTO_BUF problem = {0};
	int64_t rows = -1;
	enum err err = audit_verify(db, key, &problem, &rows);

	ck_assert_msg(err == OK, "%s: %.*s", err_name(err), STR_ARG(buf_str(&problem)));
	return rows;
}

#endif
