/* Growing byte buffers, and the one writer of JSON strings.
 *
 * A buffer doubles, so that appending is linear over its life. Running out of memory aborts:
 * whoever lets outsiders fill a buffer bounds it first. */
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/str.h"
#include "base/utf8.h"

#define BUF_BYTES_MIN 64

/* Kept out of line so that the appending paths stay a compare and a copy. */
void buf_grow(struct buf *buf, size_t n)
{
	size_t want, cap = buf->cap < BUF_BYTES_MIN ? BUF_BYTES_MIN : buf->cap;

	CHECK(!__builtin_add_overflow(buf->n, n, &want) && want <= SIZE_MAX / 2);
	while (cap < want)
		cap *= 2;
	buf->p = realloc(buf->p, cap);
	CHECK(buf->p != NULL);
	buf->cap = cap;
}

void buf_put_fmt(struct buf *buf, const char *fmt, ...)
{
	size_t room = buf->cap - buf->n;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(room == 0 ? NULL : buf->p + buf->n, room, fmt, args);
	va_end(args);
	CHECK(n >= 0);
	if ((size_t)n >= room) {
		char *p = buf_reserve(buf, (size_t)n + 1);

		va_start(args, fmt);
		n = vsnprintf(p, (size_t)n + 1, fmt, args);
		va_end(args);
		CHECK(n >= 0);
	}
	buf->n += (size_t)n;
}

void buf_put_u64(struct buf *buf, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value != 0);
	buf_put(buf, (struct str){digits + at, sizeof(digits) - at});
}

static void put_control(struct buf *buf, uint8_t byte)
{
	static const char hex[] = "0123456789abcdef";
	static const char named[32] = {['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
	char text[6] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};

	if (byte < sizeof(named) && named[byte] != 0) {
		text[1] = named[byte];
		buf_put(buf, (struct str){text, 2});
	} else {
		buf_put(buf, (struct str){text, sizeof(text)});
	}
}

void buf_put_hex(struct buf *buf, const void *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = bytes;

	buf_reserve(buf, 2 * n);
	for (size_t i = 0; i < n; i++) {
		buf_put_byte(buf, digits[p[i] >> 4]);
		buf_put_byte(buf, digits[p[i] & 15]);
	}
}

/* Bytes that may not be copied as they are: all but printable ASCII, the quote and the backslash. */
static const bool is_special[256] = {[0 ... 0x1F] = true, ['"'] = true, ['\\'] = true, [0x7F ... 0xFF] = true};

/* DEL and the C1 controls (U+0080..U+009F) are escaped too though JSON does not ask for it:
 * what we write may end on somebody's terminal. */
void buf_put_json(struct buf *buf, struct str s)
{
	const uint8_t *p = (const uint8_t *)(s.n == 0 ? "" : s.p), *end = p + s.n;

	buf_reserve(buf, s.n + 2);
	buf_put_byte(buf, '"');
	while (p != end) {
		const uint8_t *start = p;
		size_t n;

		while (p != end && !is_special[*p])
			p++;
		buf_put(buf, (struct str){(const char *)start, (size_t)(p - start)});
		if (p == end)
			break;
		if (*p == '"' || *p == '\\') {
			buf_put_byte(buf, '\\');
			buf_put_byte(buf, (char)*p++);
		} else if (*p < 0x80) {
			put_control(buf, *p++);
		} else if ((n = utf8_sequence(p, end)) == 0) {
			buf_put(buf, STR("\xEF\xBF\xBD"));
			p++;
		} else if (p[0] == 0xC2 && p[1] < 0xA0) {
			put_control(buf, p[1]);
			p += 2;
		} else {
			buf_put(buf, (struct str){(const char *)p, n});
			p += n;
		}
	}
	buf_put_byte(buf, '"');
}

void buf_drop_front(struct buf *buf, size_t n)
{
	CHECK(n <= buf->n);
	if (n == 0)
		return;
	buf->n -= n;
	memmove(buf->p, buf->p + n, buf->n);
}

void buf_free(struct buf *buf)
{
	free(buf->p);
	*buf = (struct buf){0};
}
