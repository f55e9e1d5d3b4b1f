/* What the files of the room share. Private.
 *
 *     document.c    JSON or YAML as one tree; references
 *     cut.c         schemas, written out whole: references resolved, cycles cut
 *     operation.c   an operation's arguments and body
 *     tool.c        an operation as a tool of the file
 *     openapi.c     the file: settings, ways of signing in, which operations */
#ifndef GATEHOUSE_OPENAPI_PRIVATE_H
#define GATEHOUSE_OPENAPI_PRIVATE_H

#include "base/json.h"
#include "openapi/openapi.h"

#define OPENAPI_ARGUMENTS_MAX 96 /* of an operation; more would not help a model */
#define OPENAPI_REFS_MAX 16	 /* references that lead to references */

/* A document as JSON's tree in `arena`, whether it is JSON or YAML.
 *   Errors     ERR_CONFIG, ERR_LIMIT */
NODISCARD enum err openapi_read(struct arena *arena, struct str text, struct buf *problem, yyjson_val **ret_root);

/* Where a reference leads, or the value itself; NULL when it leads nowhere. */
yyjson_val *openapi_follow(yyjson_val *root, yyjson_val *value);

/* Append a schema as JSON Schema 2020-12 without references.
 *   about      instead of its own description; p NULL: its own */
void openapi_put_schema(struct buf *out, yyjson_val *root, yyjson_val *schema, struct str about);
/* Whether it stands for bytes. */
bool openapi_is_binary(yyjson_val *root, yyjson_val *schema);

enum argument_place { IN_PATH, IN_QUERY, IN_HEADER, IN_BODY, IN_WHOLE_BODY };
struct argument {
	struct str name;  /* of the tool's argument */
	struct str field; /* as the API calls it */
	enum argument_place place;
	bool required, file, files;
	const char *filter; /* "|csv"; "" */
	struct str about;
	yyjson_val *schema; /* NULL: a text */
};
struct operation {
	yyjson_val *item, *node; /* of the path, of the method */
	struct str method, path; /* "GET", "/pets/{id}" */
	const char *body;	 /* "json", "form", "multipart", "raw"; NULL none */
	struct argument *arguments;
	size_t argument_count;
};

/* What it takes; false when that cannot be said in the language. */
bool openapi_operation_read(struct arena *arena, yyjson_val *root, struct operation *operation);

/* "listPets", or the method and path of an operation without a name, as "list_pets".
 *   returns    in `arena`, at most 48 characters */
struct str openapi_tool_name(struct arena *arena, const struct operation *operation);
/* A text as a name of [a-z0-9_]. */
struct str openapi_snake(struct arena *arena, struct str text, size_t bytes_max);

/* Append it as a tool of the file. */
void openapi_put_tool(struct buf *out, struct arena *arena, yyjson_val *root, const struct operation *operation,
		      struct str name);

#endif
