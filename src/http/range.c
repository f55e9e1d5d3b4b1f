/* The Range header: "bytes=first-last", "bytes=first-" or "bytes=-count". What is not understood is passed over, as the
 * standard wants it: then the whole is the answer. */
#include "http/range.h"

static bool read_number(struct str text, int64_t *ret_number)
{
	uint64_t number;

	/* A number too large to count in is farther than any file's end. */
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
	if (text.n == 0)
		return false;
	*ret_number = str_to_u64(text, &number) == OK && number <= INT64_MAX ? (int64_t)number : INT64_MAX;
	return true;
}

static enum http_range read_end(struct str count, int64_t size, int64_t *ret_first, int64_t *ret_last)
{
	int64_t bytes;

	if (!read_number(count, &bytes))
		return HTTP_RANGE_WHOLE;
	if (bytes == 0)
		return HTTP_RANGE_NONE;
	*ret_first = bytes >= size ? 0 : size - bytes;
	*ret_last = size - 1;
	return HTTP_RANGE_PART;
}

enum http_range http_range_read(struct str text, int64_t size, int64_t *ret_first, int64_t *ret_last)
{
	struct str unit, ranges, first, last;
	int64_t from, to = INT64_MAX;

	if (!str_cut(text, '=', &unit, &ranges) || !str_eq_nocase(str_trim(unit), STR("bytes")))
		return HTTP_RANGE_WHOLE;
	if (!str_cut(str_trim(ranges), '-', &first, &last))
		return HTTP_RANGE_WHOLE;
	if (first.n == 0)
		return read_end(last, size, ret_first, ret_last);
	if (!read_number(first, &from) || (last.n > 0 && !read_number(last, &to)) || to < from)
		return HTTP_RANGE_WHOLE;
	if (from >= size)
		return HTTP_RANGE_NONE;
	*ret_first = from;
	*ret_last = to < size ? to : size - 1;
	return HTTP_RANGE_PART;
}
