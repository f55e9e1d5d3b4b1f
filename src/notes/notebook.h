/* One open vault: its directory, its index, and what is known to have changed since. Lives on the room's home loop: all
 * of it is read and written there, or by a worker thread that somebody there waits for. Private to the room.
 *
 *                 inotify, a look at every file
 *     files ─────────────────────────────────────▶ changed ──refresh──▶ index
 *       ▲ └──read                                                         │
 *       └──── append, update: under `writing` ────────────────────────────┘ (search, links: under `reading`) */
#ifndef GATEHOUSE_NOTES_NOTEBOOK_H
#define GATEHOUSE_NOTES_NOTEBOOK_H

#include "base/map.h"
#include "connector/native.h"
#include "notes/index.h"
#include "rt/fd_watch.h"
#include "rt/loop.h"

#define NOTEBOOK_MAGIC 0x6e6f7465u    /* "note" */
#define NOTEBOOKS_MAX 64	      /* open vaults of a process */
#define NOTEBOOK_FILES_MAX 50000      /* of a vault: beyond that it is no longer a person's notes */
#define NOTEBOOK_FOLDERS_MAX 8192     /* watched; the system's default allows 8192 or more to a user */
#define NOTEBOOK_CHANGES_MAX 4096     /* paths remembered as changed; beyond that all files are looked at */
#define NOTEBOOK_BATCH 64	      /* files that one piece of work takes into the index */
#define NOTEBOOK_QUEUE_MAX 64	      /* calls that wait for a vault */
#define NOTEBOOK_RESCAN_MS 300000     /* all files are looked at so often, for what inotify does not tell */
#define NOTEBOOK_RESCAN_BLIND_MS 2000 /* where there is no inotify */
#define NOTEBOOK_SETTLE_MS 200	      /* after a change, before the index follows by itself */
#define NOTEBOOK_TEMPORARY_MS 3600000 /* older unfinished files are what a crash left */

struct folder_watch {
	int number; /* inotify's */
	struct str path;
};

struct notebook {
	uint32_t magic;
	struct list link;
	char *path; /* of the directory, absolute */
	char *index_path;
	int root;
	struct side *writer, *reader;
	struct gate writing, reading;

	/* what has changed */
	int inotify; /* -1: it cannot be watched */
	struct fd_watch *watch;
	struct timer settle;
	struct map folders; /* of struct folder_watch, by number as bytes */
	struct map changed; /* of paths: key and value are the same char * */
	bool all_changed;
	bool working; /* a refresh is at it: what it has taken out of `changed` may not be in the index yet */
	bool closing;
	int64_t scanned_ms;  /* on loop_now; 0 never */
	unsigned refreshing; /* flights that hold this object */
	struct wait *closer; /* waits for them; NULL nobody */
};

/* Open a directory and its index.
 *   ret_book   on the running loop
 *   Errors     ERR_NOT_FOUND (no such directory), ERR_DB, ERR_SYSTEM */
NODISCARD enum err notebook_open(struct str path, const char *index_directory, struct notebook **ret_book) AWAITS;
void notebook_close(struct notebook *book) AWAITS;

/* Make the index tell what is on the disk now: what was changed before this call is in it afterwards. */
NODISCARD enum err notebook_refresh(struct notebook *book) AWAITS;

/* The same some time soon.   Runs on    a callback or fiber of the home loop */
void notebook_refresh_soon(struct notebook *book);

/* ---- scan.c: the pieces of a refresh; they block ------------------------------------- */

/* A look at all files. Lists are in `arena`. */
struct scan {
	struct notebook *book;
	struct arena *arena;
	struct str *changed; /* paths that the index does not have as they are, or has and the disk has not */
	size_t changed_count, changed_cap, files;
	struct folder_watch *folders;
	size_t folder_count, folder_cap;
	bool blind; /* a folder could not be watched */
};
NODISCARD enum err scan_all(void *scan);

/* Take some files into the index, or out of it. */
struct take {
	struct notebook *book;
	const struct str *paths;
	size_t count;
};
NODISCARD enum err scan_take(void *take);

/* ---- watch.c: inotify; on the home loop ----------------------------------------------- */

/* Begin to hear of changes, as far as the system allows; stop. */
void watch_begin(struct notebook *book);
/* Also where a folder could not be watched: then all files are looked at now and then. */
void watch_end(struct notebook *book);
/* Read what inotify has told until now into `changed`. */
void watch_drain(struct notebook *book);
/* Folders that a scan has asked inotify to watch. */
void watch_folders(struct notebook *book, const struct scan *scan);
void watch_forget_changes(struct notebook *book);

#endif
