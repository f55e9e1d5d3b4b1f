/* What a model is told when its arguments are refused: the path, and one sentence that says what
 * would be right. The value itself is never repeated. Texts are bounded whatever the schema and
 * the value hold; with the arena at its cap the failure has no texts, but is still one. */
#include "schema/schema_run.h"

#include <stdio.h>

#define PATH_BYTES_MAX 2048
#define LIST_BYTES_MAX 400  /* of allowed values or names; longer lists end with "..." */
#define VALUE_BYTES_MAX 200 /* of one constant, bound or pattern */

static const char *const keywords[] = {
#define X(name, keyword) keyword,
	SCHEMA_OPS(X)
#undef X
};

void pointer_put_token(struct buf *out, struct str token)
{
	for (size_t i = 0; i < token.n; i++) {
		if (token.p[i] == '~')
			buf_put(out, STR("~0"));
		else if (token.p[i] == '/')
			buf_put(out, STR("~1"));
		else
			buf_put_byte(out, token.p[i]);
	}
}

/* At most `max` bytes of s, not cutting a character. */
static struct str shortened(struct str s, size_t max)
{
	if (s.n <= max)
		return s;
	while (max > 0 && ((uint8_t)s.p[max] & 0xC0) == 0x80)
		max--;
	return (struct str){s.p, max};
}

static void put_path(struct buf *out, const struct frame *frame)
{
	if (frame == NULL)
		return;
	put_path(out, frame->up);
	if (out->n > PATH_BYTES_MAX)
		return;
	buf_put_byte(out, '/');
	if (frame->key != NULL)
		pointer_put_token(out, shortened(json_str(frame->key), PATH_BYTES_MAX / 2));
	else
		buf_put_u64(out, frame->index);
}

static enum err fail_with(struct run *run, const char *keyword, const struct frame *frame, struct str sentence)
{
	AUTO_BUF message = {0};

	put_path(&message, frame);
	run->failure->path = arena_try_str(run->arena, message.n == 0 ? STR("") : buf_str(&message));
	run->failure->keyword = str_of(keyword);
	if (message.n > 0)
		buf_put(&message, STR(": "));
	if (run->naming)
		buf_put(&message, STR("the property's name "));
	buf_put(&message, sentence);
	run->failure->message = arena_try_str(run->arena, buf_str(&message));
	return ERR_MCP_ARGUMENTS;
}

enum err fail(struct run *run, enum schema_op op, const struct frame *frame, const char *fmt, ...)
{
	char sentence[256];
	va_list args;

	if (run->quiet > 0)
		return ERR_MCP_ARGUMENTS;
	va_start(args, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, args);
	va_end(args);
	return fail_with(run, keywords[op], frame, str_of(sentence));
}

static const struct type_word {
	uint8_t types;
	const char *word;
} type_words[] = {
	{TYPE_STRING, "string"}, {TYPE_NUMBER, "number"}, {TYPE_INTEGER, "integer"}, {TYPE_BOOLEAN, "boolean"},
	{TYPE_OBJECT, "object"}, {TYPE_ARRAY, "array"},	  {TYPE_NULL, "null"},
};

static void put_types(struct buf *out, uint8_t types)
{
	bool first = true;

	for (size_t i = 0; i < ARRAY_LEN(type_words); i++) {
		if ((types & type_words[i].types) != type_words[i].types)
			continue;
		types &= (uint8_t)~type_words[i].types;
		buf_put(out, first ? STR("") : STR(" or "));
		buf_put(out, str_of(type_words[i].word));
		first = false;
	}
}

enum err fail_type(struct run *run, const struct node *node, yyjson_val *value, const struct frame *frame)
{
	AUTO_BUF sentence = {0};

	if (run->quiet > 0)
		return ERR_MCP_ARGUMENTS;
	if (node->types == 0)
		return fail_with(run, "false", frame, STR("is not allowed"));
	buf_put(&sentence, STR("must be "));
	put_types(&sentence, node->types);
	/* of a number that is no integer there is nothing else to say */
	if (!types_accept(TYPE_NUMBER, value) || !(node->types & TYPE_INTEGER)) {
		bool is_number = types_accept(TYPE_NUMBER, value);

		buf_put(&sentence, STR(", not "));
		put_types(&sentence, is_number ? TYPE_NUMBER : (uint8_t)(1u << yyjson_get_type(value)));
	}
	return fail_with(run, "type", frame, buf_str(&sentence));
}

static void put_constant(struct buf *out, yyjson_val *constant)
{
	AUTO_BUF text = {0};

	json_write(&text, constant);
	buf_put(out, shortened(buf_str(&text), VALUE_BYTES_MAX));
	if (text.n > VALUE_BYTES_MAX)
		buf_put(out, STR("..."));
}

static void put_constants(struct buf *out, const struct run *run, const struct op *op)
{
	buf_put(out, op->b == 1 ? STR("must be ") : STR("must be one of "));
	for (uint32_t i = 0; i < op->b; i++) {
		buf_put(out, i == 0 ? STR("") : STR(", "));
		if (out->n > LIST_BYTES_MAX) {
			buf_put(out, STR("..."));
			return;
		}
		put_constant(out, run->schema->constants[op->a + i]);
	}
}

static void put_bound(struct buf *out, const struct run *run, const struct op *op)
{
	struct str lexeme = schema_text(run->schema, run->schema->bounds[op->a].lexeme);
	const char *relation = op->kind == OP_MINIMUM	? ">= "
			       : op->kind == OP_MAXIMUM ? "<= "
			       : op->kind == OP_ABOVE	? "> "
			       : op->kind == OP_BELOW	? "< "
							: "a multiple of ";

	buf_put_fmt(out, "must be %s%.*s", relation, STR_ARG(shortened(lexeme, VALUE_BYTES_MAX)));
}

static void put_size(struct buf *out, const struct op *op)
{
	bool is_least = op->kind == OP_MIN_LENGTH || op->kind == OP_MIN_ITEMS || op->kind == OP_MIN_PROPERTIES;
	const char *what = op->kind == OP_MIN_LENGTH || op->kind == OP_MAX_LENGTH ? "character"
			   : op->kind == OP_MIN_ITEMS || op->kind == OP_MAX_ITEMS ? "item"
										  : NULL;

	buf_put_fmt(out, "must have at %s %llu ", is_least ? "least" : "most", (unsigned long long)op->n);
	if (what == NULL)
		buf_put(out, op->n == 1 ? STR("property") : STR("properties"));
	else
		buf_put_fmt(out, "%s%s", what, op->n == 1 ? "" : "s");
}

static void put_sentence(struct buf *out, const struct run *run, const struct op *op)
{
	switch ((enum schema_op)op->kind) {
	case OP_CONST:
	case OP_ENUM:
		put_constants(out, run, op);
		break;
	case OP_MINIMUM:
	case OP_MAXIMUM:
	case OP_ABOVE:
	case OP_BELOW:
	case OP_MULTIPLE:
		put_bound(out, run, op);
		break;
	case OP_PATTERN:
		buf_put(out, STR("must match the pattern "));
		buf_put(out, shortened(schema_text(run->schema, run->schema->texts[op->b]), VALUE_BYTES_MAX));
		break;
	case OP_ANY_OF:
		buf_put_fmt(out, "must match at least one of %u alternatives", op->b);
		break;
	case OP_ONE_OF:
		buf_put_fmt(out, "must match exactly one of %u alternatives, not none", op->b);
		break;
	case OP_NOT:
		buf_put(out, STR("must not match what the schema excludes"));
		break;
	default:
		put_size(out, op);
	}
}

enum err fail_op(struct run *run, const struct op *op, yyjson_val *value, const struct frame *frame)
{
	AUTO_BUF sentence = {0};

	if (run->quiet > 0)
		return ERR_MCP_ARGUMENTS;
	put_sentence(&sentence, run, op);
	return fail_with(run, keywords[op->kind], frame, buf_str(&sentence));
}

static void put_name(struct buf *out, struct str name)
{
	buf_put_json(out, shortened(name, VALUE_BYTES_MAX));
}

enum err fail_missing(struct run *run, struct str name, struct str trigger, const struct frame *frame)
{
	AUTO_BUF sentence = {0};

	if (run->quiet > 0)
		return ERR_MCP_ARGUMENTS;
	buf_put(&sentence, STR("the property "));
	put_name(&sentence, name);
	buf_put(&sentence, STR(" is required"));
	if (trigger.p != NULL) {
		buf_put(&sentence, STR(" when there is "));
		put_name(&sentence, trigger);
	}
	return fail_with(run, trigger.p == NULL ? "required" : "dependentRequired", frame, buf_str(&sentence));
}

enum err fail_unknown(struct run *run, const struct object_rule *rule, const char *keyword, const struct frame *frame)
{
	const struct property *property;
	AUTO_BUF sentence = {0};
	bool first = true;

	if (run->quiet > 0)
		return ERR_MCP_ARGUMENTS;
	buf_put(&sentence, STR("is not a known property"));
	for (uint32_t i = 0; rule != NULL && i < rule->property_count; i++) {
		property = run->schema->properties + rule->properties + i;
		if (property->node == SCHEMA_NONE)
			continue;
		buf_put(&sentence, first ? STR("; known are ") : STR(", "));
		first = false;
		if (sentence.n > LIST_BYTES_MAX) {
			buf_put(&sentence, STR("..."));
			break;
		}
		put_name(&sentence, schema_text(run->schema, property->name));
	}
	return fail_with(run, keyword, frame, buf_str(&sentence));
}
