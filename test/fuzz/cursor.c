/* Cursors of connectors' tools as callers send them back: none but those that were sealed here for the same call is
 * ever opened, and those always are. */
#include "connector/run.h"
#include "connector/runner.h"

#include "base/check.h"

static const struct tool tool = {.name = {"list", 4}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct secret *key;
	AUTO(arena) *arena = arena_new(1 << 22);
	struct connector_runner runner = {0};
	struct connector_call call = {.arena = arena, .tenant_id = STR("T"), .principal = STR("p")};
	struct run run = {.runner = &runner, .tool = &tool, .call = &call, .arena = arena, .arguments = STR("{}")};
	struct str given = {(const char *)data, n};
	struct value value;
	AUTO_BUF sealed = {0};

	if (key == NULL)
		key = secret_random();
	runner.cursor_key = key;
	CHECK(page_open(&run, given, &value) == ERR_TOOL_FAILED);
	if (n > 2000 || !str_is_utf8(given))
		return 0;
	page_seal(&run, value_of_text(given), &sealed);
	CHECK(page_open(&run, buf_str(&sealed), &value) == OK);
	CHECK(n == 0 || (value.kind == VALUE_TEXT && str_eq(value.text, given)));
	sealed.p[n % sealed.n] ^= 1;
	CHECK(page_open(&run, buf_str(&sealed), &value) == ERR_TOOL_FAILED);
	return 0;
}
