/* `gatehouse ads show` and `ads invalidate`: the kept reports of ad platforms, and forgetting them. Both work on the
 * database directly; running servers notice within ten seconds what was forgotten. `ads warm` is `sync run`. */
#include "ads/report.h"
#include "base/clock.h"
#include "base/json.h"
#include "cli/installation.h"
#include "store/metric.h"

#define SHOWN_ROWS METRIC_ROWS_PER_TENANT /* a tenant has no more */

/* Empty: all of them. */
static enum err read_platform(struct installation *installation, struct str *ret_platform)
{
	const struct options *options = &installation->invocation->options;

	*ret_platform = options->operand_count > 1 ? options->operands[1] : STR("");
	if (ret_platform->n > 0 && ads_platform_named(*ret_platform) == ADS_PLATFORMS)
		return installation_fail(installation, ERR_USAGE, "no platform '%.*s'; google, meta or tiktok",
					 STR_ARG(*ret_platform));
	return OK;
}

/* ---- show ------------------------------------------------------------------------------ */

static void put_member(struct buf *out, const char *name, struct str value)
{
	buf_put_fmt(out, "\"%s\":", name);
	buf_put_json(out, value);
	buf_put_byte(out, ',');
}

static void put_time(struct buf *out, const char *name, int64_t wall_ms)
{
	char text[CLOCK_ISO_LEN + 1];

	if (wall_ms == 0) {
		buf_put_fmt(out, "\"%s\":null,", name);
		return;
	}
	clock_iso(wall_ms, text);
	put_member(out, name, str_of(text));
}

/* The class of the last failure; empty: it went well. */
static struct str failure_of(struct arena *arena, const struct metric *row)
{
	yyjson_val *root;

	return row->failed_ms > 0 && json_read(arena, row->failure, &root) == OK ? json_str(json_get(root, "class"))
										 : STR("");
}

static void put_json(struct buf *out, struct arena *arena, const struct metric *row)
{
	buf_put_byte(out, '{');
	put_member(out, "platform", row->key.platform);
	put_member(out, "upstream", row->key.upstream);
	put_member(out, "account", row->key.account);
	put_member(out, "holder", row->key.holder);
	put_member(out, "ad_account", row->key.ad_account);
	put_member(out, "report", row->key.report);
	put_member(out, "range", row->key.range);
	put_time(out, "fetched_at", row->fetched_ms);
	put_time(out, "used_at", row->used_ms);
	put_time(out, "failed_at", row->failed_ms);
	put_member(out, "failure", failure_of(arena, row));
	buf_put_fmt(out, "\"rows\":%lld,\"bytes\":%lld}", (long long)row->row_count, (long long)row->bytes);
}

static void put_line(struct buf *out, struct arena *arena, const struct metric *row)
{
	char fetched[CLOCK_ISO_LEN + 1] = "-";

	if (row->fetched_ms > 0)
		clock_iso(row->fetched_ms, fetched);
	buf_put_fmt(out, "%-24s  %-8.*s  %-14.*s  %-12.*s  %-20.*s  %7lld  %9lld  %.*s\n", fetched,
		    STR_ARG(row->key.platform), STR_ARG(row->key.report), STR_ARG(row->key.range),
		    STR_ARG(row->key.ad_account), (long long)row->row_count, (long long)row->bytes,
		    STR_ARG(failure_of(arena, row)));
}

AWAITS static enum err show(struct installation *installation)
{
	bool json = installation->invocation->json;
	struct tenant tenant;
	struct metric *rows;
	struct str platform, *ids;
	AUTO_BUF out = {0};
	size_t count, shown = 0;

	TRY(installation_tenant(installation, installation->invocation->options.operands[0], &tenant));
	TRY(read_platform(installation, &platform));
	TRY(metric_list(installation->db, installation->arena, tenant.id, STR(""), SHOWN_ROWS, &rows, &ids, &count));
	for (size_t i = 0; i < count; i++) {
		if (platform.n > 0 && !str_eq(platform, rows[i].key.platform))
			continue;
		if (json)
			buf_put(&out, shown == 0 ? STR("[") : STR(",\n"));
		else if (shown == 0)
			buf_put_fmt(&out, "%-24s  %-8s  %-14s  %-12s  %-20s  %7s  %9s  %s\n", "FETCHED", "PLATFORM",
				    "REPORT", "RANGE", "AD ACCOUNT", "ROWS", "BYTES", "FAILURE");
		if (json)
			put_json(&out, installation->arena, &rows[i]);
		else
			put_line(&out, installation->arena, &rows[i]);
		shown++;
	}
	if (json)
		buf_put(&out, shown == 0 ? STR("[]\n") : STR("]\n"));
	else if (shown == 0)
		buf_put(&out, STR("no reports are kept\n"));
	command_print(&out);
	return OK;
}

int ads_show_run(const struct invocation *invocation)
{
	return installation_run(invocation, INSTALLATION_USE, show, NULL);
}

/* ---- invalidate ------------------------------------------------------------------------ */

AWAITS static enum err invalidate(struct installation *installation)
{
	struct tenant tenant;
	struct str platform;
	AUTO_BUF out = {0};
	int64_t count;

	TRY(installation_tenant(installation, installation->invocation->options.operands[0], &tenant));
	TRY(read_platform(installation, &platform));
	TRY(metric_forget(installation->db, tenant.id, platform, &count));
	TRY(installation_audit(installation, "ads.invalidated", tenant.id, platform.n == 0 ? STR("*") : platform));
	if (installation->invocation->json)
		buf_put_fmt(&out, "{\"reports\":%lld}\n", (long long)count);
	else
		buf_put_fmt(&out, "%lld reports are forgotten\n", (long long)count);
	command_print(&out);
	return OK;
}

int ads_invalidate_run(const struct invocation *invocation)
{
	return installation_run(invocation, INSTALLATION_USE, invalidate, NULL);
}
