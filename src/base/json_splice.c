/* Changing a forwarded message without rewriting it: a list of cuts into the old text, each
 * with what takes its place. The work is in the commas: a document stays valid when several
 * neighbours, or all members, are removed and others put in front. */
#include "base/json_scan.h"

#include "base/check.h"

static size_t offset_in(const struct json_splice *splice, const char *p)
{
	CHECK(p >= splice->text.p && p <= splice->text.p + splice->text.n);
	return (size_t)(p - splice->text.p);
}

static struct json_cut *last_cut(struct json_splice *splice)
{
	return splice->count == 0 ? NULL : &splice->cut[splice->count - 1];
}

static void add_cut(struct json_splice *splice, size_t from, size_t to, struct str with)
{
	const struct json_cut *last = last_cut(splice);

	CHECK(splice->count < JSON_CUTS_MAX);
	CHECK(from <= to && (last == NULL || last->to <= from));
	splice->cut[splice->count++] = (struct json_cut){from, to, with};
}

void json_splice_value(struct json_splice *splice, const struct json_member *m, struct str with)
{
	size_t from = offset_in(splice, m->value.p);

	add_cut(splice, from, from + m->value.n, with);
}

static inline bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Go back over space, and over members removed just before: their cuts are taken out again
 * and become part of the one being made. */
static size_t absorb_back(struct json_splice *splice, size_t at)
{
	for (;;) {
		struct json_cut *last = last_cut(splice);

		if (last != NULL && last->to == at && last->from < last->to && last->with.n == 0) {
			at = last->from;
			splice->count--;
		} else if (last != NULL && last->to == at) {
			return at;
		} else if (is_space(splice->text.p[at - 1])) {
			at--;
		} else {
			return at;
		}
	}
}

void json_splice_remove(struct json_splice *splice, const struct json_index *index, const struct json_member *m)
{
	struct json_cut *last;
	size_t from, to;

	CHECK(splice->text.p == index->text.p);
	from = offset_in(splice, m->key.p) - 1; /* the quote */
	to = offset_in(splice, m->value.p) + m->value.n;
	while (is_space(splice->text.p[to]))
		to++;
	if (splice->text.p[to] == ',') {
		add_cut(splice, from, to + 1, STR_NONE);
		return;
	}
	/* the last member: the comma in front goes, which may have gone with an earlier one */
	from = absorb_back(splice, from);
	last = last_cut(splice);
	if (splice->text.p[from - 1] == ',')
		from--;
	else if (last != NULL && last->to == from && last->with.n > 0 && last->with.p[last->with.n - 1] == ',')
		last->with.n--; /* put in front of members that are all gone now */
	add_cut(splice, from, to, STR_NONE);
}

void json_splice_insert(struct json_splice *splice, struct str object, struct str members, struct arena *arena)
{
	size_t at = offset_in(splice, object.p) + 1;

	CHECK(object.n >= 2 && object.p[0] == '{');
	if (members.n == 0)
		return;
	if (str_trim(str_skip(object, 1)).n == 1) /* nothing but the closing bracket */
		members = arena_str(arena, members);
	else
		members = arena_fmt(arena, "%.*s,", STR_ARG(members));
	add_cut(splice, at, at, members);
}

void json_splice_write(const struct json_splice *splice, struct buf *out)
{
	size_t at = 0, bytes = splice->text.n;

	for (size_t i = 0; i < splice->count; i++)
		bytes += splice->cut[i].with.n;
	buf_reserve(out, bytes);
	for (size_t i = 0; i < splice->count; i++) {
		const struct json_cut *cut = &splice->cut[i];

		buf_put(out, (struct str){splice->text.p + at, cut->from - at});
		buf_put(out, cut->with);
		at = cut->to;
	}
	buf_put(out, (struct str){splice->text.p + at, splice->text.n - at});
}
