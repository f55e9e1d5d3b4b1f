/* Any bytes as a form and as a Cookie header; what was decoded and is put again is read as the same. */
#include <stdint.h>

#include "base/check.h"
#include "http/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	const struct str text = {(const char *)bytes, n};
	AUTO(arena) *arena = arena_new(64u << 20);
	struct form *form = ARENA_NEW(arena, struct form), *again = ARENA_NEW(arena, struct form);
	AUTO_BUF out = {0};

	(void)cookie_get(text, STR("a"));
	if (form_read(arena, text, form) != OK)
		return 0;
	for (size_t i = 0; i < form->count; i++)
		form_put(&out, form->field[i].name, form->field[i].value);
	CHECK(form_read(arena, buf_str(&out), again) == OK && again->count == form->count);
	for (size_t i = 0; i < form->count; i++)
		CHECK(str_eq(form->field[i].name, again->field[i].name) &&
		      str_eq(form->field[i].value, again->field[i].value));
	return 0;
}
