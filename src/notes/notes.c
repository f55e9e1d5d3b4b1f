/* The room's door: an operation is asked on any loop, goes to the home loop (loop_call), has its vault opened and its
 * index brought up to date there, waits for the vault's lane, and is carried out by a worker thread. What it touches is
 * the caller's arena, which nobody else uses meanwhile, and the vault's connection, which is its own as long as it is
 * in the lane. */
#include "notes/notes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/log.h"
#include "notes/ops.h"

#define NOTES_MAGIC 0x6e6f7473u
#define OPENING_QUEUE_MAX 1024 /* calls that wait while a vault is opened: as many as may wait for any upstream */

struct notes {
	uint32_t magic;
	struct loop *home;
	char *directory;
	struct list books;
	size_t count;
	struct gate opening; /* one at a time, so that none is opened twice */
};

struct notes *notes_new(const char *data_directory)
{
	struct notes *notes = calloc(1, sizeof(*notes));

	CHECK(notes != NULL);
	notes->magic = NOTES_MAGIC;
	notes->home = loop_self();
	CHECK(asprintf(&notes->directory, "%s/notes", data_directory) > 0);
	list_init(&notes->books);
	gate_init(&notes->opening, 1, OPENING_QUEUE_MAX);
	return notes;
}

AWAITS void notes_free(struct notes *notes)
{
	struct list *link;

	if (notes == NULL)
		return;
	CHECK_OBJ(notes, NOTES_MAGIC);
	CHECK(loop_self() == notes->home);
	while ((link = list_pop(&notes->books)) != NULL)
		notebook_close(LIST_OBJ(link, struct notebook, link));
	notes->magic = 0;
	free(notes->directory);
	free(notes);
}

/* ---- vaults ------------------------------------------------------------------------- */

static struct notebook *book_of(struct notes *notes, struct str path)
{
	for (struct list *link = notes->books.next; link != &notes->books; link = link->next) {
		struct notebook *book = LIST_OBJ(link, struct notebook, link);

		if (str_eq(str_of(book->path), path))
			return book;
	}
	return NULL;
}

static enum err make_directory(void *arg)
{
	const struct notes *notes = arg;

	if (mkdir(notes->directory, 0700) == 0 || errno == EEXIST)
		return OK;
	log_error("notes.no_directory", LOG_CSTR("path", notes->directory), LOG_INT("errno", errno));
	return ERR_SYSTEM;
}

/* Under `opening`. */
AWAITS static enum err open_book(struct notes *notes, struct str path, struct notebook **ret_book)
{
	*ret_book = book_of(notes, path);
	if (*ret_book != NULL)
		return OK;
	if (notes->count == NOTEBOOKS_MAX)
		return ERR_LIMIT;
	TRY(work_run(make_directory, notes));
	TRY(notebook_open(path, notes->directory, ret_book));
	list_add_tail(&notes->books, &(*ret_book)->link);
	notes->count++;
	return OK;
}

AWAITS static enum err find_book(struct notes *notes, struct str path, struct notebook **ret_book)
{
	enum err err;

	*ret_book = book_of(notes, path);
	if (*ret_book != NULL)
		return OK;
	TRY(gate_enter(&notes->opening));
	err = open_book(notes, path, ret_book);
	gate_leave(&notes->opening);
	return err;
}

/* ---- operations ----------------------------------------------------------------------- */

struct note_op {
	enum err (*work)(struct note_ask *ask);
	bool writes;
};

struct passage { /* of a call to the home loop */
	struct notes *notes;
	const struct note_op *op;
	struct note_ask ask;
};

static enum err work(void *arg)
{
	struct passage *passage = arg;

	return passage->op->work(&passage->ask);
}

static struct str setting(const struct native_call *call, const char *name)
{
	return json_str(json_get(call->settings, name));
}

/* "500 MB", "2GB", "1000000".   returns    whether it is one; *ret_bytes 0 for none */
static bool read_bytes(struct str text, int64_t *ret_bytes)
{
	static const struct {
		const char *name;
		int64_t factor;
	} units[] = {{"", 1}, {"B", 1}, {"KB", 1000}, {"MB", 1000000}, {"GB", 1000000000}};
	uint64_t value;
	size_t n = 0;

	text = str_trim(text);
	while (n < text.n && text.p[n] >= '0' && text.p[n] <= '9')
		n++;
	*ret_bytes = 0;
	if (text.n == 0)
		return true;
	if (str_to_u64((struct str){text.p, n}, &value) != OK || value > 1000000000)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (str_eq_nocase(str_trim(str_skip(text, n)), str_of(units[i].name))) {
			*ret_bytes = (int64_t)value * units[i].factor;
			return true;
		}
	}
	return false;
}

AWAITS static enum err prepare(struct passage *passage)
{
	struct note_ask *ask = &passage->ask;
	struct str vault = setting(ask->call, "vault");
	enum err err;

	if (vault.n == 0 || vault.p[0] != '/')
		return ask_refuse(ask, STR("invalid"),
				  "the operator has to name the vault: an absolute path in `settings.vault`");
	if (!read_bytes(setting(ask->call, "quota"), &ask->quota_bytes))
		return ask_refuse(ask, STR("invalid"), "the operator's `settings.quota` is no size like 500MB");
	ask->heartbeat = setting(ask->call, "heartbeat");
	while (vault.n > 1 && vault.p[vault.n - 1] == '/')
		vault.n--;
	err = find_book(passage->notes, vault, &ask->book);
	if (err == OK)
		err = notebook_refresh(ask->book);
	if (err == ERR_NOT_FOUND)
		return ask_refuse(ask, STR("transient"), "the vault's folder is not there now");
	if (err == ERR_LIMIT)
		return ask_refuse(ask, STR("too_large"), "the vault has more files than the gateway indexes (%d)",
				  NOTEBOOK_FILES_MAX);
	return err;
}

AWAITS static enum err at_home(void *arg)
{
	struct passage *passage = arg;
	struct notebook *book;
	struct gate *lane;
	enum err err;

	TRY(prepare(passage));
	book = passage->ask.book;
	lane = passage->op->writes ? &book->writing : &book->reading;
	passage->ask.side = passage->op->writes ? book->writer : book->reader;
	TRY(gate_enter(lane));
	err = work_run(work, passage);
	gate_leave(lane);
	return err;
}

AWAITS static enum err run(void *room, struct native_call *call, const struct note_op *op)
{
	struct passage passage = {.notes = room, .op = op, .ask = {.call = call}};

	CHECK_OBJ(passage.notes, NOTES_MAGIC);
	return loop_call(passage.notes->home, "notes", at_home, &passage);
}

AWAITS static enum err run_search(void *room, struct native_call *call)
{
	static const struct note_op op = {op_search, false};

	return run(room, call, &op);
}

AWAITS static enum err run_read(void *room, struct native_call *call)
{
	static const struct note_op op = {op_read, false};

	return run(room, call, &op);
}

AWAITS static enum err run_append(void *room, struct native_call *call)
{
	static const struct note_op op = {op_append, true};

	return run(room, call, &op);
}

AWAITS static enum err run_update(void *room, struct native_call *call)
{
	static const struct note_op op = {op_update, true};

	return run(room, call, &op);
}

AWAITS static enum err run_status(void *room, struct native_call *call)
{
	static const struct note_op op = {op_status, false};

	return run(room, call, &op);
}

struct native_table notes_natives(struct notes *notes)
{
	static const struct native_op ops[] = {
		{"notes.search", run_search}, {"notes.read", run_read},	    {"notes.append", run_append},
		{"notes.update", run_update}, {"notes.status", run_status}, {NULL, NULL},
	};

	return (struct native_table){.ops = ops, .room = notes};
}
