/* Strings: `struct str` borrows bytes (not NUL-terminated, may hold NUL), `struct buf`
 * owns growing ones. Nothing here allocates except buf. */
#ifndef GATEHOUSE_BASE_STR_H
#define GATEHOUSE_BASE_STR_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

struct str {
	const char *p; /* borrowed; may be NULL only when n is 0 */
	size_t n;
};

#define STR(lit) ((struct str){(lit), sizeof(lit) - 1})
#define STR_NONE ((struct str){NULL, 0})
#define STR_ARG(s) (int)(s).n, (s).p /* for "%.*s" */

static inline struct str str_of(const char *c_string)
{
	return c_string == NULL ? STR_NONE : (struct str){c_string, strlen(c_string)};
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool str_ends(struct str s, struct str suffix)
{
	return s.n >= suffix.n && (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

/* s without its first n bytes; n is clamped to the length. */
static inline struct str str_skip(struct str s, size_t n)
{
	if (n > s.n)
		n = s.n;
	return n == 0 ? s : (struct str){s.p + n, s.n - n};
}

/* Whether all bytes are printable ASCII, space included: nothing that could end a header's line. */
bool str_is_printable(struct str s);

/* Whether one of the bytes is a control character: a line end, or what a terminal obeys. */
bool str_has_control(struct str s);

/* At most so many of its bytes, not ending within a character of UTF-8. */
struct str str_shorten(struct str s, size_t bytes_max);

/* Compare ignoring ASCII case. */
bool str_eq_nocase(struct str a, struct str b);

/* Order by bytes, as qsort wants it: <0, 0, >0. */
int str_cmp(struct str a, struct str b);

/* Without leading and trailing space, tab, CR, LF. */
struct str str_trim(struct str s);

/* Cut at the first `sep`: *ret_head before it, *ret_tail after it.
 * Without a `sep`: false, all of s in *ret_head, nothing in *ret_tail. */
bool str_cut(struct str s, char sep, struct str *ret_head, struct str *ret_tail);

/* Decimal, the whole string, no sign for u64.
 *   Errors     ERR_RPC_PARAMS on anything else or on overflow */
NODISCARD enum err str_to_u64(struct str s, uint64_t *ret_value);
NODISCARD enum err str_to_i64(struct str s, int64_t *ret_value);

/* Lower-case hexadecimal, 1 to 16 digits, the whole string.
 *   Errors     ERR_RPC_PARAMS */
NODISCARD enum err str_hex_to_u64(struct str s, uint64_t *ret_value);

/* Glob: `*` any run of bytes, `?` one byte, nothing else special. Linear in pattern x text. */
bool str_glob(struct str pattern, struct str text);

/* 64-bit keyed hash (seeded once per process from the kernel), for tables that outsiders fill. */
uint64_t str_hash(struct str s);

/* Equal without a data-dependent branch; only the lengths may leak. For secrets. */
bool str_eq_secret(struct str a, struct str b);

/* Whether the bytes are well-formed UTF-8 (no surrogates, no overlong forms). */
bool str_is_utf8(struct str s);

/* A growing byte buffer on the heap. Zero-initialise to start; buf_free when done.
 * Out of memory aborts: callers bound what outsiders can make it hold. */
struct buf {
	char *p;
	size_t n;
	size_t cap;
};

/* Make the buffer at least n bytes larger than what it holds. */
void buf_grow(struct buf *buf, size_t n);

/* Make room for n more bytes and return where they go; the caller then adds to buf->n. */
static inline char *buf_reserve(struct buf *buf, size_t n)
{
	if (unlikely(n > buf->cap - buf->n))
		buf_grow(buf, n);
	return buf->p + buf->n;
}

/* Append; the buffer grows by doubling. Inline: messages are made of many small pieces. */
static inline void buf_put(struct buf *buf, struct str s)
{
	if (s.n == 0)
		return;
	memcpy(buf_reserve(buf, s.n), s.p, s.n);
	buf->n += s.n;
}

static inline void buf_put_byte(struct buf *buf, char byte)
{
	*buf_reserve(buf, 1) = byte;
	buf->n++;
}

/* Append in printf's format; a decimal number. */
void buf_put_fmt(struct buf *buf, const char *fmt, ...) PRINTF(2, 3);
void buf_put_u64(struct buf *buf, uint64_t value);

/* Append s as a JSON string, quotes included. Invalid UTF-8 becomes U+FFFD. */
void buf_put_json(struct buf *buf, struct str s);

/* Two digits a byte, in lower case. */
void buf_put_hex(struct buf *buf, const void *bytes, size_t n);

/* What it holds, borrowed until the next change. */
static inline struct str buf_str(const struct buf *buf)
{
	return (struct str){buf->p, buf->n};
}

/* Remove the first n bytes, keeping the rest. */
void buf_drop_front(struct buf *buf, size_t n);

/* Release the memory; the buffer may be used again. */
void buf_free(struct buf *buf);

static inline void buf_auto(struct buf *buf)
{
	buf_free(buf);
}
#define AUTO_BUF __attribute__((cleanup(buf_auto))) struct buf

#endif
