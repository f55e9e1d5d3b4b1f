/* notes.status: how much there is, and what keeps the vault in step with the person's other devices, as far as its
 * files tell. The gateway itself does not sync. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "notes/ops.h"
#include "notes/path.h"

/* By what is there, a sync is known; and by what it touches, when it last ran. First match wins. */
static const struct backend {
	const char *name, *sign, *touched; /* touched NULL: nothing tells */
} backends[] = {
	{"git", ".git", ".git/FETCH_HEAD"},
	{"git", ".git", ".git/index"},
	{"syncthing", ".stfolder", NULL},
};

/* Fixed names of ours or of the operator: hidden ones may be asked here. Links stay refused. */
static bool look(int root, struct str path, int64_t *ret_modified_ms)
{
	struct stat stat;
	int fd, failed;

	if (place_open(root, path, O_PATH, &fd) != OK)
		return false;
	failed = fstat(fd, &stat);
	(void)close(fd);
	if (failed == 0)
		*ret_modified_ms = (int64_t)stat.st_mtim.tv_sec * 1000 + stat.st_mtim.tv_nsec / 1000000;
	return failed == 0;
}

static void put_sync(const struct note_ask *ask, struct buf *out)
{
	int root = ask->book->root;
	const char *backend = "none";
	int64_t at_ms = 0, ignored;

	if (ask->heartbeat.n > 0) {
		backend = "heartbeat";
		(void)look(root, ask->heartbeat, &at_ms);
	}
	for (size_t i = 0; at_ms == 0 && i < ARRAY_LEN(backends); i++) {
		if (!look(root, str_of(backends[i].sign), &ignored))
			continue;
		if (ask->heartbeat.n == 0)
			backend = backends[i].name;
		if (backends[i].touched != NULL)
			(void)look(root, str_of(backends[i].touched), &at_ms);
	}
	buf_put_fmt(out, ",\"backend\":\"%s\"", backend);
	if (at_ms > 0) {
		buf_put(out, STR(",\"last_sync\":"));
		put_time(out, at_ms);
	}
}

static bool is_writable(int root)
{
	bool writable;
	int fd;

	if (place_open(root, STR(""), O_RDONLY | O_DIRECTORY, &fd) != OK)
		return false;
	writable = faccessat(fd, ".", W_OK, AT_EACCESS) == 0;
	(void)close(fd);
	return writable;
}

enum err op_status(struct note_ask *ask)
{
	struct index_totals totals;
	AUTO_BUF out = {0};

	TRY(index_totals(ask->side, ask->call->arena, &totals));
	buf_put(&out, STR("{\"vault\":"));
	buf_put_json(&out, note_path_name(str_of(ask->book->path)));
	buf_put_fmt(&out, ",\"notes\":%lld,\"attachments\":%lld,\"bytes\":%lld", (long long)totals.notes,
		    (long long)totals.attachments, (long long)totals.bytes);
	if (ask->quota_bytes > 0)
		buf_put_fmt(&out, ",\"quota_bytes\":%lld", (long long)ask->quota_bytes);
	if (totals.modified_ms > 0) {
		buf_put(&out, STR(",\"last_modified\":"));
		put_time(&out, totals.modified_ms);
	}
	put_sync(ask, &out);
	buf_put(&out, STR(",\"conflicts\":["));
	for (size_t i = 0; i < totals.conflict_count; i++) {
		if (i > 0)
			buf_put_byte(&out, ',');
		buf_put_json(&out, totals.conflicts[i]);
	}
	buf_put_fmt(&out, "],\"writable\":%s,\"watched\":%s}", is_writable(ask->book->root) ? "true" : "false",
		    ask->book->inotify >= 0 ? "true" : "false");
	ask_answer(ask, &out);
	return OK;
}
