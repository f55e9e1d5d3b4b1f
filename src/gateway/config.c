/* The configuration: text -> nodes (conf_node.c) -> tables (config_tables.c) -> one
 * checked, immutable snapshot. What a single value cannot tell is checked here. */
#include "gateway/config.h"

#include "base/check.h"
#include "gateway/conf_table.h"
#include "gateway/config_parts.h"
#include "gateway/config_private.h"
#include "gateway/config_tables.h"
#include "gateway/local.h"

#define CONFIG_MAGIC 0x434f4e46u /* "CONF" */
#define CONFIG_ARENA_BYTES_MAX (256u * 1024 * 1024)

struct config *config_new(void)
{
	struct arena *arena = arena_new(CONFIG_ARENA_BYTES_MAX);
	struct config *config = ARENA_NEW(arena, struct config);

	config->magic = CONFIG_MAGIC;
	config->arena = arena;
	atomic_init(&config->refs, 1);
	return config;
}

struct config *config_ref(struct config *config)
{
	CHECK_OBJ(config, CONFIG_MAGIC);
	atomic_fetch_add_explicit(&config->refs, 1, memory_order_relaxed);
	return config;
}

void config_unref(struct config *config)
{
	if (config == NULL)
		return;
	CHECK_OBJ(config, CONFIG_MAGIC);
	if (atomic_fetch_sub_explicit(&config->refs, 1, memory_order_acq_rel) != 1)
		return;
	config->magic = 0;
	config_unref(config->base);
	arena_free_wiped(config->arena); /* values of secrets are among its texts */
}

struct config *config_derive(struct config *base)
{
	struct config *config = config_new();
	struct arena *arena = config->arena;

	CHECK_OBJ(base, CONFIG_MAGIC);
	*config = *base;
	atomic_init(&config->refs, 1);
	config->arena = arena;
	config->base = config_ref(base);
	return config;
}

/* What no single value can tell. */
static void check_whole(struct conf_reading *reading, struct config *config)
{
	config->loopback_only = true;
	for (size_t i = 0; i < config->listen_count; i++)
		config->loopback_only = config->loopback_only && address_is_loopback(&config->listen[i].address);
	if (!config->auth_required && !config->loopback_only)
		conf_problem(
			&reading->problems, NULL,
			"`auth: none` would let everybody in; listen on a loopback address such as 127.0.0.1:8080, "
			"or remove `auth: none`");
	if (config->fleet.address.n > 0 && str_eq(config->state.place, STR("memory")))
		conf_problem(&reading->problems, NULL,
			     "`fleet` needs a `state` that the replicas share: the URL of a Valkey or Redis");
}

static struct str directory_of(struct arena *arena, struct str file)
{
	const char *slash = file.n == 0 ? NULL : memrchr(file.p, '/', file.n);

	return slash == NULL ? STR(".") : arena_str(arena, (struct str){file.p, (size_t)(slash - file.p) + 1});
}

static void read_defaults(struct conf_reading *reading, struct config *config)
{
	const struct conf_node listen = {.kind = CONF_SCALAR, .text = STR("127.0.0.1:8080")};

	conf_defaults(reading, &config_root_table, config);
	config_state_defaults(reading, config);
	config_database_defaults(reading, config);
	config_secrets_defaults(reading, config);
	config->auth_required = true;
	CHECK(config_read_listen(reading, &listen, config) == OK);
}

/* A child works in the data directory unless told otherwise, not wherever the gateway was started. */
static void place_children(struct config *config)
{
	size_t bytes = config->upstream_count * sizeof(struct upstream_spec);
	struct upstream_spec *specs = arena_zalloc(config->arena, bytes + 1);

	if (config->upstream_count == 0)
		return;
	memcpy(specs, config->upstreams, bytes);
	for (size_t i = 0; i < config->upstream_count; i++)
		if (specs[i].kind == UPSTREAM_STDIO && specs[i].cwd.n == 0)
			specs[i].cwd = config->data;
	config->upstreams = specs;
}

/* Beside the database unless told otherwise. */
static void place_archive(struct config *config)
{
	if (config->retention.archive.n == 0)
		config->retention.archive = arena_fmt(config->arena, "%.*s/archive", STR_ARG(config->data));
}

static void unref_text(void *text)
{
	secret_text_unref(text);
}

/* The names and values stay with the snapshot: a watch compares with them. */
static void keep_secrets(struct config *config, const struct config_secret *secrets, size_t count)
{
	struct config_secret *kept = arena_zalloc(config->arena, count * sizeof(*kept) + 1);

	for (size_t i = 0; i < count; i++) {
		kept[i].name = arena_str(config->arena, secrets[i].name);
		kept[i].text = secret_text_ref(secrets[i].text);
		arena_defer(config->arena, unref_text, kept[i].text);
	}
	config->named_secrets = kept;
	config->named_secret_count = count;
}

static bool is_production(const struct conf_node *root)
{
	const struct conf_node *production = conf_get(root, "production");

	return production != NULL && str_eq(production->text, STR("true"));
}

static void read_root(struct conf_reading *reading, struct config *config, const struct conf_node *root)
{
	reading->production = is_production(root);
	read_defaults(reading, config);
	if (root != NULL && !(root->kind == CONF_SCALAR && root->text.n == 0))
		conf_read(reading, &config_root_table, root, config);
	config_secrets_place(config);
}

enum err config_read_some(struct config *config, const struct conf_node *node, struct conf_problems *problems)
{
	struct conf_reading reading = {.arena = config->arena, .problems = *problems};

	reading.directory = directory_of(config->arena, problems->file);
	read_root(&reading, config, node);
	*problems = reading.problems;
	return problems->count > 0 ? ERR_CONFIG : OK;
}

enum err config_parse_with(struct str text, struct str file, const struct config_secret *secrets, size_t secret_count,
			   struct buf *problem, struct config **ret_config)
{
	AUTO(config) *config = config_new();
	struct conf_reading reading = {.arena = config->arena,
				       .problems = {.file = file, .out = problem},
				       .secrets = secrets,
				       .secret_count = secret_count};
	struct conf_node *root;

	config->file = arena_str(config->arena, file);
	reading.directory = directory_of(config->arena, file);
	TRY(conf_parse(config->arena, text, &reading.problems, &root));
	read_root(&reading, config, root);
	check_whole(&reading, config);
	if (reading.problems.count > 0)
		return ERR_CONFIG;
	keep_secrets(config, secrets, secret_count);
	place_children(config);
	place_archive(config);
	*ret_config = config;
	config = NULL;
	return OK;
}

enum err config_parse(struct str text, struct str file, struct buf *problem, struct config **ret_config)
{
	return config_parse_with(text, file, NULL, 0, problem, ret_config);
}

static bool same_pairs(const struct upstream_pair *a, size_t a_count, const struct upstream_pair *b, size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++)
		if (!str_eq(a[i].name, b[i].name) || !str_eq(a[i].value, b[i].value))
			return false;
	return true;
}

static bool same_texts(const struct str *a, size_t a_count, const struct str *b, size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++)
		if (!str_eq(a[i], b[i]))
			return false;
	return true;
}

static bool same_numbers(const struct upstream_spec *a, const struct upstream_spec *b)
{
	return a->warm == b->warm && a->allow_private == b->allow_private &&
	       a->memory_bytes_max == b->memory_bytes_max && a->files_max == b->files_max &&
	       a->processes_max == b->processes_max && a->children_max == b->children_max &&
	       a->children_per_tenant_max == b->children_per_tenant_max && a->timeout_ms == b->timeout_ms &&
	       a->connect_timeout_ms == b->connect_timeout_ms && a->idle_ms == b->idle_ms &&
	       a->concurrency == b->concurrency && a->queue_max == b->queue_max &&
	       a->queue_tenant_max == b->queue_tenant_max && a->queue_timeout_ms == b->queue_timeout_ms &&
	       a->answer_bytes_max == b->answer_bytes_max && a->breaker_failures == b->breaker_failures &&
	       a->breaker_rest_ms == b->breaker_rest_ms && a->revision == b->revision;
}

bool config_same_upstream(const struct upstream_spec *a, const struct upstream_spec *b)
{
	const struct str texts_a[] = {a->name,	   a->url,     a->ca_file, a->cert_file,
				      a->key_file, a->command, a->cwd,	   a->owner};
	const struct str texts_b[] = {b->name,	   b->url,     b->ca_file, b->cert_file,
				      b->key_file, b->command, b->cwd,	   b->owner};

	return a->kind == b->kind && local_same(a->local, b->local) && a->isolation == b->isolation &&
	       a->stored == b->stored && config_same_auth(&a->auth, &b->auth) &&
	       same_texts(texts_a, ARRAY_LEN(texts_a), texts_b, ARRAY_LEN(texts_b)) &&
	       same_pairs(a->headers, a->header_count, b->headers, b->header_count) &&
	       same_pairs(a->env, a->env_count, b->env, b->env_count) &&
	       same_texts(a->args, a->arg_count, b->args, b->arg_count) && same_numbers(a, b);
}
