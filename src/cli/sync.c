/* `gatehouse sync` and `sync run`: how fresh the figures of ad platforms are kept, and asking for it now. Both work on
 * the database directly; a running server finds what was asked for within a second. */
#include "ads/sync_jobs.h"
#include "base/clock.h"
#include "cli/installation.h"
#include "store/sync_log.h"

#define LATEST_ROWS 50

static void put_member(struct buf *out, const char *name, struct str value)
{
	buf_put_fmt(out, "\"%s\":", name);
	buf_put_json(out, value);
	buf_put_byte(out, ',');
}

static void put_json(struct buf *out, const struct sync_log *run, const char *started)
{
	buf_put_byte(out, '{');
	put_member(out, "id", run->id);
	put_member(out, "tenant_id", run->tenant_id);
	put_member(out, "platform", run->platform);
	put_member(out, "place", run->place);
	put_member(out, "driver", run->driver);
	put_member(out, "started", str_of(started));
	put_member(out, "outcome", run->outcome);
	put_member(out, "error", run->error);
	buf_put_fmt(out, "\"ended_ms\":%lld,\"again_ms\":%lld,\"steps_done\":%lld,\"steps_total\":%lld,",
		    (long long)run->ended_ms, (long long)run->again_ms, (long long)run->steps_done,
		    (long long)run->steps_total);
	buf_put_fmt(out, "\"reports\":%lld,\"rows\":%lld,\"bytes\":%lld}", (long long)run->reports,
		    (long long)run->rows, (long long)run->bytes);
}

static void put_run(struct buf *out, const struct sync_log *run, bool json)
{
	char started[CLOCK_ISO_LEN + 1];

	clock_iso(run->started_ms, started);
	if (json) {
		put_json(out, run, started);
		return;
	}
	buf_put_fmt(out, "%s  %-9.*s  %2lld/%-2lld  %7lld  %9lld  %-52.*s  %.*s\n", started, STR_ARG(run->outcome),
		    (long long)run->steps_done, (long long)run->steps_total, (long long)run->reports,
		    (long long)run->rows, STR_ARG(run->id), STR_ARG(run->error));
}

AWAITS static enum err latest(struct installation *installation)
{
	const struct invocation *invocation = installation->invocation;
	struct sync_log_query query = {.tenant_id = STR_NONE, .limit = LATEST_ROWS};
	struct tenant tenant;
	struct sync_log *runs;
	AUTO_BUF out = {0};
	size_t count;

	if (invocation->options.operand_count > 0) {
		TRY(installation_tenant(installation, invocation->options.operands[0], &tenant));
		query.tenant_id = tenant.id;
	}
	TRY(sync_log_list(installation->db, installation->arena, &query, &runs, &count));
	if (invocation->json)
		buf_put(&out, STR("["));
	else if (count == 0)
		buf_put(&out, STR("nothing has run yet\n"));
	else
		buf_put_fmt(&out, "%-24s  %-9s  %-5s  %7s  %9s  %-52s  %s\n", "STARTED", "OUTCOME", "STEPS", "REPORTS",
			    "ROWS", "RUN", "ERROR");
	for (size_t i = 0; i < count; i++) {
		buf_put(&out, invocation->json && i > 0 ? STR(",\n") : STR(""));
		put_run(&out, &runs[i], invocation->json);
	}
	buf_put(&out, invocation->json ? STR("]\n") : STR(""));
	command_print(&out);
	return OK;
}

int sync_latest_run(const struct invocation *invocation)
{
	return installation_run(invocation, INSTALLATION_USE, latest, NULL);
}

AWAITS static enum err ask_one(struct installation *installation, const struct tenant *tenant,
			       enum ads_platform platform)
{
	AUTO_BUF out = {0};
	struct str id;

	TRY(sync_ask(installation->db, installation->arena, tenant->id, platform, &id));
	TRY(installation_audit(installation, "sync.asked", tenant->id, id));
	buf_put_fmt(&out, "%.*s\n", STR_ARG(id));
	command_print(&out);
	return OK;
}

AWAITS static enum err ask(struct installation *installation)
{
	const struct options *options = &installation->invocation->options;
	struct tenant tenant;

	TRY(installation_tenant(installation, options->operands[0], &tenant));
	if (options->operand_count > 1) {
		enum ads_platform platform = ads_platform_named(options->operands[1]);

		if (platform == ADS_PLATFORMS)
			return installation_fail(installation, ERR_USAGE, "no platform '%.*s'; google, meta or tiktok",
						 STR_ARG(options->operands[1]));
		return ask_one(installation, &tenant, platform);
	}
	for (enum ads_platform platform = 0; platform < ADS_PLATFORMS; platform++)
		TRY(ask_one(installation, &tenant, platform));
	return OK;
}

int sync_run_run(const struct invocation *invocation)
{
	return installation_run(invocation, INSTALLATION_USE, ask, NULL);
}
