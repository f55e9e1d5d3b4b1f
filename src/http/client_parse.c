/* Reading answers with llhttp in response mode, strictly. Any field, line or chunk may arrive
 * in pieces; spans are therefore appended to one text and only turned into slices when the
 * head is complete. llhttp knows no size limits, so they are enforced here.
 *
 * Interim answers (1xx) are read over. An upgrade nobody asked for, a compressed body and
 * bytes behind the end are refused. */
#include "base/check.h"
#include "base/limits.h"
#include "http/client_private.h"

#define INTERIM_MAX 16 /* 1xx answers in front of one real answer */

static int stop(struct reply *reply, enum err err)
{
	reply->err = err;
	return HPE_USER;
}

/* Append a piece of a name or value; `grown` is the length it belongs to. */
static int put_text(struct reply *reply, const char *at, size_t n, uint32_t *grown)
{
	if (n > HTTP_HEAD_BYTES_MAX || reply->head_bytes + n > HTTP_HEAD_BYTES_MAX)
		return stop(reply, ERR_UPSTREAM_TOO_LARGE);
	if (reply->text_n + n > reply->text_cap) {
		uint32_t cap = reply->text_cap;
		char *text;

		while (cap < reply->text_n + n)
			cap = cap == 0 ? 512 : cap * 2;
		text = reply->text == NULL ? arena_try_alloc(reply->arena, cap)
					   : arena_try_grow(reply->arena, reply->text, reply->text_cap, cap);
		if (text == NULL)
			return stop(reply, ERR_UPSTREAM_TOO_LARGE);
		reply->text = text;
		reply->text_cap = cap;
	}
	memcpy(reply->text + reply->text_n, at, n);
	reply->text_n += (uint32_t)n;
	reply->head_bytes += (uint32_t)n;
	*grown += (uint32_t)n;
	return 0;
}

static int new_span(struct reply *reply)
{
	if (reply->span_n == HTTP_HEADERS_MAX)
		return stop(reply, ERR_UPSTREAM_TOO_LARGE);
	if (reply->span_n == reply->span_cap) {
		uint32_t cap = reply->span_cap == 0 ? 16 : reply->span_cap * 2;
		size_t old = reply->span_cap * sizeof(*reply->span);
		struct reply_span *span = reply->span == NULL
						  ? arena_try_alloc(reply->arena, cap * sizeof(*span))
						  : arena_try_grow(reply->arena, reply->span, old, cap * sizeof(*span));

		if (span == NULL)
			return stop(reply, ERR_UPSTREAM_TOO_LARGE);
		reply->span = span;
		reply->span_cap = cap;
	}
	reply->span[reply->span_n++] = (struct reply_span){.name = reply->text_n};
	return 0;
}

static int on_field(llhttp_t *llhttp, const char *at, size_t n)
{
	struct reply *reply = llhttp->data;
	struct reply_span *span = reply->span_n == 0 ? NULL : &reply->span[reply->span_n - 1];

	if (reply->state != REPLY_HEAD)
		return 0; /* trailers say nothing we want to hear */
	if (span == NULL || span->value != 0) {
		int stopped = new_span(reply);

		if (stopped != 0)
			return stopped;
		span = &reply->span[reply->span_n - 1];
	}
	return put_text(reply, at, n, &span->name_n);
}

static int on_field_complete(llhttp_t *llhttp)
{
	struct reply *reply = llhttp->data;

	if (reply->state == REPLY_HEAD && reply->span_n > 0)
		reply->span[reply->span_n - 1].value = reply->text_n;
	return 0;
}

static int on_value(llhttp_t *llhttp, const char *at, size_t n)
{
	struct reply *reply = llhttp->data;

	if (reply->state != REPLY_HEAD || reply->span_n == 0)
		return 0;
	return put_text(reply, at, n, &reply->span[reply->span_n - 1].value_n);
}

static enum err build_fields(struct reply *reply)
{
	struct http_fields *fields = &reply->fields;

	fields->count = 0;
	fields->field = arena_try_alloc(reply->arena, (reply->span_n + 1) * sizeof(*fields->field));
	if (fields->field == NULL)
		return ERR_UPSTREAM_TOO_LARGE;
	memset(fields->first, 0xff, sizeof(fields->first));
	memset(fields->repeated, 0, sizeof(fields->repeated));
	for (uint32_t i = 0; i < reply->span_n; i++) {
		const struct reply_span *span = &reply->span[i];
		struct http_field *field = &fields->field[fields->count];

		field->name = (struct str){reply->text + span->name, span->name_n};
		field->value = str_trim((struct str){reply->text + span->value, span->value_n});
		field->id = http_header_id(field->name);
		if (fields->first[field->id] < 0)
			fields->first[field->id] = (int16_t)fields->count;
		else
			fields->repeated[field->id] = true;
		fields->count++;
	}
	return OK;
}

static int on_headers_complete(llhttp_t *llhttp)
{
	struct reply *reply = llhttp->data;
	struct str encoding;
	enum err err;

	if (llhttp->http_major != 1) /* llhttp would take 2.0, which is never written like this */
		return stop(reply, ERR_UPSTREAM_GARBAGE);
	if (llhttp->status_code / 100 == 1) {
		if (llhttp->status_code == 101 || ++reply->interim > INTERIM_MAX)
			return stop(reply, ERR_UPSTREAM_GARBAGE);
		return 0;
	}
	err = build_fields(reply);
	if (err != OK)
		return stop(reply, err);
	encoding = http_field_get(&reply->fields, HTTP_CONTENT_ENCODING);
	if (encoding.n > 0 && !str_eq_nocase(encoding, STR("identity")))
		return stop(reply, ERR_UPSTREAM_GARBAGE);
	reply->length = -1;
	if ((llhttp->flags & F_CONTENT_LENGTH) != 0 && llhttp->content_length <= INT64_MAX)
		reply->length = (int64_t)llhttp->content_length;
	reply->state = REPLY_BODY;
	return reply->bodiless ? 1 : 0;
}

static int on_body(llhttp_t *llhttp, const char *at, size_t n)
{
	struct reply *reply = llhttp->data;
	enum err err = reply->on_body(reply->owner, (struct str){at, n});

	return err == OK ? 0 : stop(reply, err);
}

static int on_message_complete(llhttp_t *llhttp)
{
	struct reply *reply = llhttp->data;

	if (reply->state == REPLY_HEAD) { /* that was a 1xx */
		reply->span_n = 0;
		reply->text_n = 0;
		return 0;
	}
	reply->state = REPLY_DONE;
	reply->keep_alive = llhttp_should_keep_alive(llhttp) == 1;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
	.on_header_field = on_field,
	.on_header_field_complete = on_field_complete,
	.on_header_value = on_value,
	.on_headers_complete = on_headers_complete,
	.on_body = on_body,
	.on_message_complete = on_message_complete,
};

void reply_reset(struct reply *reply, struct arena *arena)
{
	llhttp_init(&reply->llhttp, HTTP_RESPONSE, &settings);
	reply->llhttp.data = reply;
	reply->state = REPLY_HEAD;
	reply->err = OK;
	reply->keep_alive = false;
	reply->arena = arena;
	reply->text = NULL;
	reply->span = NULL;
	reply->text_n = reply->text_cap = reply->span_n = reply->span_cap = 0;
	reply->head_bytes = reply->interim = 0;
}

enum err reply_read(struct reply *reply, struct str bytes)
{
	llhttp_errno_t error;

	if (reply->state == REPLY_DONE)
		return ERR_UPSTREAM_GARBAGE;
	error = llhttp_execute(&reply->llhttp, bytes.p, bytes.n);
	if (error == HPE_OK)
		return OK;
	if (error != HPE_PAUSED || reply->state != REPLY_DONE)
		return reply->err != OK ? reply->err : ERR_UPSTREAM_GARBAGE;
	if (llhttp_get_error_pos(&reply->llhttp) != bytes.p + bytes.n)
		reply->keep_alive = false; /* the answer stands, the connection is out of step */
	return OK;
}

enum err reply_finish(struct reply *reply)
{
	if (reply->state == REPLY_DONE)
		return OK;
	(void)llhttp_finish(&reply->llhttp);
	reply->keep_alive = false;
	return reply->state == REPLY_DONE ? OK : ERR_UPSTREAM_DOWN;
}
