/* Between JSON and objects. What comes in is checked against the table of fields: nothing unknown, nothing read-only,
 * everything within its bounds; the first thing that is wrong is named by its JSON pointer. What goes out is written
 * from the same table. */
#include "portal/work.h"

#include "base/clock.h"
#include "base/json.h"
#include "http/form.h"

#define NUMBER_TEXT_MAX 20

static bool among(const char *list, struct str word)
{
	struct str rest = str_of(list), head;

	while (rest.n > 0) {
		str_cut(rest, ' ', &head, &rest);
		if (str_eq(head, word))
			return true;
	}
	return false;
}

/* A member's key in a JSON pointer: RFC 6901 section 3. */
static struct str pointer_to(struct arena *arena, struct str key)
{
	AUTO_BUF out = {0};

	buf_put_byte(&out, '/');
	for (size_t i = 0; i < key.n && i < NAME_BYTES_MAX; i++) {
		if (key.p[i] == '~')
			buf_put(&out, STR("~0"));
		else if (key.p[i] == '/')
			buf_put(&out, STR("~1"));
		else
			buf_put_byte(&out, key.p[i]);
	}
	return arena_str(arena, buf_str(&out));
}

static enum err refuse(struct work *work, struct str key, const char *what)
{
	work->pointer = pointer_to(work->arena, key);
	work->problem = str_of(what);
	return ERR_API_FIELD;
}

static enum err refuse_field(struct work *work, const struct field *field, const char *fmt, const char *detail)
{
	work->pointer = pointer_to(work->arena, str_of(field->name));
	work->problem = arena_fmt(work->arena, fmt, detail);
	return ERR_API_FIELD;
}

/* --- one value --- */

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static bool is_space(char c)
{
	return c == '\n' || c == '\r' || c == '\t';
}

static enum err read_text(struct work *work, const struct field *field, struct str text, struct value *value)
{
	char bound[NUMBER_TEXT_MAX + 1];

	if (text.p == NULL)
		return refuse_field(work, field, "must be a string%s", "");
	if (field->among != NULL && !among(field->among, text))
		return refuse_field(work, field, "must be one of: %s", field->among);
	for (size_t i = 0; i < text.n; i++)
		if (is_control(text.p[i]) && !(field->traits & FIELD_LINES && is_space(text.p[i])))
			return refuse_field(work, field, "must not have control characters in it%s", "");
	if (field->max > 0 && (int64_t)text.n > field->max) {
		(void)snprintf(bound, sizeof(bound), "%lld", (long long)field->max);
		return refuse_field(work, field, "must have at most %s bytes", bound);
	}
	if (text.n == 0 && field->traits & FIELD_NEEDED)
		return refuse_field(work, field, "must not be empty%s", "");
	*value = value_text(text);
	return OK;
}

static enum err read_number(struct work *work, const struct field *field, yyjson_val *in, struct value *value)
{
	char bound[NUMBER_TEXT_MAX + 1];
	int64_t number;

	if (yyjson_is_null(in) && field->traits & FIELD_NULLABLE) {
		*value = (struct value){0};
		return OK;
	}
	(void)snprintf(bound, sizeof(bound), "%lld", (long long)field->max);
	if (!json_int(in, &number) || number < 0 || number > field->max)
		return refuse_field(work, field, "must be a whole number from 0 to %s", bound);
	*value = value_number(number);
	return OK;
}

static enum err read_time(struct work *work, const struct field *field, yyjson_val *in, struct value *value)
{
	int64_t at_ms;

	if (yyjson_is_null(in)) {
		*value = value_number(0);
		return OK;
	}
	if (json_str(in).p == NULL || clock_iso_read(json_str(in), &at_ms) != OK || at_ms <= 0)
		return refuse_field(work, field, "must be a time such as %s, or null", "2027-01-31T12:00:00Z");
	*value = value_number(at_ms);
	return OK;
}

static enum err read_words(struct work *work, const struct field *field, yyjson_val *in, struct value *value)
{
	AUTO_BUF text = {0};
	struct value word;
	size_t i, n;
	yyjson_val *item;

	if (!yyjson_is_arr(in))
		return refuse_field(work, field, "must be an array of strings%s", "");
	if (yyjson_arr_size(in) > WORDS_MAX)
		return refuse_field(work, field, "has too many items%s", "");
	yyjson_arr_foreach(in, i, n, item)
	{
		TRY(read_text(work, field, json_str(item), &word));
		if (word.text.n == 0)
			return refuse_field(work, field, "must not have empty items%s", "");
	}
	json_write(&text, in);
	*value = value_text(arena_str(work->arena, buf_str(&text)));
	return OK;
}

static enum err read_json(struct work *work, const struct field *field, yyjson_val *in, struct value *value)
{
	AUTO_BUF text = {0};

	if (!yyjson_is_obj(in))
		return refuse_field(work, field, "must be an object%s", "");
	json_write(&text, in);
	if ((int64_t)text.n > field->max)
		return refuse_field(work, field, "is too large%s", "");
	*value = value_text(arena_str(work->arena, buf_str(&text)));
	return OK;
}

static enum err read_value(struct work *work, const struct field *field, yyjson_val *in, struct value *value)
{
	switch (field->kind) {
	case FIELD_TEXT:
		return read_text(work, field, json_str(in), value);
	case FIELD_NUMBER:
		return read_number(work, field, in, value);
	case FIELD_TIME:
		return read_time(work, field, in, value);
	case FIELD_WORDS:
		return read_words(work, field, in, value);
	case FIELD_JSON:
		return read_json(work, field, in, value);
	case FIELD_FLAG:
		break;
	}
	if (!yyjson_is_bool(in))
		return refuse_field(work, field, "must be true or false%s", "");
	*value = value_number(yyjson_get_bool(in));
	return OK;
}

/* --- bodies --- */

static const struct field *find(const struct field *fields, size_t count, struct str name)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(name, str_of(fields[i].name)))
			return &fields[i];
	return NULL;
}

static enum err read_member(struct work *work, const struct field *fields, size_t count, enum reading reading,
			    yyjson_val *key, struct object *object)
{
	struct str name = json_str(key);
	const struct field *field = find(fields, count, name);

	if (field == NULL)
		return refuse(work, name, "there is no such field");
	if (field->traits & (FIELD_READ_ONLY | FIELD_SHOWN_ONCE))
		return refuse(work, name, "this field is read-only: leave it out");
	if (reading == READING_UPDATE && field->traits & FIELD_AT_BIRTH)
		return refuse(work, name, "this field cannot be changed any more: leave it out");
	return read_value(work, field, yyjson_obj_iter_get_val(key), &object->at[field - fields]);
}

enum err fields_read(struct work *work, const struct field *fields, size_t count, enum reading reading,
		     struct object *object)
{
	struct str body = work->call->body;
	yyjson_obj_iter iter;
	yyjson_val *root, *key;

	if (body.n > PORTAL_BODY_BYTES_MAX)
		return ERR_HTTP_BODY_TOO_LARGE;
	TRY(json_read(work->arena, body.n == 0 ? STR("{}") : body, &root));
	if (!yyjson_is_obj(root))
		return work_fail(work, ERR_API_FIELD, "", "the body must be a JSON object");
	yyjson_obj_iter_init(root, &iter);
	while ((key = yyjson_obj_iter_next(&iter)) != NULL)
		TRY(read_member(work, fields, count, reading, key, object));
	for (size_t i = 0; i < count && reading != READING_UPDATE; i++)
		if (fields[i].traits & FIELD_NEEDED && !object->at[i].given)
			return refuse(work, str_of(fields[i].name), "this field is needed");
	return OK;
}

/* --- queries --- */

static enum err read_filter(struct work *work, struct str name, struct str text, struct object *filter)
{
	const struct resource *resource = work->resource;
	const struct field *field = find(resource->filters, resource->filter_count, name);
	struct value *value;
	uint64_t number = 0;
	enum err err = OK;

	if (field == NULL)
		return work_fail(work, ERR_API_QUERY, NULL, "there is no parameter \"%.*s\" here",
				 (int)(name.n > NAME_BYTES_MAX ? NAME_BYTES_MAX : name.n), name.p);
	value = &filter->at[field - resource->filters];
	if (field->kind == FIELD_TIME) {
		err = clock_iso_read(text, &value->number);
		value->given = true;
	} else if (field->kind == FIELD_FLAG) {
		*value = value_number(str_eq(text, STR("true")));
		err = value->number || str_eq(text, STR("false")) ? OK : ERR_API_QUERY;
	} else if (field->kind == FIELD_NUMBER) {
		err = str_to_u64(text, &number) == OK && number <= (uint64_t)field->max ? OK : ERR_API_QUERY;
		*value = value_number((int64_t)number);
	} else {
		err = read_text(work, field, text, value);
		work->pointer = STR_NONE;
	}
	if (err == OK)
		return OK;
	return work_fail(work, ERR_API_QUERY, NULL, "the parameter %s is not valid: %s", field->name, field->doc);
}

static enum err read_parameter(struct work *work, const struct form_field *parameter, struct page *page,
			       struct object *filter, bool *csv, struct str *cursor)
{
	uint64_t limit;

	if (str_eq(parameter->name, STR("limit"))) {
		if (str_to_u64(parameter->value, &limit) != OK || limit == 0 || limit > PAGE_ITEMS_MAX)
			return work_fail(work, ERR_API_QUERY, NULL, "limit must be a number from 1 to %d",
					 PAGE_ITEMS_MAX);
		page->limit = (size_t)limit;
		return OK;
	}
	if (str_eq(parameter->name, STR("cursor"))) {
		*cursor = parameter->value;
		return OK;
	}
	if (work->export && str_eq(parameter->name, STR("format"))) {
		*csv = str_eq(parameter->value, STR("csv"));
		if (*csv || str_eq(parameter->value, STR("jsonl")))
			return OK;
		return work_fail(work, ERR_API_QUERY, NULL, "format must be jsonl or csv");
	}
	return read_filter(work, parameter->name, parameter->value, filter);
}

enum err query_read(struct work *work, struct page *ret_page, struct object *filter, bool *ret_csv)
{
	struct form *form = arena_alloc(work->arena, sizeof(*form));
	struct page page = {.limit = PAGE_ITEMS, .filter = filter};
	struct str cursor = STR_NONE;

	*ret_csv = false;
	if (form_read(work->arena, work->call->query, form) != OK)
		return work_fail(work, ERR_API_QUERY, NULL, "the query is malformed");
	for (size_t i = 0; i < form->count; i++) {
		if (form_repeats(form, form->field[i].name))
			return work_fail(work, ERR_API_QUERY, NULL, "a parameter is given twice");
		TRY(read_parameter(work, &form->field[i], &page, filter, ret_csv, &cursor));
	}
	if (cursor.p != NULL)
		TRY(cursor_open(work, cursor, &page.after));
	*ret_page = page;
	return OK;
}

/* --- writing --- */

static void put_time(struct buf *out, int64_t at_ms)
{
	char text[CLOCK_ISO_LEN + 1];

	if (at_ms == 0) {
		buf_put(out, STR("null"));
		return;
	}
	clock_iso(at_ms, text);
	buf_put_fmt(out, "\"%s\"", text);
}

static void put_value(struct buf *out, const struct field *field, const struct value *value)
{
	switch (field->kind) {
	case FIELD_TEXT:
		buf_put_json(out, value->text);
		break;
	case FIELD_NUMBER:
		if (!value->given && field->traits & FIELD_NULLABLE)
			buf_put(out, STR("null"));
		else
			buf_put_fmt(out, "%lld", (long long)value->number);
		break;
	case FIELD_FLAG:
		buf_put(out, value->number ? STR("true") : STR("false"));
		break;
	case FIELD_TIME:
		put_time(out, value->number);
		break;
	case FIELD_WORDS:
		buf_put(out, value->text.n > 0 ? value->text : STR("[]"));
		break;
	case FIELD_JSON:
		buf_put(out, value->text.n > 0 ? value->text : STR("{}"));
		break;
	}
}

void object_put(struct buf *out, const struct resource *resource, const struct object *object, bool stable)
{
	char before = '{';

	for (size_t i = 0; i < resource->field_count; i++) {
		const struct field *field = &resource->fields[i];

		if (field->traits & FIELD_WRITE_ONLY)
			continue;
		if (field->traits & FIELD_SHOWN_ONCE && (stable || !object->at[i].given))
			continue;
		if (stable && field->traits & FIELD_VOLATILE)
			continue;
		buf_put_fmt(out, "%c\"%s\":", before, field->name);
		put_value(out, field, &object->at[i]);
		before = ',';
	}
	buf_put_byte(out, '}');
}

struct str object_hash(struct arena *arena, const struct resource *resource, const struct object *object)
{
	AUTO_BUF text = {0}, hex = {0};
	uint8_t hash[32];

	object_put(&text, resource, object, true);
	crypto_sha256(buf_str(&text), hash);
	buf_put_hex(&hex, hash, sizeof(hash));
	return arena_str(arena, buf_str(&hex));
}

struct str object_etag(struct arena *arena, const struct resource *resource, const struct object *object)
{
	return arena_fmt(arena, "\"%.32s\"", object_hash(arena, resource, object).p);
}

/* --- arrays of texts --- */

struct value value_words(struct arena *arena, struct str spaced)
{
	AUTO_BUF out = {0};
	struct str head;

	buf_put_byte(&out, '[');
	while (spaced.n > 0) {
		str_cut(spaced, ' ', &head, &spaced);
		if (head.n == 0)
			continue;
		buf_put(&out, out.n > 1 ? STR(",") : STR(""));
		buf_put_json(&out, head);
	}
	buf_put_byte(&out, ']');
	return value_text(arena_str(arena, buf_str(&out)));
}

size_t words_of(struct arena *arena, struct str array, struct str words[WORDS_MAX])
{
	yyjson_val *root, *item;
	size_t i, n, count = 0;

	if (array.n == 0 || json_read(arena, array, &root) != OK)
		return 0;
	yyjson_arr_foreach(root, i, n, item)
	{
		if (count < WORDS_MAX && json_str(item).p != NULL)
			words[count++] = json_str(item);
	}
	return count;
}

struct str words_spaced(struct arena *arena, struct str array)
{
	struct str words[WORDS_MAX];
	size_t count = words_of(arena, array, words);
	AUTO_BUF out = {0};

	for (size_t i = 0; i < count; i++) {
		buf_put(&out, i > 0 ? STR(" ") : STR(""));
		buf_put(&out, words[i]);
	}
	return arena_str(arena, buf_str(&out));
}
