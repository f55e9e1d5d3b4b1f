/* `gatehouse retention` and `retention run`: how long rows are kept, and enforcing it by hand. Both work on the
 * database directly, beside a running server; which rows are past their period is for the retention room. */
#include "retention/retention.h"

#include <stdio.h>

#include "base/clock.h"
#include "cli/installation.h"
#include "store/audit_archive.h"

#define DAY_MS 86400000LL
#define HOUR_MS 3600000LL

static void put_period(struct buf *out, int64_t ms)
{
	if (ms % DAY_MS == 0)
		buf_put_fmt(out, "%6lld days", (long long)(ms / DAY_MS));
	else
		buf_put_fmt(out, "%5.1f hours", (double)ms / HOUR_MS);
}

static void put_line(struct buf *out, const struct retention_line *line, bool json)
{
	char swept[CLOCK_ISO_LEN + 1] = "never";

	if (line->swept_ms > 0)
		clock_iso(line->swept_ms, swept);
	if (json) {
		buf_put_fmt(out,
			    "{\"name\":\"%s\",\"period_days\":%g,\"rows\":%lld,\"past\":%lld,\"last_run_ms\":%lld},\n",
			    line->name, (double)line->period_ms / DAY_MS, (long long)line->rows, (long long)line->past,
			    (long long)line->swept_ms);
		return;
	}
	buf_put_fmt(out, "%-12s  kept ", line->name);
	put_period(out, line->period_ms);
	buf_put_fmt(out, " after their end  %8lld rows, %lld past it  last run %s\n", (long long)line->rows,
		    (long long)line->past, swept);
}

/* The trail's rows are numbered: what is archived and what is not follows from two numbers. */
AWAITS static enum err put_trail(struct installation *installation, struct buf *out)
{
	const struct retention_periods *periods = &installation->config->retention;
	char at[CLOCK_ISO_LEN + 1] = "never";
	struct audit_head head;
	int64_t archived, at_ms;
	struct str file;

	TRY(audit_archive_state(installation->db, installation->arena, &archived, &file, &at_ms));
	TRY(audit_head_get(installation->db, &head));
	if (at_ms > 0)
		clock_iso(at_ms, at);
	if (installation->invocation->json) {
		buf_put_fmt(out, "{\"name\":\"audit\",\"period_days\":%g,\"rows\":%lld,\"archived\":%lld,\"file\":",
			    (double)periods->audit_ms / DAY_MS, (long long)(head.seq - archived), (long long)archived);
		buf_put_json(out, file);
		buf_put_fmt(out, ",\"last_run_ms\":%lld}", (long long)at_ms);
		return OK;
	}
	buf_put(out, STR("audit         "));
	if (periods->audit_ms == 0)
		buf_put(out, STR("never archived"));
	else
		buf_put(out, STR("kept "));
	if (periods->audit_ms > 0)
		put_period(out, periods->audit_ms);
	buf_put_fmt(out, "  %lld rows, %lld archived in %.*s, last %s\n", (long long)(head.seq - archived),
		    (long long)archived, STR_ARG(periods->archive), at);
	return OK;
}

AWAITS static enum err show(struct installation *installation)
{
	bool json = installation->invocation->json;
	struct retention_line lines[RETENTION_LINES];
	AUTO_BUF out = {0};

	TRY(retention_show(installation->db, &installation->config->retention, lines));
	buf_put(&out, json ? STR("[") : STR(""));
	for (size_t i = 0; i < RETENTION_LINES; i++)
		put_line(&out, &lines[i], json);
	TRY(put_trail(installation, &out));
	buf_put(&out, json ? STR("]\n") : STR(""));
	command_print(&out);
	return OK;
}

AWAITS static enum err run(struct installation *installation)
{
	const struct retention_periods *periods = &installation->config->retention;
	size_t files;

	TRY(retention_enforce(installation->db, periods));
	TRY(installation_audit(installation, "retention.enforced", STR(""), STR("")));
	TRY(retention_archive(installation->db, installation->audit, periods, 0, &files, &installation->problem));
	return show(installation);
}

int retention_show_run(const struct invocation *invocation)
{
	return installation_run(invocation, INSTALLATION_USE, show, NULL);
}

int retention_run_run(const struct invocation *invocation)
{
	return installation_run(invocation, INSTALLATION_USE, run, NULL);
}
