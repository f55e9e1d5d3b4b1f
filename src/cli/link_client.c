/* The clients `gatehouse link` knows: where each keeps its servers and what an entry looks like
 * there. Adding a client is adding a row. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/link.h"

static void put_headers(struct buf *out, const struct link_target *target)
{
	if (target->key.n == 0)
		return;
	buf_put_fmt(out, ",\n\t\"headers\": {\n\t\t\"Authorization\": \"Bearer %.*s\"\n\t}", STR_ARG(target->key));
}

static void put_url(struct buf *out, const struct link_target *target)
{
	buf_put(out, STR("\t\"url\": "));
	buf_put_json(out, target->url);
}

static void plain_entry(struct buf *out, const struct link_target *target)
{
	buf_put(out, STR("{\n"));
	put_url(out, target);
	put_headers(out, target);
	buf_put(out, STR("\n}"));
}

static void typed_entry(struct buf *out, const struct link_target *target)
{
	buf_put(out, STR("{\n\t\"type\": \"http\",\n"));
	put_url(out, target);
	put_headers(out, target);
	buf_put(out, STR("\n}"));
}

static void remote_entry(struct buf *out, const struct link_target *target)
{
	buf_put(out, STR("{\n\t\"type\": \"remote\",\n"));
	put_url(out, target);
	put_headers(out, target);
	buf_put(out, STR("\n}"));
}

/* Claude Desktop starts programs only, so a bridge speaks HTTP for it. The header comes from a
 * variable: some versions split arguments at spaces, and arguments are shown to every user. */
static void bridge_entry(struct buf *out, const struct link_target *target)
{
	buf_put(out, STR("{\n\t\"command\": \"npx\",\n\t\"args\": [\"-y\", \"mcp-remote\", "));
	buf_put_json(out, target->url);
	buf_put(out, STR(", \"--transport\", \"http-only\""));
	if (str_starts(target->url, STR("http://")))
		buf_put(out, STR(", \"--allow-http\""));
	if (target->key.n == 0) {
		buf_put(out, STR("]\n}"));
		return;
	}
	buf_put_fmt(out,
		    ", \"--header\", \"Authorization:${AUTH_HEADER}\"],\n\t\"env\": {\n"
		    "\t\t\"AUTH_HEADER\": \"Bearer %.*s\"\n\t}\n}",
		    STR_ARG(target->key));
}

static void codex_entry(struct buf *out, const struct link_target *target)
{
	buf_put(out, STR("[mcp_servers." LINK_NAME "]\nurl = "));
	buf_put_json(out, target->url);
	buf_put_byte(out, '\n');
	if (target->key.n > 0)
		buf_put_fmt(out, "http_headers = { Authorization = \"Bearer %.*s\" }\n", STR_ARG(target->key));
}

const struct link_client link_clients[] = {
	{.name = "claude-desktop",
	 .title = "Claude Desktop",
	 .home_env = "XDG_CONFIG_HOME",
	 .home = ".config",
	 .file = "Claude/claude_desktop_config.json",
	 .path = {"mcpServers"},
	 .entry = bridge_entry,
	 .then = "restart Claude Desktop; it needs Node.js for the bridge (npx mcp-remote)"},
	{.name = "claude-code",
	 .title = "Claude Code",
	 .home_env = "CLAUDE_CONFIG_DIR",
	 .home = "",
	 .file = ".claude.json",
	 .path = {"mcpServers"},
	 .entry = typed_entry,
	 .then = "start a new session; /mcp shows the server"},
	{.name = "cursor",
	 .title = "Cursor",
	 .home = ".cursor",
	 .file = "mcp.json",
	 .path = {"mcpServers"},
	 .entry = plain_entry,
	 .then = "Cursor shows the server in Settings, MCP"},
	{.name = "vscode",
	 .title = "VS Code",
	 .home_env = "XDG_CONFIG_HOME",
	 .home = ".config",
	 .file = "Code/User/mcp.json",
	 .path = {"servers"},
	 .entry = typed_entry,
	 .then = "run \"MCP: List Servers\" in VS Code and start it"},
	{.name = "codex",
	 .title = "Codex",
	 .home_env = "CODEX_HOME",
	 .home = ".codex",
	 .file = "config.toml",
	 .entry = codex_entry,
	 .then = "start a new session; /mcp shows the server"},
	{.name = "opencode",
	 .title = "opencode",
	 .home_env = "XDG_CONFIG_HOME",
	 .home = ".config",
	 .file = "opencode/opencode.json",
	 .file_or = "opencode/opencode.jsonc",
	 .path = {"mcp", "servers"},
	 .entry = remote_entry,
	 .then = "restart opencode"},
	{.name = "opencode-1",
	 .title = "opencode 1.x",
	 .home_env = "XDG_CONFIG_HOME",
	 .home = ".config",
	 .file = "opencode/opencode.json",
	 .file_or = "opencode/opencode.jsonc",
	 .path = {"mcp"},
	 .entry = remote_entry,
	 .then = "restart opencode"},
};
const size_t link_client_count = ARRAY_LEN(link_clients);

static bool put_directory(const struct link_client *client, struct buf *out)
{
	const char *named = client->home_env == NULL ? NULL : getenv(client->home_env), *home = getenv("HOME");

	if (named != NULL && named[0] == '/') {
		buf_put_fmt(out, "%s/", named);
		return true;
	}
	if (home == NULL || home[0] != '/')
		return false;
	buf_put_fmt(out, "%s/%s%s", home, client->home, client->home[0] == '\0' ? "" : "/");
	return true;
}

enum err link_file(const struct link_client *client, struct buf *out)
{
	size_t at;

	if (!put_directory(client, out))
		return ERR_NOT_FOUND;
	at = out->n;
	buf_put_fmt(out, "%s", client->file);
	buf_put_byte(out, '\0');
	if (client->file_or != NULL && access(out->p, F_OK) != 0) {
		AUTO_BUF other = {0};

		buf_put(&other, (struct str){out->p, at});
		buf_put_fmt(&other, "%s", client->file_or);
		buf_put_byte(&other, '\0');
		if (access(other.p, F_OK) == 0) {
			out->n = 0;
			buf_put(out, buf_str(&other));
		}
	}
	return OK;
}
