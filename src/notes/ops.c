/* Arguments in, answers out: what is the same for all operations on notes. Arguments have been checked by the tool's
 * schema, but connector files are the operator's: what is absent or of another type is taken as not given. */
#include "notes/ops.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "notes/path.h"

yyjson_val *ask_value(const struct note_ask *ask, const char *name)
{
	yyjson_val *value = json_get(ask->call->with, name);

	return yyjson_is_null(value) ? NULL : value;
}

struct str ask_text(const struct note_ask *ask, const char *name)
{
	return json_str(ask_value(ask, name));
}

int64_t ask_int(const struct note_ask *ask, const char *name, int64_t fallback)
{
	int64_t value;

	return json_int(ask_value(ask, name), &value) ? value : fallback;
}

bool ask_bool(const struct note_ask *ask, const char *name, bool fallback)
{
	yyjson_val *value = ask_value(ask, name);

	return yyjson_is_bool(value) ? yyjson_get_bool(value) : fallback;
}

enum err ask_refuse(struct note_ask *ask, struct str class, const char *fmt, ...)
{
	char text[1024];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	ask->call->class = class;
	ask->call->message =
		arena_str(ask->call->arena, (struct str){text, n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1});
	return ERR_TOOL_FAILED;
}

void ask_answer(struct note_ask *ask, const struct buf *json)
{
	ask->call->result = arena_str(ask->call->arena, buf_str(json));
}

/* A path that is not there: it goes into the folder that is there in another spelling, as far up as there is one. */
static struct str respell(struct note_ask *ask, struct str path)
{
	struct arena *arena = ask->call->arena;
	struct str folder = note_path_folder(path), spelled;

	for (; folder.n > 0; folder = note_path_folder(folder))
		if (index_folder(ask->side, arena, folder, &spelled) == OK)
			return arena_fmt(arena, "%.*s%.*s", STR_ARG(spelled), STR_ARG(str_skip(path, folder.n)));
	return path;
}

enum err ask_path(struct note_ask *ask, struct str given, struct str *ret_path, bool *ret_there)
{
	struct arena *arena = ask->call->arena;
	struct place_stamp stamp;
	struct str path, spelled;
	const char *why;
	enum err err;

	if (note_path_read(arena, given, &path, &why) != OK)
		return ask_refuse(ask, STR("invalid"), "%s", why);
	err = place_stat(ask->book->root, path, &stamp);
	if (err == ERR_NOT_FOUND) {
		err = index_spelling(ask->side, arena, path, &spelled);
		if (err == ERR_EXISTS)
			return ask_refuse(ask, STR("invalid"),
					  "several notes differ from %.*s only in case: spell it exactly",
					  STR_ARG(path));
		if (err == OK)
			path = spelled;
	}
	if (err != OK && err != ERR_NOT_FOUND)
		return err;
	if (err == ERR_NOT_FOUND && ret_there == NULL)
		return ask_refuse(ask, STR("not_found"), "there is no note %.*s", STR_ARG(path));
	if (ret_there != NULL)
		*ret_there = err == OK;
	*ret_path = err == OK ? path : respell(ask, path);
	return OK;
}

enum err ask_note(struct note_ask *ask, struct str path, struct buf *text, struct place_stamp *ret_stamp)
{
	enum err err = place_read(ask->book->root, path, text, ret_stamp);

	if (err == ERR_NOT_FOUND)
		return ask_refuse(ask, STR("not_found"), "there is no note %.*s", STR_ARG(path));
	if (err == ERR_LIMIT)
		return ask_refuse(ask, STR("too_large"), "%.*s is larger than 1 MiB, and not read as a note",
				  STR_ARG(path));
	return err;
}

void sha256_hex(struct str text, char out[SHA256_HEX_BYTES + 1])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t digest[32];

	crypto_sha256(text, digest);
	for (size_t i = 0; i < sizeof(digest); i++) {
		out[2 * i] = digits[digest[i] >> 4];
		out[2 * i + 1] = digits[digest[i] & 15];
	}
	out[SHA256_HEX_BYTES] = '\0';
}

void put_time(struct buf *out, int64_t wall_ms)
{
	char text[CLOCK_ISO_LEN + 1];

	clock_iso(wall_ms, text);
	buf_put_fmt(out, "\"%s\"", text);
}
