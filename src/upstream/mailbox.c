/* The mailbox: a short list under a mutex that is held for a few instructions, and one task
 * that is posted to the reader's loop when there is something new and nothing posted yet.
 * A mailbox whose reader is on the writer's own loop posts nothing. */
#include "upstream/mailbox.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/check.h"
#include "upstream/upstream.h"

#define MAILBOX_MAGIC 0x4d424f01u

struct mailbox {
	uint32_t magic;
	atomic_uint refs;
	struct loop *loop; /* the reader's */
	pthread_mutex_t lock;
	struct letter *first, **end; /* under lock, like the next two */
	unsigned count;
	bool posted;
	struct task task;
	struct wait *reader; /* on the reader's loop only, like the timer */
	struct timer timer;
};

struct letter *letter_new(struct arena *arena, const struct mcp_message *message, bool last)
{
	struct letter *letter = calloc(1, sizeof(*letter));

	CHECK(letter != NULL);
	letter->arena = arena;
	letter->message = *message;
	letter->last = last;
	return letter;
}

struct letter *letter_asking(struct server_request *request)
{
	struct letter *letter = calloc(1, sizeof(*letter));

	CHECK(letter != NULL);
	letter->request = request;
	return letter;
}

struct letter *letter_error(enum err err)
{
	struct letter *letter = calloc(1, sizeof(*letter));

	CHECK(letter != NULL);
	letter->err = err;
	letter->last = true;
	return letter;
}

void letter_free(struct letter *letter)
{
	arena_free(letter->arena);
	if (letter->request != NULL)
		server_request_unref(letter->request);
	free(letter);
}

struct mailbox *mailbox_new(void)
{
	struct mailbox *mailbox = calloc(1, sizeof(*mailbox));

	CHECK(mailbox != NULL);
	mailbox->magic = MAILBOX_MAGIC;
	atomic_init(&mailbox->refs, 1);
	mailbox->loop = loop_self();
	pthread_mutex_init(&mailbox->lock, NULL);
	mailbox->end = &mailbox->first;
	return mailbox;
}

struct mailbox *mailbox_ref(struct mailbox *mailbox)
{
	CHECK_OBJ(mailbox, MAILBOX_MAGIC);
	atomic_fetch_add_explicit(&mailbox->refs, 1, memory_order_relaxed);
	return mailbox;
}

void mailbox_unref(struct mailbox *mailbox)
{
	struct letter *letter;

	CHECK_OBJ(mailbox, MAILBOX_MAGIC);
	if (atomic_fetch_sub_explicit(&mailbox->refs, 1, memory_order_acq_rel) != 1)
		return;
	while ((letter = mailbox->first) != NULL) {
		mailbox->first = letter->next;
		letter_free(letter);
	}
	pthread_mutex_destroy(&mailbox->lock);
	mailbox->magic = 0;
	free(mailbox);
}

static void wake_reader(struct mailbox *mailbox)
{
	struct wait *reader = mailbox->reader;

	mailbox->reader = NULL;
	if (reader != NULL)
		wait_done(reader, OK);
}

static void on_posted(struct task *task)
{
	struct mailbox *mailbox = CONTAINER_OF(task, struct mailbox, task);

	pthread_mutex_lock(&mailbox->lock);
	mailbox->posted = false;
	pthread_mutex_unlock(&mailbox->lock);
	wake_reader(mailbox);
	mailbox_unref(mailbox);
}

void mailbox_put(struct mailbox *mailbox, struct letter *letter)
{
	bool near = loop_self() == mailbox->loop, post;

	CHECK_OBJ(mailbox, MAILBOX_MAGIC);
	pthread_mutex_lock(&mailbox->lock);
	if (mailbox->count >= MAILBOX_LETTERS_MAX && !letter->last) {
		pthread_mutex_unlock(&mailbox->lock);
		letter_free(letter);
		return;
	}
	letter->next = NULL;
	*mailbox->end = letter;
	mailbox->end = &letter->next;
	mailbox->count++;
	post = !near && !mailbox->posted;
	mailbox->posted |= post;
	pthread_mutex_unlock(&mailbox->lock);
	if (near) {
		wake_reader(mailbox);
	} else if (post) {
		mailbox->task.run = on_posted;
		(void)mailbox_ref(mailbox);
		loop_post(mailbox->loop, &mailbox->task);
	}
}

static struct letter *take_first(struct mailbox *mailbox)
{
	struct letter *letter;

	pthread_mutex_lock(&mailbox->lock);
	letter = mailbox->first;
	if (letter != NULL) {
		mailbox->first = letter->next;
		mailbox->count--;
		if (mailbox->first == NULL)
			mailbox->end = &mailbox->first;
	}
	pthread_mutex_unlock(&mailbox->lock);
	return letter;
}

static void on_timeout(struct timer *timer)
{
	struct mailbox *mailbox = CONTAINER_OF(timer, struct mailbox, timer);
	struct wait *reader = mailbox->reader;

	mailbox->reader = NULL;
	if (reader != NULL)
		wait_done(reader, ERR_UPSTREAM_TIMEOUT);
}

static bool forget_reader(void *arg)
{
	struct mailbox *mailbox = arg;

	mailbox->reader = NULL;
	return true;
}

AWAITS enum err mailbox_take(struct mailbox *mailbox, int64_t timeout_ms, struct letter **ret_letter)
{
	enum err err = OK;

	CHECK_OBJ(mailbox, MAILBOX_MAGIC);
	CHECK(mailbox->loop == loop_self());
	if (timeout_ms > 0)
		timer_set(mailbox->loop, &mailbox->timer, timeout_ms, on_timeout);
	while ((*ret_letter = take_first(mailbox)) == NULL && err == OK) {
		struct wait wait = WAIT_INIT;

		mailbox->reader = &wait;
		err = wait_for(&wait, forget_reader, mailbox);
		mailbox->reader = NULL;
	}
	if (mailbox->timer.at_ms != 0)
		timer_stop(&mailbox->timer);
	return *ret_letter != NULL ? OK : err;
}
