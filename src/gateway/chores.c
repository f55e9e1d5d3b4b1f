/* The table of the gateway's jobs, and the few that are of no other room. Each looks at the configuration of the moment
 * when it runs, so a reload needs to tell nobody; schedules are read at the start. */
#include "gateway/chores.h"

#include "ads/sync_jobs.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "bridge/bridge.h"
#include "gateway/ads_room.h"
#include "gateway/conf_table.h"
#include "gateway/gateway.h"
#include "jobs/cron.h"
#include "jobs/jobs.h"
#include "oauth/sweep.h"
#include "retention/retention.h"
#include "store/api_key.h"
#include "store/audit_search.h"
#include "store/partition.h"
#include "store/usage.h"
#include "vault/vault.h"

#define MINUTE_MS 60000LL
#define DAY_MS (24 * 60 * MINUTE_MS)
#define NOTICE_MS (7 * DAY_MS)	/* before a key ends */
#define NOTICE_KEYS 500		/* of one run; the next day has a next run */
#define ARCHIVE_SLACK_MS DAY_MS /* one file a day where there is little to archive */
#define BLOCK_PAUSE_MS 400	/* between blocks of the trail, which take the writer 30 ms each: some 80,000 rows/s */

AWAITS static enum err clear_rows(const struct job_call *call)
{
	struct gateway *gateway = call->arg;
	const struct retention_periods periods = gateway->config->retention;

	return retention_enforce(gateway->db, &periods);
}

/* Held while it runs: a reload lets go of the snapshot that names the directory. */
AWAITS enum err chores_archive(struct gateway *gateway, struct buf *words)
{
	AUTO(config) *config = config_ref(gateway->config);
	size_t files = 0;
	enum err err =
		retention_archive(gateway->db, gateway->audit, &config->retention, ARCHIVE_SLACK_MS, &files, words);

	if (err == OK)
		buf_put_fmt(words, "%zu files", files);
	return err;
}

AWAITS static enum err archive_trail(const struct job_call *call)
{
	return chores_archive(call->arg, call->words);
}

/* Rows of a month that has no table yet go into the default one, which is slower, not wrong. */
AWAITS static enum err make_partitions(const struct job_call *call)
{
	struct gateway *gateway = call->arg;

	return partition_prepare(gateway->db, clock_wall_ms());
}

AWAITS static enum err note_blocks(const struct job_call *call)
{
	struct gateway *gateway = call->arg;
	bool made = true;
	size_t count = 0;

	for (;;) {
		TRY(audit_block_make(gateway->db, &made));
		if (!made)
			break;
		count++;
		TRY(fiber_sleep(BLOCK_PAUSE_MS));
	}
	buf_put_fmt(call->words, "%zu blocks", count);
	return OK;
}

AWAITS static enum err sweep_grants(const struct job_call *call)
{
	struct gateway *gateway = call->arg;

	return oauth_sweep(gateway->db, clock_wall_ms());
}

/* Held while it runs: as in archive_trail. */
AWAITS static enum err tend_bridges(const struct job_call *call)
{
	struct gateway *gateway = call->arg;
	AUTO(config) *config = config_ref(gateway->config);

	return bridge_tend(gateway->bridge, config->bridges, config->bridge_count, call->words);
}

/* What a rotation has begun and did not end, and data keys under a KEK that has been replaced. */
AWAITS static enum err finish_rotation(const struct job_call *call)
{
	struct gateway *gateway = call->arg;
	struct vault_rotation rotation = {0};
	enum err err = vault_rotate(gateway->vault, &rotation);

	buf_put_fmt(call->words, "%llu tenants, %llu keys wrapped, %llu values sealed, %llu unreadable",
		    (unsigned long long)rotation.tenants, (unsigned long long)rotation.keys_wrapped,
		    (unsigned long long)rotation.values_sealed, (unsigned long long)rotation.values_unreadable);
	return err;
}

AWAITS static enum err sweep_media(const struct job_call *call)
{
	struct gateway *gateway = call->arg;

	return media_store_sweep(gateway->media, call->words);
}

AWAITS static enum err roll_usage_up(const struct job_call *call)
{
	struct gateway *gateway = call->arg;

	return usage_roll_up(gateway->db,
			     usage_month_of(clock_wall_ms() - gateway->config->retention.usage_callers_ms));
}

/* One row of the trail and one line of the log for each key, once. The mark is written last: twice is better than
 * never. */
AWAITS static enum err announce_key(struct gateway *gateway, const struct api_key *key)
{
	const struct audit_record record = {
		.event = STR("api_key.expiring"), .tenant_id = key->tenant_id, .target = key->id, .outcome = STR("ok")};
	char at[CLOCK_ISO_LEN + 1];

	clock_iso(key->expires_ms, at);
	log_warn("api_key.expiring", LOG_STR("key", key->id), LOG_STR("name", key->name),
		 LOG_STR("tenant", key->tenant_name), LOG_CSTR("expires", at),
		 LOG_CSTR("advice", "`gatehouse key rotate` makes its successor"));
	TRY(audit_append(gateway->audit, &record));
	return api_key_noticed(gateway->db, key->id, clock_wall_ms());
}

AWAITS static enum err announce_keys(const struct job_call *call)
{
	AUTO(arena) *arena = arena_new(4 << 20);
	struct gateway *gateway = call->arg;
	int64_t now_ms = clock_wall_ms();
	struct api_key *keys;
	size_t count;

	TRY(api_key_expiring(gateway->db, arena, now_ms, now_ms + NOTICE_MS, NOTICE_KEYS, &keys, &count));
	for (size_t i = 0; i < count; i++)
		TRY(announce_key(gateway, &keys[i]));
	buf_put_fmt(call->words, "%zu keys", count);
	return OK;
}

static const struct job_kind chores[] = {
	{.name = "retention",
	 .about = "clear away rows past their period",
	 .schedule = "17 * * * *",
	 .run_ms_max = 30 * MINUTE_MS,
	 .attempts_max = 3,
	 .run = clear_rows},
	{.name = "archive",
	 .about = "move old rows of the audit trail into files",
	 .schedule = "47 * * * *",
	 .run_ms_max = 50 * MINUTE_MS,
	 .attempts_max = 3,
	 .run = archive_trail},
	{.name = "partitions",
	 .about = "make the tables of coming months (PostgreSQL)",
	 .schedule = "5 2 * * *",
	 .run_ms_max = 10 * MINUTE_MS,
	 .attempts_max = 5,
	 .run = make_partitions},
	{.name = "audit-blocks",
	 .about = "note whose rows of the audit trail are where (SQLite)",
	 .schedule = "every 1m",
	 .run_ms_max = 60 * MINUTE_MS,
	 .attempts_max = 2,
	 .run = note_blocks},
	{.name = "oauth-sweep",
	 .about = "forget codes, tokens and registrations that have ended",
	 .schedule = "every 10m",
	 .run_ms_max = 5 * MINUTE_MS,
	 .attempts_max = 2,
	 .run = sweep_grants},
	{.name = "key-notices",
	 .about = "announce API keys that end within a week",
	 .schedule = "23 6 * * *",
	 .run_ms_max = 10 * MINUTE_MS,
	 .attempts_max = 5,
	 .run = announce_keys},
	{.name = "vault",
	 .about = "wrap data keys with the present KEK, finish a rotation that was cut short",
	 .schedule = "53 4 * * *",
	 .run_ms_max = 50 * MINUTE_MS,
	 .attempts_max = 5,
	 .run = finish_rotation},
	{.name = "bridges",
	 .about = "give clients of bridges new secrets in time, remove what a registration left unfinished",
	 .schedule = "29 * * * *",
	 .run_ms_max = 50 * MINUTE_MS,
	 .attempts_max = 3,
	 .run = tend_bridges},
	{.name = "media",
	 .about = "delete uploaded files that have expired",
	 .schedule = "every 10m",
	 .run_ms_max = 10 * MINUTE_MS,
	 .attempts_max = 3,
	 .run = sweep_media},
	{.name = "usage-roll-up",
	 .about = "keep old months of usage by tenant alone",
	 .schedule = "41 3 2 * *",
	 .run_ms_max = 10 * MINUTE_MS,
	 .attempts_max = 5,
	 .run = roll_usage_up},
};

struct str chores_schedule(const struct config *config, struct str name)
{
	for (size_t i = 0; i < config->chore_count; i++)
		if (str_eq(config->chores[i].name, name))
			return config->chores[i].schedule;
	return STR("");
}

/* Each run would do nothing but write its row of the history. */
static bool is_needless(const struct job_kind *kind, enum db_engine engine)
{
	return kind->run == (engine == DB_SQLITE ? make_partitions : note_blocks);
}

AWAITS enum err chores_start(struct gateway *gateway)
{
	gateway->jobs = jobs_new(gateway->db, gateway->node);
	for (size_t i = 0; i < ARRAY_LEN(chores); i++) {
		struct job_kind kind = chores[i];

		if (is_needless(&kind, db_engine(gateway->db)))
			continue;
		kind.arg = gateway;
		TRY(jobs_add(gateway->jobs, &kind, chores_schedule(gateway->config, str_of(kind.name)), NULL));
	}
	TRY(ads_room_add_jobs(gateway));
	return jobs_start(gateway->jobs);
}

AWAITS void chores_stop(struct gateway *gateway)
{
	jobs_stop(gateway->jobs);
	jobs_free(gateway->jobs);
	gateway->jobs = NULL;
}

/* ---- jobs: ---------------------------------------------------------------------- */

static bool is_chore(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(chores); i++)
		if (str_eq(name, str_of(chores[i].name)))
			return true;
	return sync_is_job(name);
}

static enum err refuse(struct conf_reading *reading, const struct conf_node *node, struct str problem)
{
	conf_problem(&reading->problems, node, "jobs: %.*s", STR_ARG(problem));
	return ERR_CONFIG;
}

enum err config_read_jobs(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct config *config = object;
	struct chore_setting *settings;

	if (node->kind != CONF_MAP)
		return refuse(reading, node, STR("must be a map of names and schedules"));
	settings = arena_alloc(reading->arena, (node->count + 1) * sizeof(*settings));
	for (size_t i = 0; i < node->count; i++) {
		const struct conf_entry *entry = &node->entries[i];
		AUTO_BUF problem = {0};
		struct cron cron;

		if (!is_chore(entry->key->text))
			return refuse(reading, entry->value, STR("no such job; `gatehouse jobs` lists them"));
		if (entry->value->kind != CONF_SCALAR || cron_read(entry->value->text, &cron, &problem) != OK)
			return refuse(reading, entry->value,
				      problem.n > 0 ? buf_str(&problem) : STR("a schedule is a text"));
		settings[i] = (struct chore_setting){entry->key->text, entry->value->text};
	}
	config->chores = settings;
	config->chore_count = node->count;
	return OK;
}
