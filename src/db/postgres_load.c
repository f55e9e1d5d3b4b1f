/* Many rows in one statement: an array for each column, unnested by the server into one INSERT ... SELECT. COPY would
 * be as fast, but row-level security takes none. An array in binary form is its number of dimensions, a flag for NULLs,
 * its elements' type, how many they are and the first one's index; then length and bytes of each, -1 for a NULL.
 *   Source     PostgreSQL's array_recv, src/backend/utils/adt/arrayfuncs.c */
#include <endian.h>

#include "base/check.h"
#include "db/postgres_private.h"

#define LOAD_ROWS_MAX 2048
#define LOAD_BYTES (256 * 1024) /* a statement's, but for the last row */
#define COUNT_AT 12		/* where an array says how many elements it has */

static const struct {
	char letter;
	enum db_kind kind;
	Oid element, array;
} kinds[] = {
	{'i', DB_INT, 20, 1016},
	{'t', DB_TEXT, 25, 1009},
	{'b', DB_BLOB, 17, 1001},
};

static size_t kind_of(char letter)
{
	size_t i = 0;

	while (i < ARRAY_LEN(kinds) && kinds[i].letter != letter)
		i++;
	CHECK(i < ARRAY_LEN(kinds));
	return i;
}

static void put_be32(struct buf *out, uint32_t value)
{
	const char bytes[4] = {(char)(value >> 24), (char)(value >> 16), (char)(value >> 8), (char)value};

	buf_put(out, (struct str){bytes, sizeof(bytes)});
}

static void begin_arrays(struct pg_link *link, const struct db_load *load)
{
	for (size_t i = 0; i < load->columns; i++) {
		struct buf *array = &link->arrays[i];

		array->n = 0;
		put_be32(array, 1);
		put_be32(array, 1); /* there may be NULLs */
		put_be32(array, kinds[kind_of(load->kinds[i])].element);
		put_be32(array, 0); /* known at the end */
		put_be32(array, 1);
	}
}

static void put_element(struct buf *array, const struct db_value *cell)
{
	switch (cell->kind) {
	case DB_NULL:
		put_be32(array, UINT32_MAX);
		break;
	case DB_INT:
		put_be32(array, 8);
		put_be32(array, (uint32_t)((uint64_t)cell->num >> 32));
		put_be32(array, (uint32_t)cell->num);
		break;
	case DB_TEXT:
	case DB_BLOB:
		put_be32(array, (uint32_t)cell->str.n);
		buf_put(array, cell->str);
	}
}

/* One row; returns its bytes. */
static size_t put_row(struct pg_link *link, const struct db_load *load, const struct db_value *cells)
{
	size_t bytes = 0;

	for (size_t i = 0; i < load->columns; i++) {
		struct buf *array = &link->arrays[i];
		size_t before = array->n;

		CHECK(cells[i].kind == DB_NULL || cells[i].kind == kinds[kind_of(load->kinds[i])].kind);
		put_element(array, &cells[i]);
		bytes += array->n - before;
	}
	return bytes;
}

static enum err send_arrays(struct pg_link *link, const struct db_load *load, size_t rows)
{
	struct pg_values values = {.count = (int)load->columns};

	for (size_t i = 0; i < load->columns; i++) {
		struct buf *array = &link->arrays[i];
		uint32_t count = htobe32((uint32_t)rows);

		memcpy(array->p + COUNT_AT, &count, sizeof(count));
		values.types[i] = kinds[kind_of(load->kinds[i])].array;
		values.values[i] = array->p;
		values.lengths[i] = (int)array->n;
		values.formats[i] = 1;
	}
	return pg_link_send(link, load->postgres, &values);
}

enum err pg_link_load(struct pg_link *link, const struct db_load *load, bool (*next)(void *arg, struct db_value *cells),
		      void *arg)
{
	struct db_value cells[DB_SOURCE_COLUMNS_MAX];
	size_t rows = 0, bytes = 0;

	CHECK(load->columns <= DB_SOURCE_COLUMNS_MAX && strlen(load->kinds) == load->columns);
	while (next(arg, cells)) {
		if (rows == 0)
			begin_arrays(link, load);
		bytes += put_row(link, load, cells);
		if (++rows < LOAD_ROWS_MAX && bytes < LOAD_BYTES)
			continue;
		TRY(send_arrays(link, load, rows));
		rows = bytes = 0;
	}
	return rows == 0 ? OK : send_arrays(link, load, rows);
}
