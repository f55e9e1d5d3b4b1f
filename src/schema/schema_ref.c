/* Where a reference leads: to a resource by its URI, then inside it by a JSON pointer or an
 * anchor. A document from the options is indexed when the first reference needs it; any other
 * URI is refused, never fetched. */
#include "schema/schema_compile.h"

static enum err load_document(struct compiler *compiler, struct str uri, struct resource **ret_resource)
{
	const struct schema_options *options = compiler->options;

	for (size_t i = 0; i < options->document_count; i++) {
		if (!str_eq(options->documents[i].uri, uri))
			continue;
		TRY(index_document(compiler, options->documents[i].root, options->documents[i].uri));
		*ret_resource = map_get(&compiler->resources, uri);
		CHECK(*ret_resource != NULL);
		return OK;
	}
	return ERR_NOT_FOUND;
}

static enum err find_resource(struct compiler *compiler, struct resource *from, yyjson_val *where, struct str ref,
			      struct resource **ret_resource)
{
	struct str uri = uri_resolve(compiler->arena, from->uri, ref);
	struct resource *resource = map_get(&compiler->resources, uri);
	enum err err = OK;

	if (resource == NULL)
		err = load_document(compiler, uri, &resource);
	if (err == ERR_NOT_FOUND)
		return compile_refuse(compiler, where, "\"%.*s\" leads outside the schema; references are not fetched",
				      STR_ARG(uri));
	TRY(err);
	/* a document known by two names has its anchors under the one it calls itself */
	*ret_resource = index_place(compiler, resource->root)->resource;
	return OK;
}

/* One token of a pointer, unescaped in place of its copy. Source: RFC 6901 section 4 */
static struct str pointer_token(struct arena *arena, struct str token)
{
	char *out = arena_alloc(arena, token.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < token.n; i++) {
		bool escape = token.p[i] == '~' && i + 1 < token.n && (token.p[i + 1] == '0' || token.p[i + 1] == '1');

		out[n++] = !escape ? token.p[i] : token.p[++i] == '0' ? '~' : '/';
	}
	return (struct str){out, n};
}

static yyjson_val *pointer_step(yyjson_val *v, struct str token)
{
	uint64_t index;

	if (yyjson_is_obj(v))
		return yyjson_obj_getn(v, token.p, token.n);
	if (!yyjson_is_arr(v) || (token.n > 1 && token.p[0] == '0') || str_to_u64(token, &index) != OK)
		return NULL;
	return yyjson_arr_get(v, index);
}

/* `pointer` starts with a slash. The base changes on the way through schemas with $id. */
static enum err follow_pointer(struct compiler *compiler, struct resource *resource, struct str pointer,
			       struct place **ret_place)
{
	yyjson_val *v = resource->root;
	struct place *place;

	for (bool more = true; more;) {
		struct str token;

		more = str_cut(str_skip(pointer, 1), '/', &token, &pointer);
		if (more)
			pointer = (struct str){pointer.p - 1, pointer.n + 1};
		v = pointer_step(v, pointer_token(compiler->arena, token));
		if (v == NULL)
			return ERR_NOT_FOUND;
		place = index_place(compiler, v);
		if (place != NULL)
			resource = place->resource;
	}
	TRY(index_subschema(compiler, v, resource));
	*ret_place = index_place(compiler, v);
	return OK;
}

static enum err follow_fragment(struct compiler *compiler, struct resource *resource, struct str fragment,
				struct place **ret_place)
{
	if (fragment.n > 0 && fragment.p[0] == '/')
		return follow_pointer(compiler, resource, fragment, ret_place);
	if (fragment.n == 0)
		*ret_place = index_place(compiler, resource->root);
	else
		*ret_place = map_get(&compiler->anchors, index_anchor_key(compiler, resource->uri, fragment));
	return *ret_place == NULL ? ERR_NOT_FOUND : OK;
}

enum err ref_resolve(struct compiler *compiler, struct resource *resource, yyjson_val *where, struct str ref,
		     struct place **ret_place, struct str *ret_anchor)
{
	struct str uri, fragment;
	struct place *place = NULL;
	enum err err;

	str_cut(ref, '#', &uri, &fragment);
	if (ref.n > SCHEMA_URI_BYTES_MAX)
		return compile_refuse(compiler, where, "the reference is too long");
	if (uri.n > 0)
		TRY(find_resource(compiler, resource, where, uri, &resource));
	fragment = uri_decode(compiler->arena, fragment);
	err = follow_fragment(compiler, resource, fragment, &place);
	if (err == ERR_NOT_FOUND)
		return compile_refuse(compiler, where, "\"%.*s\" leads nowhere", STR_ARG(ref));
	TRY(err);
	*ret_place = place;
	*ret_anchor = fragment.n > 0 && fragment.p[0] != '/' ? fragment : STR_NONE;
	return OK;
}
