/* The rules for paths. They are checked on the text, before anything touches the disk; place.c then opens what is left
 * in a way that cannot leave the folder whatever the text says. Names that begin with a dot are not ours: .obsidian,
 * .trash, .git and our own temporary files. */
#include "notes/path.h"

#include <stdlib.h>
#include <utf8proc.h>

static struct str map_text(struct arena *arena, struct str text, utf8proc_option_t how)
{
	utf8proc_uint8_t *made = NULL;
	utf8proc_ssize_t n;
	struct str out;

	if (text.n == 0)
		return arena_str(arena, text);
	n = utf8proc_map((const utf8proc_uint8_t *)text.p, (utf8proc_ssize_t)text.n, &made, how);
	if (n < 0) /* no UTF-8 */
		return arena_str(arena, text);
	out = arena_str(arena, (struct str){(const char *)made, (size_t)n});
	free(made);
	return out;
}

struct str note_fold(struct arena *arena, struct str text)
{
	return map_text(arena, text, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD);
}

static const char *check_part(struct str part)
{
	if (part.n == 0)
		return "a path has no empty parts and does not end with a slash";
	if (part.p[0] == '.')
		return "no part of a path begins with a dot";
	if (part.n > NOTE_PART_BYTES_MAX)
		return "a part of the path is longer than 240 bytes";
	return NULL;
}

static const char *check_text(struct str path)
{
	if (path.n > NOTE_PATH_BYTES_MAX)
		return "the path is too long";
	if (path.n > 0 && path.p[0] == '/')
		return "the path is relative to the vault: it does not begin with a slash";
	if (!str_is_utf8(path) || str_has_control(path))
		return "the path has characters that no name has";
	if (memchr(path.p, '\\', path.n) != NULL)
		return "parts of a path are separated by /, not by a backslash";
	return NULL;
}

static const char *check_path(struct str path)
{
	const char *why = check_text(path);
	struct str part, rest = path;
	size_t depth = 0;
	bool more = true;

	while (why == NULL && more) {
		more = str_cut(rest, '/', &part, &rest);
		why = check_part(part);
		if (why == NULL && ++depth > NOTE_DEPTH_MAX)
			why = "the path has more than 16 parts";
	}
	return why;
}

static enum err read_path(struct arena *arena, struct str given, struct str ending, struct str *ret_path,
			  const char **ret_why)
{
	struct str path;

	*ret_why = given.n == 0 ? "the path is empty" : check_text(given);
	if (*ret_why != NULL)
		return ERR_RPC_PARAMS;
	path = map_text(arena, given, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
	if (ending.n > 0 && !note_path_is_note(path))
		path = arena_fmt(arena, "%.*s%.*s", STR_ARG(path), STR_ARG(ending));
	*ret_why = check_path(path);
	if (*ret_why != NULL)
		return ERR_RPC_PARAMS;
	*ret_path = path;
	return OK;
}

enum err note_path_read(struct arena *arena, struct str given, struct str *ret_path, const char **ret_why)
{
	if (str_ends(given, STR("/"))) {
		*ret_why = "this is a folder: give the note's name too";
		return ERR_RPC_PARAMS;
	}
	return read_path(arena, given, STR(".md"), ret_path, ret_why);
}

enum err note_folder_read(struct arena *arena, struct str given, struct str *ret_path, const char **ret_why)
{
	if (str_ends(given, STR("/")))
		given.n--;
	if (given.n == 0) {
		*ret_path = STR("");
		return OK;
	}
	return read_path(arena, given, STR_NONE, ret_path, ret_why);
}

bool note_path_is_linkable(struct str path)
{
	for (size_t i = 0; i < path.n; i++)
		if (strchr("#|^:[]", path.p[i]) != NULL)
			return false;
	return memmem(path.p, path.n, "%%", 2) == NULL;
}

bool note_path_is_note(struct str path)
{
	return path.n > 3 && str_eq_nocase(str_skip(path, path.n - 3), STR(".md")) && path.p[path.n - 4] != '/';
}

struct str note_path_bare(struct str path)
{
	return note_path_is_note(path) ? (struct str){path.p, path.n - 3} : path;
}

struct str note_path_name(struct str path)
{
	const char *slash = path.n > 0 ? memrchr(path.p, '/', path.n) : NULL;

	return slash == NULL ? path : str_skip(path, (size_t)(slash - path.p) + 1);
}

struct str note_path_folder(struct str path)
{
	const char *slash = path.n > 0 ? memrchr(path.p, '/', path.n) : NULL;

	return slash == NULL ? (struct str){path.p, 0} : (struct str){path.p, (size_t)(slash - path.p)};
}
