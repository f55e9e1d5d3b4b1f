/* Bodies of requests. What templates write is text in one buffer; files stand between as stretches that are read when
 * they are sent, so that a body of any size costs one piece of memory.
 *
 *   multipart:  text "--b\r\nContent-Disposition..."  file 0..size  text "\r\n--b--\r\n" */
#include "connector/request.h"

#include "base/check.h"
#include "http/form.h"

#define BOUNDARY_BYTES 18

/* What was written since the last stretch becomes one. */
static void close_text(struct body *body)
{
	uint64_t closed = 0;

	for (size_t i = 0; i < body->count; i++)
		closed += body->segment[i].file == NULL ? body->segment[i].bytes : 0;
	if (body->text.n > closed)
		body->segment[body->count++] = (struct segment){.bytes = body->text.n - closed};
}

static enum err put_file(struct run *run, struct body *body, struct media *file, int64_t offset, int64_t bytes)
{
	int64_t size = media_size(file);

	if (size < 0 || offset < 0 || bytes < 0 || offset > size || bytes > size - offset)
		return run_fail(run, CLASS_INVALID, "a part of a file was asked for that it does not have");
	if (body->count + 3 > REQUEST_SEGMENTS_MAX)
		return run_fail(run, CLASS_TOO_LARGE, "too many files for one request");
	if (body->segment == NULL)
		body->segment = arena_try_alloc(run->scope.arena, REQUEST_SEGMENTS_MAX * sizeof(*body->segment));
	if (body->segment == NULL)
		return ERR_LIMIT;
	body->streamed = true;
	close_text(body);
	if (bytes > 0)
		body->segment[body->count++] =
			(struct segment){.file = file, .offset = offset, .bytes = (uint64_t)bytes};
	return OK;
}

/* The file, or the part of one, that a value stands for.
 *   returns    ERR_NOT_FOUND: it stands for none */
static enum err file_of(struct run *run, struct value value, struct media **ret_file, int64_t *ret_offset,
			int64_t *ret_bytes)
{
	struct media *file = value.kind == VALUE_JSON ? run_media(run, value.json) : NULL;

	if (file == NULL)
		return ERR_NOT_FOUND;
	*ret_file = file;
	*ret_offset = 0;
	*ret_bytes = media_size(file);
	if (json_get(value.json, "$part") != NULL && (!json_int(json_get(value.json, "first"), ret_offset) ||
						      !json_int(json_get(value.json, "size"), ret_bytes)))
		return ERR_NOT_FOUND;
	return OK;
}

static enum err compose_json(struct run *run, const struct template *template, struct request *request)
{
	request->content_type = STR("application/json");
	if (!template_json(template, &run->scope, &request->body.text))
		buf_put(&request->body.text, STR("{}"));
	return OK;
}

static void put_pair(struct buf *out, bool query, struct str name, struct str value)
{
	if (query)
		buf_put_byte(out, memchr(out->p, '?', out->n) == NULL ? '?' : '&');
	else if (out->n > 0)
		buf_put_byte(out, '&');
	percent_put(out, name);
	buf_put_byte(out, '=');
	percent_put(out, value);
}

/* A list of plain values is its name once for each. */
static bool put_list(struct run *run, struct buf *out, bool query, const struct named_template *pair)
{
	struct value list = template_value(pair->value, &run->scope);
	size_t at, count;
	yyjson_val *element;

	if (list.kind != VALUE_JSON || !yyjson_is_arr(list.json))
		return false;
	yyjson_arr_foreach(list.json, at, count, element) if (yyjson_is_ctn(element)) return false;
	yyjson_arr_foreach(list.json, at, count, element)
	{
		struct str text = value_text(run->scope.arena, value_of_json(element));

		if (text.p != NULL)
			put_pair(out, query, pair->name, text);
	}
	return true;
}

void put_pairs(struct run *run, const struct named_templates *pairs, bool query, struct buf *out)
{
	AUTO_BUF value = {0};

	for (size_t i = 0; i < pairs->count; i++) {
		const struct named_template *pair = &pairs->items[i];

		value.n = 0;
		if (!put_list(run, out, query, pair) && template_text(pair->value, &run->scope, &value))
			put_pair(out, query, pair->name, buf_str(&value));
	}
	crypto_wipe(value.p, value.n);
}

static enum err compose_form(struct run *run, const struct named_templates *form, struct request *request)
{
	request->content_type = STR("application/x-www-form-urlencoded");
	put_pairs(run, form, false, &request->body.text);
	return OK;
}

/* A quoted name in Content-Disposition, as browsers write it. Source     WHATWG HTML section 4.10.22.8 */
static void put_quoted(struct buf *out, struct str text)
{
	buf_put_byte(out, '"');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"')
			buf_put(out, STR("%22"));
		else if (text.p[i] == '\r' || text.p[i] == '\n' || text.p[i] == '\0')
			buf_put_fmt(out, "%%%02X", (unsigned)(uint8_t)text.p[i]);
		else
			buf_put_byte(out, text.p[i]);
	}
	buf_put_byte(out, '"');
}

static void begin_part(struct buf *out, struct str boundary, struct str name)
{
	buf_put_fmt(out, "--%.*s\r\nContent-Disposition: form-data; name=", STR_ARG(boundary));
	put_quoted(out, name);
}

static enum err put_file_part(struct run *run, const struct form_part *part, struct value value, struct str boundary,
			      struct request *request)
{
	struct buf *out = &request->body.text;
	AUTO_BUF name = {0}, filename = {0};
	struct media *file;
	int64_t offset, bytes;

	if (file_of(run, value, &file, &offset, &bytes) != OK)
		return run_fail(run, CLASS_INVALID, "a part of the request is no file");
	if (!template_text(part->name, &run->scope, &name))
		return OK;
	if (part->filename == NULL || !template_text(part->filename, &run->scope, &filename))
		buf_put(&filename, media_name(file));
	begin_part(out, boundary, buf_str(&name));
	buf_put(out, STR("; filename="));
	put_quoted(out, buf_str(&filename));
	buf_put_fmt(out, "\r\nContent-Type: %.*s\r\n\r\n", STR_ARG(media_mime(file)));
	TRY(put_file(run, &request->body, file, offset, bytes));
	buf_put(out, STR("\r\n"));
	return OK;
}

/* One file, or a list of them: each with its own name. */
static enum err put_files(struct run *run, const struct form_part *part, struct str boundary, struct request *request)
{
	struct value value = template_value(part->file, &run->scope);
	struct scope_element element = {.outer = run->scope.element, .name = STR("it")};
	enum err err = OK;

	if (value.kind == VALUE_ABSENT)
		return OK;
	if (value.kind != VALUE_JSON || !yyjson_is_arr(value.json))
		return put_file_part(run, part, value, boundary, request);
	run->scope.element = &element;
	for (size_t i = 0; i < yyjson_arr_size(value.json) && err == OK; i++) {
		element.value = value_of_json(yyjson_arr_get(value.json, i));
		element.index = i;
		err = put_file_part(run, part, element.value, boundary, request);
	}
	run->scope.element = element.outer;
	return err;
}

static enum err put_value_part(struct run *run, const struct form_part *part, struct str boundary, struct buf *out)
{
	AUTO_BUF name = {0}, value = {0};

	if (!template_text(part->value, &run->scope, &value) || !template_text(part->name, &run->scope, &name))
		return OK;
	begin_part(out, boundary, buf_str(&name));
	buf_put(out, STR("\r\n\r\n"));
	buf_put(out, buf_str(&value));
	buf_put(out, STR("\r\n"));
	crypto_wipe(value.p, value.n);
	return OK;
}

static enum err compose_multipart(struct run *run, const struct http_step *http, struct request *request)
{
	AUTO_BUF boundary = {0};

	random_text_put(&boundary, BOUNDARY_BYTES);
	request->content_type =
		arena_fmt(request->arena, "multipart/form-data; boundary=%.*s", STR_ARG(buf_str(&boundary)));
	for (size_t i = 0; i < http->part_count; i++) {
		const struct form_part *part = &http->parts[i];

		if (part->value != NULL)
			TRY(put_value_part(run, part, buf_str(&boundary), &request->body.text));
		else
			TRY(put_files(run, part, buf_str(&boundary), request));
	}
	buf_put_fmt(&request->body.text, "--%.*s--\r\n", STR_ARG(buf_str(&boundary)));
	return OK;
}

static enum err compose_raw(struct run *run, const struct template *template, struct request *request)
{
	struct value value = template_value(template, &run->scope);
	struct media *file;
	int64_t offset, bytes;

	if (file_of(run, value, &file, &offset, &bytes) == OK) {
		request->content_type = media_mime(file);
		return put_file(run, &request->body, file, offset, bytes);
	}
	(void)template_text(template, &run->scope, &request->body.text);
	return OK;
}

static enum err compose_kind(struct run *run, const struct http_step *http, struct request *request)
{
	switch (http->body_kind) {
	case BODY_NONE:
		return OK;
	case BODY_JSON:
		return compose_json(run, http->body, request);
	case BODY_FORM:
		return compose_form(run, &http->form, request);
	case BODY_MULTIPART:
		return compose_multipart(run, http, request);
	case BODY_RAW:
		return compose_raw(run, http->body, request);
	}
	CHECK(false);
}

enum err body_compose(struct run *run, const struct http_step *http, struct request *request)
{
	struct body *body = &request->body;

	TRY(compose_kind(run, http, request));
	if (body->text.n > REQUEST_BODY_BYTES_MAX)
		return run_fail(run, CLASS_TOO_LARGE, "the request would be larger than %d MB",
				REQUEST_BODY_BYTES_MAX / 1024 / 1024);
	if (!body->streamed) {
		body->bytes = body->text.n;
		return OK;
	}
	close_text(body);
	for (size_t i = 0; i < body->count; i++)
		body->bytes += body->segment[i].bytes;
	return OK;
}

void body_rewind(struct body *body)
{
	body->at = body->text_at = 0;
	body->done = 0;
}

AWAITS enum err body_next(void *arg, struct str *ret_piece)
{
	struct body *body = arg;
	const struct segment *segment = &body->segment[body->at];
	uint64_t left = segment->bytes - body->done;

	CHECK(body->at < body->count);
	if (segment->file == NULL) {
		*ret_piece = (struct str){body->text.p + body->text_at, segment->bytes};
		body->text_at += segment->bytes;
	} else {
		TRY(media_read(segment->file, segment->offset + (int64_t)body->done,
			       left < MEDIA_PIECE_BYTES ? left : MEDIA_PIECE_BYTES, ret_piece));
		if (ret_piece->n == 0 || ret_piece->n > left)
			return ERR_IO; /* it has become shorter than it was */
	}
	body->done += ret_piece->n;
	if (body->done == segment->bytes) {
		body->at++;
		body->done = 0;
	}
	return OK;
}
