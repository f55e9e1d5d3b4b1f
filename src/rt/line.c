/* Lines of child processes. Most lines come whole in one read and are handed on where they lie;
 * only one that spans reads is gathered in `held`, which grows by doubling up to the bound. */
#include "rt/line.h"

#define HELD_BYTES_KEPT (64 * 1024) /* one huge line must not keep its memory for ever */

static void give(struct str line, void (*on)(void *arg, struct str line), void *arg)
{
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	on(arg, line);
}

static void give_held(struct line_reader *reader, void (*on)(void *arg, struct str line), void *arg)
{
	give(buf_str(&reader->held), on, arg);
	reader->held.n = 0;
	if (reader->held.cap > HELD_BYTES_KEPT)
		buf_free(&reader->held);
}

/* Part of a line, up to the bound. */
static enum err hold(struct line_reader *reader, struct str part)
{
	size_t room = reader->bytes_max - reader->held.n;

	if (reader->skipping)
		return OK;
	if (part.n > room) {
		if (!reader->cuts)
			return ERR_LIMIT;
		part.n = room;
		reader->skipping = true;
	}
	buf_put(&reader->held, part);
	return OK;
}

enum err line_take(struct line_reader *reader, struct str bytes, void (*on)(void *arg, struct str line), void *arg)
{
	struct str line, rest;

	while (bytes.n > 0 && str_cut(bytes, '\n', &line, &rest)) {
		bytes = rest;
		if (reader->held.n == 0 && !reader->skipping && line.n <= reader->bytes_max) {
			give(line, on, arg);
			continue;
		}
		TRY(hold(reader, line));
		give_held(reader, on, arg);
		reader->skipping = false;
	}
	return hold(reader, bytes);
}

void line_end(struct line_reader *reader, void (*on)(void *arg, struct str line), void *arg)
{
	if (reader->held.n > 0)
		give_held(reader, on, arg);
}
