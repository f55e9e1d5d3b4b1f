/* The reference page of the configuration and its JSON Schema, printed from the tables that the
 * reader runs on, so that neither can fall behind. Values that a function reads (CONF_CUSTOM)
 * have their form here, beside the reader's name. */
#include "gateway/config.h"

#include "base/check.h"
#include "gateway/config_parts.h"
#include "gateway/config_tables.h"
#include "gateway/chores.h"
#include "gateway/plan.h"

#define SCHEMA_DIALECT "https://json-schema.org/draft/2020-12/schema"
#define NAME_PATTERN "^[A-Za-z0-9_-]{1,32}$"
#define SCALAR "{\"type\":[\"string\",\"number\",\"boolean\"]}"
#define REF(table) "{\"$ref\":\"#/$defs/" table "\"}"
#define MAPPING "\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}"
#define NAMED(table)                                                                                                   \
	"\"type\":[\"object\",\"null\"],\"patternProperties\":{\"" NAME_PATTERN                                        \
	"\":" REF(table) "},\"additionalProperties\":false"

/* How the page speaks of a field's value, and the members of its schema. */
static const struct form {
	enum conf_type type;
	enum err (*custom)(struct conf_reading *reading, const struct conf_node *node, void *object);
	const char *words, *schema;
} forms[] = {
	{CONF_STR, NULL, "text", "\"type\":\"string\""},
	{CONF_BOOL, NULL, "`true` or `false`", "\"type\":\"boolean\""},
	{CONF_UINT, NULL, "number", "\"type\":\"integer\""},
	{CONF_SIZE, NULL, "size: `4096`, `64KB`, `16MB`",
	 "\"type\":[\"string\",\"integer\"],\"pattern\":\"^[0-9]+ *([KMGkmg]?[Bb])?$\""},
	{CONF_MS, NULL, "time: `500ms`, `30s`, `5min`, `2h`, `7d`",
	 "\"type\":\"string\",\"pattern\":\"^[0-9]+ *(ms|s|sec|m|min|h|hour|d|day)$\""},
	{CONF_RATE, NULL, "rate: `100/min`, `5/15min`, `off`",
	 "\"type\":[\"string\",\"integer\",\"boolean\"],"
	 "\"pattern\":\"^(off|0|[0-9]+ */ *[0-9]* *(ms|s|sec|m|min|h|hour|d|day))$\""},
	{CONF_CHOICE, NULL, "one of", "\"type\":\"string\""},
	{CONF_STRS, NULL, "list of texts", "\"type\":\"array\",\"items\":" SCALAR},
	{CONF_PAIRS, NULL, "map of names and texts", "\"type\":\"object\",\"additionalProperties\":" SCALAR},
	{CONF_TABLE, NULL, "map", NULL},
	{CONF_CUSTOM, config_read_address, "address", "\"type\":\"string\""},
	{CONF_CUSTOM, config_read_listen, "address, map, or list of these",
	 "\"anyOf\":[{\"type\":\"string\"}," REF("listen") ",{\"type\":\"array\",\"minItems\":1,\"items\":{\"anyOf\":"
							   "[{\"type\":\"string\"}," REF("listen") "]}}]"},
	{CONF_CUSTOM, config_read_state, "place, or map", "\"anyOf\":[{\"type\":\"string\"}," REF("state") "]"},
	{CONF_CUSTOM, config_read_state_place, "place", "\"type\":\"string\""},
	{CONF_CUSTOM, config_read_secrets, "provider, or map", "\"anyOf\":[{\"type\":\"string\"}," REF("secrets") "]"},
	{CONF_CUSTOM, config_read_database, "place, or map", "\"anyOf\":[{\"type\":\"string\"}," REF("database") "]"},
	{CONF_CUSTOM, config_read_database_place, "place", "\"type\":\"string\""},
	{CONF_CUSTOM, config_read_fleet, "URL", "\"type\":\"string\",\"pattern\":\"^https?://[^/?#]+/?$\""},
	{CONF_CUSTOM, config_read_auth, "`required` or `none`", "\"enum\":[\"required\",\"none\"]"},
	{CONF_CUSTOM, config_read_names, "`prefixed` or `plain`", "\"enum\":[\"prefixed\",\"plain\"]"},
	{CONF_CUSTOM, config_read_policy, "list of rules",
	 "\"type\":[\"array\",\"null\"],\"items\":{\"type\":\"object\"}"},
	{CONF_CUSTOM, config_read_proxies, "list of networks", "\"type\":\"array\",\"items\":{\"type\":\"string\"}"},
	{CONF_CUSTOM, config_read_public_url, "https origin",
	 "\"type\":\"string\",\"pattern\":\"^https?://[^/?#]+/?$\""},
	{CONF_CUSTOM, config_read_revision, "protocol revision",
	 "\"type\":\"string\",\"pattern\":\"^[0-9]{4}-[0-9]{2}-[0-9]{2}$\""},
	{CONF_CUSTOM, config_read_connector, "map", "\"allOf\":[" REF("connector") "]"},
	{CONF_CUSTOM, config_read_settings, "map of names and texts",
	 "\"type\":\"object\",\"additionalProperties\":" SCALAR},
	{CONF_CUSTOM, config_read_accounts, "map of names and settings",
	 "\"type\":\"object\",\"patternProperties\":{\"" NAME_PATTERN
	 "\":{\"type\":[\"object\",\"null\"],\"additionalProperties\":" SCALAR "}},\"additionalProperties\":false"},
	{CONF_CUSTOM, config_read_upstream_auth, "map", "\"allOf\":[" REF("auth") "]"},
	{CONF_CUSTOM, config_read_client_document, "https URL", "\"type\":\"string\",\"pattern\":\"^https://.+\""},
	{CONF_CUSTOM, config_read_http, "URL, or map",
	 "\"anyOf\":[{\"type\":\"string\"},{\"allOf\":[" REF("http") "],\"required\":[\"url\"]}]"},
	{CONF_CUSTOM, config_read_sse, "URL, or map",
	 "\"anyOf\":[{\"type\":\"string\"},{\"allOf\":[" REF("http") "],\"required\":[\"url\"]}]"},
	{CONF_CUSTOM, config_read_stdio, "map", "\"allOf\":[" REF("stdio") "],\"required\":[\"command\"]"},
	{CONF_CUSTOM, config_read_domains, "map of domains and tenants", MAPPING},
	{CONF_CUSTOM, config_read_roles, "map of values and roles", MAPPING},
	{CONF_CUSTOM, config_read_providers, "map of names and providers",
	 "\"type\":[\"object\",\"null\"],\"patternProperties\":{\"^[a-z0-9-]{1,32}$\":" REF(
		 "provider") "},\"additionalProperties\":false"},
	{CONF_CUSTOM, config_read_algorithms, "list of algorithms",
	 "\"type\":\"array\",\"minItems\":1,\"items\":{\"enum\":[\"ES256\",\"ES384\",\"RS256\",\"RS384\",\"RS512\","
	 "\"PS256\"]}"},
	{CONF_CUSTOM, config_read_bridges, "map of names and bridges", NAMED("bridge")},
	{CONF_CUSTOM, config_read_bridge_scopes, "map of scopes and permissions",
	 "\"type\":\"object\",\"additionalProperties\":{\"type\":[\"string\",\"null\"]}"},
	{CONF_CUSTOM, config_read_issuers, "map of names and issuers", NAMED("issuer")},
	{CONF_CUSTOM, config_read_upstreams, "map of names and upstreams", NAMED("upstream")},
	{CONF_CUSTOM, config_read_toolsets, "map of names and toolsets", NAMED("toolset")},
	{CONF_CUSTOM, config_read_inngest, "map",
	 "\"allOf\":[" REF("inngest") "],\"required\":[\"signing_key\",\"event_key\"]"},
	{CONF_CUSTOM, config_read_jobs, "map of names and schedules", MAPPING},
	{CONF_CUSTOM, config_read_plans, "map of names and plans",
	 "\"type\":[\"object\",\"null\"],\"additionalProperties\":" REF("plan")},
};

static const struct form *form_of(const struct conf_field *field)
{
	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		if (forms[i].type == field->type && forms[i].custom == field->custom)
			return &forms[i];
	CHECK(!"a reader of config_tables.c has no form here");
	return NULL;
}

/* ---- every table once, in the order of the file ------------------------------------ */

#define TABLES_MAX 64

struct walk {
	const struct conf_table *table[TABLES_MAX];
	size_t count;
};

static void collect(struct walk *walk, const struct conf_table *table)
{
	for (size_t i = 0; i < walk->count; i++)
		if (walk->table[i] == table)
			return;
	CHECK(walk->count < TABLES_MAX);
	walk->table[walk->count++] = table;
	for (size_t i = 0; i < table->count; i++)
		if (table->fields[i].table != NULL)
			collect(walk, table->fields[i].table);
}

/* ---- the schema -------------------------------------------------------------------- */

static void put_default(struct buf *out, const struct conf_field *field)
{
	if (field->fallback == NULL)
		return;
	buf_put(out, STR(",\"default\":"));
	if (field->type == CONF_BOOL || field->type == CONF_UINT)
		buf_put(out, str_of(field->fallback));
	else
		buf_put_json(out, str_of(field->fallback));
}

static void put_value_schema(struct buf *out, const struct conf_field *field)
{
	if (field->type == CONF_TABLE)
		buf_put_fmt(out, "\"$ref\":\"#/$defs/%s\"", field->table->name);
	else
		buf_put(out, str_of(form_of(field)->schema));
	if (field->type == CONF_UINT) {
		buf_put_fmt(out, ",\"minimum\":%lld", (long long)field->low);
		if (field->high != 0)
			buf_put_fmt(out, ",\"maximum\":%lld", (long long)field->high);
	}
	for (size_t i = 0; field->choices != NULL && field->choices[i] != NULL; i++)
		buf_put_fmt(out, "%s\"%s\"", i == 0 ? ",\"enum\":[" : ",", field->choices[i]);
	if (field->choices != NULL)
		buf_put_byte(out, ']');
}

static void put_table_schema(struct buf *out, const struct conf_table *table)
{
	buf_put(out, STR("\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"));
	for (size_t i = 0; i < table->count; i++) {
		const struct conf_field *field = &table->fields[i];

		buf_put_fmt(out, "%s\n  \"%s\":{\"description\":", i == 0 ? "" : ",", field->name);
		buf_put_json(out, str_of(field->doc));
		put_default(out, field);
		buf_put_byte(out, ',');
		put_value_schema(out, field);
		buf_put_byte(out, '}');
	}
	buf_put_byte(out, '}');
}

void config_schema_write(struct buf *out)
{
	struct walk walk = {0};

	collect(&walk, &config_root_table);
	buf_put(out, STR("{\"$schema\":\"" SCHEMA_DIALECT "\",\"title\":\"Gatehouse configuration\",\n"));
	put_table_schema(out, &config_root_table);
	buf_put(out, STR(",\n\"$defs\":{"));
	for (size_t i = 1; i < walk.count; i++) {
		buf_put_fmt(out, "%s\n\"%s\":{", i == 1 ? "" : ",", walk.table[i]->name);
		put_table_schema(out, walk.table[i]);
		buf_put_byte(out, '}');
	}
	buf_put(out, STR("}}\n"));
}

/* ---- the page ---------------------------------------------------------------------- */

static void put_range(struct buf *out, const struct conf_field *field)
{
	const char *unit = field->type == CONF_MS ? " ms" : field->type == CONF_SIZE ? " bytes" : "";

	if (field->high != 0)
		buf_put_fmt(out, ", %lld to %lld%s", (long long)field->low, (long long)field->high, unit);
}

static void put_takes(struct buf *out, const struct conf_field *field)
{
	buf_put(out, str_of(form_of(field)->words));
	for (size_t i = 0; field->choices != NULL && field->choices[i] != NULL; i++)
		buf_put_fmt(out, "%s`%s`", i == 0 ? " " : ", ", field->choices[i]);
	put_range(out, field);
	if (field->table != NULL)
		buf_put_fmt(out, " (see [%s](#%s))", field->table->name, field->table->name);
}

static void put_table_page(struct buf *out, const struct conf_table *table, const char *title)
{
	buf_put_fmt(out, "\n## %s\n\n| key | takes | default | what it is for |\n|---|---|---|---|\n", title);
	for (size_t i = 0; i < table->count; i++) {
		const struct conf_field *field = &table->fields[i];

		buf_put_fmt(out, "| `%s` | ", field->name);
		put_takes(out, field);
		if (field->fallback != NULL)
			buf_put_fmt(out, " | `%s` | ", field->fallback);
		else
			buf_put(out, STR(" | | "));
		buf_put(out, str_of(field->doc));
		if (field->example != NULL)
			buf_put_fmt(out, " Example: `%s`", field->example);
		buf_put(out, STR(" |\n"));
	}
}

void config_reference_write(struct buf *out)
{
	struct walk walk = {0};

	buf_put(out,
		STR("# Configuration\n\nGenerated by `./dev docs` from src/gateway/config_tables.c; do not edit.\n\n"
		    "One YAML (or JSON) file, named with `--config`; without that `./gatehouse.yaml`, or the defaults\n"
		    "below. `gatehouse check` validates it, an unknown key is refused with its line and column, and\n"
		    "`gatehouse reference schema` prints the JSON Schema for editors.\n\n"
		    "In any text `${file:PATH}` becomes what that file holds (relative paths start at the\n"
		    "configuration's directory) and `${env:NAME}` an environment variable, so that secrets need not\n"
		    "stand in the configuration.\n"));
	collect(&walk, &config_root_table);
	put_table_page(out, &config_root_table, "Top level");
	for (size_t i = 1; i < walk.count; i++)
		put_table_page(out, walk.table[i], walk.table[i]->name);
}
