/* An OpenAPI document as one tree. YAML goes through its nodes to JSON's text, so that everything behind reads one kind
 * of tree; JSON is read as it is, since the largest documents are more than the nodes' bounds allow. */
#include "openapi/private.h"

#include "connector/template.h"

#define YAML_NODES_MAX 2000000

static void put_scalar(void *scratch, const struct conf_node *node, struct buf *out)
{
	bool is_null;
	struct value value = scalar_value(scratch, node, &is_null);

	if (is_null)
		buf_put(out, STR("null"));
	else
		value_put_json(out, value);
}

static bool looks_like_json(struct str text)
{
	text = str_trim(text);
	return text.n > 0 && text.p[0] == '{';
}

enum err openapi_read(struct arena *arena, struct str text, struct buf *problem, yyjson_val **ret_root)
{
	struct conf_problems problems = {.file = STR("document"), .out = problem};
	struct conf_node *node;
	AUTO_BUF json = {0};
	enum err err;

	if (text.n > OPENAPI_BYTES_MAX) {
		buf_put_fmt(problem, "a document has at most %d MB", OPENAPI_BYTES_MAX >> 20);
		return ERR_LIMIT;
	}
	if (!looks_like_json(text)) {
		TRY(conf_parse_large(arena, text, YAML_NODES_MAX, &problems, &node));
		if (node != NULL)
			conf_put_json(node, &json, put_scalar, arena);
		text = buf_str(&json);
	}
	err = json_read(arena, text, ret_root);
	if (err != OK)
		buf_put_fmt(problem, "not a document: %s", err_text(err));
	return err == OK || err == ERR_LIMIT ? err : ERR_CONFIG;
}

/* -1: none. */
static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* "#/paths/~1pets~1%7Bid%7D": a JSON pointer, percent-encoded as fragments are (RFC 6901 section 6). */
static yyjson_val *reference(yyjson_val *root, struct str text)
{
	AUTO_BUF pointer = {0};

	if (!str_starts(text, STR("#/")))
		return NULL; /* other documents are not fetched */
	for (size_t i = 1; i < text.n; i++) {
		bool encoded = text.p[i] == '%' && i + 2 < text.n && hex_digit(text.p[i + 1]) >= 0 &&
			       hex_digit(text.p[i + 2]) >= 0;

		buf_put_byte(&pointer,
			     encoded ? (char)(hex_digit(text.p[i + 1]) << 4 | hex_digit(text.p[i + 2])) : text.p[i]);
		i += encoded ? 2 : 0;
	}
	return yyjson_ptr_getn(root, pointer.p, pointer.n);
}

yyjson_val *openapi_follow(yyjson_val *root, yyjson_val *value)
{
	for (int i = 0; i < OPENAPI_REFS_MAX && value != NULL; i++) {
		yyjson_val *ref = json_get(value, "$ref");

		if (!yyjson_is_str(ref))
			return value;
		value = reference(root, json_str(ref));
	}
	return NULL;
}
