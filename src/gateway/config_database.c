/* `database`: where data lasts. A word or a URL says the place; a map says more of the way there. Whether the
 * server can be reached, and the URL in full, is looked at when the database is opened. */
#include "gateway/config.h"
#include "gateway/config_parts.h"
#include "gateway/config_tables.h"
#include "store/store.h"

#define DATABASE(member) offsetof(struct config_database, member)

static const struct conf_field database_fields[] = {
	{"url", CONF_CUSTOM, .custom = config_read_database_place, .fallback = "sqlite",
	 .doc = "sqlite (a file in `data`), postgresql://USER@HOST:PORT/NAME, or "
		"postgresql:///NAME?host=/DIRECTORY&user=USER of a socket. Without a password: see `password_file`.",
	 .example = "postgresql://gatehouse@db.internal/gatehouse"},
	{"password_file", CONF_STR, DATABASE(password_file), .doc = "File, mode 0600, with the password.",
	 .example = "/run/secrets/gatehouse-database"},
	{"ca", CONF_STR, DATABASE(ca_file),
	 .doc = "Trust these certificates instead of the system's. A server elsewhere must prove its name unless "
		"`sslmode` in the URL says otherwise.",
	 .example = "ca.pem"},
	{"replica", CONF_STR, DATABASE(replica),
	 .doc = "URL of a read replica, for searches of the trail and reports; the primary stands in for it.",
	 .example = "postgresql://gatehouse@db-replica.internal/gatehouse"},
	{"replica_lag", CONF_MS, DATABASE(replica_lag_ms), .low = 100, .high = 3600000, .fallback = "5s",
	 .doc = "A replica that is farther behind is passed over."},
	{"connections", CONF_UINT, DATABASE(connections), .low = 1, .high = 64, .fallback = "4",
	 .doc = "Connections of each event loop to PostgreSQL, at most."},
	{"timeout", CONF_MS, DATABASE(timeout_ms), .low = 100, .high = 600000, .fallback = "30s",
	 .doc = "What one statement may take."},
	{"prepared", CONF_BOOL, DATABASE(prepared), .fallback = "true",
	 .doc = "false: no prepared statements, for poolers of transactions that cannot follow them "
		"(PgBouncer before 1.21)."},
};
const struct conf_table config_database_table = {"database", database_fields, ARRAY_LEN(database_fields)};

enum err config_read_database_place(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct config_database *database = object;

	if (node->kind != CONF_SCALAR ||
	    !(str_eq(node->text, STR("sqlite")) || str_starts(node->text, STR("postgresql://")) ||
	      str_starts(node->text, STR("postgres://")))) {
		conf_problem(&reading->problems, node,
			     "database: must be sqlite or a URL: postgresql://USER@HOST:PORT/NAME");
		return ERR_CONFIG;
	}
	database->url = node->text;
	return OK;
}

enum err config_read_database(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct config *config = object;

	if (node->kind != CONF_MAP)
		return config_read_database_place(reading, node, &config->database);
	conf_read(reading, &config_database_table, node, &config->database);
	return OK;
}

void config_database_defaults(struct conf_reading *reading, struct config *config)
{
	conf_defaults(reading, &config_database_table, &config->database);
	config->database.url = STR("sqlite");
}

/* Strings of a config are NUL-terminated. */
struct db_spec config_db_spec(const struct config *config)
{
	const struct config_database *database = &config->database;
	struct db_spec spec = {.directory = config->data.p,
			       .migrations = store_migrations,
			       .migration_count = store_migration_count,
			       .commit_ms = config->audit_commit_ms};

	if (str_eq(database->url, STR("sqlite")))
		return spec;
	spec.migrations = store_postgres_migrations;
	spec.migration_count = store_postgres_migration_count;
	spec.server = (struct db_server){.url = database->url.p,
					 .replica_url = database->replica.p,
					 .password_file = database->password_file.p,
					 .ca_file = database->ca_file.p,
					 .pool = database->connections,
					 .timeout_ms = database->timeout_ms,
					 .replica_lag_ms = database->replica_lag_ms,
					 .unprepared = !database->prepared};
	return spec;
}
