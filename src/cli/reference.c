/* `gatehouse reference PAGE`: the reference pages of doc/, printed from the tables the program
 * itself runs on. For ./dev docs, and for editors that want the configuration's schema. */
#include "authclient/providers.h"
#include "cli/command.h"
#include "connector/connector.h"
#include "gateway/config.h"
#include "gateway/metrics.h"
#include "portal/portal.h"

static void rule_schema_write(struct buf *out)
{
	buf_put(out, policy_rule_schema);
	buf_put_byte(out, '\n');
}

static const struct {
	const char *name;
	void (*write)(struct buf *out);
} pages[] = {
	{"config", config_reference_write},
	{"schema", config_schema_write},
	{"cli", help_reference_write},
	{"metrics", metrics_reference_write},
	{"rule", rule_schema_write},
	{"api", portal_reference_write},
	{"providers", auth_provider_reference_write},
	{"connectors", connectors_reference_write},
};

int reference_run(const struct invocation *invocation)
{
	struct str name = invocation->options.operands[0];
	AUTO_BUF out = {0};

	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		if (!str_eq(name, str_of(pages[i].name)))
			continue;
		pages[i].write(&out);
		command_print(&out);
		return STATUS_DONE;
	}
	return command_misused(invocation,
			       "the pages are config, schema, cli, metrics, rule, api, providers and connectors");
}
