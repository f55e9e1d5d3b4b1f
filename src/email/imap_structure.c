/* BODYSTRUCTURE: nested lists whose places mean things, made into a flat list of leaves with the paths that FETCH
 * wants. Servers differ in how much of the tail they send, so every place may be missing. */
#include "email/imap_structure.h"

#include <stdio.h>

struct walk {
	struct arena *arena;
	struct imap_parts parts;
};

/* ("charset" "utf-8" "name" "a.txt"): the value under a name, and under its RFC 2231 form "name*". */
static struct str parameter(const struct imap_node *list, struct str name)
{
	const struct imap_node *at = imap_at(list, 0);

	for (; at != NULL && at->next != NULL; at = at->next->next) {
		struct str key = imap_text(at);

		if (key.n == name.n + 1 && key.p[name.n] == '*')
			key.n--;
		if (str_eq_nocase(key, name))
			return imap_text(at->next);
	}
	return STR_NONE;
}

/* How many places before the tail: a text has its lines, a message its envelope, body and lines. */
static size_t tail_of(const struct imap_part *part)
{
	if (str_eq_nocase(part->type, STR("text")))
		return 8;
	if (imap_part_is(part, STR("message"), STR("rfc822")) || imap_part_is(part, STR("message"), STR("global")))
		return 10;
	return 7;
}

static enum err add_leaf(struct walk *walk, const struct imap_node *body, const char *path)
{
	const struct imap_node *disposition;
	struct imap_part *part;

	if (walk->parts.count == IMAP_PARTS_MAX)
		return ERR_LIMIT;
	part = &walk->parts.items[walk->parts.count];
	*part = (struct imap_part){.type = imap_text(imap_at(body, 0)), .subtype = imap_text(imap_at(body, 1))};
	if (part->type.n == 0 || part->subtype.n == 0)
		return ERR_UPSTREAM_GARBAGE;
	snprintf(part->path, sizeof part->path, "%s", path);
	part->charset = parameter(imap_at(body, 2), STR("charset"));
	part->filename = parameter(imap_at(body, 2), STR("name"));
	part->id = imap_text(imap_at(body, 3));
	part->encoding = imap_text(imap_at(body, 5));
	(void)imap_number(imap_at(body, 6), &part->bytes);
	disposition = imap_at(body, tail_of(part) + 1); /* behind the MD5 */
	part->disposition = imap_text(imap_at(disposition, 0));
	if (parameter(imap_at(disposition, 1), STR("filename")).n > 0)
		part->filename = parameter(imap_at(disposition, 1), STR("filename"));
	walk->parts.count++;
	return OK;
}

/* Depth is bounded by the reader of the response. */
static enum err walk_body(struct walk *walk, const struct imap_node *body, const char *path)
{
	const struct imap_node *child = imap_at(body, 0);
	unsigned number = 0;

	if (child == NULL)
		return ERR_UPSTREAM_GARBAGE;
	if (child->kind != IMAP_LIST)
		return add_leaf(walk, body, *path == '\0' ? "1" : path);
	for (; child != NULL && child->kind == IMAP_LIST; child = child->next) {
		char below[IMAP_PART_PATH_MAX];

		if (snprintf(below, sizeof below, "%s%s%u", path, *path == '\0' ? "" : ".", ++number) >=
		    (int)sizeof below)
			return ERR_LIMIT;
		TRY(walk_body(walk, child, below));
	}
	return OK;
}

enum err imap_parts_read(struct arena *arena, const struct imap_node *structure, struct imap_parts *ret_parts)
{
	struct walk walk = {.arena = arena};

	walk.parts.items = arena_try_alloc(arena, IMAP_PARTS_MAX * sizeof *walk.parts.items);
	if (walk.parts.items == NULL)
		return ERR_LIMIT;
	TRY(walk_body(&walk, structure, ""));
	*ret_parts = walk.parts;
	return OK;
}

bool imap_part_is(const struct imap_part *part, struct str type, struct str subtype)
{
	return str_eq_nocase(part->type, type) && str_eq_nocase(part->subtype, subtype);
}

bool imap_part_is_attachment(const struct imap_part *part)
{
	if (str_eq_nocase(part->disposition, STR("attachment")))
		return true;
	if (str_eq_nocase(part->type, STR("text")))
		return part->filename.n > 0 && !str_eq_nocase(part->disposition, STR("inline"));
	return part->filename.n > 0 || part->id.n == 0; /* pictures within HTML have an id, and often no name */
}

bool imap_part_is_text(const struct imap_part *part, struct str subtype)
{
	return imap_part_is(part, STR("text"), subtype) && !imap_part_is_attachment(part);
}

const struct imap_part *imap_parts_find(const struct imap_parts *parts, struct str path)
{
	for (size_t i = 0; i < parts->count; i++)
		if (str_eq(str_of(parts->items[i].path), path))
			return &parts->items[i];
	return NULL;
}

const struct imap_part *imap_parts_text(const struct imap_parts *parts, struct str subtype)
{
	for (size_t i = 0; i < parts->count; i++)
		if (imap_part_is_text(&parts->items[i], subtype))
			return &parts->items[i];
	return NULL;
}
