/* Who is due each hour, and the nightly work. A round lists the tenants that have an account at a platform and asks for
 * a run of each, at a minute of its own that is the same each hour: the platforms see an even stream, and two runs of
 * one tenant are an hour apart. */
#include "ads/sync_private.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/log.h"
#include "store/tenant.h"

#define HOUR_MS 3600000LL
#define HOUR_LETTERS 13 /* "2026-11-22T01" */
#define PAGE_TENANTS 100
#define PAGE_ARENA_BYTES (8 << 20)
#define WISHES_AT_ONCE 300

struct str sync_run_id(struct arena *arena, struct str tenant_id, enum ads_platform platform, struct str word)
{
	return arena_fmt(arena, "sync:%.*s:%s:%.*s", STR_ARG(tenant_id), ads_platform_name(platform), STR_ARG(word));
}

/* ---- list-tenants ----------------------------------------------------------------- */

/* Append ["TENANT","google",...]; nothing if it has no account, or is disabled. */
AWAITS static enum err put_tenant(struct sync_run *run, struct arena *arena, struct str tenant_id, struct buf *out,
				  size_t *count)
{
	const struct sync_spec *spec = &run->sync->spec;
	struct tenant tenant;
	bool connected;
	size_t put = 0;
	enum err err = tenant_get(spec->db, arena, tenant_id, &tenant);

	if (err == ERR_NOT_FOUND || (err == OK && tenant.disabled))
		return OK;
	TRY(err);
	for (enum ads_platform platform = 0; platform < ADS_PLATFORMS; platform++) {
		TRY(sync_is_connected(spec, arena, tenant_id, platform, &connected));
		if (!connected)
			continue;
		if (put++ == 0)
			buf_put_fmt(out, "%s[\"%.*s\"", *count > 0 ? "," : "", STR_ARG(tenant_id));
		buf_put_fmt(out, ",\"%s\"", ads_platform_name(platform));
	}
	if (put > 0) {
		buf_put_byte(out, ']');
		(*count)++;
	}
	return OK;
}

AWAITS static enum err list_tenants(struct sync_run *run, const struct sync_step *step, struct buf *out)
{
	const struct ads_source *source = &run->sync->spec.source;
	struct str after = STR("");
	size_t listed = 0, found;

	buf_put_byte(out, '[');
	do {
		AUTO(arena) *arena = arena_new(PAGE_ARENA_BYTES);
		struct str *tenants;

		TRY(source->tenants(source->arg, after, PAGE_TENANTS, arena, &tenants, &found));
		for (size_t i = 0; i < found && listed < SYNC_TENANTS_MAX; i++)
			TRY(put_tenant(run, arena, tenants[i], out, &listed));
		if (found > 0)
			after = arena_str(run->arena, tenants[found - 1]);
	} while (found == PAGE_TENANTS && listed < SYNC_TENANTS_MAX);
	if (listed == SYNC_TENANTS_MAX)
		log_warn("sync.tenants_left_out", LOG_STR("after", after), LOG_INT("limit", SYNC_TENANTS_MAX));
	buf_put_byte(out, ']');
	return OK;
}

/* ---- fan-out ---------------------------------------------------------------------- */

/* Where in the hour: of the names, so that each replica and each round finds the same. */
static int64_t minute_ms(struct str tenant_id, enum ads_platform platform)
{
	uint8_t digest[32];
	AUTO_BUF text = {0};
	uint32_t number;

	buf_put_fmt(&text, "%.*s %s", STR_ARG(tenant_id), ads_platform_name(platform));
	crypto_sha256(buf_str(&text), digest);
	number = (uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 | (uint32_t)digest[2] << 8 | digest[3];
	return (int64_t)(number % (uint64_t)HOUR_MS);
}

struct round {
	struct sync_run *run;
	int64_t hour_ms; /* its beginning, wall time */
	char hour[CLOCK_ISO_LEN + 1];
	struct arena *arena; /* of the wishes */
	struct sync_wish wishes[WISHES_AT_ONCE];
	size_t count, asked;
};

AWAITS static enum err ask(struct round *round)
{
	if (round->count > 0)
		TRY(round->run->ask(round->run, round->wishes, round->count));
	round->asked += round->count;
	round->count = 0;
	return OK;
}

AWAITS static enum err wish(struct round *round, struct str tenant_id, enum ads_platform platform)
{
	struct sync_wish *wish = &round->wishes[round->count];

	if (platform == ADS_PLATFORMS)
		return OK;
	*wish = (struct sync_wish){
		.id = sync_run_id(round->arena, tenant_id, platform, (struct str){round->hour, HOUR_LETTERS}),
		.tenant_id = tenant_id,
		.platform = platform,
		.at_ms = round->hour_ms + minute_ms(tenant_id, platform)};
	return ++round->count == WISHES_AT_ONCE ? ask(round) : OK;
}

AWAITS static enum err ask_for_all(struct round *round, yyjson_val *tenants)
{
	yyjson_val *tenant, *name;
	size_t i, k, tenant_count, name_count;

	yyjson_arr_foreach(tenants, i, tenant_count, tenant)
	{
		struct str id = json_str(yyjson_arr_get_first(tenant));

		yyjson_arr_foreach(tenant, k, name_count, name)
		{
			if (k > 0)
				TRY(wish(round, id, ads_platform_named(json_str(name))));
		}
	}
	return ask(round);
}

AWAITS static enum err fan_out(struct sync_run *run, const struct sync_step *step, struct buf *out)
{
	struct round *round = ARENA_NEW(run->arena, struct round);
	yyjson_val *tenants;

	TRY(json_read(run->arena, run->found, &tenants));
	if (!yyjson_is_arr(tenants))
		return ERR_JSON_SYNTAX;
	*round =
		(struct round){.run = run, .hour_ms = run->started_ms - run->started_ms % HOUR_MS, .arena = run->arena};
	clock_iso(round->hour_ms, round->hour);
	TRY(ask_for_all(round, tenants));
	buf_put_fmt(out, "{\"asked\":%zu}", round->asked);
	return OK;
}

const struct sync_step sync_round_steps[2] = {{"list-tenants", list_tenants, 0}, {"fan-out", fan_out, 0}};

/* ---- at night ---------------------------------------------------------------------- */

static void put_words(struct buf *out, const struct buf *words)
{
	buf_put(out, STR("{\"words\":"));
	buf_put_json(out, buf_str(words));
	buf_put_byte(out, '}');
}

AWAITS static enum err clear(struct sync_run *run, const struct sync_step *step, struct buf *out)
{
	const struct sync_spec *spec = &run->sync->spec;
	AUTO_BUF words = {0};

	TRY(spec->clear(spec->arg, (enum retention_kind)step->arg, &words));
	put_words(out, &words);
	return OK;
}

AWAITS static enum err archive(struct sync_run *run, const struct sync_step *step, struct buf *out)
{
	const struct sync_spec *spec = &run->sync->spec;
	AUTO_BUF words = {0};

	TRY(spec->archive(spec->arg, &words));
	put_words(out, &words);
	return OK;
}

const struct sync_step sync_purge_steps[1] = {{"delete-expired", clear, RETENTION_METRICS}};
const struct sync_step sync_archive_steps[2] = {{"archive", archive, 0}, {"purge-sync-log", clear, RETENTION_SYNC_LOG}};
