/* hiredis' reader builds what its functions return: ours build `struct reply` and count the items, so that a server
 * (or whoever speaks in its place) cannot have us reserve more than a reply may hold. The depth is bounded by hiredis.
 *
 * Newer versions know more kinds (RESP 3). We never ask for them; one that comes all the same must be an object too. */
#include "state/reply.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "base/check.h"

#define READER_MAGIC 0x72657072u /* "repr" */

#if HIREDIS_MAJOR >= 1
typedef size_t reply_count;
#else
typedef int reply_count;
#endif

struct reply_reader {
	uint32_t magic;
	redisReader *parser;
	size_t items; /* of the reply that is being read */
};

void reply_free(struct reply *reply)
{
	if (reply == NULL)
		return;
	for (size_t i = 0; i < reply->count; i++)
		reply_free(reply->items[i]);
	free(reply->items);
	free(reply);
}

/* ---- what hiredis calls ---------------------------------------------------------- */

/* Set into its place in the list that is being read, if there is one. NULL makes the parser give up. */
static struct reply *add(const redisReadTask *task, enum reply_kind kind, size_t text_n)
{
	struct reply_reader *reader = task->privdata;
	struct reply *reply, *list = task->parent == NULL ? NULL : task->parent->obj;

	if (++reader->items > REPLY_ITEMS_MAX || (list != NULL && (size_t)task->idx >= list->count))
		return NULL;
	reply = calloc(1, sizeof(*reply) + text_n);
	CHECK(reply != NULL);
	reply->kind = kind;
	if (list != NULL)
		list->items[task->idx] = reply;
	return reply;
}

static void *on_text(const redisReadTask *task, char *text, size_t n)
{
	struct reply *reply = add(task, task->type == REDIS_REPLY_ERROR ? REPLY_ERROR : REPLY_TEXT, n);

	if (reply == NULL)
		return NULL;
	memcpy(reply + 1, text, n);
	reply->text = (struct str){(const char *)(reply + 1), n};
	return reply;
}

static void *on_list(const redisReadTask *task, reply_count count)
{
	struct reply_reader *reader = task->privdata;
	struct reply *reply;

	if ((size_t)count > REPLY_ITEMS_MAX - reader->items)
		return NULL;
	reply = add(task, REPLY_LIST, 0);
	if (reply == NULL)
		return NULL;
	reply->items = calloc((size_t)count + 1, sizeof(reply->items[0]));
	CHECK(reply->items != NULL);
	reply->count = (size_t)count;
	return reply;
}

static void *on_number(const redisReadTask *task, long long number)
{
	struct reply *reply = add(task, REPLY_NUMBER, 0);

	if (reply != NULL)
		reply->number = number;
	return reply;
}

static void *on_nil(const redisReadTask *task)
{
	return add(task, REPLY_NIL, 0);
}

static void on_free(void *reply)
{
	reply_free(reply);
}

#if HIREDIS_MAJOR >= 1
static void *on_double(const redisReadTask *task, double number, char *text, size_t n)
{
	return on_text(task, text, n);
}

static void *on_bool(const redisReadTask *task, int truth)
{
	return on_number(task, truth);
}
#endif

static redisReplyObjectFunctions functions = {
	.createString = on_text,
	.createArray = on_list,
	.createInteger = on_number,
	.createNil = on_nil,
	.freeObject = on_free,
#if HIREDIS_MAJOR >= 1
	.createDouble = on_double,
	.createBool = on_bool,
#endif
};

/* ---- reading --------------------------------------------------------------------- */

struct reply_reader *reply_reader_new(void)
{
	struct reply_reader *reader = calloc(1, sizeof(*reader));

	CHECK(reader != NULL);
	reader->magic = READER_MAGIC;
	reader->parser = redisReaderCreateWithFunctions(&functions);
	CHECK(reader->parser != NULL);
	reader->parser->privdata = reader;
	return reader;
}

void reply_reader_free(struct reply_reader *reader)
{
	if (reader == NULL)
		return;
	CHECK_OBJ(reader, READER_MAGIC);
	redisReaderFree(reader->parser);
	reader->magic = 0;
	free(reader);
}

enum err reply_reader_feed(struct reply_reader *reader, struct str bytes)
{
	CHECK_OBJ(reader, READER_MAGIC);
	if (bytes.n > REPLY_BYTES_MAX - (reader->parser->len - reader->parser->pos))
		return ERR_LIMIT;
	return redisReaderFeed(reader->parser, bytes.p, bytes.n) == REDIS_OK ? OK : ERR_IO;
}

enum err reply_reader_next(struct reply_reader *reader, struct reply **ret_reply)
{
	void *reply = NULL;

	CHECK_OBJ(reader, READER_MAGIC);
	if (redisReaderGetReply(reader->parser, &reply) != REDIS_OK)
		return reader->items > REPLY_ITEMS_MAX ? ERR_LIMIT : ERR_IO;
	if (reply != NULL)
		reader->items = 0;
	*ret_reply = reply;
	return OK;
}

/* ---- looking --------------------------------------------------------------------- */

int64_t reply_number(const struct reply *reply)
{
	int64_t number;

	if (reply->kind == REPLY_NUMBER)
		return reply->number;
	return reply->kind == REPLY_TEXT && str_to_i64(reply->text, &number) == OK ? number : 0;
}

struct str reply_text(const struct reply *reply)
{
	return reply->kind == REPLY_TEXT || reply->kind == REPLY_ERROR ? reply->text : STR("");
}

const struct reply *reply_item(const struct reply *reply, size_t i)
{
	static const struct reply nil = {.kind = REPLY_NIL};

	return reply->kind == REPLY_LIST && i < reply->count ? reply->items[i] : &nil;
}
