/* Results, asked for in binary, become cells in an arena. Types decide: whole numbers and booleans
 * are DB_INT, strings DB_TEXT, bytea DB_BLOB; of NUMERIC, which sums of BIGINTs are, whole numbers
 * that fit. Any other type is a statement that lacks a CAST. */
#include <endian.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "db/postgres_private.h"

enum {
	OID_BOOL = 16,
	OID_BYTEA = 17,
	OID_CHAR = 18,
	OID_NAME = 19,
	OID_INT8 = 20,
	OID_INT2 = 21,
	OID_INT4 = 23,
	OID_TEXT = 25,
	OID_UNKNOWN = 705,
	OID_BPCHAR = 1042,
	OID_VARCHAR = 1043,
	OID_NUMERIC = 1700,
	OID_VOID = 2278
};

static uint64_t get_be(const uint8_t *p, size_t n)
{
	uint64_t value = 0;

	for (size_t i = 0; i < n; i++)
		value = value << 8 | p[i];
	return value;
}

/* By its length, which is the server's word: of a type that is none of these nothing is read. */
static bool whole_int(const uint8_t *p, size_t n, int64_t *ret_value)
{
	if (n == 8 || n == 1)
		*ret_value = (int64_t)get_be(p, n);
	else if (n == 4)
		*ret_value = (int32_t)get_be(p, 4);
	else if (n == 2)
		*ret_value = (int16_t)get_be(p, 2);
	else
		return false;
	return true;
}

/* Four 16-bit words (digits, weight, sign, scale), then digits of base 10000; the first stands for
 * 10000^weight, those that are left out are zero. */
static bool numeric_int(const uint8_t *p, size_t n, int64_t *ret_value)
{
	size_t digits = n < 8 ? 0 : get_be(p, 2);
	int weight = n < 8 ? 0 : (int16_t)get_be(p + 2, 2);
	int64_t value = 0;

	if (n < 8 || n != 8 + 2 * digits || (get_be(p + 4, 2) & ~(uint64_t)0x4000) != 0)
		return false;
	if (digits > 0 && (weight < 0 || (size_t)weight + 1 < digits || weight > 4))
		return false;
	for (int i = 0; digits > 0 && i <= weight; i++) {
		int64_t digit = (size_t)i < digits ? (int64_t)get_be(p + 8 + 2 * i, 2) : 0;

		if (__builtin_mul_overflow(value, 10000, &value) || __builtin_add_overflow(value, digit, &value))
			return false;
	}
	*ret_value = get_be(p + 4, 2) != 0 ? -value : value;
	return true;
}

static enum err copy_bytes(struct arena *arena, const char *from, size_t n, enum db_kind kind,
			   struct db_value *ret_cell)
{
	char *copy = arena_try_alloc(arena, n + 1);

	if (copy == NULL)
		return ERR_LIMIT;
	memcpy(copy, from, n);
	copy[n] = '\0';
	*ret_cell = (struct db_value){.kind = kind, .str = {copy, n}};
	return OK;
}

static enum err read_cell(const PGresult *result, int row, int column, struct arena *arena, struct db_value *ret_cell)
{
	const char *from = PQgetvalue(result, row, column);
	size_t n = (size_t)PQgetlength(result, row, column);
	const uint8_t *bytes = (const uint8_t *)from;
	Oid type = PQftype(result, column);

	*ret_cell = DB_N;
	if (PQgetisnull(result, row, column))
		return OK;
	switch (type) {
	case OID_BOOL:
	case OID_INT8:
	case OID_INT2:
	case OID_INT4:
		ret_cell->kind = DB_INT;
		if (whole_int(bytes, n, &ret_cell->num))
			return OK;
		break;
	case OID_NUMERIC:
		ret_cell->kind = DB_INT;
		if (numeric_int(bytes, n, &ret_cell->num))
			return OK;
		break;
	case OID_TEXT:
	case OID_VARCHAR:
	case OID_BPCHAR:
	case OID_NAME:
	case OID_CHAR:
	case OID_UNKNOWN:
		return copy_bytes(arena, from, n, DB_TEXT, ret_cell);
	case OID_BYTEA:
		return copy_bytes(arena, from, n, DB_BLOB, ret_cell);
	case OID_VOID:
		return OK;
	default:
		break;
	}
	log_error("db.type", LOG_CSTR("column", PQfname(result, column)), LOG_INT("type", type));
	return ERR_DB;
}

enum err pg_reader_init(struct pg_reader *reader, struct arena *arena)
{
	struct db_rows *rows = arena_try_alloc(arena, sizeof(*rows));

	if (rows == NULL)
		return ERR_LIMIT;
	*rows = (struct db_rows){0};
	*reader = (struct pg_reader){.arena = arena, .rows = rows};
	return OK;
}

/* Make room for one row more; the table of cells doubles as needed. */
static enum err make_room(struct pg_reader *reader)
{
	struct db_rows *rows = reader->rows;
	size_t row_bytes = rows->columns * sizeof(*rows->cells);
	size_t wanted = reader->capacity == 0 ? 4 : reader->capacity * 2;
	struct db_value *cells;

	if (rows->rows == DB_ROWS_MAX)
		return ERR_LIMIT;
	if (rows->rows < reader->capacity)
		return OK;
	cells = reader->capacity == 0
			? arena_try_alloc(reader->arena, wanted * row_bytes)
			: arena_try_grow(reader->arena, rows->cells, rows->rows * row_bytes, wanted * row_bytes);
	if (cells == NULL)
		return ERR_LIMIT;
	rows->cells = cells;
	reader->capacity = wanted;
	return OK;
}

enum err pg_reader_add(struct pg_reader *reader, const PGresult *result)
{
	struct db_rows *rows = reader->rows;

	rows->columns = (size_t)PQnfields(result);
	for (int i = 0; i < PQntuples(result); i++) {
		TRY(make_room(reader));
		for (size_t j = 0; j < rows->columns; j++)
			TRY(read_cell(result, i, (int)j, reader->arena, &rows->cells[rows->rows * rows->columns + j]));
		rows->rows++;
	}
	return OK;
}

int64_t pg_changes(PGresult *result)
{
	const char *text = PQcmdTuples(result);

	return text[0] == '\0' ? -1 : strtoll(text, NULL, 10);
}
