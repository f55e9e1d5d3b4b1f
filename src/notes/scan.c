/* Comparing the disk with the index, and taking over what differs. A scan walks the folders, deepest paths bounded; a
 * file counts as unchanged when size, times and inode are as they were. Hidden names, links and what is no regular file
 * are not ours. Runs on worker threads.
 *
 * inotify is asked to watch a folder before the folder is listed, so that nothing falls between. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "notes/notebook.h"
#include "notes/path.h"

#define WATCHED                                                                                                        \
	(IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_CREATE | IN_ATTRIB | IN_DELETE_SELF |           \
	 IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK)

/* The index's files by path, while a scan crosses them out. */
struct known {
	struct map by_path;
	struct index_file *files;
	size_t count;
};

/* Room for one more of `size` bytes; NULL when the arena is full. */
static void *more(struct arena *arena, void *items, size_t count, size_t *cap, size_t size)
{
	size_t wanted = *cap == 0 ? 64 : 2 * *cap;
	void *made;

	if (count < *cap)
		return items;
	made = *cap == 0 ? arena_try_alloc(arena, wanted * size)
			 : arena_try_grow(arena, items, *cap * size, wanted * size);
	if (made != NULL)
		*cap = wanted;
	return made;
}

static enum err add_change(struct scan *scan, struct str path)
{
	struct str *made =
		more(scan->arena, scan->changed, scan->changed_count, &scan->changed_cap, sizeof(*scan->changed));

	if (made == NULL)
		return ERR_LIMIT;
	scan->changed = made;
	scan->changed[scan->changed_count++] = path;
	return OK;
}

static enum err add_folder(struct scan *scan, int number, struct str path)
{
	struct folder_watch *made =
		more(scan->arena, scan->folders, scan->folder_count, &scan->folder_cap, sizeof(*scan->folders));

	if (made == NULL)
		return ERR_LIMIT;
	scan->folders = made;
	scan->folders[scan->folder_count++] = (struct folder_watch){.number = number, .path = path};
	return OK;
}

/* By the descriptor, not by a path: the folder that is listed is the one that is watched. */
static enum err watch_folder(struct scan *scan, int fd, struct str path)
{
	char name[32];
	int number;

	if (scan->book->inotify < 0 || scan->blind)
		return OK;
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	number = scan->folder_count < NOTEBOOK_FOLDERS_MAX ? inotify_add_watch(scan->book->inotify, name, WATCHED) : -1;
	if (number >= 0)
		return add_folder(scan, number, path);
	log_warn("notes.not_watched", LOG_CSTR("vault", scan->book->path), LOG_STR("folder", path),
		 LOG_INT("errno", errno));
	scan->blind = true;
	return OK;
}

static void sweep(int folder, const char *name, const struct stat *stat)
{
	int64_t age_ms = clock_wall_ms() - (int64_t)stat->st_mtim.tv_sec * 1000;

	if (str_starts(str_of(name), STR(PLACE_TEMPORARY)) && S_ISREG(stat->st_mode) && age_ms > NOTEBOOK_TEMPORARY_MS)
		(void)unlinkat(folder, name, 0);
}

static enum err see_file(struct scan *scan, struct known *known, struct str path, const struct stat *stat)
{
	struct place_stamp stamp = {
		.inode = stat->st_ino,
		.bytes = stat->st_size,
		.mtime_ns = (int64_t)stat->st_mtim.tv_sec * 1000000000 + stat->st_mtim.tv_nsec,
		.ctime_ns = (int64_t)stat->st_ctim.tv_sec * 1000000000 + stat->st_ctim.tv_nsec,
	};
	struct index_file *file = map_remove(&known->by_path, path);

	if (++scan->files > NOTEBOOK_FILES_MAX)
		return ERR_LIMIT;
	if (file != NULL && place_stamp_eq(&file->stamp, &stamp))
		return OK;
	return add_change(scan, path);
}

static enum err scan_folder(struct scan *scan, struct known *known, struct str folder, unsigned depth);

static enum err see(struct scan *scan, struct known *known, int fd, struct str folder, const char *name, unsigned depth)
{
	struct str path = folder.n == 0 ? arena_str(scan->arena, str_of(name))
					: arena_fmt(scan->arena, "%.*s/%s", STR_ARG(folder), name);
	struct stat stat;

	if (fstatat(fd, name, &stat, AT_SYMLINK_NOFOLLOW) != 0)
		return OK; /* gone already */
	if (name[0] == '.') {
		sweep(fd, name, &stat);
		return OK;
	}
	if (path.n > NOTE_PATH_BYTES_MAX || strlen(name) > NOTE_PART_BYTES_MAX + 3 || str_has_control(path))
		return OK;
	if (S_ISDIR(stat.st_mode))
		return depth < NOTE_DEPTH_MAX ? scan_folder(scan, known, path, depth + 1) : OK;
	return S_ISREG(stat.st_mode) ? see_file(scan, known, path, &stat) : OK;
}

/* As deep as NOTE_DEPTH_MAX, with a descriptor for each level. */
static enum err scan_folder(struct scan *scan, struct known *known, struct str folder, unsigned depth)
{
	enum err err = OK;
	struct dirent *entry;
	DIR *dir;
	int fd;

	err = place_open(scan->book->root, folder, O_RDONLY | O_DIRECTORY, &fd);
	if (err != OK)
		return err == ERR_NOT_FOUND && depth > 0 ? OK : err;
	dir = fdopendir(fd);
	if (dir == NULL) {
		(void)close(fd);
		return ERR_SYSTEM;
	}
	err = watch_folder(scan, fd, folder);
	while (err == OK && (entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			err = see(scan, known, fd, folder, entry->d_name, depth);
	(void)closedir(dir);
	return err;
}

/* The vault is what has its path now: a directory that was moved away and made anew is another one. Others use the
 * descriptor meanwhile, so it is exchanged, not closed. */
static enum err follow_root(const struct notebook *book)
{
	struct stat there, here;
	int fd, swapped;

	if (stat(book->path, &there) != 0)
		return ERR_NOT_FOUND;
	if (fstat(book->root, &here) == 0 && here.st_dev == there.st_dev && here.st_ino == there.st_ino)
		return OK;
	fd = open(book->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return ERR_NOT_FOUND;
	swapped = dup3(fd, book->root, O_CLOEXEC);
	(void)close(fd);
	return swapped < 0 ? ERR_SYSTEM : OK;
}

enum err scan_all(void *arg)
{
	struct scan *scan = arg;
	struct known known = {0};
	struct index_file *gone;
	size_t cursor = 0;
	enum err err;

	TRY(follow_root(scan->book));
	TRY(index_files(scan->book->writer, scan->arena, &known.files, &known.count));
	for (size_t i = 0; i < known.count; i++)
		(void)map_put(&known.by_path, known.files[i].path, &known.files[i]);
	err = scan_folder(scan, &known, STR(""), 0);
	while (err == OK && (gone = map_next(&known.by_path, &cursor)) != NULL)
		err = add_change(scan, gone->path);
	map_free(&known.by_path);
	return err;
}

/* One path, whatever happened to it. */
static enum err take_one(struct notebook *book, struct arena *arena, struct str path)
{
	struct place_stamp stamp, had;
	struct note_text note;
	AUTO_BUF text = {0};
	enum err err;

	err = place_stat(book->root, path, &stamp);
	if (err == ERR_NOT_FOUND)
		return index_drop(book->writer, path);
	TRY(err);
	if (index_stamp(book->writer, arena, path, &had) == OK && place_stamp_eq(&had, &stamp))
		return OK; /* our own writing, mostly */
	if (!note_path_is_note(path))
		return index_put(book->writer, arena, path, &stamp, NULL);
	err = place_read(book->root, path, &text, &stamp);
	if (err == ERR_NOT_FOUND)
		return index_drop(book->writer, path);
	if (err != OK) /* too large, or not ours to read: its name is known */
		return index_put(book->writer, arena, path, &stamp, NULL);
	note_text_read(arena, buf_str(&text), &note);
	return index_put(book->writer, arena, path, &stamp, &note);
}

enum err scan_take(void *arg)
{
	const struct take *take = arg;
	struct notebook *book = take->book;
	enum err err = OK;

	TRY(index_begin(book->writer));
	for (size_t i = 0; i < take->count && err == OK; i++) {
		AUTO(arena) *arena = arena_new(REQUEST_ARENA_BYTES_MAX);

		err = take_one(book, arena, take->paths[i]);
	}
	return index_end(book->writer, err);
}
