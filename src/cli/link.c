/* `gatehouse link CLIENT`: writes our entry into a client's own configuration file. Without --write
 * it only shows what would change. The old file is kept beside the new one, which takes its place
 * in one step, so that a client never reads half a file. */
#include "cli/link.h"

#include <stdio.h>

#include "base/clock.h"
#include "cli/files.h"
#include "cli/installation.h"
#include "identity/identity.h"

#define ARENA_BYTES_MAX (256u * 1024 * 1024)
#define PLACEHOLDER_KEY "YOUR_KEY"

const struct option link_options[] = {
	{"write", NULL, "change the file; without it the change is only shown"},
	{"url", "URL", "the endpoint; default: from the configuration"},
	{"key", "KEY", "the API key; default: --write makes one"},
	{"tenant", "NAME", "whose key to make; default \"default\""},
	{"file", "FILE", "the client's file, when it is not in its usual place"},
	{NULL, NULL, NULL},
};

struct linking {
	const struct invocation *invocation;
	const struct link_client *client;
	struct config *config;
	struct buf url, file, before, after, entry;
	char made_key[API_KEY_TEXT_LEN + 1];
	struct link_target target;
	bool exists;
};

static const struct link_client *find_client(struct str name)
{
	for (size_t i = 0; i < link_client_count; i++)
		if (str_eq(name, str_of(link_clients[i].name)))
			return &link_clients[i];
	return NULL;
}

/* ---- the endpoint ---------------------------------------------------------------- */

/* The first listener, as a client on this machine reaches it. */
static bool endpoint_of(const struct config *config, struct buf *out)
{
	const struct config_listen *listen = &config->listen[0];
	const struct address *address = &listen->address;
	bool any = address->sa.sa_family == AF_INET ? address->in4.sin_addr.s_addr == 0
						    : IN6_IS_ADDR_UNSPECIFIED(&address->in6.sin6_addr);
	const char *scheme = listen->cert_file.n > 0 ? "https" : "http";
	char text[ADDRESS_TEXT_MAX];

	if (address->sa.sa_family == AF_UNIX || address_port(address) == 0)
		return false;
	if (any)
		buf_put_fmt(out, "%s://127.0.0.1:%u/mcp", scheme, address_port(address));
	else
		buf_put_fmt(out, "%s://%.*s/mcp", scheme, STR_ARG(address_text(address, true, text)));
	return true;
}

/* ---- the key --------------------------------------------------------------------- */

AWAITS static enum err make_key(struct installation *installation)
{
	struct linking *linking = installation->arg;
	struct str tenant_name = options_get(&linking->invocation->options, "tenant");
	struct key_order order = {.role = STR("member"), .name = str_of(linking->client->title)};
	struct tenant tenant;
	char id[ID_LEN + 1];
	enum err err;

	if (tenant_name.p == NULL)
		tenant_name = STR("default");
	err = tenant_find(installation->db, installation->arena, tenant_name, &tenant);
	if (err == ERR_NOT_FOUND)
		return installation_fail(installation, err, "there is no tenant \"%.*s\"; name one with --tenant",
					 STR_ARG(tenant_name));
	TRY(err);
	order.tenant_name = tenant_name;
	TRY(identity_key_expiry(&installation->config->identity, -1, clock_wall_ms(), &order.expires_ms));
	TRY(identity_key_create(installation->db, installation->keys.api_key, &order, &installation->problem,
				linking->made_key, id));
	return installation_audit(installation, "api_key.created", tenant.id, str_of(id));
}

static int choose_key(struct linking *linking)
{
	struct str given = options_get(&linking->invocation->options, "key");
	int status;

	if (given.p != NULL) {
		for (size_t i = 0; i < given.n; i++)
			if (given.p[i] <= ' ' || given.p[i] == '"' || given.p[i] == '\\' || given.p[i] == 0x7f)
				return command_misused(linking->invocation, "--key holds a character no key has");
		linking->target.key = given;
	} else if (!linking->config->auth_required) {
		linking->target.key = STR("");
	} else if (!options_has(&linking->invocation->options, "write")) {
		linking->target.key = STR(PLACEHOLDER_KEY);
	} else {
		status = installation_run(linking->invocation, INSTALLATION_USE, make_key, linking);
		if (status != STATUS_DONE)
			return status;
		linking->target.key = str_of(linking->made_key);
	}
	return STATUS_DONE;
}

/* ---- the file -------------------------------------------------------------------- */

static int edit(struct linking *linking)
{
	AUTO(arena) *arena = arena_new(ARENA_BYTES_MAX);
	const struct link_client *client = linking->client;
	enum err err;

	linking->entry.n = linking->after.n = 0;
	client->entry(&linking->entry, &linking->target);
	if (client->path[0] == NULL)
		err = link_toml(buf_str(&linking->before), buf_str(&linking->entry), &linking->after);
	else
		err = link_json(arena, buf_str(&linking->before), client->path, buf_str(&linking->entry),
				&linking->after);
	if (err == OK)
		return STATUS_DONE;
	if (err == ERR_NOT_FOUND)
		return command_failed(
			"%s names its servers in the way of an earlier version; use `gatehouse link %s-1`",
			linking->file.p, client->name);
	command_failed("%s is not edited here: %s. Add this to it by hand, under %s:", linking->file.p,
		       err == ERR_CONFIG ? "its servers are written in another way"
					 : "it is not plain JSON (comments?)",
		       client->path[0] == NULL ? "no other table" : client->path[0]);
	fprintf(stderr, "%s%.*s\n",
		client->path[0] == NULL ? "" : "\"" LINK_NAME "\": ", STR_ARG(buf_str(&linking->entry)));
	return STATUS_FAILED;
}

static int write_file(struct linking *linking, struct buf *backup)
{
	AUTO_BUF problem = {0};

	if (file_replace(linking->file.p, buf_str(&linking->before), linking->exists, buf_str(&linking->after), backup,
			 &problem) == OK)
		return STATUS_DONE;
	return command_failed("%.*s", STR_ARG(buf_str(&problem)));
}

static void answer(const struct linking *linking, bool written, const struct buf *backup)
{
	AUTO_BUF out = {0};

	if (linking->invocation->json) {
		buf_put(&out, STR("{\"client\":"));
		buf_put_json(&out, str_of(linking->client->name));
		buf_put(&out, STR(",\"file\":"));
		buf_put_json(&out, str_of(linking->file.p));
		buf_put_fmt(&out, ",\"written\":%s,\"backup\":", written ? "true" : "false");
		if (backup->n > 0)
			buf_put_json(&out, str_of(backup->p));
		else
			buf_put(&out, STR("null"));
		buf_put(&out, STR("}\n"));
	} else {
		buf_put_fmt(&out, "%s%s:\n\n", linking->file.p, linking->exists ? "" : " (new)");
		link_preview(&out, buf_str(&linking->before), buf_str(&linking->after));
		if (!written)
			buf_put_fmt(&out, "\nNothing was changed. `gatehouse link %s --write` does it%s.\n",
				    linking->client->name,
				    linking->config->auth_required ? ", with a key of its own" : "");
		else
			buf_put_fmt(&out, "\nWritten%s%s. Now %s.\n", backup->n > 0 ? "; the old file is kept as " : "",
				    backup->n > 0 ? backup->p : "", linking->client->then);
	}
	command_print(&out);
}

static int link_client(struct linking *linking)
{
	const struct options *options = &linking->invocation->options;
	bool write = options_has(options, "write");
	AUTO_BUF problem = {0}, backup = {0};
	int status;

	if (options_has(options, "url"))
		buf_put(&linking->url, options_get(options, "url"));
	else if (!endpoint_of(linking->config, &linking->url))
		return command_failed("the configuration names no TCP address; give the endpoint with --url");
	linking->target.url = buf_str(&linking->url);
	if (options_has(options, "file"))
		buf_put_fmt(&linking->file, "%s%c", options_get(options, "file").p, '\0');
	else if (link_file(linking->client, &linking->file) != OK)
		return command_failed("HOME is not set; name the client's file with --file");
	if (file_read(linking->file.p, &linking->before, &linking->exists, &problem) != OK)
		return command_failed("%.*s", STR_ARG(buf_str(&problem)));
	/* Once with a stand-in, so that no key is made for a file that cannot be edited. */
	linking->target.key = STR(PLACEHOLDER_KEY);
	status = edit(linking);
	if (status == STATUS_DONE)
		status = choose_key(linking);
	if (status == STATUS_DONE)
		status = edit(linking);
	if (status == STATUS_DONE && write)
		status = write_file(linking, &backup);
	if (status == STATUS_DONE)
		answer(linking, write, &backup);
	return status;
}

int link_run(const struct invocation *invocation)
{
	struct linking linking = {.invocation = invocation, .client = find_client(invocation->options.operands[0])};
	AUTO(config) *config = NULL;
	int status;

	if (linking.client == NULL)
		return command_misused(invocation,
				       "\"%s\" is no client known here; known are claude-desktop, "
				       "claude-code, cursor, vscode, codex, opencode and opencode-1",
				       invocation->options.operands[0].p);
	if (!installation_config(invocation, &config))
		return STATUS_FAILED;
	linking.config = config;
	status = link_client(&linking);
	crypto_wipe(linking.made_key, sizeof(linking.made_key));
	buf_free(&linking.url);
	buf_free(&linking.file);
	buf_free(&linking.before);
	buf_free(&linking.after);
	buf_free(&linking.entry);
	return status;
}
