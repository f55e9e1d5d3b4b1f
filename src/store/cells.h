/* Reading result cells without trusting the file: a cell of another type than the schema says
 * reads as empty, never as a wild pointer. Private to the store. */
#ifndef GATEHOUSE_STORE_CELLS_H
#define GATEHOUSE_STORE_CELLS_H

#include "db/db.h"

static inline struct str cell_str(const struct db_value *cell)
{
	return cell->kind == DB_TEXT || cell->kind == DB_BLOB ? cell->str : (struct str){"", 0};
}

static inline int64_t cell_int(const struct db_value *cell)
{
	return cell->kind == DB_INT ? cell->num : 0;
}

/* Exactly `n` bytes, or zeros. */
static inline void cell_bytes(const struct db_value *cell, uint8_t *out, size_t n)
{
	memset(out, 0, n);
	if (cell->kind == DB_BLOB && cell->str.n == n)
		memcpy(out, cell->str.p, n);
}

/* An absent text is an empty one: the columns are NOT NULL. */
static inline struct db_value cell_text(struct str value)
{
	return DB_T(value.p == NULL ? STR("") : value);
}

/* Whose rows a row is among: what is nobody's is written by who acts for all. */
static inline struct str scope_of(struct str tenant_id)
{
	return tenant_id.n == 0 ? DB_ALL_TENANTS : tenant_id;
}

/* Statements are in the words that SQLite and PostgreSQL both have. Where PostgreSQL lacks one it has a function of
 * that name from postgres_0001.c: max(a, b), min(a, b), hex(), glob(). A comparison is no number there and a number no
 * condition: what is selected of it is a CASE, what is asked of a number is `<> 0`. */
#define ALL_ROWS "9223372036854775807" /* after LIMIT: OFFSET alone is not a word of SQLite */

/* For lists of n cells: queries and statements alike. */
#define CELLS(...) ((const struct db_value[]){__VA_ARGS__})
#define CELLS_LEN(...) (sizeof((struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value))

/* A statement with its parameters; changes_expected -1: any number. */
#define STATEMENT(text, expected, ...)                                                                                 \
	((struct db_statement){.sql = (text),                                                                          \
			       .params = CELLS(__VA_ARGS__),                                                           \
			       .count = CELLS_LEN(__VA_ARGS__),                                                        \
			       .changes_expected = (expected)})

/* Rides in every write that caches elsewhere must hear of: see store_generation. */
#define GENERATION_BUMP                                                                                                \
	((struct db_statement){.sql = "UPDATE meta SET generation = generation + 1", .changes_expected = 1})

#endif
