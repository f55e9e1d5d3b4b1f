/* inotify: what it tells becomes a set of changed paths. What concerns folders, and what there is no room for, makes
 * all files count as changed: a look at ten thousand of them costs some hundredths of a second. */
#include <errno.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "notes/notebook.h"
#include "notes/path.h"

#define EVENTS_BYTES 2048 /* read at once; an event is 16 bytes and a name */

static struct str number_key(const struct folder_watch *folder)
{
	return (struct str){(const char *)&folder->number, sizeof(folder->number)};
}

void watch_forget_changes(struct notebook *book)
{
	map_free_values(&book->changed, free);
	book->all_changed = false;
}

static void add_change(struct notebook *book, struct str folder, struct str name)
{
	char *path;

	if (book->all_changed)
		return;
	if (book->changed.used >= NOTEBOOK_CHANGES_MAX || folder.n + name.n + 1 > NOTE_PATH_BYTES_MAX) {
		book->all_changed = true;
		return;
	}
	path = malloc(folder.n + name.n + 2);
	CHECK(path != NULL);
	memcpy(path, folder.p, folder.n);
	if (folder.n > 0)
		path[folder.n++] = '/';
	memcpy(path + folder.n, name.p, name.n);
	path[folder.n + name.n] = '\0';
	if (map_get(&book->changed, str_of(path)) != NULL)
		free(path);
	else
		(void)map_put(&book->changed, str_of(path), path);
}

static void on_event(struct notebook *book, const struct inotify_event *event)
{
	struct str name = event->len > 0 ? str_of(event->name) : STR_NONE;
	struct folder_watch wanted = {.number = event->wd}, *folder;

	if (str_starts(name, STR(".")))
		return;
	folder = map_get(&book->folders, number_key(&wanted));
	if ((event->mask & IN_IGNORED) != 0) {
		if (folder != NULL)
			free(map_remove(&book->folders, number_key(&wanted)));
		return;
	}
	if (folder == NULL || name.n == 0 || str_has_control(name) ||
	    (event->mask & (IN_ISDIR | IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF)) != 0) {
		if ((event->mask & IN_ATTRIB) == 0)
			book->all_changed = true;
		return;
	}
	add_change(book, folder->path, name);
}

void watch_drain(struct notebook *book)
{
	char events[EVENTS_BYTES] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n;

	while (book->inotify >= 0 && (n = read(book->inotify, events, sizeof(events))) > 0) {
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *event = (const struct inotify_event *)(events + at);

			on_event(book, event);
			at += (ssize_t)(sizeof(*event) + event->len);
		}
	}
}

void watch_folders(struct notebook *book, const struct scan *scan)
{
	for (size_t i = 0; i < scan->folder_count; i++) {
		const struct folder_watch *found = &scan->folders[i];
		struct folder_watch *folder = malloc(sizeof(*folder) + found->path.n + 1);

		CHECK(folder != NULL);
		memcpy(folder + 1, found->path.p, found->path.n);
		*folder = (struct folder_watch){found->number, {(const char *)(folder + 1), found->path.n}};
		free(map_remove(&book->folders, number_key(folder))); /* the same folder may have another name now */
		(void)map_put(&book->folders, number_key(folder), folder);
	}
	if (scan->blind)
		watch_end(book);
}

static void on_settled(struct timer *timer)
{
	struct notebook *book = CONTAINER_OF(timer, struct notebook, settle);

	notebook_refresh_soon(book);
}

static void on_ready(void *arg, struct fd_ready ready)
{
	struct notebook *book = arg;

	if (ready.failed)
		book->all_changed = true;
	watch_drain(book);
	if (book->settle.at_ms == 0 && (book->all_changed || book->changed.used > 0))
		timer_set(loop_self(), &book->settle, NOTEBOOK_SETTLE_MS, on_settled);
}

void watch_begin(struct notebook *book)
{
	book->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (book->inotify < 0) {
		log_warn("notes.not_watched", LOG_CSTR("vault", book->path), LOG_INT("errno", errno));
		return;
	}
	book->watch = fd_watch_new(book->inotify, on_ready, book);
	fd_watch_want(book->watch, true, false);
}

void watch_end(struct notebook *book)
{
	timer_stop(&book->settle);
	fd_watch_free(book->watch);
	book->watch = NULL;
	if (book->inotify >= 0)
		(void)close(book->inotify);
	book->inotify = -1;
	map_free_values(&book->folders, free);
}
