/* Old rows move into files that prove themselves; what was cut short is finished; whoever touches a file is found. */
#include "trail.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/archive.h"
#include "base/clock.h"

static char directory[64];

static struct archive order(struct db *db, const struct secret *key)
{
	return (struct archive){
		.db = db, .key = key, .directory = str_of(directory), .before_ms = clock_wall_ms() + 1000};
}

static void make_directory(void)
{
	memcpy(directory, "/tmp/gatehouse-archive.XXXXXX", sizeof("/tmp/gatehouse-archive.XXXXXX"));
	ck_assert_ptr_nonnull(mkdtemp(directory));
}

static size_t file_count(void)
{
	DIR *open_directory = opendir(directory);
	size_t count = 0;

	ck_assert_ptr_nonnull(open_directory);
	for (const struct dirent *entry; (entry = readdir(open_directory)) != NULL;)
		count += entry->d_name[0] != '.';
	closedir(open_directory);
	return count;
}

static void path_of(const char *name, char path[160])
{
	snprintf(path, 160, "%s/%s", directory, name);
}

static void remove_directory(void)
{
	DIR *open_directory = opendir(directory);

	ck_assert_ptr_nonnull(open_directory);
	for (const struct dirent *entry; (entry = readdir(open_directory)) != NULL;)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			ck_assert_int_eq(unlinkat(dirfd(open_directory), entry->d_name, 0), 0);
	closedir(open_directory);
	ck_assert_int_eq(rmdir(directory), 0);
}

static AWAITS void moves_body(struct db *db)
{
	AUTO(secret) *key = trail_key();
	struct archive archive = order(db, key);
	int64_t moved;
	char name[ARCHIVE_NAME_BYTES], path[160];
	struct archive_ends ends;
	AUTO_BUF problem = {0};
	struct stat status;

	trail_write(db, 0, 3001);
	archive.slack_ms = 3600000;
	ck_ok(archive_next(&archive, name, &moved, &problem));
	ck_assert_int_eq(moved, 0); /* not full, and not late enough */
	archive.slack_ms = 0;
	ck_ok(archive_next(&archive, name, &moved, &problem));
	ck_assert_str_eq(name, "audit-000000000001-000000003000.jsonl");
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM audit"), 1); /* the newest one stays */
	ck_assert_int_eq(test_int(db, "SELECT seq FROM audit_anchor"), 3000);
	ck_assert_int_eq(trail_rows(db), 3001);
	path_of(name, path);
	ck_ok(archive_check(path, key, &ends, &problem));
	ck_assert(ends.before.seq == 0 && ends.last.seq == 3000);
	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_uint_eq(status.st_mode & 0777, 0600);

	ck_ok(archive_next(&archive, name, &moved, &problem));
	ck_assert_int_eq(moved, 0);
	trail_write(db, 3001, 100);
	ck_ok(archive_next(&archive, name, &moved, &problem));
	ck_assert_str_eq(name, "audit-000000003001-000000003100.jsonl");
	ck_assert_int_eq(trail_rows(db), 3101);
	ck_assert_uint_eq(file_count(), 2);
	ck_assert_uint_eq(problem.n, 0);
	remove_directory();
}

START_TEST(old_rows_move)
{
	make_directory();
	test_with_store(1, moves_body);
}
END_TEST

/* Rows stop moving at the first one that is young, whatever stands behind it. */
static AWAITS void young_body(struct db *db)
{
	AUTO(secret) *key = trail_key();
	struct archive archive = order(db, key);
	int64_t moved;
	char name[ARCHIVE_NAME_BYTES];
	AUTO_BUF problem = {0};

	trail_write(db, 0, 10);
	archive.before_ms = clock_wall_ms() - 60000;
	ck_ok(archive_next(&archive, name, &moved, &problem));
	ck_assert_int_eq(moved, 0);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM audit"), 10);
	remove_directory();
}

START_TEST(young_rows_stay)
{
	make_directory();
	test_with_store(1, young_body);
}
END_TEST

/* Killed between the file and the transaction: the file is there, the anchor is not. And while the file was written. */
static AWAITS void cut_short_body(struct db *db)
{
	AUTO(secret) *key = trail_key();
	struct archive archive = order(db, key);
	int64_t moved;
	char name[ARCHIVE_NAME_BYTES], path[160];
	AUTO_BUF problem = {0};
	int fd;

	trail_write(db, 0, 50);
	path_of(".archive.tmp", path);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	ck_assert_int_eq(write(fd, "half", 4), 4);
	close(fd);
	ck_ok(test_write(db,
			 "CREATE TRIGGER stop BEFORE INSERT ON audit_anchor BEGIN SELECT RAISE(ABORT, 'killed'); END"));
	ck_assert(archive_next(&archive, name, &moved, &problem) != OK);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM audit"), 50);
	ck_assert_uint_eq(file_count(), 1);
	ck_ok(test_write(db, "DROP TRIGGER stop"));

	trail_write(db, 50, 50); /* the file ends at 49 all the same */
	ck_ok(archive_next(&archive, name, &moved, &problem));
	ck_assert_str_eq(name, "audit-000000000001-000000000049.jsonl");
	ck_assert_uint_eq(file_count(), 1);
	ck_assert_int_eq(test_int(db, "SELECT min(seq) FROM audit"), 50);
	ck_assert_int_eq(trail_rows(db), 100);
	remove_directory();
}

START_TEST(what_was_cut_short_is_finished)
{
	make_directory();
	test_with_store(1, cut_short_body);
}
END_TEST

/* Rows that do not hold are moved nowhere. */
static AWAITS void damaged_body(struct db *db)
{
	AUTO(secret) *key = trail_key();
	struct archive archive = order(db, key);
	int64_t moved;
	char name[ARCHIVE_NAME_BYTES];
	AUTO_BUF problem = {0};

	trail_write(db, 0, 20);
	ck_ok(test_write(db, "DROP TRIGGER audit_no_update"));
	ck_ok(test_write(db, "UPDATE audit SET outcome = 'no' WHERE seq = 7"));
	ck_err(archive_next(&archive, name, &moved, &problem), ERR_DB_CORRUPT);
	ck_assert(memmem(problem.p, problem.n, "row 7", 5) != NULL);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM audit"), 20);
	ck_assert_uint_eq(file_count(), 0);
	remove_directory();
}

START_TEST(rows_that_do_not_hold_stay)
{
	make_directory();
	test_with_store(1, damaged_body);
}
END_TEST

/* ---- files ----------------------------------------------------------------------- */

/* The lines of a sound file of two rows, one of them needing escapes. */
AWAITS static void sound_text(struct db *db, const struct secret *key, struct buf *out)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	const struct audit_head none = {0};
	struct audit_head last;
	struct audit_row *rows;
	size_t count;

	ck_ok(audit_row_page(db, arena, 0, 10, &rows, &count));
	ck_assert_uint_eq(count, 2);
	archive_put_first(out, &none);
	for (size_t i = 0; i < count; i++)
		archive_put_row(out, &rows[i]);
	last.seq = rows[1].seq;
	memcpy(last.mac, rows[1].mac, AUDIT_MAC_BYTES);
	archive_put_last(out, key, last);
}

static void replaced(const struct secret *key, const struct buf *text, const char *what, const char *with)
{
	AUTO_BUF changed = {0}, problem = {0};
	const char *at = memmem(text->p, text->n, what, strlen(what));
	struct archive_ends ends;

	ck_assert_ptr_nonnull(at);
	buf_put(&changed, (struct str){text->p, (size_t)(at - text->p)});
	buf_put(&changed, str_of(with));
	buf_put(&changed, str_skip(buf_str(text), (size_t)(at - text->p) + strlen(what)));
	ck_err(archive_check_text(buf_str(&changed), key, &ends, &problem), ERR_DB_CORRUPT);
	ck_assert(str_starts(buf_str(&problem), STR("line ")));
}

static AWAITS void tamper_body(struct db *db)
{
	AUTO(secret) *key = trail_key(), *other = secret_random();
	struct audit *audit = trail_start(db, AUDIT_GROUP);
	struct audit_record record = trail_record(1);
	AUTO_BUF text = {0}, problem = {0};
	struct archive_ends ends;

	ck_ok(audit_append(audit, &record));
	record.target = STR("\xc3\xa9\"\n\x7f");
	ck_ok(audit_append(audit, &record));
	audit_stop(audit);
	sound_text(db, key, &text);
	ck_ok(archive_check_text(buf_str(&text), key, &ends, &problem));
	ck_assert(ends.last.seq == 2);
	ck_err(archive_check_text(buf_str(&text), other, &ends, NULL), ERR_DB_CORRUPT);

	replaced(key, &text, "bench_echo", "bench_ech0");
	replaced(key, &text, "\"bytes_out\":1", "\"bytes_out\":2");
	replaced(key, &text, "\\u007f", "x");
	replaced(key, &text, "\"seq\":2", "\"seq\":3");
	replaced(key, &text, "\"after\":0", "\"after\":1");
	replaced(key, &text, "\"gatehouse_audit\":1", "\"gatehouse_audit\":2");
	replaced(key, &text, "\"last\":2", "\"last\":1");
	replaced(key, &text, "\"seal\":\"", "\"seal\":\"0");
	replaced(key, &text, "\"mac\":\"0", "\"mac\":\"1");
	for (size_t n = 0; n < text.n; n++)
		ck_err(archive_check_text((struct str){text.p, n}, key, &ends, NULL), ERR_DB_CORRUPT);
	buf_put(&text, STR("{}\n"));
	ck_err(archive_check_text(buf_str(&text), key, &ends, NULL), ERR_DB_CORRUPT);
}

START_TEST(whoever_touches_a_file_is_found)
{
	test_with_store(1, tamper_body);
}
END_TEST

UNIT_MAIN("archive", old_rows_move, young_rows_stay, what_was_cut_short_is_finished, rows_that_do_not_hold_stay,
	  whoever_touches_a_file_is_found)
