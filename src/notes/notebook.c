/* Opening a vault and keeping its index fresh. A refresh is a single flight of the home loop: whoever asks while one is
 * under way waits for it, and looks again whether something has come since. It takes changed files over in batches,
 * each a piece of work and a transaction of its own, so that worker threads are free in between and what is done stays
 * done. */
#include "notes/notebook.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/crypto.h"
#include "base/limits.h"
#include "base/log.h"

#define SCAN_ARENA_BYTES (64 * 1024 * 1024) /* NOTEBOOK_FILES_MAX paths, twice */
#define REFRESH_ROUNDS_MAX 3		    /* somebody who writes without pause must not hold up readers */

/* ---- opening ------------------------------------------------------------------------ */

/* Named by the path, which may be too long for a name. */
static char *index_path_of(struct str path, const char *directory)
{
	uint8_t digest[32];
	AUTO_BUF hex = {0};
	char *made;

	crypto_sha256(path, digest);
	buf_put_hex(&hex, digest, 16);
	CHECK(asprintf(&made, "%s/%.*s.db", directory, STR_ARG(buf_str(&hex))) > 0);
	return made;
}

static enum err open_work(void *arg)
{
	struct notebook *book = arg;

	book->root = open(book->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (book->root < 0) {
		log_warn("notes.no_vault", LOG_CSTR("vault", book->path), LOG_INT("errno", errno));
		return ERR_NOT_FOUND;
	}
	TRY(index_open(book->index_path, &book->writer));
	return side_open_reader(book->index_path, &book->reader);
}

static enum err close_work(void *arg)
{
	struct notebook *book = arg;

	side_close(book->reader); /* the writer goes last: it takes the log away */
	side_close(book->writer);
	if (book->root >= 0)
		(void)close(book->root);
	return OK;
}

AWAITS static void book_free(struct notebook *book)
{
	struct fiber_shield shield = fiber_shield_begin(INT32_MAX);

	if (work_run(close_work, book) != OK)
		(void)close_work(book); /* the queue of work is full: blocking a moment is the lesser evil */
	fiber_shield_end(shield);
	watch_forget_changes(book);
	free(book->path);
	free(book->index_path);
	book->magic = 0;
	free(book);
}

AWAITS enum err notebook_open(struct str path, const char *index_directory, struct notebook **ret_book)
{
	struct notebook *book = calloc(1, sizeof(*book));
	enum err err;

	CHECK(book != NULL);
	*book = (struct notebook){.magic = NOTEBOOK_MAGIC, .root = -1, .inotify = -1};
	list_init(&book->link);
	book->path = strndup(path.p, path.n);
	book->index_path = index_path_of(path, index_directory);
	gate_init(&book->writing, 1, NOTEBOOK_QUEUE_MAX);
	gate_init(&book->reading, 1, NOTEBOOK_QUEUE_MAX);
	err = work_run(open_work, book);
	if (err != OK) {
		book_free(book);
		return err;
	}
	watch_begin(book);
	*ret_book = book;
	return OK;
}

AWAITS void notebook_close(struct notebook *book)
{
	struct fiber_shield shield = fiber_shield_begin(INT32_MAX);
	struct wait wait = WAIT_INIT;

	CHECK_OBJ(book, NOTEBOOK_MAGIC);
	book->closing = true;
	watch_end(book);
	if (book->refreshing > 0) {
		book->closer = &wait;
		(void)!wait_for(&wait, NULL, NULL);
	}
	fiber_shield_end(shield);
	book_free(book);
}

/* ---- keeping the index fresh ---------------------------------------------------------- */

static bool is_behind(struct notebook *book)
{
	int64_t age_ms = loop_now(loop_self()) - book->scanned_ms;

	return book->working || book->all_changed || book->changed.used > 0 || book->scanned_ms == 0 ||
	       age_ms > (book->inotify < 0 ? NOTEBOOK_RESCAN_BLIND_MS : NOTEBOOK_RESCAN_MS);
}

AWAITS static enum err take_paths(struct notebook *book, const struct str *paths, size_t count)
{
	for (size_t at = 0; at < count; at += NOTEBOOK_BATCH) {
		size_t left = count - at;
		struct take take = {book, paths + at, left < NOTEBOOK_BATCH ? left : NOTEBOOK_BATCH};

		if (book->closing)
			return ERR_SHUTDOWN;
		TRY(work_run(scan_take, &take));
	}
	return OK;
}

AWAITS static enum err take_all(struct notebook *book)
{
	AUTO(arena) *arena = arena_new(SCAN_ARENA_BYTES);
	struct scan scan = {.book = book, .arena = arena};
	enum err err;

	watch_forget_changes(book);
	TRY(work_run(scan_all, &scan));
	watch_folders(book, &scan);
	err = take_paths(book, scan.changed, scan.changed_count);
	if (err == OK)
		book->scanned_ms = loop_now(loop_self());
	return err;
}

AWAITS static enum err take_changed(struct notebook *book)
{
	AUTO(arena) *arena = arena_new(SCAN_ARENA_BYTES);
	size_t cursor = 0, count = 0;
	struct str *paths = arena_alloc(arena, (book->changed.used + 1) * sizeof(*paths));
	char *path;

	while ((path = map_next(&book->changed, &cursor)) != NULL)
		paths[count++] = arena_str(arena, str_of(path));
	watch_forget_changes(book);
	return take_paths(book, paths, count);
}

/* Under `writing`. */
AWAITS static enum err bring_up(struct notebook *book)
{
	enum err err;

	watch_drain(book);
	if (book->closing)
		return ERR_SHUTDOWN;
	if (!is_behind(book))
		return OK;
	book->working = true;
	err = book->all_changed || book->changed.used == 0 ? take_all(book) : take_changed(book);
	book->working = false;
	if (err != OK)
		book->all_changed = true; /* what was taken out of the set is not forgotten */
	return err;
}

AWAITS static enum err refresh(void *arg)
{
	struct notebook *book = arg;
	enum err err;

	TRY(gate_enter(&book->writing));
	err = bring_up(book);
	gate_leave(&book->writing);
	return err;
}

static void refresh_release(void *arg)
{
	struct notebook *book = arg;

	book->refreshing--;
	if (book->refreshing == 0 && book->closer != NULL)
		wait_done(book->closer, OK);
}

AWAITS enum err notebook_refresh(struct notebook *book)
{
	CHECK_OBJ(book, NOTEBOOK_MAGIC);
	for (int round = 0; round < REFRESH_ROUNDS_MAX; round++) {
		watch_drain(book);
		if (!is_behind(book))
			return OK;
		book->refreshing++;
		TRY(flight_join(str_of(book->index_path), refresh, book, refresh_release));
	}
	return OK;
}

void notebook_refresh_soon(struct notebook *book)
{
	CHECK_OBJ(book, NOTEBOOK_MAGIC);
	book->refreshing++;
	(void)flight_begin(str_of(book->index_path), refresh, book, refresh_release);
}
