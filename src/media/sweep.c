/* The store's start and end, and its broom: a file that no row knows is removed. Rows come before their files and go
 * before them, so that this alone clears away what has expired, what was deleted on another replica or with its tenant,
 * and what a killed process has left.
 *
 * Which files there are is read on a worker; each is then looked up by itself: there are few, and there is time. */
#include "media/media_private.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"

#define SWEEP_FILES_MAX 100000 /* of one run; the next one sees the rest */

static enum err make_directory(void *arg)
{
	const struct media_store *store = arg;

	return mkdir(store->spec.directory.p, 0700) == 0 || errno == EEXIST ? OK : ERR_SYSTEM;
}

/* ---- the broom ---- */

struct listing {
	const char *directory;
	struct buf ids; /* ID_LEN bytes each */
};

static enum err list_files(void *arg)
{
	struct listing *listing = arg;
	DIR *directory = opendir(listing->directory);
	struct dirent *entry;

	if (directory == NULL)
		return ERR_IO;
	while ((entry = readdir(directory)) != NULL && listing->ids.n < (size_t)SWEEP_FILES_MAX * ID_LEN)
		if (entry->d_type != DT_DIR && strlen(entry->d_name) == ID_LEN)
			buf_put(&listing->ids, str_of(entry->d_name));
	closedir(directory);
	return OK;
}

struct removal {
	const struct media_store *store;
	struct str id;
};

static enum err remove_file(void *arg)
{
	const struct removal *removal = arg;

	sealed_file_remove(removal->store->spec.directory, removal->id);
	return OK;
}

AWAITS static enum err sweep_files(struct media_store *store, size_t *ret_removed)
{
	struct listing listing = {.directory = store->spec.directory.p};
	size_t removed = 0;
	enum err err = work_run(list_files, &listing);

	for (size_t at = 0; err == OK && at < listing.ids.n; at += ID_LEN) {
		struct removal removal = {store, {listing.ids.p + at, ID_LEN}};
		bool there = true;

		err = media_row_exists(store->spec.db, removal.id, &there);
		if (err == OK && !there) {
			err = work_run(remove_file, &removal);
			removed++;
		}
	}
	buf_free(&listing.ids);
	*ret_removed = removed;
	return err;
}

AWAITS enum err media_store_sweep(struct media_store *store, struct buf *words)
{
	size_t rows = 0, files = 0, count = MEDIA_SWEEP_ROWS;

	CHECK_OBJ(store, MEDIA_STORE_MAGIC);
	while (count == MEDIA_SWEEP_ROWS) {
		TRY(media_row_sweep(store->spec.db, clock_wall_ms(), &count));
		rows += count;
	}
	TRY(sweep_files(store, &files));
	buf_put_fmt(words, "%zu uploads expired, %zu files removed here", rows, files);
	return OK;
}

static AWAITS void sweeper_main(void *arg)
{
	struct media_store *store = arg;
	bool failing = false;

	do {
		size_t removed;
		enum err err = sweep_files(store, &removed);

		if (err == ERR_CANCELED)
			break;
		if (err != OK && !failing)
			log_error("media.unswept", LOG_ERR(err));
		failing = err != OK;
	} while (fiber_sleep(MEDIA_SWEEP_MS) == OK);
}

/* ---- start and end ---- */

static struct media_store *store_new(const struct media_store_spec *spec)
{
	struct media_store *store = calloc(1, sizeof(*store));

	CHECK(store != NULL);
	store->magic = MEDIA_STORE_MAGIC;
	store->spec = *spec;
	store->arena = arena_new(MEDIA_ARENA_BYTES);
	store->spec.directory = arena_str(store->arena, spec->directory);
	store->spec.place = arena_str(store->arena, spec->place);
	store->spec.fleet_ca_file = arena_str(store->arena, spec->fleet_ca_file);
	CHECK(pthread_mutex_init(&store->lock, NULL) == 0);
	media_store_configure(store, &spec->settings);
	group_init(&store->sweeper, loop_self());
	return store;
}

AWAITS enum err media_store_start(const struct media_store_spec *spec, struct buf *problem,
				  struct media_store **ret_store)
{
	struct media_store *store = store_new(spec);
	enum err err = work_run(make_directory, store);

	if (err == ERR_SYSTEM)
		buf_put_fmt(problem, "%.*s: cannot be made; is the data directory writable?",
			    STR_ARG(store->spec.directory));
	if (err == OK)
		err = group_spawn(&store->sweeper, "media sweep", sweeper_main, store);
	if (err != OK) {
		media_store_stop(store);
		return err;
	}
	*ret_store = store;
	return OK;
}

AWAITS void media_store_stop(struct media_store *store)
{
	if (store == NULL)
		return;
	CHECK_OBJ(store, MEDIA_STORE_MAGIC);
	group_cancel(&store->sweeper);
	(void)!group_join(&store->sweeper);
	CHECK(atomic_load(&store->counters.open) == 0 && store->use.used == 0 && store->claimed.used == 0);
	map_free(&store->use);
	map_free(&store->claimed);
	CHECK(pthread_mutex_destroy(&store->lock) == 0);
	arena_free(store->arena);
	store->magic = 0;
	free(store);
}
