/* The strict one-pass scanner. No recursion: `levels` holds the open containers.
 *
 *    [key] -> VALUE -- '{' '[' --> [key] -> VALUE ...           ([key]: inside an object)
 *               |  scalar
 *               v
 *             AFTER -- ',' --> [key] -> VALUE
 *               |  '}' ']'
 *               +--> AFTER ... until the root is closed
 *
 * Most of the work is done without asking for the end of the text: a document that opens with
 * a bracket has to end with one, and neither space nor digits nor punctuation run past that
 * last byte. Only strings, escapes and names look at `end`.
 *
 * Unescaped keys of open objects are stacked; when an object closes, its own lie on top and
 * are compared. Members are recorded while every enclosing container is an object.
 *
 * The small functions take and return the read position (NULL: scan->err says why), so that
 * it stays in a register. Looking members up is in json_index.c, changing them in
 * json_splice.c. */
#include "base/json_scan.h"

#include "base/check.h"
#include "base/json.h"
#include "base/json_skip.h"
#include "base/json_text.h"
#include "base/keyset.h"
#include "base/utf8.h"

#define DEPTH_RECORDED 3
#define MEMBERS_START 16 /* most messages have fewer */
#define KEYS_ON_STACK 48 /* keys of all open objects; more move to the arena */
#define LONG_STEPS 7	 /* of a string, before bigger ones are worth their set-up */
#define NO_MEMBER UINT32_MAX
#define INLINE inline __attribute__((always_inline)) /* the pieces of the one loop */

struct level {
	uint32_t keys_from; /* this object's first key in scan->key */
	uint32_t member;    /* whose value this container is, or NO_MEMBER */
	uint32_t commas;
	uint8_t closer; /* '}' or ']' */
	uint8_t depth;
	bool records; /* its members are recorded */
};

struct scan {
	struct arena *arena;
	const uint8_t *end;
	struct level *level; /* the innermost open container */
	struct json_member *member;
	struct str *key;
	uint32_t member_count, member_cap;
	uint32_t key_count, key_cap;
	uint32_t value_of; /* the member whose value comes next, or NO_MEMBER */
	bool escaped;	   /* the current key or its string value has a backslash */
	enum err err;
	struct level levels[JSON_DEPTH_MAX + 1]; /* [0] stands for the document */
	struct str key_stack[KEYS_ON_STACK];
};

static COLD const uint8_t *fail(struct scan *scan, enum err err)
{
	scan->err = err;
	return NULL;
}

static inline bool is_space(uint8_t c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Stops at the document's last byte, a bracket, at the latest. */
static INLINE const uint8_t *skip_space(const uint8_t *p)
{
	if (unlikely(*p <= ' ')) {
		while (is_space(*p))
			p++;
	}
	return p;
}

/* --- strings --- */

/* The rest of a string from an odd byte that is no quote: to the closing quote. */
static __attribute__((noinline)) const uint8_t *scan_odd_string(struct scan *scan, const uint8_t *p)
{
	while (p != scan->end && *p != '"') {
		char unused[4];
		size_t n;

		if (*p == '\\') {
			scan->escaped = true;
			if (json_unescape(&p, scan->end, unused) == 0)
				return fail(scan, ERR_JSON_SYNTAX);
		} else if (*p >= 0x80) {
			n = utf8_sequence(p, scan->end);
			if (n == 0)
				return fail(scan, ERR_JSON_UTF8);
			p += n;
		} else if (*p < 0x20) {
			return fail(scan, ERR_JSON_SYNTAX);
		} else {
			p = json_skip_plain(p, scan->end);
		}
	}
	return p != scan->end ? p : fail(scan, ERR_JSON_SYNTAX);
}

/* From the byte after the opening quote to the closing quote. */
static INLINE const uint8_t *scan_string(struct scan *scan, const uint8_t *p)
{
	p = json_skip_plain(p, scan->end);
	if (likely(p != scan->end && *p == '"'))
		return p;
	return scan_odd_string(scan, p);
}

/* --- numbers and names --- */

static INLINE bool is_digit(uint8_t c)
{
	return (uint8_t)(c - '0') <= 9;
}

static INLINE const uint8_t *skip_digits(const uint8_t *p)
{
	while (is_digit(*p))
		p++;
	return p;
}

/* What may follow a number's integer part. */
static const uint8_t *scan_fraction(struct scan *scan, const uint8_t *p)
{
	if (*p == '.') {
		if (!is_digit(*++p))
			return fail(scan, ERR_JSON_SYNTAX);
		p = skip_digits(p);
	}
	if (*p == 'e' || *p == 'E') {
		p++;
		if (*p == '+' || *p == '-')
			p++;
		if (!is_digit(*p))
			return fail(scan, ERR_JSON_SYNTAX);
		p = skip_digits(p);
	}
	return p;
}

static INLINE const uint8_t *scan_number(struct scan *scan, const uint8_t *p)
{
	if (*p == '-')
		p++;
	if (unlikely(!is_digit(*p)))
		return fail(scan, ERR_JSON_SYNTAX);
	p = *p == '0' ? p + 1 : skip_digits(p); /* no digit may follow a leading zero */
	if (unlikely(*p == '.' || *p == 'e' || *p == 'E'))
		return scan_fraction(scan, p);
	return p;
}

static const uint8_t *scan_name(struct scan *scan, const uint8_t *p, struct str name)
{
	if ((size_t)(scan->end - p) < name.n || memcmp(p, name.p, name.n) != 0)
		return fail(scan, ERR_JSON_SYNTAX);
	return p + name.n;
}

/* A value that is no container. */
static INLINE const uint8_t *scan_scalar(struct scan *scan, const uint8_t *p, enum json_kind *ret_kind)
{
	switch (*p) {
	case '"':
		*ret_kind = JSON_STRING;
		p = scan_string(scan, p + 1);
		return p == NULL ? NULL : p + 1;
	case 't':
		*ret_kind = JSON_TRUE;
		return scan_name(scan, p, STR("true"));
	case 'f':
		*ret_kind = JSON_FALSE;
		return scan_name(scan, p, STR("false"));
	case 'n':
		*ret_kind = JSON_NULL;
		return scan_name(scan, p, STR("null"));
	default:
		*ret_kind = JSON_NUMBER;
		return scan_number(scan, p);
	}
}

/* --- keys and members --- */

static __attribute__((noinline)) bool grow_members(struct scan *scan)
{
	size_t bytes = scan->member_cap * sizeof(struct json_member);
	void *grown = arena_try_grow(scan->arena, scan->member, bytes, 2 * bytes);

	if (grown == NULL) {
		scan->err = ERR_LIMIT;
		return false;
	}
	scan->member = grown;
	scan->member_cap *= 2;
	return true;
}

static __attribute__((noinline)) bool grow_keys(struct scan *scan)
{
	size_t bytes = scan->key_cap * sizeof(struct str);
	bool first = scan->key == scan->key_stack;
	void *grown = first ? arena_try_alloc(scan->arena, 2 * bytes)
			    : arena_try_grow(scan->arena, scan->key, bytes, 2 * bytes);

	if (grown == NULL) {
		scan->err = ERR_LIMIT;
		return false;
	}
	if (first)
		memcpy(grown, scan->key, bytes);
	scan->key = grown;
	scan->key_cap *= 2;
	return true;
}

static __attribute__((noinline)) bool unescape_key(struct scan *scan, struct str *key)
{
	*key = json_unescape_all(scan->arena, *key);
	if (key->p == NULL)
		scan->err = ERR_LIMIT;
	return key->p != NULL;
}

/* Remember a key, and its member where members are recorded. */
static INLINE bool take_key(struct scan *scan, struct str key)
{
	if (scan->level->records) {
		struct json_member *m;

		if (unlikely(scan->member_count == scan->member_cap) && !grow_members(scan))
			return false;
		m = &scan->member[scan->member_count];
		m->key = key;
		m->depth = scan->level->depth;
		scan->value_of = scan->member_count++;
	}
	if (unlikely(scan->escaped) && !unescape_key(scan, &key))
		return false;
	if (unlikely(scan->key_count == scan->key_cap) && !grow_keys(scan))
		return false;
	scan->key[scan->key_count++] = key;
	return true;
}

/* "key" : -- to the first byte of the value. */
static INLINE const uint8_t *scan_key(struct scan *scan, const uint8_t *p)
{
	const uint8_t *from = p + 1;

	if (unlikely(*p != '"'))
		return fail(scan, ERR_JSON_SYNTAX);
	scan->escaped = false;
	p = scan_string(scan, from);
	if (unlikely(p == NULL) || !take_key(scan, (struct str){(const char *)from, (size_t)(p - from)}))
		return NULL;
	p = skip_space(p + 1);
	if (unlikely(*p != ':'))
		return fail(scan, ERR_JSON_SYNTAX);
	return skip_space(p + 1);
}

/* --- values --- */

/* Step into the container at p: to its first key or value, or its closing bracket. */
static INLINE const uint8_t *open_container(struct scan *scan, const uint8_t *p)
{
	struct level *outer = scan->level, *level = outer + 1;
	bool object = *p == '{';

	if (unlikely(outer->depth == JSON_DEPTH_MAX))
		return fail(scan, ERR_JSON_DEPTH);
	level->keys_from = scan->key_count;
	level->member = scan->value_of;
	level->commas = 0;
	level->closer = object ? '}' : ']';
	level->depth = outer->depth + 1;
	level->records = object && outer->records && outer->depth < DEPTH_RECORDED;
	scan->level = level;
	if (scan->value_of != NO_MEMBER) {
		struct json_member *m = &scan->member[scan->value_of];

		m->value.p = (const char *)p;
		m->kind = object ? JSON_OBJECT : JSON_ARRAY;
		m->escaped = scan->escaped;
		scan->value_of = NO_MEMBER;
	}
	return skip_space(p + 1);
}

static INLINE const uint8_t *close_container(struct scan *scan, const uint8_t *p)
{
	struct level *level = scan->level;
	uint32_t keys = scan->key_count - level->keys_from;

	if (keys > 1) {
		scan->err = keys_unique(scan->arena, scan->key + level->keys_from, keys);
		if (unlikely(scan->err != OK))
			return NULL;
	}
	scan->key_count = level->keys_from;
	scan->level = level - 1;
	if (level->member != NO_MEMBER) {
		struct json_member *m = &scan->member[level->member];

		m->value.n = (size_t)((const char *)p + 1 - m->value.p);
		m->end = scan->member_count;
	}
	return p + 1;
}

static INLINE const uint8_t *take_scalar(struct scan *scan, const uint8_t *p)
{
	const uint8_t *from = p;
	enum json_kind kind;

	p = scan_scalar(scan, p, &kind);
	if (likely(p != NULL) && scan->value_of != NO_MEMBER) {
		struct json_member *m = &scan->member[scan->value_of];

		m->value = (struct str){(const char *)from, (size_t)(p - from)};
		m->kind = (uint8_t)kind;
		m->escaped = scan->escaped;
		m->end = scan->member_count;
		scan->value_of = NO_MEMBER;
	}
	return p;
}

/* After a value: past closing brackets and a comma, to the next key or value; or past the root. */
static INLINE const uint8_t *scan_after(struct scan *scan, const uint8_t *p)
{
	do {
		if (unlikely(p == scan->end))
			return fail(scan, ERR_JSON_SYNTAX);
		p = skip_space(p);
		if (*p == ',') {
			scan->level->commas++;
			return skip_space(p + 1);
		}
		if (unlikely(*p != scan->level->closer))
			return fail(scan, ERR_JSON_SYNTAX);
		p = close_container(scan, p);
	} while (p != NULL && scan->level != scan->levels);
	return p;
}

/* From the root's opening bracket to behind its closing one. */
static const uint8_t *scan_root(struct scan *scan, const uint8_t *p)
{
	for (;;) {
		if (scan->level->closer == '}') {
			p = scan_key(scan, p);
			if (unlikely(p == NULL))
				return NULL;
		}
		if (*p == '{' || *p == '[') {
			p = open_container(scan, p);
			if (unlikely(p == NULL))
				return NULL;
			if (*p != scan->level->closer)
				continue;
		} else {
			p = take_scalar(scan, p);
			if (unlikely(p == NULL))
				return NULL;
		}
		p = scan_after(scan, p);
		if (unlikely(p == NULL) || scan->level == scan->levels)
			return p;
	}
}

/* --- documents --- */

/* Only what is read before it is written is set: clearing the stacks would cost more than the
 * scan of a small message. */
static bool scan_init(struct scan *scan, struct arena *arena, struct str text)
{
	scan->arena = arena;
	scan->end = (const uint8_t *)text.p + text.n;
	scan->level = scan->levels;
	scan->levels[0].closer = 0;
	scan->levels[0].depth = 0;
	scan->levels[0].records = true;
	scan->member_count = 0;
	scan->member_cap = MEMBERS_START;
	scan->member = arena_try_alloc(arena, MEMBERS_START * sizeof(struct json_member));
	scan->key_count = 0;
	scan->key_cap = KEYS_ON_STACK;
	scan->key = scan->key_stack;
	scan->value_of = NO_MEMBER;
	scan->escaped = false;
	scan->err = OK;
	return scan->member != NULL;
}

/* An object or array, without space around it. */
static enum err scan_container(struct arena *arena, struct str text, struct json_index *ret_index)
{
	char last = text.p[text.n - 1];
	struct scan scan;
	const uint8_t *p;

	if (last != '}' && last != ']')
		return ERR_JSON_SYNTAX;
	if (!scan_init(&scan, arena, text))
		return ERR_LIMIT;
	p = scan_root(&scan, (const uint8_t *)text.p);
	if (p == NULL)
		return scan.err;
	if (p != scan.end)
		return ERR_JSON_SYNTAX;
	ret_index->member = scan.member;
	ret_index->count = scan.member_count;
	ret_index->elements = scan.levels[1].commas + 1;
	if (text.p[0] == '{' || str_trim((struct str){text.p + 1, text.n - 2}).n == 0)
		ret_index->elements = 0;
	return OK;
}

/* A root that is no container is rare (nobody sends one on purpose) and lacks the last bracket
 * that the loop relies on: it gets one. */
static enum err scan_bare(struct arena *arena, struct str text, struct json_index *ret_index)
{
	char *wrapped = arena_try_alloc(arena, text.n + 2);

	if (wrapped == NULL)
		return ERR_LIMIT;
	wrapped[0] = '[';
	memcpy(wrapped + 1, text.p, text.n);
	wrapped[text.n + 1] = ']';
	TRY(scan_container(arena, (struct str){wrapped, text.n + 2}, ret_index));
	if (ret_index->elements != 1)
		return ERR_JSON_SYNTAX;
	ret_index->elements = 0;
	return OK;
}

static enum json_kind kind_of(char first)
{
	switch (first) {
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_ARRAY;
	case '"':
		return JSON_STRING;
	case 't':
		return JSON_TRUE;
	case 'f':
		return JSON_FALSE;
	case 'n':
		return JSON_NULL;
	default:
		return JSON_NUMBER;
	}
}

enum err json_scan(struct arena *arena, struct str text, struct json_index *ret_index)
{
	struct str root = str_trim(text);
	struct json_index index = {.text = text};

	if (root.n == 0)
		return ERR_JSON_SYNTAX;
	if (root.n >= NO_MEMBER)
		return ERR_LIMIT;
	index.kind = kind_of(root.p[0]);
	if (index.kind == JSON_OBJECT || index.kind == JSON_ARRAY)
		TRY(scan_container(arena, root, &index));
	else
		TRY(scan_bare(arena, root, &index));
	*ret_index = index;
	return OK;
}
