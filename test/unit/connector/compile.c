/* Connector files: what a good one becomes, and that each mistake is told with its line and column. */
#include "../unit.h"

#include "base/json.h"
#include "connector/connector.h"
#include "connector/program.h"

static const char tickets[] =
	"connector: tickets\n"
	"title: Tickets\n"
	"about: Tickets of a project\n"
	"settings:\n"
	"  base: { default: \"https://api.tickets.example\", url: true, about: Where }\n"
	"  project: { required: true, pattern: \"^[A-Z]+$\", about: Which, operator: true }\n"
	"hosts: [\"*.upload.tickets.example\", files.tickets.example]\n"
	"auth:\n"
	"  - { type: oauth, provider: tickets, each: user, about: Their account }\n"
	"headers: { X-Key: \"{{secret}}\" }\n"
	"success: { eq: [\"{{body.ok}}\", true] }\n"
	"errors:\n"
	"  - { status: [429, 5xx], class: rate_limited, retry_after: \"{{header.retry-after}}\" }\n"
	"health: whoami\n"
	"tools:\n"
	"  whoami:\n"
	"    title: Who\n"
	"    description: Says who one is.\n"
	"    kind: read\n"
	"    output: { id: { type: string } }\n"
	"    steps: [ { http: { method: GET, url: \"{{set.base}}/me\" } } ]\n"
	"    result: { id: \"{{body.id|str}}\" }\n"
	"  list:\n"
	"    title: List\n"
	"    description: Lists.\n"
	"    kind: read\n"
	"    input:\n"
	"      state: { type: string, enum: [open, closed] }\n"
	"      limit: { type: integer, default: 20 }\n"
	"      cursor: { $cursor: true }\n"
	"    output: { tickets: { type: array } }\n"
	"    steps: [ { http: { method: GET, url: \"{{set.base}}/t\", query: { page: \"{{cursor}}\" } } } ]\n"
	"    result: { tickets: { $each: \"{{body.items}}\", do: \"{{it.id}}\" } }\n"
	"    page: { next: \"{{body.next}}\" }\n"
	"    example: { args: { state: open } }\n"
	"  add:\n"
	"    title: Add\n"
	"    description: Adds.\n"
	"    kind: create\n"
	"    input:\n"
	"      title: { type: string, minLength: 1 }\n"
	"      photos: { type: array, items: { $media: { mime: [image/png], bytes_max: 5MB } } }\n"
	"    required: [title]\n"
	"    requires: { scopes: [write], settings: [project] }\n"
	"    check: [ { if: { exists: args.photos }, error: \"Not {{args.title}}.\" } ]\n"
	"    steps:\n"
	"      - id: put\n"
	"        each: \"{{args.photos}}\"\n"
	"        http: { method: POST, url: \"https://files.tickets.example/up\", multipart: [ { name: f, file: "
	"\"{{it}}\" } ] }\n"
	"        capture: { ids: \"{{body.id}}\" }\n"
	"      - http: { method: POST, url: \"{{set.base}}/t\", json: { title: \"{{args.title}}\", photos: "
	"\"{{cap.ids}}\" }, commit: true }\n"
	"        capture: { id: \"{{body.id}}\" }\n"
	"      - http: { method: GET, url: \"{{set.base}}/t/{{cap.id}}\" }\n"
	"        poll: { every_ms: 100, factor: 1.5, max_ms: 1000, until: { eq: [\"{{body.state}}\", done] } }\n"
	"        memo: 60s\n"
	"        capture: { state: \"{{body.state}}\" }\n"
	"    result: { id: \"{{cap.id}}\", state: \"{{cap.state}}\" }\n";

static struct connector *compile(const char *text, struct buf *problem)
{
	struct connector *connector = NULL;

	if (connector_compile(str_of(text), STR("t.yaml"), problem, &connector) != OK)
		ck_assert_msg(problem->n > 0, "no problem was told");
	return connector;
}

START_TEST(a_file_becomes_a_program)
{
	AUTO_BUF problem = {0};
	AUTO(connector) *connector = compile(tickets, &problem);
	const struct connector_setting *settings;
	const struct connector_auth *auths;
	const struct tool *add;

	ck_assert_msg(connector != NULL, "%.*s", STR_ARG(buf_str(&problem)));
	ck_str(connector_name(connector), "tickets");
	ck_str(connector_health_tool(connector), "whoami");
	ck_assert_uint_eq(connector_settings(connector, &settings), 2);
	ck_str(settings[0].fallback, "https://api.tickets.example");
	ck_assert(settings[0].is_url && !settings[0].required && settings[1].required && settings[1].operator_only);
	ck_assert_ptr_null(settings[1].fallback.p);
	ck_assert_uint_eq(connector_auths(connector, &auths), 1);
	ck_str(auths[0].json, "{\"type\":\"oauth\",\"provider\":\"tickets\",\"each\":\"user\"}");
	ck_assert_uint_eq(connector->error_count, 1);
	ck_assert_uint_eq(connector->errors[0].statuses[1], 5);
	ck_assert_int_eq(connector->errors[0].class, CLASS_RATE_LIMITED);
	ck_assert_uint_eq(connector_tool_count(connector), 3);
	ck_str(connector_tool_example(connector, 1), "{\"state\":\"open\"}");
	add = &connector->tools[2];
	ck_assert(add->has_commit && !add->read_only && !add->steps[0].commit && add->steps[1].commit);
	ck_assert_uint_eq(add->step_count, 3);
	ck_assert_uint_eq(add->media_count, 1);
	ck_assert(add->media[0].many);
	ck_assert_uint_eq(add->media[0].bytes_max, 5 << 20);
	ck_assert_int_eq(add->steps[2].memo_ms, 60000);
	ck_assert_int_eq(add->steps[2].poll.max_ms, 1000);
	ck_assert_uint_eq(connector->tools[1].defaults.count, 1);
}
END_TEST

/* As clients see them: closed, with the four annotations, and with what the gateway adds. */
START_TEST(definitions_are_whole)
{
	static const struct str accounts[] = {{"sales", 5}, {"support", 7}};
	AUTO(arena) *arena = arena_new(1 << 20);
	AUTO_BUF problem = {0};
	AUTO(connector) *connector = compile(tickets, &problem);

	ck_str(connector_tool_definition(connector, 0, arena, NULL, 0),
	       "{\"name\":\"whoami\",\"title\":\"Who\",\"description\":\"Says who one is.\",\"inputSchema\":{\"type\":"
	       "\"object\",\"properties\":{},\"additionalProperties\":false},\"outputSchema\":{\"type\":\"object\","
	       "\"properties\":{\"id\":{\"type\":\"string\"}},\"additionalProperties\":false},\"annotations\":{"
	       "\"title\":"
	       "\"Who\",\"readOnlyHint\":true,\"destructiveHint\":false,\"idempotentHint\":true,\"openWorldHint\":true}"
	       "}");
	for (size_t tool = 0; tool < 3; tool++) {
		struct str text = connector_tool_definition(connector, tool, arena, accounts, 2);
		yyjson_val *root, *input, *output;

		ck_ok(json_read(arena, text, &root));
		input = json_get(root, "inputSchema");
		output = json_get(json_get(root, "outputSchema"), "properties");
		ck_assert(json_lists(json_get(input, "required"), STR("account")));
		input = json_get(input, "properties");
		ck_assert_uint_eq(yyjson_arr_size(json_get(json_get(input, "account"), "enum")), 2);
		ck_assert((json_get(input, "idempotency_key") != NULL) == (tool == 2));
		ck_assert((json_get(output, "next_cursor") != NULL) == (tool == 1));
	}
}
END_TEST

/* A good file with one line changed: what is said. */
START_TEST(each_mistake_has_its_place)
{
	static const struct {
		const char *good, *bad, *want;
	} samples[] = {
		{"title: Tickets\n", "titel: Tickets\n", "t.yaml:2:1: a connector has no `titel`"},
		{"connector: tickets", "connector: Tickets", "t.yaml:1:12: a connector's name has a-z"},
		{"{ default: \"https", "{ fallback: \"https", "t.yaml:5:11: a setting has no `fallback`"},
		{"^[A-Z]+$", "^[A-Z+$", "t.yaml:6:39: not a pattern: "},
		{"files.tickets.example]", "Files.example]", "t.yaml:7:8: `Files.example` is no host"},
		{"class: rate_limited", "class: rate_limit", "t.yaml:13:34: there is no class `rate_limit`"},
		{"[429, 5xx]", "[429, 6xx]", "t.yaml:13:15: `6xx` is no HTTP status"},
		{"health: whoami", "health: whoamI", "t.yaml:14:9: there is no tool `whoamI`"},
		{"health: whoami", "health: add", "t.yaml:14:9: the tool of a probe reads"},
		{"    kind: read\n    output", "    kind: reads\n    output", "t.yaml:19:11: the kinds are "},
		{"method: GET, url: \"{{set.base}}/me\"", "method: FETCH, url: \"{{set.base}}/me\"",
		 "t.yaml:21:32: the methods are "},
		{"{{set.base}}/me", "{{set.project}}/me", "t.yaml:21:42: the setting `project` needs `url: true`"},
		{"{{set.base}}/me", "http://api.tickets.example/me", "t.yaml:21:42: a URL begins with https://"},
		{"{{set.base}}/me", "https://elsewhere.example/me",
		 "t.yaml:21:42: `elsewhere.example` is not one of `hosts`"},
		{"{{set.base}}/me", "{{set.base}}/{{args.x}}", "t.yaml:21:42: {{args.x}}: the arguments have no `x`"},
		{"result: { id: \"{{body.id|str}}\" }", "result: { id: \"{{secret}}\" }",
		 "t.yaml:22:19: {{secret}}: only URLs"},
		{"enum: [open, closed]", "enum: {}", "t.yaml:28:7: not a schema: "},
		{"limit: { type: integer,", "idempotency_key: { type: integer,",
		 "t.yaml:29:7: the gateway adds `idempotency_key` itself"},
		{"cursor: { $cursor: true }", "after: { $cursor: true }",
		 "t.yaml:30:14: the argument with $cursor is called `cursor`"},
		{"page: { next: \"{{body.next}}\" }", "page: { more: { exists: body.next } }",
		 "t.yaml:34:11: `next` is missing"},
		{"args: { state: open }", "args: { state: ajar }", "t.yaml:35:22: the example does not fit `input`: "},
		{"result: { id: \"{{body.id|str}}\" }", "result: \"{{body}}\"", "t.yaml:22:13: \"{{body}}\" passes on"},
		{"kind: create", "kind: read", "t.yaml:39:11: a tool that commits is not one that reads"},
		{"required: [title]", "required: [titel]", "t.yaml:43:16: there is no argument `titel`"},
		{"settings: [project]", "settings: [projects]", "t.yaml:44:44: there is no setting `projects`"},
		{"{ exists: args.photos }", "{ exists: cap.id }", "t.yaml:45:30: {{cap.id}}: no earlier step captures"},
		{"each: \"{{args.photos}}\"", "loop: \"{{args.photos}}\"", "t.yaml:48:9: a step has no `loop`"},
		{"multipart: [ { name: f,", "multipart: [ {", "t.yaml:49:85: `name` is missing"},
		{"\"{{cap.ids}}\" }", "\"{{cap.id}}\" }", "t.yaml:51:95: {{cap.id}}: no earlier step captures `id`"},
		{"max_ms: 1000, ", "", "t.yaml:54:15: `poll` needs "},
		{"memo: 60s", "memo: soon", "t.yaml:55:15: a time is wanted: 60s"},
		{"method: GET, url: \"{{set.base}}/t/{{cap.id}}\"", "method: GET", "t.yaml:53:15: `url` is missing"},
	};

	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		const char *at = strstr(tickets, samples[i].good);
		AUTO_BUF text = {0}, problem = {0};

		ck_assert_msg(at != NULL, "%s is not in the file", samples[i].good);
		buf_put(&text, (struct str){tickets, (size_t)(at - tickets)});
		buf_put(&text, str_of(samples[i].bad));
		buf_put(&text, str_of(at + strlen(samples[i].good)));
		buf_put_byte(&text, '\0');
		ck_assert_msg(compile(text.p, &problem) == NULL, "%s was taken", samples[i].bad);
		ck_assert_msg(memmem(problem.p, problem.n, samples[i].want, strlen(samples[i].want)) != NULL,
			      "%s: got %.*s, want %s", samples[i].bad, STR_ARG(buf_str(&problem)), samples[i].want);
	}
}
END_TEST

START_TEST(the_reference_names_everything)
{
	static const char *const wanted[] = {"## Tickets",
					     "use: tickets",
					     "`oauth` (Their account)",
					     "| `base` | `https",
					     "| `project` | required",
					     "### whoami",
					     "### list",
					     "| `state` | `open`, `closed`",
					     "(default `20`)",
					     "| `photos` | list of file",
					     "Needs the scopes `write`",
					     "Gives `tickets`, `next_cursor`"};
	AUTO_BUF problem = {0}, out = {0};
	AUTO(connector) *connector = compile(tickets, &problem);

	connector_reference_write(connector, &out);
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		ck_assert_msg(memmem(out.p, out.n, wanted[i], strlen(wanted[i])) != NULL, "%s is not in %.*s",
			      wanted[i], STR_ARG(buf_str(&out)));
}
END_TEST

UNIT_MAIN("compile", a_file_becomes_a_program, definitions_are_whole, each_mistake_has_its_place,
	  the_reference_names_everything)
