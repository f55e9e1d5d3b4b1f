/* Moving rows from the table into a file, so that a crash at any instant loses none and leaves none twice.
 *
 *     rows -> temporary file -> fsync -> read back and checked -> renamed -> directory synced
 *          -> one transaction: the anchor moves from the last file's end to this one's, the rows go
 *
 * Until that transaction the rows are in the table, after it in a file that was proven to hold them. A file without its
 * transaction (we were killed in between) begins at the anchor: the next run finds it by its name and goes on from
 * there. The anchor moves only from where we saw it, so of two processes one wins and the other takes its own file
 * back. Files are written and checked on worker threads. */
#include "audit/archive.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/chain.h"
#include "base/check.h"
#include "base/clock.h"
#include "rt/loop.h"
#include "store/audit_archive.h"

#define PAGE_ROWS 1000
#define PAGE_BYTES_MAX (PAGE_ROWS * (CHAIN_BODY_BYTES_MAX + 1024))
#define FILE_BYTES_MAX (512LL * 1024 * 1024) /* ARCHIVE_ROWS of the longest rows there can be have some 300 MB */
#define TEMPORARY ".archive.tmp"

/* ---- the file, on worker threads ------------------------------------------------- */

struct file {
	const struct archive *archive;
	struct buf *problem;
	int directory_fd, fd;
	char name[ARCHIVE_NAME_BYTES];
	struct buf lines; /* to be written next */
	int64_t after;	  /* of the anchor */
	struct archive_ends ends;
};

static enum err fail(struct buf *problem, struct str directory, const char *what)
{
	if (problem != NULL)
		buf_put_fmt(problem, "the archive %.*s %s: %s; make room or let the gateway write there",
			    STR_ARG(directory), what, strerror(errno));
	return ERR_SYSTEM;
}

static enum err open_directory(struct file *file)
{
	AUTO_BUF path = {0};

	buf_put(&path, file->archive->directory);
	buf_put_byte(&path, '\0');
	if (mkdir(path.p, 0700) != 0 && errno != EEXIST)
		return fail(file->problem, file->archive->directory, "cannot be made");
	file->directory_fd = open(path.p, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return file->directory_fd >= 0 ? OK : fail(file->problem, file->archive->directory, "cannot be opened");
}

/* A finished file that begins behind the anchor is left of a run that was cut short. */
static void find_leftover(struct file *file)
{
	char prefix[32];
	int n = snprintf(prefix, sizeof(prefix), "audit-%012" PRId64 "-", file->after + 1);
	DIR *directory = fdopendir(dup(file->directory_fd));

	CHECK(n > 0 && (size_t)n < sizeof(prefix));
	if (directory == NULL)
		return;
	for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
		size_t length = strlen(entry->d_name);

		if (strncmp(entry->d_name, prefix, (size_t)n) == 0 && length < sizeof(file->name))
			memcpy(file->name, entry->d_name, length + 1);
	}
	(void)closedir(directory);
}

static enum err begin_work(void *arg)
{
	struct file *file = arg;

	TRY(open_directory(file));
	find_leftover(file);
	if (file->name[0] != '\0')
		return OK;
	(void)unlinkat(file->directory_fd, TEMPORARY, 0);
	file->fd = openat(file->directory_fd, TEMPORARY, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return file->fd >= 0 ? OK : fail(file->problem, file->archive->directory, "takes no file");
}

static enum err write_work(void *arg)
{
	struct file *file = arg;
	struct str left = buf_str(&file->lines);

	while (left.n > 0) {
		ssize_t n = write(file->fd, left.p, left.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail(file->problem, file->archive->directory, "takes no more");
		left = str_skip(left, (size_t)n);
	}
	file->lines.n = 0;
	return OK;
}

static enum err read_whole(int fd, struct buf *text, struct buf *problem)
{
	struct stat status;

	if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size > FILE_BYTES_MAX) {
		buf_put_fmt(problem, "it cannot be read as an archived trail");
		return ERR_SYSTEM;
	}
	buf_reserve(text, (size_t)status.st_size + 1);
	for (;;) {
		ssize_t n = read(fd, text->p + text->n, (size_t)status.st_size + 1 - text->n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ERR_SYSTEM;
		text->n += (size_t)n;
		if (n == 0 || text->n > (size_t)status.st_size)
			return OK;
	}
}

static enum err check_fd(int fd, const struct secret *key, struct archive_ends *ret_ends, struct buf *problem)
{
	AUTO_BUF text = {0};

	TRY(read_whole(fd, &text, problem));
	return archive_check_text(buf_str(&text), key, ret_ends, problem);
}

enum err archive_check(const char *path, const struct secret *key, struct archive_ends *ret_ends, struct buf *problem)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum err err = check_fd(fd, key, ret_ends, problem);

	if (fd >= 0)
		(void)close(fd);
	return err;
}

/* The finished file, proven: what is under `name` afterwards may stand for the rows. */
static enum err finish_work(void *arg)
{
	struct file *file = arg;
	AUTO_BUF why = {0};
	int fd = openat(file->directory_fd, file->fd >= 0 ? TEMPORARY : file->name, O_RDONLY | O_CLOEXEC);
	enum err err = check_fd(fd, file->archive->key, &file->ends, &why);

	if (fd >= 0)
		(void)close(fd);
	if (err != OK) {
		buf_put_fmt(file->problem, "rows behind %" PRId64 " were not archived: %.*s in %.*s/%s", file->after,
			    STR_ARG(buf_str(&why)), STR_ARG(file->archive->directory),
			    file->fd >= 0 ? TEMPORARY : file->name);
		return err;
	}
	if (file->fd >= 0 &&
	    (fsync(file->fd) != 0 || renameat(file->directory_fd, TEMPORARY, file->directory_fd, file->name) != 0))
		return fail(file->problem, file->archive->directory, "keeps no file");
	return fsync(file->directory_fd) == 0 ? OK : fail(file->problem, file->archive->directory, "cannot be synced");
}

static enum err close_work(void *arg)
{
	struct file *file = arg;

	if (file->fd >= 0)
		(void)close(file->fd);
	if (file->directory_fd >= 0)
		(void)close(file->directory_fd);
	return OK;
}

static enum err take_back_work(void *arg)
{
	struct file *file = arg;

	return unlinkat(file->directory_fd, file->name, 0) == 0 ? OK : ERR_SYSTEM;
}

/* ---- the rows -------------------------------------------------------------------- */

/* One page behind `at`, up to `last`, into the file. */
AWAITS static enum err write_page(struct file *file, struct audit_head *at, int64_t last)
{
	AUTO(arena) *arena = arena_new(PAGE_BYTES_MAX);
	int64_t limit = last - at->seq < PAGE_ROWS ? last - at->seq : PAGE_ROWS;
	struct audit_row *rows;
	size_t count;

	TRY(audit_row_page(file->archive->db, arena, at->seq, (size_t)limit, &rows, &count));
	if (count != (size_t)limit)
		return ERR_NOT_FOUND; /* moved by another process meanwhile */
	for (size_t i = 0; i < count; i++) {
		if (rows[i].damaged || rows[i].seq != at->seq + 1) {
			buf_put_fmt(file->problem, "row %" PRId64 " does not hold; run `gatehouse audit verify`",
				    at->seq + 1);
			return ERR_DB_CORRUPT;
		}
		archive_put_row(&file->lines, &rows[i]);
		at->seq = rows[i].seq;
		memcpy(at->mac, rows[i].mac, AUDIT_MAC_BYTES);
	}
	return work_run(write_work, file);
}

AWAITS static enum err write_rows(struct file *file, const struct audit_head *anchor, int64_t last)
{
	struct audit_head at = *anchor;
	int n = snprintf(file->name, sizeof(file->name), "audit-%012" PRId64 "-%012" PRId64 ".jsonl", anchor->seq + 1,
			 last);

	CHECK(n > 0 && (size_t)n < sizeof(file->name));
	archive_put_first(&file->lines, anchor);
	while (at.seq < last)
		TRY(write_page(file, &at, last));
	archive_put_last(&file->lines, file->archive->key, at);
	return work_run(write_work, file);
}

/* The anchor moves and the rows go, both or none. */
AWAITS static enum err settle(struct file *file, const struct audit_head *anchor)
{
	struct audit_head last = file->ends.last;
	enum err err;

	if (file->ends.before.seq != anchor->seq || memcmp(file->ends.before.mac, anchor->mac, AUDIT_MAC_BYTES) != 0) {
		buf_put_fmt(file->problem, "%.*s/%s does not begin at the anchor; move it away and compare it",
			    STR_ARG(file->archive->directory), file->name);
		return ERR_DB_CORRUPT;
	}
	chain_seal_anchor(file->archive->key, &last);
	err = audit_archive_move(file->archive->db, anchor->seq, &last, str_of(file->name), clock_wall_ms());
	if (err == ERR_NOT_FOUND && file->fd >= 0 && work_run(take_back_work, file) != OK)
		buf_put_fmt(file->problem, "%s was archived by another process too; remove it", file->name);
	return err;
}

AWAITS static enum err move(struct file *file, const struct audit_head *anchor, int64_t last)
{
	TRY(work_run(begin_work, file));
	if (file->name[0] == '\0')
		TRY(write_rows(file, anchor, last));
	TRY(work_run(finish_work, file));
	return settle(file, anchor);
}

AWAITS static enum err anchor_of(const struct archive *archive, struct audit_head *ret_anchor, struct buf *problem)
{
	static const struct audit_head none;

	TRY(audit_anchor_get(archive->db, ret_anchor));
	if (memcmp(ret_anchor, &none, sizeof(none)) == 0 || chain_is_anchor(archive->key, ret_anchor))
		return OK;
	buf_put(problem, STR("the mark of the last archived row was changed; run `gatehouse audit verify`"));
	return ERR_DB_CORRUPT;
}

AWAITS enum err archive_next(const struct archive *archive, char ret_name[ARCHIVE_NAME_BYTES], int64_t *ret_rows,
			     struct buf *problem)
{
	struct file file = {.archive = archive, .problem = problem, .directory_fd = -1, .fd = -1};
	struct audit_head anchor, head;
	int64_t last, first_ms;
	enum err err;

	*ret_rows = 0;
	TRY(anchor_of(archive, &anchor, problem));
	TRY(audit_head_get(archive->db, &head));
	last = anchor.seq + ARCHIVE_ROWS < head.seq - 1 ? anchor.seq + ARCHIVE_ROWS : head.seq - 1;
	TRY(audit_archive_end(archive->db, anchor.seq, last, archive->before_ms, &last, &first_ms));
	if (last <= anchor.seq ||
	    (last < anchor.seq + ARCHIVE_ROWS && first_ms >= archive->before_ms - archive->slack_ms))
		return OK;
	file.after = anchor.seq;
	err = move(&file, &anchor, last);
	if (work_run(close_work, &file) != OK)
		(void)close_work(&file); /* the queue of workers was full, or we are canceled */
	buf_free(&file.lines);
	TRY(err);
	memcpy(ret_name, file.name, ARCHIVE_NAME_BYTES);
	*ret_rows = file.ends.last.seq - anchor.seq;
	return OK;
}
