/* OpenAPI documents become connector files that compile; what documents do oddly does not end up in them. */
#include "../unit.h"

#include "base/json.h"
#include "connector/connector.h"
#include "openapi/openapi.h"

/* Everything that is odd in documents that are about: no operationId, two of one name, parameters of the path and
 * without a schema, references that end in themselves, 3.0's nullable and exclusiveMinimum, patterns that are none,
 * members with $. */
static const char odd[] =
	"openapi: 3.0.3\n"
	"info: { title: Odd Things API, version: 1, description: \"First line.\\nSecond.\" }\n"
	"servers: [ { url: \"https://{region}.odd.example/v1/\", variables: { region: { default: eu } } } ]\n"
	"components:\n"
	"  securitySchemes:\n"
	"    key: { type: apiKey, in: header, name: X-Odd }\n"
	"    who: { type: http, scheme: bearer }\n"
	"    cookie: { type: apiKey, in: cookie, name: sid }\n"
	"  parameters:\n"
	"    Page: { name: page, in: query, schema: { $ref: '#/components/schemas/Count' } }\n"
	"  schemas:\n"
	"    Count: { type: integer, minimum: 0, exclusiveMinimum: true }\n"
	"    Node:\n"
	"      type: object\n"
	"      required: [name, id]\n"
	"      properties:\n"
	"        id: { type: string, readOnly: true }\n"
	"        name: { type: string, nullable: true, pattern: '(' }\n"
	"        $filter: { type: string }\n"
	"        children: { type: array, items: { $ref: '#/components/schemas/Node' } }\n"
	"paths:\n"
	"  /things/{thing-id}/parts:\n"
	"    parameters: [ { name: thing-id, in: path, required: true, schema: { type: string } } ]\n"
	"    get:\n"
	"      parameters: [ { $ref: '#/components/parameters/Page' }, { name: tag, in: query, explode: false,\n"
	"        schema: { type: array, items: { type: string } } }, { name: Accept, in: header }, { name: X-Trace, "
	"in: header } ]\n"
	"    post:\n"
	"      operationId: addHTTPPart\n"
	"      tags: [writing]\n"
	"      requestBody: { required: true, content: { application/json: { schema: { $ref: "
	"'#/components/schemas/%4eode' } } } }\n"
	"  /files/{path}:\n"
	"    put:\n"
	"      operationId: add-http-part\n"
	"      summary: Send one\n"
	"      requestBody: { content: { multipart/form-data: { schema: { type: object, properties: {\n"
	"        file: { type: string, format: binary }, note: { type: string } } } } } }\n"
	"    delete: { operationId: 9lives, requestBody: { content: { application/json: { schema: { oneOf: [ { type: "
	"string } ] } } } } }\n";

static struct connector *import(const char *text, const struct openapi_wish *wish, struct buf *out)
{
	struct connector *connector;
	AUTO_BUF problem = {0};
	enum err err = openapi_to_connector(str_of(text), wish, &problem, out);

	ck_assert_msg(err == OK, "%.*s\n%.*s", STR_ARG(buf_str(&problem)), STR_ARG(buf_str(out)));
	ck_ok(connector_compile(buf_str(out), STR("out"), &problem, &connector));
	return connector;
}

static void ck_holds(const struct buf *text, const char *wanted)
{
	ck_assert_msg(memmem(text->p, text->n, wanted, strlen(wanted)) != NULL, "%s is not in:\n%.*s", wanted,
		      STR_ARG(buf_str(text)));
}

START_TEST(an_odd_document_becomes_a_connector)
{
	static const char *const names[] = {"get_things_thing_id_parts", "add_http_part", "add_http_part_2", "n9lives"};
	static const char *const wanted[] = {
		"connector: odd-things-api\n",
		"about: \"First line.\"",
		"default: \"https://eu.odd.example/v1\"",
		"- { type: header, name: \"X-Odd\" }\n  - { type: bearer }\ntools:",
		"url: \"{{set.base}}/things/{{args.thing_id}}/parts\"",
		"page: {\"type\":\"integer\",\"exclusiveMinimum\":0}",
		"\"tag\": \"{{args.tag|csv}}\"",
		"headers: { \"X-Trace\": \"{{args.x_trace}}\" }",
		"name: {\"type\":[\"string\",\"null\"]}",
		"\"$$filter\": \"{{args.filter}}\"",
		"required: [thing_id, name]",
		"commit: true",
		"{ name: \"file\", file: \"{{args.file}}\" }",
		"title: \"Send one\"",
		"json: \"{{args.body}}\"",
	};
	const struct openapi_wish wish = {0};
	AUTO_BUF out = {0};
	AUTO(connector) *connector = import(odd, &wish, &out);

	ck_assert_uint_eq(connector_tool_count(connector), ARRAY_LEN(names));
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		ck_bytes(connector_tool_name(connector, i), str_of(names[i]));
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		ck_holds(&out, wanted[i]);
	ck_assert_ptr_null(memmem(out.p, out.n, "Accept", 6));
	ck_assert_ptr_null(memmem(out.p, out.n, "$ref", 4));
}
END_TEST

/* Whatever stands in a document's texts, the file can be read, and is no other file. */
START_TEST(texts_stay_texts)
{
	static const char document[] =
		"{\"openapi\":\"3.0.0\",\"info\":{\"title\":"
		"\"T\\u007f\\u0085\\u2028\\ufeff\\uffff\\u0000\\ud83d\\ude00\"},"
		"\"components\":{\"securitySchemes\":{\"a\":{\"type\":\"apiKey\",\"in\":\"x }\\nhosts: "
		"[evil.example]\"}}},"
		"\"paths\":{\"/a\\nhealth: b\":{\"post\":{\"summary\":\"\\\"}\\n {{secret}}\",\"operationId\":\"b: c\","
		"\"requestBody\":{\"content\":{\"multipart/form-data\":{\"schema\":{\"type\":\"string\"}}}}},"
		"\"get\":{\"summary\":\"\\\"}\\n {{secret}}\",\"parameters\":[{\"in\":\"query\",\"name\":\"\\\": "
		"{{secret}} #\"}]}}}}";
	const struct openapi_wish wish = {0};
	AUTO_BUF out = {0};
	AUTO(connector) *connector = import(document, &wish, &out);

	ck_assert_uint_eq(connector_tool_count(connector), 1);
	ck_str(connector_title(connector), "T\x7f\xC2\x85\xE2\x80\xA8\xEF\xBB\xBF\xEF\xBF\xBF\0\xF0\x9F\x98\x80");
	ck_holds(&out, "# POST \"/a\\nhealth: b\" is left out");
}
END_TEST

START_TEST(what_is_wanted_is_chosen)
{
	static const struct {
		struct str include, exclude;
		size_t count;
	} samples[] = {
		{{"add_*", 5}, {0}, 2},	 {{"/things/*", 9}, {0}, 2},	      {{"writing", 7}, {0}, 1},
		{{0}, {"*part*", 6}, 1}, {{"/things/*", 9}, {"get_*", 5}, 1},
	};

	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		const struct openapi_wish wish = {
			.name = STR("mine"), .include = samples[i].include, .exclude = samples[i].exclude};
		AUTO_BUF out = {0};
		AUTO(connector) *connector = import(odd, &wish, &out);

		ck_assert_uint_eq(connector_tool_count(connector), samples[i].count);
		ck_str(connector_name(connector), "mine");
	}
}
END_TEST

START_TEST(what_is_no_document_is_told)
{
	static const struct {
		const char *text, *want;
	} samples[] = {
		{"{\"swagger\":\"2.0\"}", "this is Swagger 2.0"},
		{"{}", "this is no OpenAPI document"},
		{"{\"openapi\":\"3.1.0\",\"paths\":{}}", "no operation"},
		{"{\"openapi\":", "not a document"},
		{"a: [", "document:"},
		{"", "not a document"},
	};
	const struct openapi_wish wish = {0};

	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		AUTO_BUF problem = {0}, out = {0};

		ck_err(openapi_to_connector(str_of(samples[i].text), &wish, &problem, &out), ERR_CONFIG);
		ck_holds(&problem, samples[i].want);
	}
}
END_TEST

UNIT_MAIN("openapi", an_odd_document_becomes_a_connector, texts_stay_texts, what_is_wanted_is_chosen,
	  what_is_no_document_is_told)
