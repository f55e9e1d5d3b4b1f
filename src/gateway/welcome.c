/* The first minute. Everything printed can be pasted as it is; the key is printed here and
 * nowhere else, once. */
#include "gateway/welcome.h"

#include <stdio.h>
#include <unistd.h>

#include "gateway/assembly.h"
#include "mcp/version.h"

#define SETTLE_MS 60000 /* npx may download a server first */
#define STEP_MS 250

static struct {
	char endpoint[ADDRESS_TEXT_MAX + 32];
} welcome;

void welcome_address(const struct address *address, bool tls)
{
	char text[ADDRESS_TEXT_MAX];

	if (welcome.endpoint[0] == '\0')
		snprintf(welcome.endpoint, sizeof(welcome.endpoint), "%s://%.*s/mcp", tls ? "https" : "http",
			 STR_ARG(address_text(address, true, text)));
}

static void print_progress(struct gateway *gateway, bool terminal)
{
	struct upstream **upstreams;
	size_t count = assembly_upstreams(gateway->assembly, &upstreams), up = 0;

	for (size_t i = 0; i < count; i++)
		up += upstream_health(upstreams[i]).state == UPSTREAM_UP;
	assembly_upstreams_done(upstreams, count);
	if (terminal)
		printf("\r  connecting to upstreams: %zu of %zu ready ", up, count);
	fflush(stdout);
}

AWAITS static void await_upstreams(struct gateway *gateway)
{
	bool terminal = isatty(STDOUT_FILENO) == 1;

	for (int64_t waited = 0; waited < SETTLE_MS && !assembly_settled(gateway->assembly); waited += STEP_MS) {
		print_progress(gateway, terminal);
		if (fiber_sleep(STEP_MS) != OK)
			return;
	}
	print_progress(gateway, terminal);
	if (terminal)
		printf("\n");
}

static void print_upstreams(struct gateway *gateway)
{
	struct upstream **upstreams;
	size_t count = assembly_upstreams(gateway->assembly, &upstreams);

	for (size_t i = 0; i < count; i++) {
		struct upstream_health health = upstream_health(upstreams[i]);

		printf("  %-16.*s %-10s %s\n", STR_ARG(upstream_name(upstreams[i])), upstream_state_name(health.state),
		       health.state == UPSTREAM_UP ? "" : health.last_error_text);
	}
	assembly_upstreams_done(upstreams, count);
}

static void print_curl(const char *key)
{
	printf("\nTry it:\n\n"
	       "  curl -s %s -H 'Authorization: Bearer %s' \\\n"
	       "    -H 'Content-Type: application/json' -H 'MCP-Protocol-Version: 2026-07-28' -H 'Mcp-Method: "
	       "tools/list' \\\n"
	       "    -d '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{\"_meta\":"
	       "{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\",\"io.modelcontextprotocol/"
	       "clientCapabilities\":{}}}}'\n",
	       welcome.endpoint, key);
}

static void print_clients(const char *key)
{
	printf("\nFor the config file of an MCP client (or let `gatehouse link CLIENT` write it):\n\n"
	       "  {\"mcpServers\":{\"gatehouse\":{\"type\":\"http\",\"url\":\"%s\","
	       "\"headers\":{\"Authorization\":\"Bearer %s\"}}}}\n\n",
	       welcome.endpoint, key);
}

AWAITS void welcome_print(struct gateway *gateway, const char *first_key)
{
	const struct catalog_view *all;
	const char *key = first_key[0] != '\0' ? first_key : "YOUR_KEY";

	if (welcome.endpoint[0] == '\0')
		return;
	await_upstreams(gateway);
	all = &gateway_here(gateway)->catalog->views[0];
	printf("\nGatehouse %s serves %zu tools at\n\n  %s\n\n", GATEHOUSE_VERSION, all->list[OFFER_TOOLS].count,
	       welcome.endpoint);
	print_upstreams(gateway);
	if (first_key[0] != '\0')
		printf("\nYour key (shown once; make more with `gatehouse key create`):\n\n  %s\n", first_key);
	else if (gateway->config->auth_required)
		printf("\nMake a key with `gatehouse key create --tenant default`.\n");
	print_curl(key);
	print_clients(key);
	fflush(stdout);
}
