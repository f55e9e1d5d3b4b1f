/* Every rule for paths, and what folding makes the same. */
#include "../unit.h"

#include "notes/path.h"

static struct arena *arena;

static void bad(struct str given)
{
	struct str path;
	const char *why = NULL;

	ck_err(note_path_read(arena, given, &path, &why), ERR_RPC_PARAMS);
	ck_assert_ptr_nonnull(why);
}

START_TEST(paths_are_completed)
{
	struct str path;
	const char *why;

	arena = arena_new(1 << 20);
	ck_ok(note_path_read(arena, STR("Daily/2026-05-01"), &path, &why));
	ck_str(path, "Daily/2026-05-01.md");
	ck_ok(note_path_read(arena, STR("v1.2 notes"), &path, &why));
	ck_str(path, "v1.2 notes.md");
	ck_ok(note_path_read(arena, STR("Upper.MD"), &path, &why));
	ck_str(path, "Upper.MD");
	ck_ok(note_path_read(arena, STR("Cafe\xcc\x81"), &path, &why)); /* decomposed */
	ck_str(path, "Caf\xc3\xa9.md");
	ck_ok(note_folder_read(arena, STR("a/b/"), &path, &why));
	ck_str(path, "a/b");
	ck_ok(note_folder_read(arena, STR("/"), &path, &why));
	ck_str(path, "");
	arena_free(arena);
}
END_TEST

START_TEST(paths_stay_inside)
{
	AUTO_BUF deep = {0};
	AUTO_BUF longest = {0};
	struct str path;
	const char *why;

	arena = arena_new(1 << 20);
	bad(STR(""));
	bad(STR("/etc/passwd"));
	bad(STR(".."));
	bad(STR("../x"));
	bad(STR("a/../../x"));
	bad(STR("a/./x"));
	bad(STR("a//x"));
	bad(STR("a/"));
	bad(STR(".obsidian/app"));
	bad(STR("a/.git/config"));
	bad(STR(".tmp-1"));
	bad(STR("a\\b"));
	bad((struct str){"a\0b", 3});
	bad(STR("a\nb"));
	bad(STR("a\x7f"));
	bad(STR("\xff\xfe"));
	for (int i = 0; i < NOTE_DEPTH_MAX; i++)
		buf_put(&deep, STR("d/"));
	buf_put(&deep, STR("x"));
	bad(buf_str(&deep));
	for (int i = 0; i < NOTE_PART_BYTES_MAX - 3; i++)
		buf_put_byte(&longest, 'n');
	ck_ok(note_path_read(arena, buf_str(&longest), &path, &why));
	buf_put_byte(&longest, 'n');
	bad(buf_str(&longest));
	arena_free(arena);
}
END_TEST

START_TEST(spellings_are_folded)
{
	arena = arena_new(1 << 20);
	ck_str(note_fold(arena, STR("\xc3\x89t\xc3\xa9/NOTE")), "\xc3\xa9t\xc3\xa9/note");
	ck_str(note_fold(arena, STR("E\xcc\x81")), "\xc3\xa9");
	ck_str(note_fold(arena, STR("\xff")), "\xff");
	ck_str(note_fold(arena, STR("")), "");
	ck_assert(!note_path_is_linkable(STR("a#b")) && !note_path_is_linkable(STR("a|b")));
	ck_assert(!note_path_is_linkable(STR("50%% more")) && note_path_is_linkable(STR("50% more")));
	ck_str(note_path_bare(STR("a/b.MD")), "a/b");
	ck_str(note_path_bare(STR("a/.md")), "a/.md");
	ck_str(note_path_name(STR("a/b.md")), "b.md");
	ck_str(note_path_folder(STR("a/b/c.md")), "a/b");
	ck_str(note_path_folder(STR("c.md")), "");
	arena_free(arena);
}
END_TEST

UNIT_MAIN("path", paths_are_completed, paths_stay_inside, spellings_are_folded)
