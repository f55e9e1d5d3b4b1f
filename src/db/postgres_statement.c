/* Statements on their way to PostgreSQL. The store writes `?`, PostgreSQL wants $1: each text is
 * translated once and found again by its address. Parameters go with the type of their kind, so
 * that the server need not guess: BIGINT and BYTEA in binary, TEXT as it is; only a NULL has no
 * type until a column or a function gives it one (CAST(? AS ...) where neither does).
 *
 * What is prepared on a connection belongs to a text and the kinds of its parameters: those with
 * a NULL in them are another statement. */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "db/postgres_private.h"

#define OID_BYTEA 17
#define OID_INT8 20
#define OID_TEXT 25

/* The end of the quoted text, name or comment that begins at p; p when none does. */
static const char *skip_quoted(const char *p)
{
	const char *end = NULL;

	if (*p == '\'' || *p == '"') {
		end = strchr(p + 1, *p); /* a doubled quote is two texts side by side */
		return end == NULL ? p + strlen(p) : end + 1;
	}
	if (p[0] == '-' && p[1] == '-')
		end = strchr(p, '\n');
	else if (p[0] == '/' && p[1] == '*')
		end = strstr(p + 2, "*/");
	else
		return p;
	return end == NULL ? p + strlen(p) : end + 1;
}

char *pg_translate(const char *sql, unsigned *ret_params)
{
	AUTO_BUF text = {0};
	unsigned highest = 0;
	char *copy;

	while (*sql != '\0') {
		const char *end = skip_quoted(sql);
		unsigned number = 0;

		if (end > sql) {
			buf_put(&text, (struct str){sql, (size_t)(end - sql)});
			sql = end;
			continue;
		}
		if (*sql != '?') {
			buf_put_byte(&text, *sql++);
			continue;
		}
		while (*++sql >= '0' && *sql <= '9')
			number = number * 10 + (unsigned)(*sql - '0');
		if (number == 0)
			number = highest + 1;
		CHECK(number <= PG_PARAMS_MAX);
		highest = number > highest ? number : highest;
		buf_put_fmt(&text, "$%u", number);
	}
	buf_put_byte(&text, '\0');
	copy = strdup(text.p);
	CHECK(copy != NULL);
	*ret_params = highest;
	return copy;
}

struct pg_text *pg_text(struct pg_texts *texts, const char *sql)
{
	size_t at = (size_t)(((uintptr_t)sql * 0x9e3779b97f4a7c15u) >> 54) % PG_TEXTS_MAX;
	struct pg_text *slot;

	for (;; at = (at + 1) % PG_TEXTS_MAX) {
		slot = &texts->slots[at];
		if (slot->sql == sql)
			return slot;
		if (slot->sql == NULL)
			break;
	}
	CHECK(texts->count < PG_TEXTS_MAX - 1); /* texts are static: their number is the program's */
	texts->count++;
	slot->sql = sql;
	slot->text = pg_translate(sql, &slot->params);
	return slot;
}

void pg_texts_free(struct pg_texts *texts)
{
	for (size_t i = 0; i < PG_TEXTS_MAX; i++)
		free(texts->slots[i].text);
	memset(texts, 0, sizeof(*texts));
}

static enum err set_one(struct pg_values *values, int at, const struct db_value *value, bool null_is_text)
{
	enum db_kind kind = value->kind == DB_NULL && null_is_text ? DB_TEXT : value->kind;

	values->kinds[at / 32] |= (uint64_t)kind << (at % 32 * 2);
	values->formats[at] = 1;
	values->values[at] = value->str.n == 0 ? "" : value->str.p;
	values->lengths[at] = (int)value->str.n;
	values->types[at] = kind == DB_TEXT ? OID_TEXT : kind == DB_BLOB ? OID_BYTEA : 0;
	switch (value->kind) {
	case DB_INT:
		values->numbers[at] = htobe64((uint64_t)value->num);
		values->values[at] = (const char *)&values->numbers[at];
		values->lengths[at] = sizeof(values->numbers[at]);
		values->types[at] = OID_INT8;
		break;
	case DB_TEXT:
		if (value->str.n > 0 && memchr(value->str.p, '\0', value->str.n) != NULL)
			return ERR_LIMIT;
		break;
	case DB_BLOB:
		break;
	case DB_NULL:
		values->values[at] = NULL;
		values->lengths[at] = 0;
	}
	return OK;
}

enum err pg_values_set(struct pg_values *values, const struct pg_text *text, const struct db_value *params,
		       size_t count)
{
	CHECK(text->params == count);
	values->count = (int)count;
	values->kinds[0] = values->kinds[1] = 0;
	for (int i = 0; i < values->count; i++)
		TRY(set_one(values, i, &params[i], text->null_is_text));
	return OK;
}

struct pg_prepared *pg_cache_find(struct pg_cache *cache, const struct pg_text *text, const struct pg_values *values)
{
	struct pg_prepared *oldest = NULL;

	cache->clock++;
	for (size_t i = 0; i < PG_PREPARED_MAX; i++) {
		struct pg_prepared *entry = &cache->entries[i];

		if (entry->state != PG_UNPREPARED && entry->sql == text->sql && entry->kinds[0] == values->kinds[0] &&
		    entry->kinds[1] == values->kinds[1]) {
			entry->used = cache->clock;
			return entry;
		}
		if (entry->name[0] == '\0')
			(void)snprintf(entry->name, sizeof(entry->name), "s%u", (unsigned)i);
		if (entry->state != PG_PREPARING && (oldest == NULL || entry->used < oldest->used))
			oldest = entry;
	}
	if (oldest != NULL)
		oldest->used = cache->clock;
	return oldest;
}

void pg_cache_take(struct pg_prepared *entry, const struct pg_text *text, const struct pg_values *values)
{
	entry->sql = text->sql;
	memcpy(entry->kinds, values->kinds, sizeof(entry->kinds));
	entry->state = PG_PREPARING;
}
