/* The reader of server-sent events. Bytes are gathered into lines, lines into an event; a
 * blank line completes it. A CR ends a line at once, and an LF right behind it, perhaps in
 * the next piece, is swallowed.
 *   Source     WHATWG HTML, "Server-sent events", section "Parsing an event stream" */
#include "http/sse.h"

#define RETRY_MS_MAX (24 * 3600 * 1000) /* what a server asks beyond it is nonsense */
#define SCAN_BLOCK_BYTES 256

void sse_reader_init(struct sse_reader *reader, size_t bytes_max)
{
	*reader = (struct sse_reader){.retry_ms = -1, .bytes_max = bytes_max};
}

void sse_reader_free(struct sse_reader *reader)
{
	buf_free(&reader->line);
	buf_free(&reader->data);
	buf_free(&reader->type);
	buf_free(&reader->id);
}

static void take_retry(struct sse_reader *reader, struct str value)
{
	uint64_t ms;

	if (str_to_u64(value, &ms) == OK)
		reader->retry_ms = ms > RETRY_MS_MAX ? RETRY_MS_MAX : (int64_t)ms;
}

static void take_field(struct sse_reader *reader, struct str name, struct str value)
{
	if (str_eq(name, STR("data"))) {
		if (reader->has_data)
			buf_put_byte(&reader->data, '\n');
		buf_put(&reader->data, value);
		reader->has_data = true;
	} else if (str_eq(name, STR("event"))) {
		reader->type.n = 0;
		buf_put(&reader->type, value);
	} else if (str_eq(name, STR("id"))) {
		if (value.n > 0 && memchr(value.p, '\0', value.n) != NULL)
			return;
		reader->id.n = 0;
		buf_put(&reader->id, value);
		reader->has_id = true;
	} else if (str_eq(name, STR("retry"))) {
		take_retry(reader, value);
	}
}

/* One whole line. True when it completes an event. */
static bool take_line(struct sse_reader *reader, struct str line)
{
	struct str name, value;

	if (!reader->started) {
		reader->started = true;
		if (str_starts(line, STR("\xef\xbb\xbf")))
			line = str_skip(line, 3);
	}
	if (line.n == 0)
		return true;
	if (line.p[0] == ':')
		return false;
	if (str_cut(line, ':', &name, &value) && value.n > 0 && value.p[0] == ' ')
		value = str_skip(value, 1);
	take_field(reader, name, value);
	return false;
}

/* Forget the event that was returned; the id stays, as the standard wants it. */
static void next_event(struct sse_reader *reader)
{
	reader->data.n = 0;
	reader->type.n = 0;
	reader->has_data = false;
	reader->retry_ms = -1;
	reader->returned = false;
}

/* How many bytes of s come before its first line end, s.n when there is none. In blocks, so
 * that neither long lines nor a stream of bare CRs costs more than a pass or two. */
static size_t line_bytes(struct str s)
{
	for (size_t at = 0; at < s.n; at += SCAN_BLOCK_BYTES) {
		size_t n = s.n - at < SCAN_BLOCK_BYTES ? s.n - at : SCAN_BLOCK_BYTES;
		const char *lf = memchr(s.p + at, '\n', n);
		const char *cr = memchr(s.p + at, '\r', lf == NULL ? n : (size_t)(lf - s.p) - at);

		if (cr != NULL || lf != NULL)
			return (size_t)((cr != NULL ? cr : lf) - s.p);
	}
	return s.n;
}

/* The next line, or false when the input holds no end of one. A line that lies in the input
 * as a whole is not copied. */
static bool next_line(struct sse_reader *reader, struct str *input, struct str *ret_line)
{
	size_t n;

	if (reader->after_cr && input->n > 0) {
		reader->after_cr = false;
		if (input->p[0] == '\n')
			*input = str_skip(*input, 1);
	}
	n = line_bytes(*input);
	if (n == input->n) {
		buf_put(&reader->line, *input);
		*input = str_skip(*input, n);
		return false;
	}
	*ret_line = (struct str){input->p, n};
	if (reader->line.n > 0) {
		buf_put(&reader->line, *ret_line);
		*ret_line = buf_str(&reader->line);
	}
	reader->after_cr = input->p[n] == '\r';
	*input = str_skip(*input, n + 1);
	return true;
}

enum err sse_read(struct sse_reader *reader, struct str *input, struct sse_event *ret_event, bool *ret_complete)
{
	struct str line;
	bool blank;

	if (reader->returned)
		next_event(reader);
	while (next_line(reader, input, &line)) {
		if (line.n + reader->data.n + reader->type.n > reader->bytes_max)
			return ERR_UPSTREAM_TOO_LARGE;
		blank = take_line(reader, line);
		reader->line.n = 0;
		if (!blank)
			continue;
		if (!reader->has_data && reader->retry_ms < 0) {
			next_event(reader);
			continue;
		}
		*ret_event = (struct sse_event){
			.type = buf_str(&reader->type),
			.id = reader->has_id ? buf_str(&reader->id) : STR_NONE,
			.data = buf_str(&reader->data),
			.retry_ms = reader->retry_ms,
		};
		if (reader->has_id && reader->id.p == NULL)
			ret_event->id = STR("");
		reader->returned = true;
		*ret_complete = true;
		return OK;
	}
	*ret_complete = false;
	return reader->line.n + reader->data.n > reader->bytes_max ? ERR_UPSTREAM_TOO_LARGE : OK;
}
