/* Edits of clients' files: what is not ours stays byte for byte, what is ours is put in once. */
#include "../unit.h"

#include "cli/link.h"

static const char *const one[] = {"mcpServers", NULL};
static const char *const two[] = {"mcp", "servers", NULL};

static struct arena *arena;
static struct buf out;

static enum err edit(const char *const *path, const char *text)
{
	if (arena == NULL)
		arena = arena_new(1 << 20);
	out.n = 0;
	return link_json(arena, str_of(text), path, STR("{\n\t\"u\": 1\n}"), &out);
}

static const struct {
	const char *const *path;
	const char *before, *after;
} json_cases[] = {
	{one, "", "{\n  \"mcpServers\": {\n    \"gatehouse\": {\n      \"u\": 1\n    }\n  }\n}\n"},
	{one, " {}", " {\n  \"mcpServers\": {\n    \"gatehouse\": {\n      \"u\": 1\n    }\n  }\n}"},
	{one, "{\"a\":1}", "{\"a\":1,\n  \"mcpServers\": {\n    \"gatehouse\": {\n      \"u\": 1\n    }\n  }\n}"},
	{one, "{\n\t\"n\": 10000000000000000001,\n\t\"mcpServers\": {\n\t\t\"x\": {\"y\":  [1 ,2]}\n\t}\n}\n",
	 "{\n\t\"n\": 10000000000000000001,\n\t\"mcpServers\": {\n\t\t\"x\": {\"y\":  [1 ,2]},\n"
	 "\t\t\"gatehouse\": {\n\t\t\t\"u\": 1\n\t\t}\n\t}\n}\n"},
	{one, "{\n    \"mcpServers\": {\n        \"gatehouse\": {\"old\": true},\n        \"z\": 1\n    }\n}",
	 "{\n    \"mcpServers\": {\n        \"gatehouse\": {\n            \"u\": 1\n        },\n"
	 "        \"z\": 1\n    }\n}"},
	{one, "{\"mcpServers\":{}}", "{\"mcpServers\":{\n    \"gatehouse\": {\n      \"u\": 1\n    }\n  }}"},
	{two, "{\"mcp\":{}}",
	 "{\"mcp\":{\n    \"servers\": {\n      \"gatehouse\": {\n        \"u\": 1\n      }\n    }\n  }}"},
	{two, "{\"mcp\":{\"servers\":{\"gatehouse\":0}}}",
	 "{\"mcp\":{\"servers\":{\"gatehouse\":{\n        \"u\": 1\n      }}}}"},
};

START_TEST(json_is_edited_in_place)
{
	for (size_t i = 0; i < ARRAY_LEN(json_cases); i++) {
		ck_ok(edit(json_cases[i].path, json_cases[i].before));
		ck_bytes(buf_str(&out), str_of(json_cases[i].after));
	}
}
END_TEST

/* Linking again changes nothing. (The last case has no indentation of its own to go by.) */
START_TEST(json_twice_is_once)
{
	AUTO_BUF before = {0};

	for (size_t i = 0; i + 1 < ARRAY_LEN(json_cases); i++) {
		before.n = 0;
		buf_put_fmt(&before, "%s%c", json_cases[i].after, '\0');
		ck_ok(edit(json_cases[i].path, before.p));
		ck_bytes(buf_str(&out), str_of(json_cases[i].after));
	}
}
END_TEST

START_TEST(json_that_is_not_ours_to_edit)
{
	ck_err(edit(one, "{\n// mine\n}"), ERR_JSON_SYNTAX);
	ck_err(edit(one, "{\"a\":1,}"), ERR_JSON_SYNTAX);
	ck_err(edit(one, "[]"), ERR_CONFIG);
	ck_err(edit(one, "{\"mcpServers\":[]}"), ERR_CONFIG);
	ck_err(edit(two, "{\"mcp\":{\"old\":{}}}"), ERR_NOT_FOUND);
}
END_TEST

static const struct {
	const char *before, *after;
} toml_cases[] = {
	{"", "[mcp_servers.gatehouse]\nurl = 1\n"},
	{"model = \"x\"", "model = \"x\"\n\n[mcp_servers.gatehouse]\nurl = 1\n"},
	{"a = 1\n[mcp_servers.gatehouse]\nurl = \"old\"\n", "a = 1\n[mcp_servers.gatehouse]\nurl = 1\n"},
	{"[mcp_servers.\"gatehouse\"]\nurl = \"old\"\n[mcp_servers.gatehouse.env]\nx = 1\n\n# next\n[b]\n",
	 "[mcp_servers.gatehouse]\nurl = 1\n\n# next\n[b]\n"},
	{"[mcp_servers.gatehouse_2]\nurl = 2\n",
	 "[mcp_servers.gatehouse_2]\nurl = 2\n\n[mcp_servers.gatehouse]\nurl = 1\n"},
	{"[[x]]\n[mcp_servers.gatehouse]\nurl = 2", "[[x]]\n[mcp_servers.gatehouse]\nurl = 1\n"},
};

START_TEST(toml_gets_a_table)
{
	for (size_t i = 0; i < ARRAY_LEN(toml_cases); i++) {
		out.n = 0;
		ck_ok(link_toml(str_of(toml_cases[i].before), STR("[mcp_servers.gatehouse]\nurl = 1\n"), &out));
		ck_bytes(buf_str(&out), str_of(toml_cases[i].after));
	}
	ck_err(link_toml(STR("mcp_servers = { x = 1 }\n"), STR(""), &out), ERR_CONFIG);
	ck_err(link_toml(STR("mcp_servers.gatehouse.url = 1\n"), STR(""), &out), ERR_CONFIG);
}
END_TEST

static struct str preview(const char *before, const char *after)
{
	out.n = 0;
	link_preview(&out, str_of(before), str_of(after));
	return buf_str(&out);
}

START_TEST(preview_shows_what_changes)
{
	ck_str(preview("", "a\nb\n"), "+ a\n+ b\n");
	ck_str(preview("1\n2\n3\n4\n5\n6\n", "1\n2\n3\nx\n4\n5\n6\n"), "  2\n  3\n+ x\n  4\n  5\n");
	ck_str(preview("a\nb\nc\n", "a\nB\nc\n"), "  a\n- b\n+ B\n  c\n");
	ck_str(preview("a", "b"), "- a\n+ b\n");
	ck_str(preview("a\n", "a\n"), "  a\n");
	ck_str(preview("", "\"Authorization\": \"Bearer gh_0123456789abcdef0123\"\n"),
	       "+ \"Authorization\": \"[redacted]\"\n");
}
END_TEST

/* Every client's entry is valid where it is put. */
START_TEST(entries_are_valid)
{
	const struct link_target target = {.url = STR("http://127.0.0.1:1/mcp"), .key = STR("gh_k")};

	for (size_t i = 0; i < link_client_count; i++) {
		AUTO_BUF entry = {0}, text = {0}, again = {0};

		link_clients[i].entry(&entry, &target);
		if (link_clients[i].path[0] == NULL) {
			ck_ok(link_toml(STR(""), buf_str(&entry), &text));
			continue;
		}
		arena = arena == NULL ? arena_new(1 << 20) : arena;
		ck_ok(link_json(arena, STR("{}"), link_clients[i].path, buf_str(&entry), &text));
		ck_ok(link_json(arena, buf_str(&text), link_clients[i].path, buf_str(&entry), &again));
		ck_bytes(buf_str(&again), buf_str(&text));
	}
}
END_TEST

UNIT_MAIN("link_edit", json_is_edited_in_place, json_twice_is_once, json_that_is_not_ours_to_edit, toml_gets_a_table,
	  preview_shows_what_changes, entries_are_valid)
