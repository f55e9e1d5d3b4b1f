/* The request parser: llhttp's callbacks turned into one struct request_head.
 *
 *   HEAD --headers complete--> BODY --message complete--> COMPLETE
 *
 * In HEAD the input is first appended to one contiguous buffer in the arena, and llhttp runs
 * over that copy. So the spans it reports are slices of memory that stays, and a name or value
 * that arrives in pieces is simply a longer slice: its pieces are neighbours. A small body
 * that came in the same read needs no second copy. In BODY llhttp runs over the input where
 * it lies; body bytes go to a growing buffer, trailers are counted and dropped.
 *
 * llhttp knows the grammar and most of the framing. What it leaves to us: every limit, one
 * Host, only `chunked` as transfer coding, no transfer coding in HTTP/1.0, no CONNECT. */
#include <llhttp.h>

#include "base/check.h"
#include "base/limits.h"
#include "http/request_parser.h"

#define FIELDS_FIRST 16	       /* room to begin with; a usual request has about ten */
#define HEAD_PART_BYTES 2048   /* input copied at a time while the head is not complete; arenas pool no more */
#define BODY_FIRST_BYTES 65536 /* reserved for a body before any of it came */
/* Chunk extensions, trailers and chunk headers may cost this much beside the body itself:
 * nobody honest sends chunks of less than a few bytes. */
#define FRAMING_BYTES_MAX 16384
#define FRAMING_PER_BODY_BYTE 8

enum parser_state { PARSER_HEAD, PARSER_BODY, PARSER_COMPLETE };

struct request_parser {
	llhttp_t llhttp;
	struct arena *arena;
	struct request_limits limits;
	enum parser_state state;
	enum err failed; /* why a callback stopped llhttp */
	char *head;	 /* the raw head, and what came with it */
	size_t head_n, head_cap;
	size_t field_cap;     /* of result.fields.field */
	bool in_value;	      /* the last span was of a value */
	uint64_t body_length; /* announced; 0 when chunked */
	bool chunked;
	struct buf body; /* unless the body is a slice of the head buffer */
	size_t raw_n;	 /* bytes consumed since the head was complete */
	struct request_head result;
};

static int stop(struct request_parser *parser, enum err why)
{
	parser->failed = why;
	return HPE_USER;
}

/* Spans of one element are neighbours, so the next only makes it longer. */
static void extend(struct str *element, const char *at, size_t n)
{
	if (element->n == 0)
		element->p = at;
	element->n += n;
}

static int on_method(llhttp_t *llhttp, const char *at, size_t n)
{
	struct request_parser *parser = llhttp->data;

	extend(&parser->result.method, at, n);
	return 0;
}

static int on_url(llhttp_t *llhttp, const char *at, size_t n)
{
	struct request_parser *parser = llhttp->data;

	extend(&parser->result.target, at, n);
	return parser->result.target.n > HTTP_URL_BYTES_MAX ? stop(parser, ERR_HTTP_HEAD_TOO_LARGE) : 0;
}

static void grow_fields(struct request_parser *parser)
{
	struct http_fields *fields = &parser->result.fields;
	size_t cap = parser->field_cap == 0 ? FIELDS_FIRST : parser->field_cap * 2;
	struct http_field *grown = arena_alloc(parser->arena, cap * sizeof *grown);

	if (fields->count > 0)
		memcpy(grown, fields->field, fields->count * sizeof *grown);
	fields->field = grown;
	parser->field_cap = cap;
}

/* A piece of a name belongs to the name before it when they are neighbours: between two
 * names there is at least a colon. */
static int on_field(llhttp_t *llhttp, const char *at, size_t n)
{
	struct request_parser *parser = llhttp->data;
	struct http_fields *fields = &parser->result.fields;
	struct http_field *field;

	if (parser->state != PARSER_HEAD)
		return 0; /* a trailer */
	if (fields->count > 0 && !parser->in_value) {
		field = &fields->field[fields->count - 1];
		if (field->name.p + field->name.n == at) {
			field->name.n += n;
			return 0;
		}
	}
	if (fields->count == HTTP_HEADERS_MAX)
		return stop(parser, ERR_HTTP_HEAD_TOO_LARGE);
	if (fields->count == parser->field_cap)
		grow_fields(parser);
	field = &fields->field[fields->count++];
	field->name = (struct str){at, n};
	field->value = (struct str){at + n, 0};
	parser->in_value = false;
	return 0;
}

static int on_value(llhttp_t *llhttp, const char *at, size_t n)
{
	struct request_parser *parser = llhttp->data;
	struct http_fields *fields = &parser->result.fields;
	struct str *value;

	if (parser->state != PARSER_HEAD || fields->count == 0 || n == 0)
		return 0; /* llhttp reports an empty value behind its line's end */
	value = &fields->field[fields->count - 1].value;
	if (!parser->in_value)
		value->p = at;
	value->n = (size_t)(at + n - value->p);
	parser->in_value = true;
	return 0;
}

static inline bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void resolve_fields(struct http_fields *fields)
{
	memset(fields->first, 0xff, sizeof fields->first); /* -1 */
	for (size_t i = 0; i < fields->count; i++) {
		struct http_field *field = &fields->field[i];

		while (field->value.n > 0 && is_blank(field->value.p[0]))
			field->value = str_skip(field->value, 1);
		while (field->value.n > 0 && is_blank(field->value.p[field->value.n - 1]))
			field->value.n--;
		field->id = http_header_id(field->name);
		if (fields->first[field->id] < 0)
			fields->first[field->id] = (int16_t)i;
		else
			fields->repeated[field->id] = true;
	}
}

/* host[:port] without user info.
 *   Source     RFC 3986 s3.2.2 */
static bool is_host(struct str host)
{
	static const bool allowed[256] = {
		['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['-'] = true, ['.'] = true,
		['_'] = true,	      ['~'] = true,	    [':'] = true,	  ['['] = true, [']'] = true,
		['%'] = true,	      ['!'] = true,	    ['$'] = true,	  ['&'] = true, ['\''] = true,
		['('] = true,	      [')'] = true,	    ['*'] = true,	  ['+'] = true, [';'] = true,
		['='] = true,
	};

	for (size_t i = 0; i < host.n; i++)
		if (!allowed[(unsigned char)host.p[i]])
			return false;
	return host.n > 0;
}

static NODISCARD enum err check_head(struct request_parser *parser)
{
	const struct http_fields *fields = &parser->result.fields;
	struct str coding = http_field_get(fields, HTTP_TRANSFER_ENCODING);
	bool old = parser->llhttp.http_minor == 0;

	if (parser->llhttp.http_major != 1 || parser->llhttp.http_minor > 1)
		return ERR_HTTP_MALFORMED;
	if (parser->llhttp.method == HTTP_CONNECT)
		return ERR_HTTP_METHOD;
	if (fields->first[HTTP_HOST] < 0 && !old)
		return ERR_HTTP_MALFORMED; // spec: RFC 9112 s3.2
	if (fields->first[HTTP_HOST] >= 0 &&
	    (fields->repeated[HTTP_HOST] || !is_host(http_field_get(fields, HTTP_HOST))))
		return ERR_HTTP_MALFORMED;
	if (coding.p != NULL && (old || fields->repeated[HTTP_TRANSFER_ENCODING] ||
				 fields->first[HTTP_CONTENT_LENGTH] >= 0 || !str_eq_nocase(coding, STR("chunked"))))
		return ERR_HTTP_MALFORMED; // spec: RFC 9112 s6.1
	if (fields->repeated[HTTP_CONTENT_LENGTH])
		return ERR_HTTP_MALFORMED;
	return OK;
}

static NODISCARD enum err check_body(struct request_parser *parser)
{
	struct request_head *head = &parser->result;
	struct str expect = http_field_get(&head->fields, HTTP_EXPECT);

	parser->chunked = head->fields.first[HTTP_TRANSFER_ENCODING] >= 0;
	parser->body_length = parser->chunked ? 0 : parser->llhttp.content_length;
	if (parser->body_length > parser->limits.body_bytes_max)
		return ERR_HTTP_BODY_TOO_LARGE;
	if (expect.p == NULL || head->minor == 0)
		return OK; // spec: RFC 9110 s10.1.1, ignored in HTTP/1.0
	if (head->fields.repeated[HTTP_EXPECT] || !str_eq_nocase(expect, STR("100-continue")))
		return ERR_HTTP_EXPECT;
	head->expects_continue = parser->chunked || parser->body_length > 0;
	return OK;
}

/* The head's length, its last empty line included: it begins soon behind the last element. */
static size_t head_length(const struct request_parser *parser)
{
	const struct http_fields *fields = &parser->result.fields;
	struct str last = fields->count > 0 ? fields->field[fields->count - 1].value : parser->result.target;

	for (const char *at = last.p + last.n, *end = parser->head + parser->head_n; at + 4 <= end; at++)
		if (memcmp(at, "\r\n\r\n", 4) == 0)
			return (size_t)(at + 4 - parser->head);
	return parser->head_n;
}

static int on_head(llhttp_t *llhttp)
{
	struct request_parser *parser = llhttp->data;
	enum err err;

	if (head_length(parser) > parser->limits.head_bytes_max)
		return stop(parser, ERR_HTTP_HEAD_TOO_LARGE);
	llhttp->upgrade = 0; /* Upgrade is ignored: the message is HTTP/1.1 to its end */
	parser->result.minor = llhttp->http_minor;
	resolve_fields(&parser->result.fields);
	err = check_head(parser);
	if (err == OK)
		err = check_body(parser);
	if (err != OK)
		return stop(parser, err);
	parser->state = PARSER_BODY;
	return 0;
}

static void release_body(void *object)
{
	buf_free(object);
}

static int on_body(llhttp_t *llhttp, const char *at, size_t n)
{
	struct request_parser *parser = llhttp->data;
	bool in_head = at >= parser->head && at < parser->head + parser->head_n;

	if (in_head && n == parser->body_length) {
		parser->result.body = (struct str){at, n};
		return 0;
	}
	if (parser->body.n + n > parser->limits.body_bytes_max)
		return stop(parser, ERR_HTTP_BODY_TOO_LARGE);
	if (parser->body.cap == 0) {
		size_t first = parser->body_length > n ? parser->body_length : n;

		arena_defer(parser->arena, release_body, &parser->body);
		(void)buf_reserve(&parser->body, first < BODY_FIRST_BYTES ? first : BODY_FIRST_BYTES);
	}
	buf_put(&parser->body, (struct str){at, n});
	return 0;
}

static int on_complete(llhttp_t *llhttp)
{
	struct request_parser *parser = llhttp->data;

	if (parser->body.n > 0)
		parser->result.body = buf_str(&parser->body);
	parser->result.keep_alive = llhttp_should_keep_alive(llhttp) != 0;
	parser->state = PARSER_COMPLETE;
	return HPE_PAUSED; /* what follows belongs to the next request */
}

static const llhttp_settings_t settings = {
	.on_method = on_method,
	.on_url = on_url,
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_headers_complete = on_head,
	.on_body = on_body,
	.on_message_complete = on_complete,
};

struct request_parser *request_parser_new(struct arena *arena, const struct request_limits *limits)
{
	struct request_parser *parser = ARENA_NEW(arena, struct request_parser);

	llhttp_init(&parser->llhttp, HTTP_REQUEST, &settings);
	parser->llhttp.data = parser;
	parser->arena = arena;
	parser->limits = *limits;
	return parser;
}

static void move(struct str *element, const char *from, const char *to)
{
	if (element->p != NULL)
		element->p = to + (element->p - from);
}

/* Room for n more bytes of head: what was parsed moves along. False when the arena is full. */
static bool grow_head(struct request_parser *parser, size_t n)
{
	struct http_fields *fields = &parser->result.fields;
	size_t cap = parser->head_cap == 0 ? n : parser->head_cap * 2 + n;
	char *grown = arena_try_alloc(parser->arena, cap);

	if (grown == NULL)
		return false;
	if (parser->head_n > 0) {
		memcpy(grown, parser->head, parser->head_n);
		move(&parser->result.method, parser->head, grown);
		move(&parser->result.target, parser->head, grown);
		for (size_t i = 0; i < fields->count; i++) {
			move(&fields->field[i].name, parser->head, grown);
			move(&fields->field[i].value, parser->head, grown);
		}
	}
	parser->head = grown;
	parser->head_cap = cap;
	return true;
}

/* Append to the head buffer; returns where the new bytes lie, NULL when the arena is full. */
static const char *keep_head(struct request_parser *parser, struct str part)
{
	char *to;

	if (parser->head_n + part.n > parser->head_cap && !grow_head(parser, part.n))
		return NULL;
	to = parser->head + parser->head_n;
	memcpy(to, part.p, part.n);
	parser->head_n += part.n;
	return to;
}

/* Run llhttp over bytes that stay where they are during the call.
 *   ret_n      how many belong to this request */
static NODISCARD enum err execute(struct request_parser *parser, struct str bytes, size_t *ret_n)
{
	llhttp_errno_t status = llhttp_execute(&parser->llhttp, bytes.p, bytes.n);

	*ret_n = bytes.n;
	if (status == HPE_OK)
		return OK;
	if (parser->failed != OK)
		return parser->failed;
	if (parser->state != PARSER_COMPLETE)
		return ERR_HTTP_MALFORMED;
	*ret_n = (size_t)(llhttp_get_error_pos(&parser->llhttp) - bytes.p);
	return OK;
}

static NODISCARD enum err feed_head(struct request_parser *parser, struct str *input)
{
	struct str part = {input->p, input->n < HEAD_PART_BYTES ? input->n : HEAD_PART_BYTES};
	const char *kept = keep_head(parser, part);
	size_t n;

	if (kept == NULL)
		return ERR_LIMIT;
	TRY(execute(parser, (struct str){kept, part.n}, &n));
	*input = str_skip(*input, n);
	if (parser->state == PARSER_HEAD && parser->head_n > parser->limits.head_bytes_max)
		return ERR_HTTP_HEAD_TOO_LARGE;
	return OK;
}

static NODISCARD enum err feed_body(struct request_parser *parser, struct str *input)
{
	size_t n;

	TRY(execute(parser, *input, &n));
	*input = str_skip(*input, n);
	parser->raw_n += n;
	if (parser->chunked && parser->raw_n > parser->body.n * (1 + FRAMING_PER_BODY_BYTE) + FRAMING_BYTES_MAX)
		return ERR_HTTP_BODY_TOO_LARGE;
	return OK;
}

enum err request_parser_feed(struct request_parser *parser, struct str *input, bool *ret_complete)
{
	while (input->n > 0 && parser->state != PARSER_COMPLETE) {
		if (parser->state == PARSER_HEAD)
			TRY(feed_head(parser, input));
		else
			TRY(feed_body(parser, input));
	}
	*ret_complete = parser->state == PARSER_COMPLETE;
	return OK;
}

bool request_parser_head_done(const struct request_parser *parser)
{
	return parser->state != PARSER_HEAD;
}

struct request_head *request_parser_head(struct request_parser *parser)
{
	return &parser->result;
}

size_t request_parser_body_bytes(const struct request_parser *parser)
{
	return parser->body.n;
}

size_t request_parser_held(const struct request_parser *parser)
{
	return parser->body.cap;
}
