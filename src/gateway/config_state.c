/* `state`: where what is short-lived is kept. A word or a URL says the place; a map says more of the way there. Whether
 * the place can be reached is not asked here: a replica starts, and counts for itself, also when it cannot. */
#include "gateway/config.h"
#include "gateway/config_parts.h"
#include "gateway/config_tables.h"

#define STATE(member) offsetof(struct state_spec, member)
#define STATE_ENTRIES_MAX 262144 /* rates and marks: about 64 bytes each when all are used */

static const struct conf_field state_fields[] = {
	{"url", CONF_CUSTOM, .custom = config_read_state_place, .fallback = "memory",
	 .doc = "memory (of this process alone), redis://[USER@]HOST[:PORT][/DB], rediss://... (TLS), or unix:PATH of "
		"a socket. Valkey or Redis.",
	 .example = "rediss://state.internal:6380/0"},
	{"password_file", CONF_STR, STATE(password_file),
	 .doc = "File, mode 0600, with the password; read anew at each connection.",
	 .example = "/run/secrets/gatehouse-state"},
	{"ca", CONF_STR, STATE(ca_file), .doc = "Trust these certificates instead of the system's.",
	 .example = "ca.pem"},
	{"prefix", CONF_STR, STATE(prefix),
	 .fallback = "gatehouse:", .doc = "In front of every key: installations that share a server need one each."},
	{"timeout", CONF_MS, STATE(timeout_ms), .low = 10, .high = 5000, .fallback = "150ms",
	 .doc = "Without an answer for this long the server counts as down, and this process counts for itself."},
};
const struct conf_table config_state_table = {"state", state_fields, ARRAY_LEN(state_fields)};

enum err config_read_state_place(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct state_spec *spec = object;
	AUTO_BUF problem = {0};

	if (node->kind != CONF_SCALAR || state_place_check(node->text, &problem) != OK) {
		if (problem.n == 0)
			buf_put(&problem, STR("must be a text"));
		conf_problem(&reading->problems, node, "state: %.*s", STR_ARG(buf_str(&problem)));
		return ERR_CONFIG;
	}
	spec->place = node->text;
	return OK;
}

enum err config_read_state(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct config *config = object;

	if (node->kind != CONF_MAP)
		return config_read_state_place(reading, node, &config->state);
	conf_read(reading, &config_state_table, node, &config->state);
	return OK;
}

void config_state_defaults(struct conf_reading *reading, struct config *config)
{
	conf_defaults(reading, &config_state_table, &config->state);
	config->state.place = STR("memory");
	config->state.entries_max = STATE_ENTRIES_MAX;
}
