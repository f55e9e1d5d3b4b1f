/* The strict one-pass scanner. No recursion: `level` holds the open containers.
 *
 *            +---- '{' '[' ----+   +------------- ',' --------------+
 *            v                 |   v                                |
 *   key? -> VALUE -------------+  key? -> VALUE -- scalar -> AFTER -+-- '}' ']' --> AFTER
 *                                                              |
 *                                               depth 0: end of the document
 *
 * Unescaped keys of open objects are stacked; when an object closes, its own lie on top and
 * are compared. Members are recorded while every enclosing container is an object.
 *
 * The small functions take and return the read position (NULL: scan->err says why), so that
 * it stays in a register. Looking members up is in json_index.c, changing them in
 * json_splice.c. */
#include "base/json_scan.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/check.h"
#include "base/json.h"
#include "base/json_text.h"
#include "base/keyset.h"
#include "base/utf8.h"

#define DEPTH_RECORDED 3
#define MEMBERS_START 16 /* most messages have fewer */
#define KEYS_ON_STACK 48 /* keys of all open objects; more move to the arena */
#define NO_MEMBER UINT32_MAX

struct level {
	uint32_t keys_from; /* this object's first key in scan->key */
	uint32_t member;    /* whose value this container is, or NO_MEMBER */
	uint8_t closer;	    /* '}' or ']' */
	bool records;	    /* its members are recorded */
};

struct scan {
	struct arena *arena;
	const uint8_t *start, *end;
	enum err err;
	uint32_t depth;
	uint32_t value_of; /* the member whose value comes next, or NO_MEMBER */
	uint32_t member_count, member_cap;
	uint32_t key_count, key_cap;
	uint32_t commas; /* between elements of a root array */
	struct json_member *member;
	struct str *key;
	struct level level[JSON_DEPTH_MAX + 1]; /* [0] stands for the document */
	struct str key_stack[KEYS_ON_STACK];
};

static COLD const uint8_t *fail(struct scan *scan, enum err err)
{
	scan->err = err;
	return NULL;
}

static inline const uint8_t *skip_space(const struct scan *scan, const uint8_t *p)
{
	while (p != scan->end && *p <= ' ' && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	return p;
}

/* --- strings --- */

/* First byte at or after p that is a quote, a backslash, a control or not ASCII; or the end. */
static inline const uint8_t *skip_plain(const struct scan *scan, const uint8_t *p)
{
#if defined(__SSE2__)
	const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), control = _mm_set1_epi8(0x1F);

	while (scan->end - p >= 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)p);
		__m128i odd = _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash));
		unsigned mask;

		odd = _mm_or_si128(odd, _mm_cmpeq_epi8(_mm_min_epu8(bytes, control), bytes));
		mask = (unsigned)_mm_movemask_epi8(_mm_or_si128(odd, bytes)); /* top bit: not ASCII */
		if (mask != 0)
			return p + __builtin_ctz(mask);
		p += 16;
	}
#endif
	while (p != scan->end && *p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\')
		p++;
	return p;
}

/* From the byte after the opening quote to the closing quote. */
static inline const uint8_t *scan_string(struct scan *scan, const uint8_t *p, bool *ret_escaped)
{
	bool escaped = false;

	for (;;) {
		p = skip_plain(scan, p);
		if (unlikely(p == scan->end))
			return fail(scan, ERR_JSON_SYNTAX);
		if (likely(*p == '"')) {
			*ret_escaped = escaped;
			return p;
		}
		if (*p == '\\') {
			char unused[4];

			escaped = true;
			if (json_unescape(&p, scan->end, unused) == 0)
				return fail(scan, ERR_JSON_SYNTAX);
			continue;
		}
		if (*p < 0x20)
			return fail(scan, ERR_JSON_SYNTAX);
		while (p != scan->end && *p >= 0x80) {
			size_t n = utf8_sequence(p, scan->end);

			if (n == 0)
				return fail(scan, ERR_JSON_UTF8);
			p += n;
		}
	}
}

/* --- numbers and names --- */

static inline bool is_digit(const struct scan *scan, const uint8_t *p)
{
	return p != scan->end && (uint8_t)(*p - '0') <= 9;
}

/* At least one digit. */
static inline const uint8_t *scan_digits(struct scan *scan, const uint8_t *p)
{
	if (!is_digit(scan, p))
		return fail(scan, ERR_JSON_SYNTAX);
	do
		p++;
	while (is_digit(scan, p));
	return p;
}

static inline const uint8_t *scan_number(struct scan *scan, const uint8_t *p)
{
	if (*p == '-')
		p++;
	if (p != scan->end && *p == '0')
		p++; /* nothing may follow a leading zero but a fraction or an exponent */
	else if ((p = scan_digits(scan, p)) == NULL)
		return NULL;
	if (p != scan->end && *p == '.' && (p = scan_digits(scan, p + 1)) == NULL)
		return NULL;
	if (p != scan->end && (*p | 0x20) == 'e') {
		p++;
		if (p != scan->end && (*p == '+' || *p == '-'))
			p++;
		return scan_digits(scan, p);
	}
	return p;
}

static inline const uint8_t *scan_name(struct scan *scan, const uint8_t *p, struct str name)
{
	if ((size_t)(scan->end - p) < name.n || memcmp(p, name.p, name.n) != 0)
		return fail(scan, ERR_JSON_SYNTAX);
	return p + name.n;
}

/* A value that is no container. */
static inline const uint8_t *scan_scalar(struct scan *scan, const uint8_t *p, enum json_kind *ret_kind,
					 bool *ret_escaped)
{
	switch (*p) {
	case '"':
		*ret_kind = JSON_STRING;
		p = scan_string(scan, p + 1, ret_escaped);
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
	size_t cap = 2 * (size_t)scan->member_cap;
	void *grown = arena_try_grow(scan->arena, scan->member, scan->member_cap * sizeof(struct json_member),
				     cap * sizeof(struct json_member));

	if (grown == NULL) {
		scan->err = ERR_LIMIT;
		return false;
	}
	scan->member = grown;
	scan->member_cap = (uint32_t)cap;
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

static inline bool push_key(struct scan *scan, struct str key, bool escaped)
{
	if (unlikely(escaped)) {
		key = json_unescape_all(scan->arena, key);
		if (key.p == NULL) {
			scan->err = ERR_LIMIT;
			return false;
		}
	}
	if (unlikely(scan->key_count == scan->key_cap) && !grow_keys(scan))
		return false;
	scan->key[scan->key_count++] = key;
	return true;
}

static inline bool record_member(struct scan *scan, struct str key, bool escaped)
{
	struct json_member *m;

	if (unlikely(scan->member_count == scan->member_cap) && !grow_members(scan))
		return false;
	scan->value_of = scan->member_count++;
	m = &scan->member[scan->value_of];
	m->key = key;
	m->depth = (uint8_t)scan->depth;
	m->escaped = escaped;
	return true;
}

/* "key" : -- to the first byte of the value. */
static inline const uint8_t *scan_key(struct scan *scan, const uint8_t *p)
{
	struct str key;
	bool escaped = false;

	if (p == scan->end || *p != '"')
		return fail(scan, ERR_JSON_SYNTAX);
	key.p = (const char *)++p;
	p = scan_string(scan, p, &escaped);
	if (p == NULL)
		return NULL;
	key.n = (size_t)((const char *)p - key.p);
	if (!push_key(scan, key, escaped))
		return NULL;
	if (scan->level[scan->depth].records && !record_member(scan, key, escaped))
		return NULL;
	p = skip_space(scan, p + 1);
	if (p == scan->end || *p != ':')
		return fail(scan, ERR_JSON_SYNTAX);
	return skip_space(scan, p + 1);
}

/* --- containers --- */

/* Step into the container at p and to its first value (or past its closing bracket, which the
 * caller sees by the depth being as before). */
static inline const uint8_t *open_container(struct scan *scan, const uint8_t *p)
{
	const struct level *outer = &scan->level[scan->depth];
	struct level *level;

	if (unlikely(scan->depth == JSON_DEPTH_MAX))
		return fail(scan, ERR_JSON_DEPTH);
	level = &scan->level[++scan->depth];
	level->keys_from = scan->key_count;
	level->member = scan->value_of;
	level->closer = *p == '{' ? '}' : ']';
	level->records = outer->records && *p == '{' && scan->depth <= DEPTH_RECORDED;
	if (scan->value_of != NO_MEMBER) {
		struct json_member *m = &scan->member[scan->value_of];

		m->value.p = (const char *)p;
		m->kind = *p == '{' ? JSON_OBJECT : JSON_ARRAY;
		scan->value_of = NO_MEMBER;
	}
	return skip_space(scan, p + 1);
}

static inline const uint8_t *close_container(struct scan *scan, const uint8_t *p)
{
	struct level *level = &scan->level[scan->depth];

	scan->err = keys_unique(scan->arena, scan->key + level->keys_from, scan->key_count - level->keys_from);
	if (unlikely(scan->err != OK))
		return NULL;
	scan->key_count = level->keys_from;
	scan->depth--;
	p++;
	if (level->member != NO_MEMBER) {
		struct json_member *m = &scan->member[level->member];

		m->value.n = (size_t)((const char *)p - m->value.p);
		m->end = scan->member_count;
	}
	return p;
}

static inline const uint8_t *take_scalar(struct scan *scan, const uint8_t *p)
{
	const uint8_t *from = p;
	enum json_kind kind;
	bool escaped = false;

	p = scan_scalar(scan, p, &kind, &escaped);
	if (scan->value_of != NO_MEMBER && p != NULL) {
		struct json_member *m = &scan->member[scan->value_of];

		m->value = (struct str){(const char *)from, (size_t)(p - from)};
		m->kind = (uint8_t)kind;
		m->escaped |= escaped;
		m->end = scan->member_count;
		scan->value_of = NO_MEMBER;
	}
	return p;
}

/* After a value: past the closing brackets and the comma in front of the next one; to it, or
 * to the end of the document (depth 0). */
static inline const uint8_t *scan_after(struct scan *scan, const uint8_t *p)
{
	while (scan->depth > 0) {
		p = skip_space(scan, p);
		if (p == scan->end)
			return fail(scan, ERR_JSON_SYNTAX);
		if (*p == ',') {
			p = skip_space(scan, p + 1);
			scan->commas += scan->depth == 1;
			return scan->level[scan->depth].closer == '}' ? scan_key(scan, p) : p;
		}
		if (*p != scan->level[scan->depth].closer)
			return fail(scan, ERR_JSON_SYNTAX);
		p = close_container(scan, p);
		if (p == NULL)
			return NULL;
	}
	return p;
}

static const uint8_t *scan_document(struct scan *scan, const uint8_t *p)
{
	do {
		if (unlikely(p == scan->end))
			return fail(scan, ERR_JSON_SYNTAX);
		if (*p == '{' || *p == '[') {
			p = open_container(scan, p);
			if (p == NULL || p == scan->end)
				return fail(scan, p == NULL ? scan->err : ERR_JSON_SYNTAX);
			if (*p != scan->level[scan->depth].closer) {
				if (scan->level[scan->depth].closer == '}')
					p = scan_key(scan, p);
				continue; /* to the first value inside */
			}
			p = close_container(scan, p);
		} else {
			p = take_scalar(scan, p);
		}
		if (p != NULL)
			p = scan_after(scan, p);
	} while (p != NULL && scan->depth > 0);
	return p;
}

static enum json_kind kind_of(uint8_t first)
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

/* Only what is read before it is written is set: clearing the stacks would cost more than the
 * scan of a small message. */
static bool scan_init(struct scan *scan, struct arena *arena, struct str text)
{
	scan->arena = arena;
	scan->start = (const uint8_t *)text.p;
	scan->end = scan->start + text.n;
	scan->err = OK;
	scan->depth = 0;
	scan->value_of = NO_MEMBER;
	scan->member_count = 0;
	scan->member_cap = MEMBERS_START;
	scan->member = arena_try_alloc(arena, MEMBERS_START * sizeof(struct json_member));
	scan->key_count = 0;
	scan->key_cap = KEYS_ON_STACK;
	scan->key = scan->key_stack;
	scan->commas = 0;
	scan->level[0].records = true;
	scan->level[0].closer = 0;
	return scan->member != NULL;
}

enum err json_scan(struct arena *arena, struct str text, struct json_index *ret_index)
{
	struct scan scan;
	const uint8_t *root, *p;
	enum json_kind kind;

	if (text.n == 0)
		return ERR_JSON_SYNTAX;
	if (text.n >= NO_MEMBER || !scan_init(&scan, arena, text))
		return ERR_LIMIT;
	root = skip_space(&scan, scan.start);
	p = scan_document(&scan, root);
	if (p == NULL)
		return scan.err;
	if (skip_space(&scan, p) != scan.end)
		return ERR_JSON_SYNTAX;
	kind = kind_of(*root);
	*ret_index = (struct json_index){
		.text = text,
		.kind = kind,
		.member = scan.member,
		.count = scan.member_count,
		.elements = kind == JSON_ARRAY ? scan.commas + 1 : 0,
	};
	if (kind == JSON_ARRAY && *skip_space(&scan, root + 1) == ']')
		ret_index->elements = 0;
	return OK;
}
