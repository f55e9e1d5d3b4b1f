/* `gatehouse jobs`, `jobs history`, `jobs run`, `jobs drop`: what the servers do at their times, how it went, and the
 * operator's hand on it. All of it is rows: a running server finds a job that was hurried within a second. */
#include "base/clock.h"
#include "cli/installation.h"
#include "jobs/cron.h"
#include "store/job.h"

#define PAGE_ROWS 200
#define HISTORY_ROWS 50

static const char *state_of(const struct job *job, int64_t now_ms)
{
	if (job->dead)
		return "dead";
	if (job->lease_until_ms > now_ms)
		return "running";
	return job->next_ms >= CRON_NEVER_MS ? "off" : job->next_ms <= now_ms ? "due" : "waiting";
}

static void put_time(int64_t ms, char text[CLOCK_ISO_LEN + 1])
{
	if (ms > 0 && ms < CRON_NEVER_MS)
		clock_iso(ms, text);
	else
		memcpy(text, "-", 2);
}

static void put_member(struct buf *out, const char *name, struct str value)
{
	buf_put_fmt(out, "\"%s\":", name);
	buf_put_json(out, value);
	buf_put_byte(out, ',');
}

static void put_job(struct buf *out, const struct job *job, int64_t now_ms, bool json)
{
	char next[CLOCK_ISO_LEN + 1];

	put_time(job->next_ms, next);
	if (!json) {
		buf_put_fmt(out, "%-26.*s  %-16.*s  %-7s  %-24s  %8lld  %.*s\n", STR_ARG(job->id),
			    STR_ARG(job->schedule.n > 0 ? job->schedule : STR("once")), state_of(job, now_ms), next,
			    (long long)job->attempts, STR_ARG(job->error));
		return;
	}
	buf_put_byte(out, '{');
	put_member(out, "id", job->id);
	put_member(out, "kind", job->kind);
	put_member(out, "tenant_id", job->tenant_id);
	put_member(out, "schedule", job->schedule);
	put_member(out, "state", str_of(state_of(job, now_ms)));
	put_member(out, "next", str_of(next));
	put_member(out, "error", job->error);
	buf_put_fmt(out, "\"attempts\":%lld}", (long long)job->attempts);
}

AWAITS static enum err list(struct installation *installation)
{
	bool json = installation->invocation->json;
	struct str after = STR("");
	AUTO_BUF out = {0};
	struct job *jobs;
	size_t count;

	buf_put(&out, json ? STR("[") : STR(""));
	if (!json)
		buf_put_fmt(&out, "%-26s  %-16s  %-7s  %-24s  %8s  %s\n", "JOB", "SCHEDULE", "STATE", "NEXT",
			    "ATTEMPTS", "LAST ERROR");
	do {
		TRY(job_list(installation->db, installation->arena, after, PAGE_ROWS, &jobs, &count));
		for (size_t i = 0; i < count; i++) {
			buf_put(&out, json && out.n > 1 ? STR(",\n") : STR(""));
			put_job(&out, &jobs[i], clock_wall_ms(), json);
		}
		after = count > 0 ? jobs[count - 1].id : after;
	} while (count == PAGE_ROWS);
	buf_put(&out, json ? STR("]\n") : STR(""));
	command_print(&out);
	return OK;
}

int jobs_list_run(const struct invocation *invocation)
{
	return installation_run(invocation, INSTALLATION_USE, list, NULL);
}

static void put_run(struct buf *out, const struct job_run *run, bool json)
{
	char started[CLOCK_ISO_LEN + 1];

	put_time(run->started_ms, started);
	if (!json) {
		buf_put_fmt(out, "%s  %-26.*s  %8lld ms  %-16.*s  %.*s\n", started, STR_ARG(run->job_id),
			    (long long)(run->ended_ms - run->started_ms), STR_ARG(run->outcome), STR_ARG(run->words));
		return;
	}
	buf_put_byte(out, '{');
	put_member(out, "job", run->job_id);
	put_member(out, "kind", run->kind);
	put_member(out, "started", str_of(started));
	put_member(out, "outcome", run->outcome);
	put_member(out, "words", run->words);
	buf_put_fmt(out, "\"duration_ms\":%lld,\"attempt\":%lld,\"node\":\"%016llx\"}",
		    (long long)(run->ended_ms - run->started_ms), (long long)run->attempt,
		    (unsigned long long)run->node);
}

AWAITS static enum err history(struct installation *installation)
{
	const struct invocation *invocation = installation->invocation;
	struct str kind = invocation->options.operand_count > 0 ? invocation->options.operands[0] : STR("");
	struct job_run *runs;
	AUTO_BUF out = {0};
	size_t count;

	TRY(job_runs(installation->db, installation->arena, kind, HISTORY_ROWS, &runs, &count));
	buf_put(&out, invocation->json ? STR("[") : STR(""));
	for (size_t i = 0; i < count; i++) {
		buf_put(&out, invocation->json && i > 0 ? STR(",\n") : STR(""));
		put_run(&out, &runs[i], invocation->json);
	}
	buf_put(&out, invocation->json ? STR("]\n") : count == 0 ? STR("nothing has run yet\n") : STR(""));
	command_print(&out);
	return OK;
}

int jobs_history_run(const struct invocation *invocation)
{
	return installation_run(invocation, INSTALLATION_USE, history, NULL);
}

AWAITS static enum err hurry(struct installation *installation)
{
	struct str id = installation->invocation->options.operands[0];
	enum err err = job_hurry(installation->db, id, clock_wall_ms());

	if (err == ERR_NOT_FOUND)
		return installation_fail(installation, err, "no job '%.*s'; `gatehouse jobs` lists them", STR_ARG(id));
	TRY(err);
	return installation_audit(installation, "job.hurried", STR(""), id);
}

int jobs_run_run(const struct invocation *invocation)
{
	return installation_run(invocation, INSTALLATION_USE, hurry, NULL);
}

AWAITS static enum err drop(struct installation *installation)
{
	struct str id = installation->invocation->options.operands[0];
	enum err err = job_delete(installation->db, id);

	if (err == ERR_NOT_FOUND)
		return installation_fail(installation, err,
					 "no job '%.*s' that runs once; one with a schedule is switched off with "
					 "`jobs: { %.*s: never }` in the configuration",
					 STR_ARG(id), STR_ARG(id));
	TRY(err);
	return installation_audit(installation, "job.dropped", STR(""), id);
}

int jobs_drop_run(const struct invocation *invocation)
{
	return installation_run(invocation, INSTALLATION_USE, drop, NULL);
}
