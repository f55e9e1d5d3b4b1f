/* `gatehouse audit verify|list`: reading the trail. Both read the database directly and may run
 * while a server writes to it. */
#include "audit/audit.h"
#include "audit/seals.h"

#include <stdio.h>

#include "base/clock.h"
#include "cli/audit_archive.h"
#include "store/audit_row.h"

#define LIST_ROWS 50
#define LIST_ROWS_MAX 100000

const struct option audit_list_options[] = {
	{"after", "SEQ", "rows after this number; without it the newest ones"},
	{"limit", "N", "at most so many; default 50"},
	{NULL, NULL, NULL},
};

const struct option audit_verify_options[] = {
	{"archive", NULL, "the archived files as well, and that they and the trail hang together"},
	{NULL, NULL, NULL},
};

struct audit_page {
	bool newest;
	uint64_t after, limit;
};

/* A trail without rows is sound only where nothing ever happened: making a tenant or starting the
 * server would have left some.
 *   ret_rows  of the trail */
AWAITS static enum err verify_trail(struct installation *installation, struct buf *problem, int64_t *ret_rows)
{
	struct tenant *tenants;
	size_t count;

	TRY(audit_verify(installation->db, installation->keys.audit, problem, ret_rows));
	if (*ret_rows > 0)
		return OK;
	TRY(tenant_page(installation->db, installation->arena, STR(""), 1, &tenants, &count));
	if (count == 0)
		return OK;
	buf_put(problem, STR("there are tenants, but no rows at all"));
	return ERR_DB_CORRUPT;
}

AWAITS static enum err verify(struct installation *installation)
{
	bool json = installation->invocation->json;
	AUTO_BUF problem = {0}, out = {0};
	struct audit_head anchor;
	int64_t rows;
	enum err err = verify_trail(installation, &problem, &rows);

	if (err == OK && options_has(&installation->invocation->options, "archive"))
		TRY(audit_archive_verify(installation));
	if (err == OK) {
		TRY(audit_anchor_get(installation->db, &anchor));
		if (json)
			buf_put_fmt(&out, "{\"ok\":true,\"rows\":%lld,\"archived\":%lld}\n",
				    (long long)(rows - anchor.seq), (long long)anchor.seq);
		else
			buf_put_fmt(&out, "%lld rows, all of them sound\n", (long long)(rows - anchor.seq));
		command_print(&out);
		return OK;
	}
	if (err != ERR_DB_CORRUPT)
		return err;
	if (json) {
		buf_put(&out, STR("{\"ok\":false,\"problem\":"));
		buf_put_json(&out, buf_str(&problem));
		buf_put(&out, STR("}\n"));
		command_print(&out);
	}
	return installation_fail(installation, err,
				 "the audit trail does not hold: %.*s; rows before it are sound, compare with a backup",
				 STR_ARG(buf_str(&problem)));
}

int audit_verify_run(const struct invocation *invocation)
{
	return installation_run(invocation, INSTALLATION_USE, verify, NULL);
}

static void put_member(struct buf *out, const char *name, struct str value)
{
	buf_put_fmt(out, ",\"%s\":", name);
	buf_put_json(out, value);
}

static void put_row_json(struct buf *out, const struct audit_row *row)
{
	char at[CLOCK_ISO_LEN + 1];

	clock_iso(row->at_ms, at);
	buf_put_fmt(out, "{\"seq\":%lld,\"at\":\"%s\"", (long long)row->seq, at);
	put_member(out, "event", row->event);
	put_member(out, "tenant_id", row->tenant_id);
	put_member(out, "principal", row->principal);
	put_member(out, "ip", row->ip);
	put_member(out, "request_id", row->request_id);
	put_member(out, "target", row->target);
	put_member(out, "upstream", row->upstream);
	put_member(out, "outcome", row->outcome);
	buf_put_fmt(out, ",\"duration_us\":%lld,\"bytes_in\":%lld,\"bytes_out\":%lld}", (long long)row->duration_us,
		    (long long)row->bytes_in, (long long)row->bytes_out);
}

/* Texts that clients chose stand in a trail: a terminal must not obey them. */
static void put_plain(struct buf *out, int width, struct str text)
{
	AUTO_BUF plain = {0};

	buf_put(&plain, text);
	for (size_t i = 0; i < plain.n; i++)
		if ((unsigned char)plain.p[i] < 0x20 || plain.p[i] == 0x7f)
			plain.p[i] = '?';
	buf_put_fmt(out, "  %-*.*s", width, STR_ARG(buf_str(&plain)));
}

static void put_row_text(struct buf *out, const struct audit_row *row)
{
	char at[CLOCK_ISO_LEN + 1];

	clock_iso(row->at_ms, at);
	buf_put_fmt(out, "%8lld  %s", (long long)row->seq, at);
	put_plain(out, 14, row->event);
	put_plain(out, 26, row->principal);
	put_plain(out, 15, row->ip);
	put_plain(out, 16, row->outcome);
	buf_put_fmt(out, "  %9lld us", (long long)row->duration_us);
	put_plain(out, 0, row->target);
	buf_put_byte(out, '\n');
}

AWAITS static enum err list(struct installation *installation)
{
	const struct audit_page *page = installation->arg;
	int64_t after = (int64_t)page->after;
	struct audit_head head;
	struct audit_row *rows;
	AUTO_BUF out = {0};
	size_t count;
	bool json = installation->invocation->json;

	if (page->newest) {
		TRY(audit_head_get(installation->db, &head));
		after = head.seq > (int64_t)page->limit ? head.seq - (int64_t)page->limit : 0;
	}
	TRY(audit_row_page(installation->db, installation->arena, after, page->limit, &rows, &count));
	TRY(seals_open_rows(installation->db, installation->keys.seal, installation->arena, rows, count));
	buf_put(&out, json ? STR("[") : STR(""));
	for (size_t i = 0; i < count; i++) {
		buf_put(&out, json && i > 0 ? STR(",\n") : STR(""));
		if (json)
			put_row_json(&out, &rows[i]);
		else
			put_row_text(&out, &rows[i]);
	}
	buf_put(&out, json ? STR("]\n") : STR(""));
	command_print(&out);
	return OK;
}

int audit_list_run(const struct invocation *invocation)
{
	struct str after = options_get(&invocation->options, "after"),
		   limit = options_get(&invocation->options, "limit");
	struct audit_page page = {.newest = after.p == NULL, .limit = LIST_ROWS};

	if (after.p != NULL && (str_to_u64(after, &page.after) != OK || page.after > INT64_MAX))
		return command_misused(invocation, "--after takes the number of a row");
	if (limit.p != NULL && (str_to_u64(limit, &page.limit) != OK || page.limit == 0 || page.limit > LIST_ROWS_MAX))
		return command_misused(invocation, "--limit takes a number from 1 to %d", LIST_ROWS_MAX);
	return installation_run(invocation, INSTALLATION_USE, list, &page);
}
