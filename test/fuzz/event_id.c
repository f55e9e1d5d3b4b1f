/* Last-Event-ID as clients send it: never more than its form, and what was read writes the same text
 * again, but for the life that it is of. */
#include "base/check.h"
#include "gateway/event_id.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct str text = {(const char *)bytes, n}, node, rest, rest_again;
	AUTO_BUF again = {0};
	struct event_id id;

	if (event_id_read(text, &id) != OK)
		return 0;
	CHECK(id.request_bytes <= sizeof(id.request) && str_is_printable(text));
	event_id_write(id.kind, id.log, id.number, (struct str){id.request, id.request_bytes}, &again);
	CHECK(str_cut(buf_str(&again), '.', &node, &rest_again) && str_cut(text, '.', &node, &rest));
	CHECK(str_eq(rest, rest_again));
	return 0;
}
