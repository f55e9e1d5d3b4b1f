/* Answers of the API as text for people: the objects of a list as a table of the columns that its resource names, one
 * object as its members. Texts that others chose are shown without what a terminal would obey. */
#include "cli/verb.h"

#define COLUMN_WIDTH_MAX 40

static void put_plain(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		buf_put_byte(out, (unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f ? '?' : text.p[i]);
}

/* A value as one reads it: words between commas, null as "-". */
static void put_value(struct buf *out, yyjson_val *value)
{
	yyjson_val *item;
	size_t i, n;

	if (yyjson_is_str(value)) {
		put_plain(out, json_str(value));
	} else if (yyjson_is_null(value)) {
		buf_put_byte(out, '-');
	} else if (yyjson_is_arr(value)) {
		yyjson_arr_foreach(value, i, n, item)
		{
			buf_put(out, i > 0 ? STR(",") : STR(""));
			put_value(out, item);
		}
	} else {
		json_write(out, value);
	}
}

void verb_print_object(struct buf *out, const struct resource *resource, yyjson_val *object)
{
	for (size_t i = 0; i < resource->field_count; i++) {
		yyjson_val *value = json_get(object, resource->fields[i].name);

		if (value == NULL)
			continue;
		buf_put_fmt(out, "%-22s ", resource->fields[i].name);
		put_value(out, value);
		buf_put_byte(out, '\n');
	}
}

static size_t width_of(const struct field *field, yyjson_val *const *objects, size_t count)
{
	size_t width = strlen(field->name);

	for (size_t i = 0; i < count; i++) {
		AUTO_BUF cell = {0};

		put_value(&cell, json_get(objects[i], field->name));
		width = cell.n > width ? cell.n : width;
	}
	return width > COLUMN_WIDTH_MAX ? COLUMN_WIDTH_MAX : width;
}

static void put_cell(struct buf *out, size_t width, struct str text)
{
	buf_put_fmt(out, "%s%-*.*s", out->n > 0 && out->p[out->n - 1] != '\n' ? "  " : "", (int)width, STR_ARG(text));
}

static void trim_line(struct buf *out)
{
	while (out->n > 0 && out->p[out->n - 1] == ' ')
		out->n--;
	buf_put_byte(out, '\n');
}

static void put_heading(struct buf *out, size_t width, const char *name)
{
	AUTO_BUF heading = {0};

	for (; *name != '\0'; name++)
		buf_put_byte(&heading, (char)(*name == '_' ? ' ' : *name >= 'a' ? *name - ('a' - 'A') : *name));
	put_cell(out, width, buf_str(&heading));
}

void verb_print_table(struct buf *out, const struct resource *resource, yyjson_val *const *objects, size_t count)
{
	size_t width[FIELDS_MAX];

	for (size_t i = 0; i < resource->field_count; i++)
		width[i] = width_of(&resource->fields[i], objects, count);
	for (size_t i = 0; i < resource->field_count; i++)
		if (resource->fields[i].traits & FIELD_COLUMN)
			put_heading(out, width[i], resource->fields[i].name);
	trim_line(out);
	for (size_t k = 0; k < count; k++) {
		for (size_t i = 0; i < resource->field_count; i++) {
			AUTO_BUF cell = {0};

			if (!(resource->fields[i].traits & FIELD_COLUMN))
				continue;
			put_value(&cell, json_get(objects[k], resource->fields[i].name));
			put_cell(out, width[i], buf_str(&cell));
		}
		trim_line(out);
	}
}
