/* Names are shown to people who must decide by them, and become names of objects elsewhere. Cutting and replacing is
 * all that is done: a name that is no UTF-8 is none. */
#include "authclient/shown_name.h"

struct str shown_name(struct arena *arena, struct str given, size_t bytes_max, struct str fallback)
{
	struct str text = str_shorten(str_trim(given), bytes_max);
	AUTO_BUF name = {0};

	for (size_t i = 0; i < text.n; i++)
		buf_put_byte(&name, (unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f ? ' ' : text.p[i]);
	if (name.n == 0 || !str_is_utf8(buf_str(&name)))
		return fallback;
	return arena_str(arena, buf_str(&name));
}
