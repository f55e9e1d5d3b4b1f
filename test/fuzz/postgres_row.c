/* Rows of PostgreSQL: whatever bytes a server sends for whatever types, reading stays inside them and inside the arena,
 * and every cell that is read is one that a row may have.
 *   Input      the number of columns, a byte for the type of each; then cells: a length, its bytes (255: NULL) */
#include "base/check.h"
#include "base/log.h"
#include "db/postgres_words.h"

#define COLUMNS_MAX 8
#define ROWS_MAX 64

static const Oid types[] = {16, 17, 18, 19, 20, 21, 23, 25, 705, 1042, 1043, 1700, 2278, 1114};

struct input {
	const uint8_t *p;
	size_t n;
};

static uint8_t take(struct input *input)
{
	if (input->n == 0)
		return 0;
	input->n--;
	return *input->p++;
}

static PGresult *make_result(struct input *input)
{
	PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
	PGresAttDesc columns[COLUMNS_MAX] = {0};
	int count = 1 + take(input) % COLUMNS_MAX;

	CHECK(result != NULL);
	for (int i = 0; i < count; i++)
		columns[i] = (PGresAttDesc){
			.name = (char *)"c", .format = 1, .typid = types[take(input) % ARRAY_LEN(types)]};
	CHECK(PQsetResultAttrs(result, count, columns) == 1);
	for (int row = 0; input->n > 0 && row < ROWS_MAX; row++) {
		for (int i = 0; i < count; i++) {
			size_t n = take(input);
			bool null = n == 255;

			n = n > input->n ? input->n : n;
			CHECK(PQsetvalue(result, row, i, null ? NULL : (char *)input->p, null ? -1 : (int)n) == 1);
			input->p += null ? 0 : n;
			input->n -= null ? 0 : n;
		}
	}
	return result;
}

static void check_rows(const struct db_rows *rows, const PGresult *result)
{
	CHECK(rows->columns == (size_t)PQnfields(result) && rows->rows <= (size_t)PQntuples(result));
	for (size_t i = 0; i < rows->rows * rows->columns; i++) {
		const struct db_value *cell = &rows->cells[i];

		CHECK(cell->kind <= DB_BLOB);
		CHECK(cell->kind < DB_TEXT || cell->str.p[cell->str.n] == '\0');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct input input = {bytes, n};
	PGresult *result = make_result(&input);
	AUTO(arena) *arena = arena_new(1 << 14);
	struct pg_reader reader;

	log_setup(LOG_LEVELS, LOG_JSON); /* says nothing */
	CHECK(pg_reader_init(&reader, arena) == OK);
	if (pg_reader_add(&reader, result) == OK) {
		CHECK(reader.rows->rows == (size_t)PQntuples(result));
		check_rows(reader.rows, result);
	}
	PQclear(result);
	return 0;
}
