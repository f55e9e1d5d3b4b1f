/* What is found in a note, and how it is cut. */
#include "../unit.h"

#include "notes/text.h"

static struct arena *arena;
static struct note_text note;

static void read_note(const char *text)
{
	arena = arena_new(1 << 22);
	note_text_read(arena, str_of(text), &note);
}

START_TEST(tags)
{
	read_note("---\ntags:\n  - Home\n  - '#work/now'\n---\n#one two#no #2024 #y2024 `#code` #a/b-c_d, #home\n"
		  "```\n#fenced\n```\n# Heading #in\n#\xc3\xa9t\xc3\xa9\xe2\x80\xa6 [x](#frag) \\#escaped\n");
	static const char *const want[] = {"Home", "work/now", "one", "y2024", "a/b-c_d", "in", "\xc3\xa9t\xc3\xa9"};

	for (size_t i = 0; i < ARRAY_LEN(want) && i < note.tag_count; i++)
		ck_bytes(note.tags[i], str_of(want[i]));
	ck_assert_uint_eq(note.tag_count, ARRAY_LEN(want));
	arena_free(arena);
}
END_TEST

START_TEST(links)
{
	read_note("[[A]] ![[B.png]] [[C#H#S|name]] [[#only here]] [t](D%20E.md#x) [w](https://x.y/z) [m](mailto:a@b)\n"
		  "[s](<F G.md>) [t](H.md \"title\") `[[code]]` [[ I ]] [[broken\n]] [x](C:/y)\n");
	static const char *const want[] = {"A", "B.png", "C", "", "D E.md", "F G.md", "H.md", "I"};

	for (size_t i = 0; i < ARRAY_LEN(want) && i < note.link_count; i++)
		ck_bytes(note.links[i].target, str_of(want[i]));
	ck_assert(note.links[1].embed && !note.links[0].embed);
	ck_str(note.links[2].fragment, "H#S");
	ck_str(note.links[4].fragment, "x");
	arena_free(arena);
}
END_TEST

START_TEST(sections)
{
	struct str part;

	read_note("intro\n# Plans\n## May\nm1\n### Deep\nm2\n## June\nj\n# Other ##\n## May\nsecond\n```\n# no\n```\n");
	ck_assert_uint_eq(note.heading_count, 6);
	ck_ok(note_section(arena, &note, STR("may"), &part));
	ck_str(part, "## May\nm1\n### Deep\nm2\n");
	ck_ok(note_section(arena, &note, STR("Other#May"), &part));
	ck_str(part, "## May\nsecond\n```\n# no\n```\n");
	ck_ok(note_section(arena, &note, STR("## June"), &part));
	ck_str(part, "## June\nj\n");
	ck_err(note_section(arena, &note, STR("July"), &part), ERR_NOT_FOUND);
	ck_err(note_section(arena, &note, STR("##"), &part), ERR_NOT_FOUND);
	arena_free(arena);
}
END_TEST

START_TEST(blocks)
{
	struct str part;

	read_note("para one\nstill ^p1\n\n- item a\n- item b ^b2\n\nalone\n^c3\n\n^d4\n");
	ck_ok(note_block(&note, STR("p1"), &part));
	ck_str(part, "para one\nstill ^p1");
	ck_ok(note_block(&note, STR("^b2"), &part));
	ck_str(part, "- item b ^b2");
	ck_ok(note_block(&note, STR("c3"), &part));
	ck_err(note_block(&note, STR("2"), &part), ERR_NOT_FOUND);
	ck_err(note_block(&note, STR(""), &part), ERR_NOT_FOUND);
	arena_free(arena);
}
END_TEST

UNIT_MAIN("text", tags, links, sections, blocks)
