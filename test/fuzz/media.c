/* What strangers say of files: the argument's JSON, its name and address, and the file's first bytes. The first byte
 * says how much of the input is what was said. */
#include "media/media_private.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct str all = {(const char *)bytes, n}, said, head;
	AUTO(arena) *arena = arena_new(4 << 20);
	AUTO_BUF problem = {0};
	struct given given;
	struct str mime, name;

	if (n == 0)
		return 0;
	said = (struct str){all.p + 1, bytes[0] < n - 1 ? bytes[0] : n - 1};
	head = str_skip(all, 1 + said.n);
	if (head.n > SNIFF_BYTES)
		head.n = SNIFF_BYTES;
	mime = sniff_mime(head, said);
	name = file_name(arena, said, mime);
	if (mime.n == 0 || mime.n > SNIFF_MIME_BYTES_MAX || !str_is_printable(mime) ||
	    memchr(mime.p, ' ', mime.n) != NULL)
		abort(); /* it goes into headers */
	if (name.n == 0 || name.n > MEDIA_NAME_BYTES_MAX || memchr(name.p, '/', name.n) != NULL ||
	    str_has_control(name))
		abort();
	(void)sniff_extension(mime);
	(void)url_name(arena, said);
	if (given_read(arena, str_skip(all, 1), &problem, &given) == OK && given.value.n == 0)
		abort();
	return 0;
}
