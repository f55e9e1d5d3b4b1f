/* A stored part is read by the tables that read the configuration file, and then held to more: whoever may make one
 * over the API is not whoever may log in to this machine. So it names no files, no variables and no programs, goes to
 * private addresses only where the file allows that, takes no more than the usual share, and holds no credentials in
 * clear: rows are in backups and exports. What it may do is what remains; whether two parts fit together is checked
 * where they are put beside the file's. */
#include "gateway/config_stored.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "yaml/conf_json.h"
#include "gateway/config_parts.h"

#define CHECK_ARENA_BYTES (16 * 1024 * 1024) /* a document has 64 KB at most */
#define TIMEOUT_MS_MAX 600000		     /* a call holds a place, memory and a fiber meanwhile */

static const char file_only[] = "names a file of this machine: that is for the configuration file";

static const struct {
	const char *in, *key, *why;
} refused[] = {
	{NULL, "stdio", "a child process runs with the gateway's rights: name it in the configuration file"},
	{"http", "ca", file_only},
	{"http", "cert", file_only},
	{"http", "key", file_only},
	{"http", "file", file_only},
	{"http", "webhook", "rows keep no secrets: name this upstream in the configuration file"},
	{"http", "allow_private", "is for the configuration file: see `private_upstreams` there"},
};

static void check_refused(struct conf_reading *reading, const struct conf_node *root)
{
	static const char *const transports[] = {"http", "sse", "connector"};

	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		for (size_t t = 0; t < ARRAY_LEN(transports); t++) {
			const struct conf_node *in = refused[i].in == NULL ? root : conf_get(root, transports[t]);
			const struct conf_node *at = in == NULL ? NULL : conf_get(in, refused[i].key);

			if (at != NULL)
				conf_problem(&reading->problems, at, "%s %s", refused[i].key, refused[i].why);
			if (refused[i].in == NULL)
				break;
		}
	}
}

/* A client's secret would be in every backup and export. */
static void check_auth(struct conf_reading *reading, const struct conf_node *root)
{
	static const struct {
		const char *key, *why;
	} keys[] = {
		{"client_secret", "rows keep no secrets: name this upstream in the configuration file"},
		{"private_key", "rows keep no secrets: name this upstream in the configuration file"},
		{"subject_file", file_only},
	};
	const struct conf_node *auth = conf_get(root, "auth"), *idp = auth == NULL ? NULL : conf_get(auth, "idp");

	for (size_t i = 0; auth != NULL && i < ARRAY_LEN(keys); i++) {
		const struct conf_node *at = conf_get(auth, keys[i].key);
		const struct conf_node *inner = idp == NULL ? NULL : conf_get(idp, keys[i].key);

		if (at != NULL || inner != NULL)
			conf_problem(&reading->problems, at != NULL ? at : inner, "%s: %s", keys[i].key, keys[i].why);
	}
}

static bool looks_secret(struct str text)
{
	AUTO_BUF shown = {0};

	log_redact(&shown, text);
	return !str_eq(buf_str(&shown), text);
}

static void check_setting(struct conf_reading *reading, const struct conf_entry *entry)
{
	if (entry->value->kind != CONF_SCALAR) {
		for (size_t i = 0; i < entry->value->count && entry->value->kind == CONF_MAP; i++)
			if (entry->value->entries[i].value->kind == CONF_SCALAR)
				check_setting(reading, &entry->value->entries[i]);
		return;
	}
	if (log_name_is_secret(entry->key->text) || looks_secret(entry->value->text))
		conf_problem(
			&reading->problems, entry->key,
			"it seems to hold a credential, and rows keep none: set it with `gatehouse credential set`");
}

/* Settings of a connector, and of its accounts. */
static void check_settings(struct conf_reading *reading, const struct conf_node *root)
{
	static const char *const parts[] = {"settings", "accounts"};
	const struct conf_node *in = conf_get(root, "connector");

	for (size_t p = 0; in != NULL && p < ARRAY_LEN(parts); p++) {
		const struct conf_node *map = conf_get(in, parts[p]);

		for (size_t i = 0; map != NULL && map->kind == CONF_MAP && i < map->count; i++)
			check_setting(reading, &map->entries[i]);
	}
}

static void check_secrets(struct conf_reading *reading, const struct conf_node *root, const struct upstream_spec *spec)
{
	static const char *const transports[] = {"http", "sse"};

	for (size_t t = 0; t < ARRAY_LEN(transports); t++) {
		const struct conf_node *in = conf_get(root, transports[t]);
		const struct conf_node *headers = in == NULL ? NULL : conf_get(in, "headers");

		if (in != NULL && looks_secret(spec->url))
			conf_problem(&reading->problems, in, "url: it seems to hold a credential, and rows keep none");
		for (size_t i = 0; headers != NULL && i < headers->count; i++) {
			const struct conf_entry *entry = &headers->entries[i];

			if (log_name_is_secret(entry->key->text) || looks_secret(entry->value->text) ||
			    str_eq_nocase(entry->key->text, STR("cookie")))
				conf_problem(&reading->problems, entry->key,
					     "credentials are not kept in rows: give the upstream an `auth`, then set "
					     "one with `gatehouse credential set` or connect an account");
		}
	}
}

static void check_shares(struct conf_reading *reading, const struct conf_node *root, const struct upstream_spec *spec)
{
	const struct {
		const char *key;
		uint64_t value, most;
	} shares[] = {
		{"concurrency", spec->concurrency, UPSTREAM_CONCURRENCY},
		{"queue", spec->queue_max, UPSTREAM_QUEUE_MAX},
		{"queue_timeout", (uint64_t)spec->queue_timeout_ms, TIMEOUT_MS_MAX},
		{"answer", spec->answer_bytes_max, UPSTREAM_ANSWER_BYTES_MAX},
		{"timeout", (uint64_t)spec->timeout_ms, TIMEOUT_MS_MAX},
		{"connect_timeout", (uint64_t)spec->connect_timeout_ms, UPSTREAM_TIMEOUT_MS},
	};

	for (size_t i = 0; i < ARRAY_LEN(shares); i++)
		if (shares[i].value > shares[i].most)
			conf_problem(&reading->problems, conf_get(root, shares[i].key),
				     "%s: at most %llu for what is made at run time", shares[i].key,
				     (unsigned long long)shares[i].most);
}

static enum err begin(struct conf_reading *reading, struct str document, struct conf_node **ret_root)
{
	static const struct conf_node nowhere;

	reading->literal = true;
	reading->problems.pointer_root = &nowhere;
	if (document.n > PART_DOCUMENT_BYTES_MAX) {
		conf_problem(&reading->problems, NULL, "larger than %d bytes", PART_DOCUMENT_BYTES_MAX);
		return ERR_CONFIG;
	}
	return conf_from_json(reading->arena, document, &reading->problems, ret_root);
}

static enum err read_upstream(struct conf_reading *reading, struct str name, struct str document,
			      struct upstream_spec *ret_spec)
{
	const struct conf_node key = {.text = name};
	struct upstream_spec spec = {0};
	struct conf_node *root;
	enum err err;

	TRY(begin(reading, document, &root));
	err = config_read_upstream(reading, &key, root, &spec);
	check_refused(reading, root);
	check_auth(reading, root);
	if (err == OK) {
		check_secrets(reading, root, &spec);
		check_settings(reading, root);
		check_shares(reading, root, &spec);
	}
	spec.stored = true;
	spec.allow_private = false;
	*ret_spec = spec;
	return err == OK && reading->problems.count == 0 ? OK : ERR_CONFIG;
}

static enum err read_toolset(struct conf_reading *reading, struct str name, struct str document,
			     struct toolset_spec *ret_spec)
{
	const struct conf_node key = {.text = name};
	struct toolset_spec spec = {0};
	struct conf_node *root;
	enum err err;

	TRY(begin(reading, document, &root));
	err = config_read_toolset(reading, &key, root, &spec);
	*ret_spec = spec;
	return err == OK && reading->problems.count == 0 ? OK : ERR_CONFIG;
}

enum err config_check_upstream(struct str name, struct str document, struct buf *problem)
{
	AUTO(arena) *arena = arena_new(CHECK_ARENA_BYTES);
	struct conf_reading reading = {.arena = arena, .problems = {.out = problem}};
	struct upstream_spec spec;

	return read_upstream(&reading, name, document, &spec);
}

enum err config_check_toolset(struct str name, struct str document, struct buf *problem)
{
	AUTO(arena) *arena = arena_new(CHECK_ARENA_BYTES);
	struct conf_reading reading = {.arena = arena, .problems = {.out = problem}};
	struct toolset_spec spec;

	return read_toolset(&reading, name, document, &spec);
}

/* ---- beside the file's ------------------------------------------------------------ */

struct merging {
	struct config *config;
	struct upstream_spec *upstreams;
	struct toolset_spec *toolsets;
	struct config_skipped *skipped;
};

static void skip(struct merging *merging, const char *kind, const struct part *part, struct str problem)
{
	struct config *config = merging->config;

	log_error("part.skipped", LOG_CSTR("kind", kind), LOG_STR("name", part->name), LOG_STR("id", part->id),
		  LOG_STR("problem", problem));
	merging->skipped[config->skipped_count++] = (struct config_skipped){
		.kind = kind,
		.name = arena_str(config->arena, part->name),
		.owner = arena_str(config->arena, part->tenant_id),
		.problem = arena_str(config->arena, problem),
	};
}

static bool upstream_named(const struct config *config, struct str name)
{
	for (size_t i = 0; i < config->upstream_count; i++)
		if (str_eq(config->upstreams[i].name, name))
			return true;
	return false;
}

static bool toolset_named(const struct config *config, struct str name)
{
	for (size_t i = 0; i < config->toolset_count; i++)
		if (str_eq(config->toolsets[i].name, name))
			return true;
	return false;
}

static const char taken[] = "the configuration file has one of this name, which wins";

static void add_upstream(struct merging *merging, const struct part *part)
{
	AUTO_BUF problem = {0};
	struct config *config = merging->config;
	struct conf_reading reading = {.arena = config->arena, .problems = {.out = &problem}};
	struct upstream_spec *spec = &merging->upstreams[config->upstream_count];
	struct str name = arena_str(config->arena, part->name);

	if (upstream_named(config, name)) {
		skip(merging, "upstream", part, str_of(taken));
	} else if (config->upstream_count == UPSTREAMS_MAX) {
		skip(merging, "upstream", part, STR("there are too many upstreams"));
	} else if (read_upstream(&reading, name, part->document, spec) != OK) {
		skip(merging, "upstream", part, buf_str(&problem));
	} else {
		spec->owner = arena_str(config->arena, part->tenant_id);
		spec->allow_private = config->private_upstreams;
		config->upstream_count++;
	}
}

static void add_toolset(struct merging *merging, const struct part *part)
{
	AUTO_BUF problem = {0};
	struct config *config = merging->config;
	struct conf_reading reading = {.arena = config->arena, .problems = {.out = &problem}};
	struct toolset_spec *spec = &merging->toolsets[config->toolset_count];
	struct str name = arena_str(config->arena, part->name);

	if (toolset_named(config, name)) {
		skip(merging, "toolset", part, str_of(taken));
	} else if (read_toolset(&reading, name, part->document, spec) != OK) {
		skip(merging, "toolset", part, buf_str(&problem));
	} else {
		spec->owner = arena_str(config->arena, part->tenant_id);
		config->toolset_count++;
	}
}

struct config *config_with_stored(struct config *file, const struct stored_parts *stored)
{
	size_t upstreams = stored->count[PART_UPSTREAM], toolsets = stored->count[PART_TOOLSET];
	struct merging merging = {.config = config_derive(file)};
	struct arena *arena = merging.config->arena;

	merging.upstreams = arena_zalloc(arena, (file->upstream_count + upstreams + 1) * sizeof(*merging.upstreams));
	merging.toolsets = arena_zalloc(arena, (file->toolset_count + toolsets + 1) * sizeof(*merging.toolsets));
	merging.skipped = arena_zalloc(arena, (upstreams + toolsets + 1) * sizeof(*merging.skipped));
	if (file->upstream_count > 0)
		memcpy(merging.upstreams, file->upstreams, file->upstream_count * sizeof(*merging.upstreams));
	if (file->toolset_count > 0)
		memcpy(merging.toolsets, file->toolsets, file->toolset_count * sizeof(*merging.toolsets));
	merging.config->upstreams = merging.upstreams;
	merging.config->toolsets = merging.toolsets;
	merging.config->skipped = merging.skipped;
	for (size_t i = 0; i < upstreams; i++)
		add_upstream(&merging, &stored->parts[PART_UPSTREAM][i]);
	for (size_t i = 0; i < toolsets; i++)
		add_toolset(&merging, &stored->parts[PART_TOOLSET][i]);
	return merging.config;
}
