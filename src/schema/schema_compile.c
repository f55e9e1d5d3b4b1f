/* Compiling a schema: index the document, compile the root, then whatever a compiled schema
 * refers to, until nothing is queued. Subschemas that nothing reaches cost nothing at run time. */
#include "schema/schema_compile.h"

#include <stdio.h>

#define POINTER_DEPTH_MAX 256

/* Append the pointer from v to `where`; false when it does not lie in v. */
static bool put_pointer(struct buf *out, yyjson_val *v, yyjson_val *where, unsigned depth)
{
	size_t i, max, before = out->n;
	yyjson_val *key, *item;

	if (v == where)
		return true;
	if (depth > POINTER_DEPTH_MAX)
		return false;
	if (yyjson_is_arr(v)) {
		yyjson_arr_foreach(v, i, max, item)
		{
			buf_put_fmt(out, "/%zu", i);
			if (put_pointer(out, item, where, depth + 1))
				return true;
			out->n = before;
		}
	} else if (yyjson_is_obj(v)) {
		yyjson_obj_foreach(v, i, max, key, item)
		{
			buf_put_byte(out, '/');
			pointer_put_token(out, json_str(key));
			if (put_pointer(out, item, where, depth + 1))
				return true;
			out->n = before;
		}
	}
	return false;
}

enum err compile_refuse(struct compiler *compiler, yyjson_val *where, const char *fmt, ...)
{
	char text[1024];
	va_list args;
	size_t before = compiler->problem->n;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (where != NULL && put_pointer(compiler->problem, compiler->root, where, 0) && compiler->problem->n > before)
		buf_put(compiler->problem, STR(": "));
	buf_put(compiler->problem, str_of(text));
	return ERR_CONFIG;
}

static uint8_t types_of_list(const struct compiler *compiler, const struct op *op)
{
	const struct node *nodes = (const struct node *)compiler->nodes.p;
	const uint32_t *list = (const uint32_t *)compiler->lists.p + op->a;
	uint8_t types = 0;

	for (uint32_t i = 0; i < op->b; i++)
		types |= nodes[list[i]].types;
	return types;
}

/* Whether the schemas of an anyOf say nothing but types: then their union says it all. */
static bool list_is_types(const struct compiler *compiler, const struct op *op)
{
	const struct node *nodes = (const struct node *)compiler->nodes.p;
	const uint32_t *list = (const uint32_t *)compiler->lists.p + op->a;

	for (uint32_t i = 0; i < op->b; i++) {
		if (nodes[list[i]].op_count > 0)
			return false;
	}
	return true;
}

/* Instructions that now do nothing are dropped, the others keep their order. */
static void optimize_node(struct compiler *compiler, struct node *node)
{
	const struct node *nodes = (const struct node *)compiler->nodes.p;
	struct op *ops = (struct op *)compiler->ops.p;
	uint32_t kept = 0;

	if (node->op_count == 0)
		return; /* perhaps there are no instructions at all */
	ops += node->first_op;
	for (uint32_t i = 0; i < node->op_count; i++) {
		bool done = false;

		if (ops[i].kind == OP_CALL) {
			node->types &= nodes[ops[i].a].types;
			done = nodes[ops[i].a].op_count == 0;
		} else if (ops[i].kind == OP_ANY_OF || ops[i].kind == OP_ONE_OF) {
			node->types &= types_of_list(compiler, &ops[i]);
			done = ops[i].kind == OP_ANY_OF && list_is_types(compiler, &ops[i]);
		}
		if (!done)
			ops[kept++] = ops[i];
	}
	node->op_count = kept;
}

/* Children come after their parents, so one pass from the end sees most of them finished;
 * where a reference leads backwards a type is only refused a little later. */
static void optimize_types(struct compiler *compiler)
{
	struct node *nodes = (struct node *)compiler->nodes.p;

	for (size_t i = compiler->nodes.n / sizeof(*nodes); i-- > 0;)
		optimize_node(compiler, &nodes[i]);
}

static enum err drain_queue(struct compiler *compiler)
{
	while (compiler->queue_head != NULL) {
		struct place *place = compiler->queue_head;

		compiler->queue_head = place->next_queued;
		if (compiler->queue_head == NULL)
			compiler->queue_tail = &compiler->queue_head;
		TRY(compile_place(compiler, place));
	}
	return OK;
}

/* Any $dynamicAnchor may be what a $dynamicRef means at run time. */
static enum err compile_dynamic_places(struct compiler *compiler)
{
	for (size_t i = 0; i * sizeof(struct dynamic_place) < compiler->dynamic_places.n; i++) {
		struct dynamic_place from = ((struct dynamic_place *)compiler->dynamic_places.p)[i];
		struct dynamic_anchor anchor = {.resource = from.place->resource->number};

		anchor.name = emit_text(compiler, from.name);
		TRY(emit_place(compiler, from.place, &anchor.node));
		EMIT(compiler->dynamics, anchor);
		TRY(drain_queue(compiler));
	}
	return OK;
}

static enum err compile_all(struct compiler *compiler, struct schema **ret_schema)
{
	uint32_t root;

	TRY(index_document(compiler, compiler->root, STR("")));
	TRY(emit_place(compiler, index_place(compiler, compiler->root), &root));
	CHECK(root == 0);
	TRY(drain_queue(compiler));
	if (compiler->dynamic)
		TRY(compile_dynamic_places(compiler));
	optimize_types(compiler);
	return emit_program(compiler, ret_schema);
}

static void compiler_close(struct compiler *compiler)
{
	struct pattern **patterns = (struct pattern **)compiler->patterns.p;

	for (size_t i = 0; i < compiler->patterns.n / sizeof(*patterns); i++)
		pattern_free(patterns[i]);
#define X(type, name) buf_free(&compiler->name);
	SCHEMA_TABLES(X)
#undef X
	buf_free(&compiler->dynamic_places);
	buf_free(&compiler->constant_text);
	map_free(&compiler->resources);
	map_free(&compiler->anchors);
	map_free(&compiler->places);
}

enum err schema_compile_with(yyjson_val *root, const struct schema_options *options, struct buf *problem,
			     struct schema **ret_schema)
{
	AUTO(arena) *arena = arena_new(SCHEMA_COMPILE_BYTES_MAX);
	struct compiler compiler = {.arena = arena, .options = options, .problem = problem, .root = root};
	enum err err;

	CHECK(root != NULL);
	compiler.queue_tail = &compiler.queue_head;
	err = compile_all(&compiler, ret_schema);
	if (err == ERR_LIMIT)
		buf_put(problem, STR("the schema is too large"));
	compiler_close(&compiler);
	return err;
}

enum err schema_compile(yyjson_val *root, struct buf *problem, struct schema **ret_schema)
{
	const struct schema_options options = {0};

	return schema_compile_with(root, &options, problem, ret_schema);
}
