/* The OpenAPI 3.1 document, from the table: each resource gives its paths, its operations and three schemas (what is
 * shown, what creates, what changes). Descriptions are the table's own sentences. */
#include "portal/work.h"

#define JSON_STRING_TYPE "{\"type\":\"string\"}"

enum body { BODY_SHOWN, BODY_CREATE, BODY_UPDATE, BODY_ACTION };

/* "service-account" to "ServiceAccount". */
static void put_schema_name(struct buf *out, const char *noun, const char *suffix)
{
	bool up = true;

	for (; *noun != '\0'; noun++) {
		if (*noun == '-')
			up = true;
		else
			buf_put_byte(out, (char)(up ? *noun - ('a' - 'A') : *noun));
		up = *noun == '-';
	}
	buf_put(out, str_of(suffix));
}

static void put_among(struct buf *out, const char *among)
{
	struct str rest = str_of(among), head;
	const char *before = "";

	buf_put(out, STR(",\"enum\":["));
	while (rest.n > 0) {
		str_cut(rest, ' ', &head, &rest);
		buf_put(out, str_of(before));
		buf_put_json(out, head);
		before = ",";
	}
	buf_put_byte(out, ']');
}

static void put_text_limits(struct buf *out, const struct field *field)
{
	if (field->max > 0)
		buf_put_fmt(out, ",\"maxLength\":%lld", (long long)field->max);
	if (field->among != NULL)
		put_among(out, field->among);
}

static void put_type(struct buf *out, const struct field *field)
{
	switch (field->kind) {
	case FIELD_TEXT:
		buf_put(out, STR("\"type\":\"string\""));
		put_text_limits(out, field);
		break;
	case FIELD_NUMBER:
		buf_put(out, field->traits & FIELD_NULLABLE ? STR("\"type\":[\"integer\",\"null\"],\"minimum\":0")
							    : STR("\"type\":\"integer\",\"minimum\":0"));
		if (field->max > 0)
			buf_put_fmt(out, ",\"maximum\":%lld", (long long)field->max);
		break;
	case FIELD_FLAG:
		buf_put(out, STR("\"type\":\"boolean\""));
		break;
	case FIELD_TIME:
		buf_put(out, STR("\"type\":[\"string\",\"null\"],\"format\":\"date-time\""));
		break;
	case FIELD_WORDS:
		buf_put_fmt(out, "\"type\":\"array\",\"maxItems\":%d,\"items\":{\"type\":\"string\"", WORDS_MAX);
		put_text_limits(out, field);
		buf_put_byte(out, '}');
		break;
	case FIELD_JSON:
		buf_put(out, STR("\"type\":\"object\""));
		break;
	}
}

static bool in_body(const struct field *field, enum body body)
{
	if (body == BODY_SHOWN)
		return !(field->traits & FIELD_WRITE_ONLY);
	if (field->traits & (FIELD_READ_ONLY | FIELD_SHOWN_ONCE))
		return false;
	return body != BODY_UPDATE || !(field->traits & FIELD_AT_BIRTH);
}

static bool is_required(const struct field *field, enum body body)
{
	if (body == BODY_SHOWN)
		return !(field->traits & FIELD_SHOWN_ONCE);
	return body != BODY_UPDATE && field->traits & FIELD_NEEDED;
}

static void put_object_schema(struct buf *out, const struct field *fields, size_t count, enum body body)
{
	const char *before = "";

	buf_put(out, STR("{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"));
	for (size_t i = 0; i < count; i++) {
		if (!in_body(&fields[i], body))
			continue;
		buf_put_fmt(out, "%s\"%s\":{", before, fields[i].name);
		put_type(out, &fields[i]);
		buf_put(out, STR(",\"description\":"));
		buf_put_json(out, str_of(fields[i].doc));
		buf_put_byte(out, '}');
		before = ",";
	}
	buf_put(out, STR("},\"required\":["));
	before = "";
	for (size_t i = 0; i < count; i++) {
		if (!in_body(&fields[i], body) || !is_required(&fields[i], body))
			continue;
		buf_put_fmt(out, "%s\"%s\"", before, fields[i].name);
		before = ",";
	}
	buf_put(out, STR("]}"));
}

static void put_schema(struct buf *out, const struct resource *resource, const char *suffix, enum body body)
{
	buf_put(out, STR(",\""));
	put_schema_name(out, resource->noun, suffix);
	buf_put(out, STR("\":"));
	put_object_schema(out, resource->fields, resource->field_count, body);
}

static void put_schemas(struct buf *out)
{
	buf_put(out,
		STR("\"schemas\":{\"Problem\":{\"type\":\"object\",\"description\":\"RFC 9457\",\"properties\":{"
		    "\"type\":" JSON_STRING_TYPE ",\"title\":" JSON_STRING_TYPE ",\"status\":{\"type\":\"integer\"},"
		    "\"detail\":" JSON_STRING_TYPE ",\"error\":" JSON_STRING_TYPE ",\"pointer\":" JSON_STRING_TYPE
		    ",\"request_id\":" JSON_STRING_TYPE "},\"required\":[\"type\",\"title\",\"status\",\"error\"]}"));
	for (size_t i = 0; i < portal_resource_count; i++) {
		const struct resource *resource = portal_resources[i];

		put_schema(out, resource, resource->top ? "Top" : "", BODY_SHOWN);
		if (resource->create != NULL)
			put_schema(out, resource, resource->top ? "TopCreate" : "Create", BODY_CREATE);
		if (resource->update != NULL)
			put_schema(out, resource, resource->top ? "TopUpdate" : "Update", BODY_UPDATE);
	}
	buf_put_byte(out, '}');
}

/* --- operations --- */

static void put_ref(struct buf *out, const struct resource *resource, const char *suffix)
{
	buf_put(out, STR("{\"$ref\":\"#/components/schemas/"));
	put_schema_name(out, resource->noun, resource->top ? "Top" : "");
	buf_put_fmt(out, "%s\"}", suffix);
}

static void put_parameter(struct buf *out, const char *name, const char *in, bool required, const char *doc,
			  const struct field *field)
{
	buf_put_fmt(out, "%s{\"name\":\"%s\",\"in\":\"%s\",\"required\":%s,\"description\":",
		    out->p[out->n - 1] == '[' ? "" : ",", name, in, required ? "true" : "false");
	buf_put_json(out, str_of(doc));
	buf_put(out, STR(",\"schema\":{"));
	if (field == NULL)
		buf_put(out, STR("\"type\":\"string\""));
	else if (field->kind == FIELD_TIME)
		buf_put(out, STR("\"type\":\"string\",\"format\":\"date-time\""));
	else
		put_type(out, field);
	buf_put(out, STR("}}"));
}

/* What one operation is, beside its resource. */
struct operation {
	const char *method, *verb;
	int status;
	bool one;	     /* of one object */
	enum body body;	     /* BODY_SHOWN: none */
	bool lists, exports; /* the answer */
	bool match;	     /* If-Match is needed */
	const struct action *action;
};

static void put_operation_parameters(struct buf *out, const struct resource *resource,
				     const struct operation *operation)
{
	static const struct field limit = {"limit", FIELD_NUMBER, 0, PAGE_ITEMS_MAX, .doc = "At most so many."};

	buf_put(out, STR("\"parameters\":["));
	for (size_t i = 0; (operation->lists || operation->exports) && i < resource->filter_count; i++)
		put_parameter(out, resource->filters[i].name, "query", false, resource->filters[i].doc,
			      &resource->filters[i]);
	if (operation->lists || operation->exports)
		put_parameter(out, "cursor", "query", false, "`next` of the page before.", NULL);
	if (operation->lists)
		put_parameter(out, "limit", "query", false, limit.doc, &limit);
	if (operation->exports)
		put_parameter(out, "format", "query", false, "jsonl or csv.", NULL);
	if (operation->match)
		put_parameter(out, "If-Match", "header", true, "The ETag of what you have read.", NULL);
	if (strcmp(operation->method, "post") == 0)
		put_parameter(out, "Idempotency-Key", "header", false,
			      "Of your choice: with it the request may be repeated for a day without being done twice.",
			      NULL);
	buf_put_byte(out, ']');
}

static void put_request_body(struct buf *out, const struct resource *resource, const struct operation *operation)
{
	if (operation->body == BODY_SHOWN)
		return;
	buf_put_fmt(out, ",\"requestBody\":{\"required\":%s,\"content\":{\"application/json\":{\"schema\":",
		    operation->body == BODY_ACTION ? "false" : "true");
	if (operation->body == BODY_ACTION)
		put_object_schema(out, operation->action->fields, operation->action->field_count, BODY_ACTION);
	else
		put_ref(out, resource, operation->body == BODY_CREATE ? "Create" : "Update");
	buf_put(out, STR("}}}"));
}

static void put_responses(struct buf *out, const struct resource *resource, const struct operation *operation)
{
	buf_put_fmt(out, ",\"responses\":{\"%d\":{\"description\":\"Done.\"", operation->status);
	if (operation->exports) {
		buf_put(out, STR(",\"content\":{\"application/jsonl\":{\"schema\":" JSON_STRING_TYPE
				 "},\"text/csv\":{\"schema\":" JSON_STRING_TYPE "}}"));
	} else if (operation->lists) {
		buf_put(out, STR(",\"content\":{\"application/json\":{\"schema\":{\"type\":\"object\","
				 "\"additionalProperties\":false,\"required\":[\"items\",\"next\"],\"properties\":{"
				 "\"next\":{\"type\":[\"string\",\"null\"]},\"items\":{\"type\":\"array\",\"items\":"));
		put_ref(out, resource, "");
		buf_put(out, STR("}}}}}"));
	} else if (operation->action != NULL && operation->action->read != NULL) {
		buf_put(out, STR(",\"content\":{\"application/json\":{\"schema\":{\"type\":\"object\"}}}"));
	} else if (operation->status != 204) {
		buf_put(out, STR(",\"headers\":{\"ETag\":{\"schema\":" JSON_STRING_TYPE
				 "}},\"content\":{\"application/json\":{\"schema\":"));
		put_ref(out, resource, "");
		buf_put(out, STR("}}"));
	}
	buf_put(out, STR("},\"default\":{\"description\":\"What is wrong and what to do.\",\"content\":{"
			 "\"application/problem+json\":{\"schema\":{\"$ref\":\"#/components/schemas/Problem\"}}}}}"));
}

static void put_operation(struct buf *out, const struct resource *resource, const struct operation *operation)
{
	bool reads = strcmp(operation->method, "get") == 0 && operation->action == NULL;
	enum permission permission = reads ? resource->read : resource->write;

	buf_put_fmt(out, ",\"%s\":{\"operationId\":\"%s", operation->method, operation->verb);
	put_schema_name(out, resource->noun, resource->top ? "Top" : "");
	buf_put_fmt(out, "%s\",\"tags\":[\"%s\"],\"description\":", operation->exports ? "Export" : "", resource->path);
	buf_put_json(out, str_of(operation->action != NULL ? operation->action->about : resource->about));
	buf_put_fmt(out, ",\"x-permission\":\"%s\",", resource->everybodys ? "" : permission_name(permission));
	put_operation_parameters(out, resource, operation);
	put_request_body(out, resource, operation);
	put_responses(out, resource, operation);
	buf_put_byte(out, '}');
}

/* --- paths --- */

static void begin_path(struct buf *out, const struct resource *resource, const char *rest)
{
	bool id = str_starts(str_of(rest), STR("/{id}")), tenants = strcmp(resource->path, "tenants") == 0;

	buf_put_fmt(out, "%s\"%s/%s%s\":{\"parameters\":[", out->p[out->n - 1] == '{' ? "" : ",",
		    resource->top ? "" : "/tenants/{tenant}", resource->path, rest);
	if (tenants && id)
		put_parameter(out, "id", "path", true, "A tenant's name or id, or `self`.", NULL);
	else if (id)
		put_parameter(out, "id", "path", true, "Its id.", NULL);
	if (!resource->top)
		put_parameter(out, "tenant", "path", true, "A tenant's name or id, or `self`.", NULL);
	buf_put_byte(out, ']');
}

static void put_paths_of(struct buf *out, const struct resource *resource)
{
	if (!resource->singleton) {
		begin_path(out, resource, "");
		if (resource->list != NULL)
			put_operation(out, resource, &(struct operation){"get", "list", 200, .lists = true});
		if (resource->create != NULL)
			put_operation(out, resource, &(struct operation){"post", "create", 201, .body = BODY_CREATE});
		buf_put_byte(out, '}');
	}
	begin_path(out, resource, resource->singleton ? "" : "/{id}");
	if (resource->get != NULL)
		put_operation(out, resource, &(struct operation){"get", "get", 200});
	if (resource->update != NULL)
		put_operation(out, resource,
			      &(struct operation){"patch", "update", 200, .body = BODY_UPDATE, .match = true});
	if (resource->remove != NULL)
		put_operation(out, resource, &(struct operation){"delete", "delete", 204});
	buf_put_byte(out, '}');
	for (size_t i = 0; i < resource->action_count; i++) {
		const struct action *action = &resource->actions[i];
		AUTO_BUF rest = {0};

		buf_put_fmt(&rest, "/{id}/%s", action->name);
		buf_put_byte(&rest, '\0');
		begin_path(out, resource, rest.p);
		if (action->read != NULL)
			put_operation(out, resource, &(struct operation){"get", action->name, 200, .action = action});
		else
			put_operation(out, resource,
				      &(struct operation){"post", action->name, action->ends ? 204 : 200,
							  .body = BODY_ACTION, .action = action});
		buf_put_byte(out, '}');
	}
	if (resource->export != NULL) {
		begin_path(out, resource, "/export");
		put_operation(out, resource, &(struct operation){"get", "get", 200, .exports = true});
		buf_put_byte(out, '}');
	}
}

void portal_openapi_write(struct buf *out)
{
	buf_put(out,
		STR("{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Gatehouse management API\",\"version\":\"1\","
		    "\"description\":\"Lists are pages; changes carry If-Match; POST may carry Idempotency-Key.\"},"
		    "\"servers\":[{\"url\":\"/api/v1\"}],"
		    "\"security\":[{\"key\":[]},{\"bearer\":[]}],\"paths\":{"));
	for (size_t i = 0; i < portal_resource_count; i++)
		put_paths_of(out, portal_resources[i]);
	buf_put(out, STR("},\"components\":{\"securitySchemes\":{"
			 "\"key\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-API-Key\"},"
			 "\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\"}},"));
	put_schemas(out);
	buf_put(out, STR("}}\n"));
}
