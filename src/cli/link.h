/* The parts of `gatehouse link`: which clients there are, and edits of their files that keep
 * everything else as it is. Private to link*.c and their tests. */
#ifndef GATEHOUSE_CLI_LINK_H
#define GATEHOUSE_CLI_LINK_H

#include "base/arena.h"
#include "base/str.h"

#define LINK_NAME "gatehouse" /* of our entry in every client */

struct link_target {
	struct str url, key; /* key empty: none is needed */
};

struct link_client {
	const char *name, *title;
	const char *home_env;	    /* a variable that names the directory ... */
	const char *home;	    /* ... else this one, below HOME */
	const char *file, *file_or; /* in it; file_or (may be NULL) if only that one exists */
	const char *path[3];	    /* JSON: the object that holds the servers; none: TOML */
	void (*entry)(struct buf *out, const struct link_target *target); /* indented by tabs */
	const char *then;						  /* what to do afterwards */
};

extern const struct link_client link_clients[];
extern const size_t link_client_count;

/* Where the client keeps its file, NUL-terminated.
 *   Errors     ERR_NOT_FOUND (HOME is not set) */
NODISCARD enum err link_file(const struct link_client *client, struct buf *out);

/* Put `entry` under `path` (NULL-terminated names of nested objects) and LINK_NAME into a JSON
 * text, replacing one that is there; objects that are missing are made. Every other byte stays.
 *   Errors     ERR_JSON_* (not plain JSON: comments), ERR_CONFIG (something else stands there),
 *              ERR_NOT_FOUND (the outer object holds other things: another version's form) */
NODISCARD enum err link_json(struct arena *arena, struct str text, const char *const *path, struct str entry,
			     struct buf *out);

/* The same for Codex' TOML: a table of its own, at the end or in place of the old one.
 *   Errors     ERR_CONFIG (the servers are written in a way that is not edited here) */
NODISCARD enum err link_toml(struct str text, struct str entry, struct buf *out);

/* What changed, line by line, with secrets redacted: "  same", "- gone", "+ new". */
void link_preview(struct buf *out, struct str before, struct str after);

#endif
