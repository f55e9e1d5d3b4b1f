/* Runs the official JSON Schema test suite and counts.
 *
 *   schema_suite [REPORT.json]
 *
 * The suite is looked for in $JSON_SCHEMA_TEST_SUITE, then beside the repository, then where
 * Debian's json-schema-test-suite package puts it (draft-07 only, an older edition). Its remotes
 * are documents under http://localhost:1234/, as the suite asks. The metaschemas are no part of
 * it: they come from $JSON_SCHEMA_METASCHEMAS or the ajv package of test/e2e. What is missing is
 * said on screen. Mandatory tests must all pass; optional ones are counted. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "schema/schema.h"

#define SUITE_ARENA_BYTES_MAX (512u << 20)
#define FILE_BYTES_MAX (16u << 20)
#define DOCUMENTS_MAX 512
#define DEBIAN_SUITE "/usr/share/json-schema-test-suite"

struct leg {
	const char *name, *folder, *dialect;
};

struct count {
	unsigned passed, failed, skipped;
};

struct suite {
	struct arena *arena;
	struct schema_document documents[DOCUMENTS_MAX];
	size_t document_count;
	size_t metaschemas; /* how many of the documents, the first ones */
	bool quiet;	    /* failures are counted, not printed */
	struct buf report;
};

static const struct leg legs[] = {
	{"draft2020-12", "tests/draft2020-12", "https://json-schema.org/draft/2020-12/schema"},
	{"draft7", "tests/draft7", "http://json-schema.org/draft-07/schema#"},
};

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static yyjson_val *read_json(struct suite *suite, const char *path)
{
	FILE *file = fopen(path, "rb");
	yyjson_val *root = NULL;
	AUTO_BUF text = {0};
	enum err err;

	if (file == NULL)
		return NULL;
	text.n = fread(buf_reserve(&text, FILE_BYTES_MAX), 1, FILE_BYTES_MAX, file);
	fclose(file);
	err = json_read(suite->arena, buf_str(&text), &root);
	if (err != OK)
		fprintf(stderr, "%s: %s\n", path, err_name(err));
	return root;
}

static void add_document(struct suite *suite, struct str uri, yyjson_val *root)
{
	struct str head, tail;

	str_cut(uri, '#', &head, &tail);
	if (root == NULL || head.n == 0 || suite->document_count == DOCUMENTS_MAX)
		return;
	suite->documents[suite->document_count++] = (struct schema_document){head, root};
}

/* Every .json file below `folder`: under base/PATH, or under its own $id when base is NULL. */
static void add_folder(struct suite *suite, const char *folder, const char *base)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		struct str uri = STR_NONE;
		const char *path;

		if (entry->d_name[0] == '.')
			continue;
		path = arena_fmt(suite->arena, "%s/%s", folder, entry->d_name).p;
		if (base != NULL)
			uri = arena_fmt(suite->arena, "%s/%s", base, entry->d_name);
		if (is_folder(path)) {
			add_folder(suite, path, base == NULL ? NULL : uri.p);
		} else if (str_ends(str_of(path), STR(".json"))) {
			yyjson_val *root = read_json(suite, path);

			add_document(suite, base == NULL ? json_str(json_get(root, "$id")) : uri, root);
		}
	}
	if (dir != NULL)
		closedir(dir);
}

/* A schema that needs a metaschema we do not have is skipped, not failed. */
static bool is_missing_metaschema(const struct suite *suite, struct str problem)
{
	return suite->metaschemas == 0 && memmem(problem.p, problem.n, "json-schema.org/draft", 21) != NULL;
}

static void run_test(struct suite *suite, const struct schema *schema, yyjson_val *test, const char *where,
		     struct count *count)
{
	AUTO(arena) *arena = arena_new(SUITE_ARENA_BYTES_MAX);
	struct str what = json_str(json_get(test, "description"));
	bool want = yyjson_is_true(json_get(test, "valid"));
	struct schema_failure failure;
	enum err err = schema_validate(schema, json_get(test, "data"), arena, &failure);

	if (err == (want ? OK : ERR_MCP_ARGUMENTS)) {
		count->passed++;
		return;
	}
	count->failed++;
	if (!suite->quiet)
		printf("  failed: %s / %.*s: %s\n", where, STR_ARG(what), err_name(err));
}

static void run_group(struct suite *suite, const struct leg *leg, yyjson_val *group, const char *file,
		      struct count *count)
{
	struct schema_options options = {suite->documents, suite->document_count, str_of(leg->dialect)};
	yyjson_val *tests = json_get(group, "tests"), *test;
	struct str description = json_str(json_get(group, "description"));
	struct str where = arena_fmt(suite->arena, "%s / %.*s", file, (int)description.n,
				     description.p == NULL ? "" : description.p);
	AUTO(schema) *schema = NULL;
	AUTO_BUF problem = {0};
	size_t i, max;

	if (schema_compile_with(json_get(group, "schema"), &options, &problem, &schema) != OK) {
		bool skip = is_missing_metaschema(suite, buf_str(&problem));

		*(skip ? &count->skipped : &count->failed) += (unsigned)yyjson_arr_size(tests);
		if (!skip && !suite->quiet)
			printf("  failed: %s: %.*s\n", where.p, STR_ARG(buf_str(&problem)));
		return;
	}
	yyjson_arr_foreach(tests, i, max, test) run_test(suite, schema, test, where.p, count);
}

static void run_file(struct suite *suite, const struct leg *leg, const char *path, const char *name,
		     struct count *count)
{
	yyjson_val *groups = read_json(suite, path), *group;
	size_t i, max;

	if (groups == NULL)
		count->failed++;
	yyjson_arr_foreach(groups, i, max, group) run_group(suite, leg, group, name, count);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* The .json files of one folder, not of those below it. */
static void run_folder(struct suite *suite, const struct leg *leg, const char *folder, struct count *count)
{
	struct dirent **entries;
	int n = scandir(folder, &entries, NULL, by_name);

	for (int i = 0; i < n; i++) {
		const char *path = arena_fmt(suite->arena, "%s/%s", folder, entries[i]->d_name).p;

		if (str_ends(str_of(path), STR(".json")))
			run_file(suite, leg, path, entries[i]->d_name, count);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

static void report_count(struct suite *suite, const char *edition, const char *leg, const char *part,
			 const struct count *count)
{
	buf_put_fmt(
		&suite->report,
		"%s{\"edition\":\"%s\",\"draft\":\"%s\",\"part\":\"%s\",\"passed\":%u,\"failed\":%u,\"skipped\":%u}",
		suite->report.n == 0 ? "" : ",\n", edition, leg, part, count->passed, count->failed, count->skipped);
	printf("%-9s %-13s %-24s %5u passed %4u failed %4u skipped\n", edition, leg, part, count->passed, count->failed,
	       count->skipped);
}

/* Optional files one by one, so that the report says what is weak. Formats are annotations here:
 * each invalid one "fails", of which only the count is of interest. */
static void run_optional(struct suite *suite, const char *edition, const struct leg *leg, const char *folder)
{
	struct count formats = {0};
	struct dirent **entries;
	int n = scandir(folder, &entries, NULL, by_name);

	for (int i = 0; i < n; i++) {
		struct count count = {0};
		const char *path = arena_fmt(suite->arena, "%s/%s", folder, entries[i]->d_name).p;

		if (str_ends(str_of(path), STR(".json"))) {
			run_file(suite, leg, path, entries[i]->d_name, &count);
			report_count(suite, edition, leg->name, entries[i]->d_name, &count);
		}
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	suite->quiet = true;
	run_folder(suite, leg, arena_fmt(suite->arena, "%s/format", folder).p, &formats);
	suite->quiet = false;
	report_count(suite, edition, leg->name, "format", &formats);
}

static unsigned run_edition(struct suite *suite, const char *edition, const char *root)
{
	unsigned failed = 0;
	const char *path;

	suite->document_count = suite->metaschemas;
	add_folder(suite, arena_fmt(suite->arena, "%s/remotes", root).p, "http://localhost:1234");
	for (size_t i = 0; i < ARRAY_LEN(legs); i++) {
		struct count count = {0};

		path = arena_fmt(suite->arena, "%s/%s", root, legs[i].folder).p;
		if (!is_folder(path)) {
			printf("%-9s %-13s SKIPPED: the suite at %s does not have it\n", edition, legs[i].name, root);
			continue;
		}
		run_folder(suite, &legs[i], path, &count);
		report_count(suite, edition, legs[i].name, "mandatory", &count);
		failed += count.failed + (count.passed == 0); /* an empty folder is no success */
		run_optional(suite, edition, &legs[i], arena_fmt(suite->arena, "%s/optional", path).p);
	}
	return failed;
}

/* A folder from the environment, or below the repository this file was compiled in. */
static bool find_folder(struct suite *suite, const char *variable, const char *below, const char **ret_path)
{
	const char *path = getenv(variable);
	static const char here[] = "test/unit/catalog/schema_suite.c";
	struct str root = {__FILE__, sizeof(__FILE__) - sizeof(here)};

	if (path == NULL)
		path = arena_fmt(suite->arena, "%.*s%s", STR_ARG(root), below).p;
	*ret_path = path;
	return is_folder(path);
}

static int write_report(const struct suite *suite, const char *path)
{
	FILE *file = fopen(path, "w");

	if (file == NULL || fprintf(file, "[%.*s]\n", STR_ARG(buf_str(&suite->report))) < 0 || fclose(file) != 0) {
		perror(path);
		return 1;
	}
	return 0;
}

static struct suite suite; /* static: too large for a stack */

int main(int argc, char **argv)
{
	const char *path;
	unsigned failed = 0;
	int written = 0;

	suite.arena = arena_new(SUITE_ARENA_BYTES_MAX);
	if (find_folder(&suite, "JSON_SCHEMA_METASCHEMAS", "test/e2e/node_modules/ajv/dist/refs", &path))
		add_folder(&suite, path, NULL);
	else
		printf("SKIPPED: tests that refer to the metaschemas: there is no %s\n", path);
	suite.metaschemas = suite.document_count;
	if (find_folder(&suite, "JSON_SCHEMA_TEST_SUITE", "../shared/data/json-schema-test-suite", &path))
		failed += run_edition(&suite, "official", path);
	else
		printf("SKIPPED: the official suite: there is no %s; name it in JSON_SCHEMA_TEST_SUITE\n", path);
	if (is_folder(DEBIAN_SUITE))
		failed += run_edition(&suite, "debian", DEBIAN_SUITE);
	else
		printf("SKIPPED: Debian's edition: there is no " DEBIAN_SUITE "\n");
	if (argc > 1)
		written = write_report(&suite, argv[1]);
	buf_free(&suite.report);
	arena_free(suite.arena);
	return failed > 0 || written != 0;
}
