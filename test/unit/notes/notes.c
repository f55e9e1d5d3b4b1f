/* The five operations on a vault of the test's own, asked as a connector run asks them: from another loop than the
 * room's home. Ten thousand notes: how long a search takes is printed, and gated only as far as a slow machine allows.
 */
#include "vault.h"

#include "base/clock.h"
#include "base/json.h"
#include "notes/notes.h"
#include "rt/loop.h"

static struct notes *notes;
static struct arena *arena;
static char settings_text[512];
static struct native_call last;

struct asking {
	const struct native_op *op;
	struct native_call *call;
};

AWAITS static enum err ask_there(void *arg)
{
	struct asking *asking = arg;

	return asking->op->run(notes, asking->call);
}

/* `with` in JSON with single quotes. */
AWAITS static enum err ask(const char *name, const char *with)
{
	struct native_table table = notes_natives(notes);
	struct str text = arena_str(arena, str_of(with));
	struct asking asking = {.op = table.ops, .call = &last};

	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '\'')
			((char *)text.p)[i] = '"';
	last = (struct native_call){.arena = arena};
	ck_ok(json_read(arena, text, &last.with));
	ck_ok(json_read(arena, str_of(settings_text), &last.settings));
	while (strcmp(asking.op->name, name) != 0)
		asking.op++;
	return loop_call(loop_at(loop_count() - 1), "ask", ask_there, &asking);
}

static yyjson_val *answer(void)
{
	yyjson_val *root;

	ck_ok(json_read(arena, last.result, &root));
	return root;
}

static struct str answer_text(const char *name)
{
	return json_str(json_get(answer(), name));
}

static int64_t answer_int(const char *name)
{
	int64_t value = -1;

	(void)json_int(json_get(answer(), name), &value);
	return value;
}

/* The paths of a search's notes, with spaces between. */
static struct str found(void)
{
	yyjson_val *list = json_get(answer(), "notes"), *note;
	yyjson_arr_iter each = yyjson_arr_iter_with(list);
	AUTO_BUF out = {0};

	while ((note = yyjson_arr_iter_next(&each)) != NULL) {
		if (out.n > 0)
			buf_put_byte(&out, ' ');
		buf_put(&out, json_str(json_get(note, "path")));
	}
	return arena_str(arena, buf_str(&out));
}

AWAITS static void check_refused(const char *name, const char *with, const char *class)
{
	ck_err(ask(name, with), ERR_TOOL_FAILED);
	ck_bytes(last.class, str_of(class));
	ck_assert_uint_gt(last.message.n, 0);
}

static void run_with(fiber_main *main)
{
	make_directory();
	(void)snprintf(settings_text, sizeof(settings_text), "{\"vault\":\"%s/vault/\",\"quota\":\"2 MB\"}", directory);
	arena = arena_new(256 << 20);
	ck_ok(rt_run(2, main, NULL));
	arena_free(arena);
}

static void search_vault(void)
{
	make_folder("Work");
	make_folder("Work/Plans");
	write_file("Work/Plans/Garden.md", "---\ntags: [home/garden]\nstatus: open\nyear: 2026\naliases: Beds\n---\n"
					   "# Roses\nWater the roses in May.\n");
	write_file("Work/List.md",
		   "Buy roses and a *garden* hose. [[Garden]] [[Beds]] #shopping\n\n\nLast line: ph\xc3\xa4nomen.");
	write_file("Roses.md", "Nothing about flowers.\n");
	write_file("Other.md", "Plain text. [x](Work/List.md)\n");
	write_file("picture.png", "no note");
	make_folder(".obsidian");
	write_file(".obsidian/hidden.md", "roses");
}

AWAITS static void search_body(void *arg)
{
	notes = notes_new(directory);
	search_vault();
	ck_ok(ask("notes.search", "{'query':'roses'}"));
	ck_str(found(), "Roses.md Work/Plans/Garden.md Work/List.md"); /* title, heading, text */
	ck_ok(ask("notes.search", "{'query':'roses garden'}"));
	ck_str(found(), "Work/Plans/Garden.md Work/List.md");
	ck_ok(ask("notes.search", "{'query':'\\\"a garden hose\\\"'}"));
	ck_str(found(), "Work/List.md");
	ck_ok(ask("notes.search", "{'query':'roses -hose -nothing'}"));
	ck_str(found(), "Work/Plans/Garden.md");
	ck_ok(ask("notes.search", "{'query':'PHANO*'}"));
	ck_str(found(), "Work/List.md");
	ck_assert_int_eq(yyjson_get_type(json_get(answer(), "next")), YYJSON_TYPE_NONE);
	yyjson_val *hit = yyjson_arr_get_first(json_get(answer(), "notes"));
	int64_t line = 0;

	ck_assert(json_int(json_get(hit, "line"), &line) && line == 4);
	ck_str(json_str(json_get(hit, "snippet")),
	       "a *garden* hose. [[Garden]] [[Beds]] #shopping Last line: ph\xc3\xa4nomen.");
	ck_ok(ask("notes.search", "{'tag':'#Home'}"));
	ck_str(found(), "Work/Plans/Garden.md");
	ck_ok(ask("notes.search", "{'query':'roses','folder':'work'}"));
	ck_str(found(), "Work/Plans/Garden.md Work/List.md");
	ck_ok(ask("notes.search", "{'property':{'name':'Year','value':2026}}"));
	ck_str(found(), "Work/Plans/Garden.md");
	ck_ok(ask("notes.search", "{'modified_after':'2999-01-01'}"));
	ck_str(found(), "");
	ck_ok(ask("notes.search", "{'query':'OR NEAR( NOT * \\\"\\\" roses ^ {col} : x AND'}"));
	check_refused("notes.search", "{'query':'-roses'}", "invalid");
	check_refused("notes.search", "{'modified_after':'soon'}", "invalid");
	check_refused("notes.search", "{'folder':'../x'}", "invalid");
	notes_free(notes);
}

START_TEST(searches)
{
	run_with(search_body);
}
END_TEST

AWAITS static void pages_body(void *arg)
{
	char with[64] = "{'limit':3}";
	AUTO_BUF all = {0};

	notes = notes_new(directory);
	for (int i = 0; i < 10; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "n%d.md", i);
		write_file(name, "same");
	}
	for (int page = 0; page < 4; page++) {
		ck_ok(ask("notes.search", with));
		buf_put(&all, found());
		buf_put_byte(&all, ' ');
		if (answer_text("next").n > 0)
			(void)snprintf(with, sizeof(with), "{'limit':3,'cursor':'%.*s'}", STR_ARG(answer_text("next")));
		else
			ck_assert_int_eq(page, 3);
	}
	for (int i = 0; i < 10; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "n%d.md ", i);
		ck_assert_ptr_nonnull(memmem(all.p, all.n, name, strlen(name)));
	}
	ck_assert_uint_eq(all.n, 60);
	check_refused("notes.search", "{'cursor':'x'}", "invalid");
	notes_free(notes);
}

START_TEST(pages)
{
	run_with(pages_body);
}
END_TEST

AWAITS static void read_body(void *arg)
{
	notes = notes_new(directory);
	search_vault();
	ck_ok(ask("notes.read", "{'title':'garden','include_backlinks':true}"));
	ck_str(answer_text("path"), "Work/Plans/Garden.md");
	ck_str(answer_text("content"), "# Roses\nWater the roses in May.\n");
	ck_str(json_str(json_get(json_get(answer(), "properties"), "status")), "open");
	ck_assert(json_lists(json_get(answer(), "tags"), STR("home/garden")));
	ck_assert(json_lists(json_get(answer(), "backlinks"), STR("Work/List.md")));
	ck_assert_uint_eq(yyjson_arr_size(json_get(answer(), "backlinks")), 1);
	ck_ok(ask("notes.read", "{'title':'[[Beds]]'}"));
	ck_str(answer_text("path"), "Work/Plans/Garden.md");
	ck_ok(ask("notes.read", "{'path':'work/list','max_chars':9}")); /* its own spelling is found */
	ck_str(answer_text("path"), "Work/List.md");
	ck_str(answer_text("content"), "Buy roses");
	ck_assert(yyjson_get_bool(json_get(answer(), "truncated")));
	yyjson_val *link = yyjson_arr_get_first(json_get(answer(), "links"));

	ck_str(json_str(json_get(link, "resolved_path")), "Work/Plans/Garden.md");
	ck_ok(ask("notes.read", "{'title':'Garden','heading':'roses'}"));
	check_refused("notes.read", "{'title':'Garden','heading':'tulips'}", "not_found");
	check_refused("notes.read", "{'title':'nobody'}", "not_found");
	check_refused("notes.read", "{'path':'../vault/Roses'}", "invalid");
	check_refused("notes.read", "{'path':'.obsidian/hidden'}", "invalid");
	check_refused("notes.read", "{}", "invalid");
	make_folder("A");
	make_folder("B");
	write_file("A/Twin.md", "");
	write_file("B/Twin.md", "");
	write_large("Large.md", (1 << 20) + 1);
	check_refused("notes.read", "{'title':'Twin'}", "invalid");
	ck_assert_ptr_nonnull(memmem(last.message.p, last.message.n, "B/Twin.md", 9));
	check_refused("notes.read", "{'path':'Large'}", "too_large");
	write_file("Odd.md", "---\na: *x\n---\ntext");
	ck_ok(ask("notes.read", "{'path':'Odd'}"));
	ck_str(answer_text("front_matter"), "a: *x\n");
	notes_free(notes);
}

START_TEST(reads)
{
	run_with(read_body);
}
END_TEST

AWAITS static struct str content_of(const char *path)
{
	char with[128];

	(void)snprintf(with, sizeof(with), "{'path':'%s'}", path);
	ck_ok(ask("notes.read", with));
	return answer_text("content");
}

AWAITS static void append_body(void *arg)
{
	notes = notes_new(directory);
	ck_ok(ask("notes.append", "{'path':'Log/Day','content':'first'}"));
	ck_assert(yyjson_get_bool(json_get(answer(), "created")));
	ck_ok(ask("notes.search", "{'query':'first'}")); /* found at once */
	ck_str(found(), "Log/Day.md");
	ck_ok(ask("notes.append", "{'path':'log/day','content':'second'}"));
	ck_str(answer_text("path"), "Log/Day.md");
	ck_str(content_of("Log/Day"), "first\nsecond\n");
	ck_ok(ask("notes.append", "{'path':'log/Other','content':'x'}")); /* into the folder that is there */
	ck_str(answer_text("path"), "Log/Other.md");
	write_file("Plan.md", "---\na: 1\n---\n# One\nx\n\n## Sub\ny\n\n\n# Two\nz");
	ck_ok(ask("notes.append", "{'path':'Plan','heading':'One','content':'added'}"));
	ck_str(content_of("Plan"), "# One\nx\n\n## Sub\ny\nadded\n\n\n# Two\nz");
	ck_ok(ask("notes.append", "{'path':'Plan','heading':'One','position':'start','content':'top'}"));
	ck_ok(ask("notes.append", "{'path':'Plan','position':'start','content':'very top'}"));
	ck_ok(ask("notes.append", "{'path':'Plan','heading':'# New','create_heading':true,'content':'end'}"));
	ck_str(content_of("Plan"), "very top\n# One\ntop\nx\n\n## Sub\ny\nadded\n\n\n# Two\nz\n\n## New\nend\n");
	check_refused("notes.append", "{'path':'Plan','heading':'None','content':'x'}", "not_found");
	check_refused("notes.append", "{'path':'No','create_if_missing':false,'content':'x'}", "not_found");
	check_refused("notes.append", "{'path':'a#b','content':'x'}", "invalid");
	check_refused("notes.append", "{'path':'.hidden','content':'x'}", "invalid");
	write_large("big.bin", 1990000);
	ck_ok(ask("notes.status", "{}"));
	AUTO_BUF with = {0};

	buf_put(&with, STR("{'path':'Fat','content':'"));
	for (int i = 0; i < 20000; i++)
		buf_put_byte(&with, 'x');
	buf_put(&with, (struct str){"'}", 3});
	check_refused("notes.append", with.p, "quota");
	notes_free(notes);
}

START_TEST(appends)
{
	run_with(append_body);
}
END_TEST

AWAITS static void update_body(void *arg)
{
	char with[512], digest[65];

	notes = notes_new(directory);
	ck_ok(ask("notes.update", "{'path':'N','content':'one two two'}"));
	ck_assert_uint_eq(answer_text("sha256").n, 64);
	check_refused("notes.update", "{'path':'N','content':'x'}", "conflict");
	check_refused("notes.update", "{'path':'N','content':'x','edits':[]}", "invalid");
	ck_ok(ask("notes.update",
		  "{'path':'N','edits':[{'find':'two','replace':'2','count':2},{'find':'one','replace':'1'}]}"));
	ck_str(content_of("N"), "1 2 2");
	(void)snprintf(digest, sizeof(digest), "%.*s", STR_ARG(answer_text("sha256")));
	check_refused("notes.update", "{'path':'N','edits':[{'find':'1','replace':'x'},{'find':'2','replace':'x'}]}",
		      "conflict");
	ck_str(content_of("N"), "1 2 2"); /* all edits or none */
	write_file("N.md", "somebody else's");
	(void)snprintf(with, sizeof(with), "{'path':'N','content':'mine','expected_sha256':'%s'}", digest);
	check_refused("notes.update", with, "conflict");
	ck_assert_ptr_nonnull(memmem(last.message.p, last.message.n, "precondition_failed", 19));
	ck_str(content_of("N"), "somebody else's");
	(void)snprintf(with, sizeof(with), "{'path':'N','content':'mine','expected_sha256':'%.*s'}",
		       STR_ARG(answer_text("sha256")));
	ck_ok(ask("notes.update", with));
	ck_ok(ask("notes.update", "{'path':'N','content':'forced','force':true}"));
	ck_ok(ask("notes.update", "{'path':'N','properties':{'status':'done','gone':null,'tags':['a','b']}}"));
	ck_str(content_of("N"), "forced");
	ck_assert(json_lists(json_get(answer(), "tags"), STR("b")));
	ck_ok(ask("notes.search", "{'property':{'name':'status','value':'done'}}"));
	ck_str(found(), "N.md");
	check_refused("notes.update", "{'path':'None','edits':[{'find':'a','replace':'b'}]}", "not_found");
	notes_free(notes);
}

START_TEST(updates)
{
	run_with(update_body);
}
END_TEST

AWAITS static void status_body(void *arg)
{
	notes = notes_new(directory);
	search_vault();
	write_file("Roses.sync-conflict-20260501-101010-ABC.md", "x");
	make_folder(".git");
	write_file(".git/FETCH_HEAD", "");
	ck_ok(ask("notes.status", "{}"));
	ck_assert_int_eq(answer_int("notes"), 5);
	ck_assert_int_eq(answer_int("attachments"), 1);
	ck_assert_int_eq(answer_int("quota_bytes"), 2000000);
	ck_str(answer_text("vault"), "vault");
	ck_str(answer_text("backend"), "git");
	ck_assert_uint_gt(answer_text("last_sync").n, 0);
	ck_assert_uint_eq(yyjson_arr_size(json_get(answer(), "conflicts")), 1);
	ck_assert(yyjson_get_bool(json_get(answer(), "watched")));
	ck_assert(yyjson_get_bool(json_get(answer(), "writable")));
	(void)snprintf(settings_text, sizeof(settings_text), "{\"vault\":\"%s/nowhere\"}", directory);
	check_refused("notes.status", "{}", "transient");
	(void)snprintf(settings_text, sizeof(settings_text), "{\"vault\":\"relative\"}");
	check_refused("notes.status", "{}", "invalid");
	notes_free(notes);
}

START_TEST(status)
{
	run_with(status_body);
}
END_TEST

/* Whatever changes on the disk is seen by the next call: files, folders that are moved, and what happened while the
 * room was closed. */
AWAITS static void fresh_body(void *arg)
{
	notes = notes_new(directory);
	search_vault();
	ck_ok(ask("notes.search", "{'query':'roses'}"));
	write_file("New.md", "more roses");
	ck_ok(ask("notes.search", "{'query':'more roses'}"));
	ck_str(found(), "New.md");
	ck_assert_int_eq(unlink("New.md") | rename("Work", "Play"), 0);
	make_folder("Deep");
	make_folder("Deep/er");
	write_file("Deep/er/T.md", "tulips");
	ck_ok(ask("notes.search", "{'query':'roses'}"));
	ck_str(found(), "Roses.md Play/Plans/Garden.md Play/List.md");
	ck_ok(ask("notes.search", "{'query':'tulips'}"));
	ck_str(found(), "Deep/er/T.md");
	write_file("Deep/er/T.md", "lilies");
	ck_ok(ask("notes.search", "{'query':'tulips'}"));
	ck_str(found(), "");
	write_file("Play/Plans/A.md", "asters"); /* in a folder that was moved */
	ck_ok(ask("notes.search", "{'query':'asters'}"));
	ck_str(found(), "Play/Plans/A.md");
	notes_free(notes);
	write_file("Late.md", "orchids");
	ck_assert_int_eq(unlink("Roses.md"), 0);
	notes = notes_new(directory);
	ck_ok(ask("notes.search", "{'query':'orchids'}"));
	ck_str(found(), "Late.md");
	ck_ok(ask("notes.search", "{'query':'roses'}"));
	ck_str(found(), "Play/Plans/Garden.md Play/List.md");
	notes_free(notes);
}

START_TEST(the_index_follows)
{
	run_with(fresh_body);
}
END_TEST

AWAITS static void moved_body(void *arg)
{
	notes = notes_new(directory);
	write_file("Old.md", "roses");
	ck_ok(ask("notes.search", "{'query':'roses'}"));
	ck_str(found(), "Old.md");
	ck_assert_int_eq(chdir("..") | rename("vault", "away"), 0);
	check_refused("notes.search", "{'query':'roses'}", "transient");
	make_folder("vault");
	write_file("vault/New.md", "more roses");
	ck_ok(ask("notes.search", "{'query':'roses'}"));
	ck_str(found(), "New.md");
	write_file("away/Old.md", "roses again"); /* no longer ours */
	write_file("vault/Newer.md", "roses");
	ck_ok(ask("notes.read", "{'path':'Newer'}"));
	check_refused("notes.read", "{'path':'Old'}", "not_found");
	notes_free(notes);
}

START_TEST(a_vault_is_what_has_its_path)
{
	run_with(moved_body);
}
END_TEST

#define MANY 10000

static void write_many(void)
{
	static const char *const words[] = {"amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "haven"};
	unsigned seed = 7;

	for (int i = 0; i < MANY; i++) {
		char name[32], text[2048];
		size_t n = (size_t)snprintf(text, sizeof(text), "# Note %d\n", i);

		for (int j = 0; j < 150; j++) {
			seed = seed * 1103515245 + 12345;
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%u ", words[seed >> 16 & 7],
					      seed >> 20 & 255);
		}
		(void)snprintf(text + n, sizeof(text) - n, "common");
		(void)snprintf(name, sizeof(name), "note%d.md", i);
		write_file(name, text);
	}
}

AWAITS static int64_t time_us(const char *with)
{
	int64_t best = INT64_MAX;

	for (int i = 0; i < 5; i++) {
		int64_t begin = clock_ns(), took;

		ck_ok(ask("notes.search", with));
		took = (clock_ns() - begin) / 1000;
		best = took < best ? took : best;
	}
	return best;
}

AWAITS static void many_body(void *arg)
{
	int64_t begin;

	notes = notes_new(directory);
	write_many();
	begin = clock_ms();
	ck_ok(ask("notes.status", "{}"));
	ck_assert_int_eq(answer_int("notes"), MANY);
	printf("%d notes: indexed in %lld ms; a search of two words %lld us, of a word in all notes %lld us, of none "
	       "%lld us\n",
	       MANY, (long long)(clock_ms() - begin), (long long)time_us("{'query':'amber17 birch3'}"),
	       (long long)time_us("{'query':'common'}"), (long long)time_us("{}"));
	notes_free(notes);
}

START_TEST(ten_thousand_notes)
{
	run_with(many_body);
}
END_TEST

UNIT_MAIN("notes", searches, pages, reads, appends, updates, status, the_index_follows, a_vault_is_what_has_its_path,
	  ten_thousand_notes)
