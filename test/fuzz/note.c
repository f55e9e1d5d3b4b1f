/* Notes: any bytes are read without harm, every slice lies in the note, and a changed front matter reads back. */
#include "base/check.h"
#include "notes/path.h"
#include "notes/text.h"

static void check_inside(struct str text, struct str slice)
{
	CHECK(slice.n == 0 || (slice.p >= text.p && slice.p + slice.n <= text.p + text.n));
}

static void check_parts(struct arena *arena, const struct note_text *note)
{
	struct str part;

	for (size_t i = 0; i < note->heading_count && i < 8; i++) {
		check_inside(note->text, note->headings[i].text);
		if (note_section(arena, note, note->headings[i].text, &part) == OK)
			check_inside(note->text, part);
	}
	for (size_t i = 0; i < note->link_count && i < 8; i++) {
		if (note_block(note, note->links[i].fragment, &part) == OK)
			check_inside(note->text, part);
		(void)note_fold(arena, note->links[i].target);
	}
}

static void check_change(struct arena *arena, struct str text)
{
	struct note_text changed;
	struct str *value;
	yyjson_val *root;
	AUTO_BUF out = {0};

	CHECK(json_read(arena, STR("{\"zz\":\"a: b\",\"tags\":null}"), &root) == OK);
	if (front_change(arena, text, root, &out) != OK)
		return;
	note_text_read(arena, buf_str(&out), &changed);
	if (changed.unreadable || !changed.front.there)
		return; /* the block has become too large, or ended earlier, for a line of dashes in a text */
	if (note_property_texts(arena, &changed, "zz", &value) == 1)
		CHECK(str_eq(value[0], STR("a: b")));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	AUTO(arena) *arena = arena_new(256 << 20);
	struct str text = {(const char *)bytes, n}, path;
	struct note_text note;
	const char *why;
	AUTO_BUF json = {0};

	if (n == 0 || n > 65536)
		return 0;
	note_text_read(arena, text, &note);
	check_parts(arena, &note);
	front_put_json(&json, note.properties);
	check_change(arena, text);
	if (note_path_read(arena, text, &path, &why) == OK)
		CHECK(note_path_is_note(path) && path.p[0] != '/' && path.p[0] != '.');
	return 0;
}
