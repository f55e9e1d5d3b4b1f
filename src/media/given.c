/* What callers write where a file is wanted: {"upload_id": ID}, {"url": URL} or {"base64": TEXT, "mime": TYPE}, each
 * perhaps with a `name`; and names, which end up in headers and forms of other services. */
#include "media/media_private.h"

#include "base/json.h"

static const struct {
	const char *member;
	enum given_kind kind;
} forms[] = {
	{"upload_id", GIVEN_UPLOAD},
	{"url", GIVEN_URL},
	{"base64", GIVEN_BASE64},
};

static enum err refuse(struct buf *problem, const char *words)
{
	buf_put_fmt(problem,
		    "%s; a file is {\"url\": ...}, {\"upload_id\": ...} or {\"base64\": ..., \"mime\": ...}, and may "
		    "have a "
		    "\"name\"",
		    words);
	return ERR_RPC_PARAMS;
}

static bool is_member(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		if (strcmp(name, forms[i].member) == 0)
			return true;
	return strcmp(name, "mime") == 0 || strcmp(name, "name") == 0;
}

enum err given_read(struct arena *arena, struct str json, struct buf *problem, struct given *ret_given)
{
	struct given given = {.value = STR_NONE};
	yyjson_val *root, *key;
	yyjson_obj_iter iter;
	size_t found = 0;

	if (json_read(arena, json, &root) != OK || !yyjson_is_obj(root))
		return refuse(problem, "this is no file");
	yyjson_obj_iter_init(root, &iter);
	while ((key = yyjson_obj_iter_next(&iter)) != NULL) {
		if (!is_member(yyjson_get_str(key)))
			return refuse(problem, "a file has no such member");
		if (!yyjson_is_str(yyjson_obj_iter_get_val(key)))
			return refuse(problem, "each member is a text");
	}
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		struct str value = json_str(json_get(root, forms[i].member));

		if (value.n == 0)
			continue;
		given.kind = forms[i].kind;
		given.value = value;
		found++;
	}
	if (found != 1)
		return refuse(problem, found == 0 ? "it is not said which file" : "one of these, not several");
	given.mime = json_str(json_get(root, "mime"));
	given.name = json_str(json_get(root, "name"));
	*ret_given = given;
	return OK;
}

/* ---- names ---- */

static struct str last_part(struct str path, char separator)
{
	const char *at = path.n == 0 ? NULL : memrchr(path.p, separator, path.n);

	return at == NULL ? path : str_skip(path, (size_t)(at - path.p) + 1);
}

struct str file_name(struct arena *arena, struct str given, struct str mime)
{
	struct str name = str_trim(last_part(last_part(given, '/'), '\\'));

	name = str_shorten(name, MEDIA_NAME_BYTES_MAX);
	if (name.n == 0 || !str_is_utf8(name) || str_has_control(name) || str_eq(name, STR(".")) ||
	    str_eq(name, STR("..")))
		return arena_fmt(arena, "file%.*s", STR_ARG(sniff_extension(mime)));
	return arena_str(arena, name);
}

struct str url_name(struct arena *arena, struct str url)
{
	struct str path, query;
	struct url parts;

	if (url_parse(url, &parts) != OK)
		return STR("");
	str_cut(parts.path, '?', &path, &query);
	return arena_str(arena, last_part(path, '/'));
}
