/* What the files of the runner share: one call under way. Private to the room.
 *
 *   connector_run (run.c)
 *     ├─ arguments, settings, files (run_open.c)
 *     ├─ journal_open (journal.c): a key that is known answers at once
 *     ├─ step_run (step.c), for each step: each, chunks (chunk.c), poll, memo (memo.c)
 *     │    ├─ step_http (step_http.c): request.c, body.c ─▶ outlet.c ─▶ the platform; failure.c
 *     │    └─ step_native (step_native.c)
 *     └─ the result (result.c), its cursor (cursor.c)
 *
 * What a platform or the file refuses is ERR_TOOL_FAILED with run->failure filled; it becomes the result at the end.
 * Other errors end the call as they are. */
#ifndef GATEHOUSE_CONNECTOR_RUN_H
#define GATEHOUSE_CONNECTOR_RUN_H

#include "connector/outlet.h"
#include "connector/program.h"
#include "connector/runner.h"
#include "http/client.h"
#include "media/media.h"
#include "store/tool_run.h"

#define RUN_MEDIA_MAX 64			  /* files of one call: ten for a post, and what is made of them */
#define RUN_ANSWER_ARENA_BYTES (64 * 1024 * 1024) /* of an answer of 4 MB: 16 bytes for each of its values */
#define RUN_ARENA_BYTES (64 * 1024 * 1024)	  /* arguments as a tree, captures */
#define RUN_WORDS_BYTES_MAX 600			  /* of a platform's words that a caller is shown */
#define IDEMPOTENCY_KEY_BYTES_MAX 64

/* What an upstream has set, as its calls look at it. Immutable. */
#define SETUP_ORIGINS_MAX 16 /* settings with `url` */
struct connector_setup {
	enum err err;	    /* of reading it: how each call ends */
	yyjson_val *values; /* by name */
	struct str no_url;  /* the first setting that should be one and is none; p NULL: none */
	struct url origin[SETUP_ORIGINS_MAX];
	size_t origin_count;
};

/* The last answer, and what it was asked with: in one arena, which is wiped with it, since secrets go through. */
struct answer {
	struct arena *arena;
	int status;			  /* 0: of a native step */
	const struct http_fields *fields; /* NULL: none */
	struct value body;
	size_t bytes;
	/* of a native step */
	struct str text; /* that the tool passes on: it was not read */
	bool refused;
	struct native_picture picture;
};

/* Why a call is refused. All texts live as long as the call. */
struct failure {
	enum failure_class class;
	struct str step;       /* empty: none */
	struct str words;      /* the platform's, or ours */
	struct str hint;       /* may be empty */
	int64_t retry_after_s; /* 0: not known */
	int status;	       /* 0: it was not an answer */
	bool decided;	       /* the platform says that what was begun did not work out */
};

struct capture {
	struct capture *next;
	struct str name;
	struct value value;
};

/* The account's credential, as it was given last. */
struct carried_credential {
	bool asked;
	enum err err; /* why there is none */
	struct secret_text *lines, *secret;
	bool in_query;
	bool renewed; /* a refusal has been dealt with once */
};

struct journal {
	bool open;    /* there is a row of this call */
	bool sending; /* and it says so */
	char id[ID_LEN + 1];
	uint8_t digest[TOOL_RUN_DIGEST_BYTES];
	struct str kept; /* the result of an earlier call with this key; p NULL none */
};

#define RUN_MAGIC 0x434e5255u
struct run {
	uint32_t magic;
	struct connector_runner *runner;
	struct connector *connector;
	const struct tool *tool;
	struct connector_call *call;
	struct arena *arena; /* what outsiders decide the size of: never CHECKed, wiped at the end */
	struct scope scope;
	struct template_budget budget;
	struct str arguments; /* without account and key: what the journal and cursors are bound to */
	struct capture *captures;
	struct media **media; /* room for RUN_MEDIA_MAX once there is one */
	size_t media_count;
	struct answer answer;
	struct carried_credential credential;
	struct failure failure;
	struct journal journal;
	unsigned requests;
	size_t step_at; /* for progress */
	bool over;	/* the steps that are left are skipped */
	bool committed; /* what the tool is for has happened */
};

/* ---- run.c: what all use ---- */

/* Refuse the call; returns ERR_TOOL_FAILED. */
enum err run_fail(struct run *run, enum failure_class class, const char *fmt, ...) PRINTF(3, 4);
/* Milliseconds that are left of the call; INT64_MAX when nothing bounds it. */
int64_t run_left_ms(const struct run *run);
/* Tell the client, `part` of 1000 of this step being done.
 *   Errors     what the caller's function says */
NODISCARD enum err run_progress(struct run *run, unsigned part, struct str text) AWAITS;
/* ERR_LIMIT once templates have cost too much. */
NODISCARD enum err run_budget(struct run *run);
/* Keep a value beyond the answer it was found in. */
NODISCARD enum err run_keep(struct run *run, struct value value, struct value *ret_value);
void run_capture(struct run *run, struct str name, struct value value);
/* The file that a value stands for, {"$media": n}; NULL: none. Add one (closed with the call): its object is appended,
 * nothing when there are too many. */
struct media *run_media(struct run *run, yyjson_val *value);
void run_give(struct run *run, struct media *media, struct buf *out);
/* Whose account it is, for pauses and memos. */
void run_put_account(const struct run *run, struct buf *out);
/* Without what is secret: in place, as a copy. */
void run_blot(const struct run *run, struct buf *text);
struct str run_redacted(struct run *run, struct str text);

/* ---- run_open.c ---- */

/* Arguments, settings, rules, files: all that comes before the first step. */
NODISCARD enum err run_open(struct run *run) AWAITS;

/* ---- step.c, step_http.c, step_native.c ---- */

/* Make a step: not at all, once, or for each element or part; with its polls.
 *   Errors     ERR_TOOL_FAILED, ERR_CREDENTIAL_*, ERR_CANCELED, ERR_TIMEOUT, ERR_LIMIT, ERR_DB ... */
NODISCARD enum err step_run(struct run *run, const struct step *step) AWAITS;
/* One request with its repetitions, answered well: run->answer. *ret_known: its captures were known, nothing was asked.
 */
NODISCARD enum err step_http(struct run *run, const struct step *step, bool *ret_known) AWAITS;
NODISCARD enum err step_native(struct run *run, const struct step *step) AWAITS;
/* Make the step's captures of the last answer. */
NODISCARD enum err step_capture(struct run *run, const struct step *step);

/* ---- credential.c ---- */

/* Have the credential, if any is wanted.
 *   Errors     ERR_CREDENTIAL_* ... */
NODISCARD enum err run_credential_take(struct run *run) AWAITS;
/* It was refused. OK: there is another by now, send again. */
NODISCARD enum err run_credential_renew(struct run *run) AWAITS;
/* Show the secret to templates, or hide it. */
void run_credential_show(struct run *run, bool shown);
void run_credential_done(struct run *run);

/* ---- failure.c ---- */

/* Whether the answer is good; else run->failure says what it is. Waits of the account are noted either way. */
bool failure_of_answer(struct run *run, const struct step *step);
/* What was waited for has failed, by the last answer: ERR_TOOL_FAILED. */
enum err failure_of_poll(struct run *run, const struct step *step);
/* An error of the way there.
 *   sent       it may have arrived
 *   returns    ERR_TOOL_FAILED with run->failure, or `err` where the call just ends */
enum err failure_of_way(struct run *run, const struct step *step, enum err err, bool sent);
/* The account must be left alone: ERR_TOOL_FAILED; for a moment: waits. */
NODISCARD enum err failure_if_paused(struct run *run, const struct step *step) AWAITS;

/* ---- result.c ---- */

/* The call's result: what the templates make of it; a refusal.
 *   Errors     ERR_LIMIT, ERR_TOOL_FAILED */
NODISCARD enum err result_make(struct run *run) AWAITS;
void result_refuse(struct run *run);

/* ---- journal.c ---- */

/* Before the first step. journal.kept is set when an earlier call has the result; ERR_TOOL_FAILED: it is under way, or
 * nobody knows what became of it. */
NODISCARD enum err journal_open(struct run *run) AWAITS;
/* Before what must not be made twice goes out, durably. */
NODISCARD enum err journal_sending(struct run *run, int64_t within_ms) AWAITS;
/* After all: keep the result, or forget the row, or leave it where nobody knows. */
void journal_close(struct run *run, enum err err) AWAITS;

/* ---- cursor.c ---- */

/* What the caller gave as `cursor`, opened: the page's own.
 *   Errors     ERR_TOOL_FAILED: it is not of this tool, account and arguments */
NODISCARD enum err page_open(struct run *run, struct str text, struct value *ret_value);
/* Append it sealed, as text. */
void page_seal(const struct run *run, struct value value, struct buf *out);

#endif
