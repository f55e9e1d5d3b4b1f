/* Last-Event-ID as clients send it: never more than its form, and what was read writes the same text
 * again, but for the life that it is of. */
#include "base/check.h"
#include "gateway/event_id.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct str text = {(const char *)bytes, n};
	AUTO_BUF again = {0};
	struct event_id id;

	if (event_id_read(text, &id) != OK)
		return 0;
	CHECK(id.request_bytes <= sizeof(id.request) && str_is_printable(text));
	event_id_write(id.kind, id.log, id.number, (struct str){id.request, id.request_bytes}, &again);
	CHECK(str_eq(str_skip(buf_str(&again), event_id_node().n), str_skip(text, event_id_node().n)));
	return 0;
}
