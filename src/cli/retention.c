/* `gatehouse retention` and `retention run`: how long rows are kept, and enforcing it by hand. Both work on the
 * database directly, beside a running server; which rows are past their period is for the retention room. */
#include "retention/retention.h"

#include <stdio.h>

#include "base/clock.h"
#include "cli/installation.h"

#define DAY_MS 86400000LL

static void put_line(struct buf *out, const struct retention_line *line, bool json)
{
	char swept[CLOCK_ISO_LEN + 1] = "never";

	if (line->swept_ms > 0)
		clock_iso(line->swept_ms, swept);
	if (json)
		buf_put_fmt(out,
			    "{\"name\":\"%s\",\"period_days\":%lld,\"rows\":%lld,\"past\":%lld,\"last_run_ms\":%lld}",
			    line->name, (long long)(line->period_ms / DAY_MS), (long long)line->rows,
			    (long long)line->past, (long long)line->swept_ms);
	else
		buf_put_fmt(out, "%-12s  kept %4lld days after their end  %8lld rows, %lld past it  last run %s\n",
			    line->name, (long long)(line->period_ms / DAY_MS), (long long)line->rows,
			    (long long)line->past, swept);
}

AWAITS static enum err show(struct installation *installation)
{
	bool json = installation->invocation->json;
	struct retention_line lines[RETENTION_LINES];
	AUTO_BUF out = {0};

	TRY(retention_show(installation->db, lines));
	for (size_t i = 0; i < RETENTION_LINES; i++) {
		buf_put(&out, !json ? STR("") : i == 0 ? STR("[") : STR(",\n"));
		put_line(&out, &lines[i], json);
	}
	buf_put(&out, json ? STR("]\n") : STR(""));
	command_print(&out);
	return OK;
}

AWAITS static enum err run(struct installation *installation)
{
	TRY(retention_enforce(installation->db));
	TRY(installation_audit(installation, "retention.enforced", STR(""), STR("")));
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
