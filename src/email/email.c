/* The room: a loop's sessions for each loop, roots of trust, and the one way that all operations go.
 *
 * An account's calls are made on one loop, chosen by its key; so what is bounded for an account is bounded for the
 * process, and no session is ever seen by two threads. */
#include "email/email.h"

#include <gmime/gmime.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "email/op.h"

#define ROOM_MAGIC 0x656d6c72u
#define ROOTS_MAX 8	    /* CA files in use at once: an operator's few upstreams */
#define ROOTS_AGE_MS 600000 /* then the files are read again */
#define ROOTS_PATH_BYTES_MAX 1024

/* The authorities of one CA file. */
struct roots {
	char ca_file[ROOTS_PATH_BYTES_MAX]; /* empty: the system's */
	struct tls *tls;		    /* NULL: free */
	int64_t read_ms;		    /* on clock_ms */
};

struct email_room {
	uint32_t magic;
	struct sessions *sessions[LOOPS_MAX]; /* made on first use, each by its loop */
	pthread_mutex_t lock;		      /* of what follows; held for moments */
	struct roots roots[ROOTS_MAX];
	struct native_table table;
};

static struct email_room *room_of(void *arg)
{
	struct email_room *room = arg;

	CHECK_OBJ(room, ROOM_MAGIC);
	return room;
}

/* --- roots of trust --- */

struct roots_job {
	const char *ca_file;
	struct tls *tls;
};

static enum err read_roots(void *arg)
{
	struct roots_job *job = arg;
	const struct tls_client_spec spec = {.ca_file = *job->ca_file == '\0' ? NULL : job->ca_file};

	return tls_client_new(&spec, NULL, &job->tls);
}

/* The kept ones, referenced; NULL none, or they are old. */
static struct tls *kept_roots(struct email_room *room, const char *ca_file)
{
	struct tls *found = NULL;

	pthread_mutex_lock(&room->lock);
	for (size_t i = 0; i < ROOTS_MAX && found == NULL; i++)
		if (room->roots[i].tls != NULL && strcmp(room->roots[i].ca_file, ca_file) == 0 &&
		    clock_ms() - room->roots[i].read_ms < ROOTS_AGE_MS)
			found = tls_ref(room->roots[i].tls);
	pthread_mutex_unlock(&room->lock);
	return found;
}

/* In the place of the same file's, or of the oldest. */
static void keep_roots(struct email_room *room, const char *ca_file, struct tls *tls)
{
	struct roots *place = &room->roots[0];

	pthread_mutex_lock(&room->lock);
	for (size_t i = 0; i < ROOTS_MAX; i++) {
		struct roots *at = &room->roots[i];

		if (at->tls == NULL || strcmp(at->ca_file, ca_file) == 0) {
			place = at;
			break;
		}
		if (at->read_ms < place->read_ms)
			place = at;
	}
	tls_unref(place->tls);
	place->tls = tls_ref(tls);
	place->read_ms = clock_ms();
	snprintf(place->ca_file, sizeof place->ca_file, "%s", ca_file);
	pthread_mutex_unlock(&room->lock);
}

AWAITS static enum err take_roots(struct op *op, struct tls **ret_tls)
{
	struct str ca_file = op->call->ca_file;
	struct roots_job job = {0};

	if (ca_file.n >= ROOTS_PATH_BYTES_MAX)
		return ERR_CONFIG;
	job.ca_file = arena_str(op->arena, ca_file).p;
	*ret_tls = kept_roots(op->room, job.ca_file);
	if (*ret_tls != NULL)
		return OK;
	TRY(work_run(read_roots, &job));
	keep_roots(op->room, job.ca_file, job.tls);
	*ret_tls = job.tls;
	return OK;
}

/* --- sessions --- */

AWAITS enum err op_spec(struct op *op, enum mail_protocol protocol, struct mail_link_spec *ret_spec)
{
	struct mail_link_spec spec = {
		.protocol = protocol,
		.server = protocol == MAIL_IMAP ? op->account.imap : op->account.smtp,
		.user = op->account.user,
		.domain = op->account.domain,
		.secret = op->call->secret,
		.secret_is_token = op->call->secret_is_token,
		.allow_private = op->call->allow_private,
	};

	if (spec.secret == NULL)
		return ERR_CREDENTIAL_MISSING;
	TRY(take_roots(op, &spec.tls));
	*ret_spec = spec;
	return OK;
}

void op_spec_release(struct mail_link_spec *spec)
{
	tls_unref(spec->tls);
	spec->tls = NULL;
}

struct session_job {
	struct op *op;
	struct mail_link_spec spec;
	uint8_t key[MAIL_KEY_BYTES];
	enum err (*work)(struct imap_session *session, void *op);
};

AWAITS static enum err use_session(void *arg)
{
	struct session_job *job = arg;
	struct sessions **sessions = &job->op->room->sessions[loop_index(loop_self())];

	if (*sessions == NULL)
		*sessions = sessions_new();
	return sessions_use(*sessions, job->key, &job->spec, &job->op->fault, job->work, job->op);
}

AWAITS enum err op_with_session(struct op *op, enum err (*work)(struct imap_session *session, void *op))
{
	struct session_job job = {.op = op, .work = work};
	enum err err;

	TRY(op_spec(op, MAIL_IMAP, &job.spec));
	mail_session_key(op->call->tenant_id, &job.spec, job.key);
	err = loop_call(loop_at(job.key[0] % loop_count()), "email", use_session, &job);
	op_spec_release(&job.spec);
	return err;
}

/* --- operations --- */

/* How large it is, a mail server has decided. */
static enum err give_result(struct op *op)
{
	struct str copy = arena_try_str(op->call->arena, buf_str(&op->out));

	if (copy.p == NULL)
		return mail_fault_set(&op->fault, "too_large",
				      "the result is larger than a tool may give; ask for less");
	op->call->result = copy;
	return OK;
}

AWAITS static enum err run(void *room, struct native_call *call, enum err (*work)(struct op *op), bool wants_account)
{
	struct op op = {.room = room_of(room), .call = call};
	enum err err = OK;

	op.arena = arena_new(OP_ARENA_BYTES_MAX);
	if (wants_account && call->secret == NULL)
		err = ERR_CREDENTIAL_MISSING; /* before the account is looked at, whose address may come with it */
	else if (wants_account)
		err = mail_account_read(call, &op.fault, &op.account);
	if (err == OK)
		err = work(&op);
	if (err == OK)
		err = give_result(&op);
	if (err == ERR_TOOL_FAILED) {
		CHECK(op.fault.class != NULL);
		call->class = str_of(op.fault.class);
		call->message = arena_str(call->arena, str_of(op.fault.text));
	}
	buf_free(&op.out);
	arena_free(op.arena);
	return err;
}

AWAITS static enum err run_accounts(void *room, struct native_call *call)
{
	return run(room, call, op_run_accounts, false);
}

AWAITS static enum err run_folders(void *room, struct native_call *call)
{
	return run(room, call, op_run_folders, true);
}

AWAITS static enum err run_search(void *room, struct native_call *call)
{
	return run(room, call, op_run_search, true);
}

AWAITS static enum err run_read(void *room, struct native_call *call)
{
	return run(room, call, op_run_read, true);
}

AWAITS static enum err run_send(void *room, struct native_call *call)
{
	return run(room, call, op_run_send, true);
}

AWAITS static enum err run_draft(void *room, struct native_call *call)
{
	return run(room, call, op_run_draft, true);
}

static const struct native_op ops[] = {
	{"email.list_accounts", run_accounts},
	{"email.list_folders", run_folders},
	{"email.search", run_search},
	{"email.read", run_read},
	{"email.send", run_send},
	{"email.draft", run_draft},
	{NULL, NULL},
};

const struct native_table *email_natives(struct email_room *room)
{
	return &room_of(room)->table;
}

enum err email_room_new(struct email_room **ret_room)
{
	struct email_room *room;

	TRY(mail_link_setup());
	g_mime_init();
	room = calloc(1, sizeof *room);
	CHECK(room != NULL);
	room->magic = ROOM_MAGIC;
	CHECK(pthread_mutex_init(&room->lock, NULL) == 0);
	room->table = (struct native_table){.ops = ops, .room = room};
	*ret_room = room;
	return OK;
}

AWAITS static enum err close_sessions(void *arg)
{
	struct sessions **sessions = arg;

	sessions_free(*sessions);
	return OK;
}

AWAITS void email_room_free(struct email_room *room)
{
	if (room == NULL)
		return;
	CHECK_OBJ(room, ROOM_MAGIC);
	for (unsigned i = 0; i < loop_count(); i++)
		if (room->sessions[i] != NULL)
			(void)!loop_call(loop_at(i), "email", close_sessions, &room->sessions[i]);
	for (size_t i = 0; i < ROOTS_MAX; i++)
		tls_unref(room->roots[i].tls);
	pthread_mutex_destroy(&room->lock);
	room->magic = 0;
	free(room);
}
