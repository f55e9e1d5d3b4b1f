/* Lines of child processes. A line that lies whole in what was read is given as it lies there;
 * only the piece of an unfinished one is kept, up to the bound. */
#include "rt/line.h"

void line_reader_init(struct line_reader *reader, size_t bytes_max, bool cut)
{
	*reader = (struct line_reader){.bytes_max = bytes_max, .cut = cut};
}

void line_reader_free(struct line_reader *reader)
{
	buf_free(&reader->held);
}

static void give(struct line_reader *reader, struct str line, void (*on)(void *arg, struct str line), void *arg)
{
	if (line.n > reader->bytes_max)
		line.n = reader->bytes_max;
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	on(arg, line);
}

/* Keep the beginning of a line. */
static enum err hold(struct line_reader *reader, struct str piece)
{
	if (reader->dropping)
		return OK;
	if (reader->held.n + piece.n > reader->bytes_max) {
		if (!reader->cut)
			return ERR_LIMIT;
		reader->dropping = true;
		piece.n = reader->bytes_max - reader->held.n;
	}
	buf_put(&reader->held, piece);
	return OK;
}

enum err line_reader_take(struct line_reader *reader, struct str bytes, void (*on)(void *arg, struct str line),
			  void *arg)
{
	const char *newline;

	while ((newline = bytes.n == 0 ? NULL : memchr(bytes.p, '\n', bytes.n)) != NULL) {
		struct str piece = {bytes.p, (size_t)(newline - bytes.p)};

		bytes = str_skip(bytes, piece.n + 1);
		if (reader->held.n == 0 && !reader->dropping) {
			if (piece.n > reader->bytes_max && !reader->cut)
				return ERR_LIMIT;
			give(reader, piece, on, arg);
			continue;
		}
		TRY(hold(reader, piece));
		give(reader, buf_str(&reader->held), on, arg);
		reader->held.n = 0;
		reader->dropping = false;
		/* One huge line must not keep its memory for ever. */
		if (reader->held.cap > 64 * 1024)
			buf_free(&reader->held);
	}
	return bytes.n == 0 ? OK : hold(reader, bytes);
}

void line_reader_end(struct line_reader *reader, void (*on)(void *arg, struct str line), void *arg)
{
	if (reader->held.n > 0)
		give(reader, buf_str(&reader->held), on, arg);
	reader->held.n = 0;
}
