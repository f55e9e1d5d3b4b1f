/* Which extensions are declared, offered and passed on. */
#include "../unit.h"

#include "mcp/extension.h"

#define TASKS "\"io.modelcontextprotocol/tasks\":{}"
#define APPS "\"io.modelcontextprotocol/ui\":{\"mimeTypes\":[\"text/html;profile=mcp-app\"]}"

START_TEST(reads_what_is_declared)
{
	static const struct {
		const char *capabilities;
		unsigned bits;
	} row[] = {
		{"{}", 0},
		{"{\"extensions\":{}}", 0},
		{"{\"extensions\":[]}", 0},
		{"{\"extensions\":{" TASKS "}}", MCP_EXT_TASKS},
		{"{\"sampling\":{},\"extensions\":{\"com.example/x\":{}," TASKS "," APPS "}}",
		 MCP_EXT_TASKS | MCP_EXT_APPS},
		{"{\"extensions\":{\"io.modelcontextprotocol/tasks\":true}}", 0},
		{"{\"extensions\":{\"io.modelcontextprotocol/skills\":{\"directoryRead\":true}}}",
		 MCP_EXT_SKILLS | MCP_EXT_SKILLS_DIRECTORY},
		{"{\"extensions\":{\"io.modelcontextprotocol/skills\":{\"directoryRead\":false}}}", MCP_EXT_SKILLS},
		{"{\"tasks\":{\"requests\":{\"tools\":{\"call\":{}}}}}", MCP_EXT_CORE_TASKS},
		{"{\"tasks\":{\"requests\":{\"sampling\":{\"createMessage\":{}}}}}", 0},
		{"{\"tasks\":{\"requests\":[]}}", 0},
		{"not JSON, extensions", 0},
	};
	AUTO(arena) *arena = arena_new(1 << 20);

	for (size_t i = 0; i < ARRAY_LEN(row); i++)
		ck_assert_msg(mcp_extensions_read(arena, str_of(row[i].capabilities)) == row[i].bits, "%s",
			      row[i].capabilities);
	ck_assert_uint_eq(mcp_extensions_read(arena, STR_NONE), 0);
	ck_assert_uint_eq(mcp_extensions_read(arena, mcp_own_capabilities), MCP_EXT_CARRIED);
}
END_TEST

START_TEST(writes_a_map)
{
	AUTO_BUF none = {0}, all = {0};

	mcp_extensions_write(0, &none);
	ck_assert_uint_eq(none.n, 0);
	mcp_extensions_write(MCP_EXT_TASKS | MCP_EXT_SKILLS | MCP_EXT_SKILLS_DIRECTORY | MCP_EXT_CORE_TASKS, &all);
	ck_str(buf_str(&all), TASKS ",\"io.modelcontextprotocol/skills\":{\"directoryRead\":true}");
}
END_TEST

START_TEST(passes_on_only_what_is_known)
{
	static const char *const row[][2] = {
		{"{}", "{}"},
		{"{\"sampling\":{}}", "{\"sampling\":{}}"},
		{"{\"extensions\":{" APPS "}}", "{\"extensions\":{" APPS "}}"},
		{"{ \"extensions\" : { " APPS " } , \"a\" : 1.50 }",
		 "{ \"extensions\" : { " APPS " } , \"a\" : 1.50 }"},
		{"{\"a\":1,\"extensions\":{\"com.example/x\":{\"y\":{}}," APPS "},\"b\":2}",
		 "{\"a\":1,\"extensions\":{" APPS "},\"b\":2}"},
		{"{\"extensions\":{\"com.example/x\":{}}}", "{\"extensions\":{}}"},
	};
	AUTO(arena) *arena = arena_new(1 << 20);

	for (size_t i = 0; i < ARRAY_LEN(row); i++)
		ck_bytes(mcp_extensions_keep(arena, str_of(row[i][0]), MCP_EXT_CARRIED), str_of(row[i][1]));
	ck_str(mcp_extensions_keep(arena, STR("{\"extensions\":{" TASKS "," APPS "}}"), MCP_EXT_APPS),
	       "{\"extensions\":{" APPS "}}");
}
END_TEST

UNIT_MAIN("extension", reads_what_is_declared, writes_a_map, passes_on_only_what_is_known)
