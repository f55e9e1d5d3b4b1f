/* Doctor, the data: does the database answer, does the audit trail end where it should, is there a
 * key to sign in with, is the clock sane. A long trail is not walked here: that takes a while and
 * is what `gatehouse audit verify` is for. */
#include "cli/doctor.h"

#include <stdio.h>

#include "audit/audit.h"
#include "base/clock.h"
#include "store/audit_row.h"

#define WALK_ROWS_MAX 100000 /* about a second */
#define CLOCK_SLACK_MS 60000
#define CLOCK_EARLIEST_MS 1767225600000 /* 2026-01-01: this program did not exist before */

AWAITS static void check_clock(struct doctor *doctor, const struct audit_row *newest)
{
	int64_t now_ms = clock_wall_ms();
	char text[CLOCK_ISO_LEN + 1];

	clock_iso(newest == NULL ? now_ms : newest->at_ms, text);
	if (now_ms < CLOCK_EARLIEST_MS)
		doctor_note(doctor, FINDING_FAIL, "clock", "it says %s; set it (systemd-timesyncd, chrony)", text);
	else if (newest != NULL && newest->at_ms > now_ms + CLOCK_SLACK_MS)
		doctor_note(doctor, FINDING_FAIL, "clock",
			    "it is behind the newest audit row (%s); set it, keys expire by this clock", text);
	else
		doctor_note(doctor, FINDING_OK, "clock", "not before the newest audit row");
}

AWAITS static void check_trail(struct doctor *doctor, struct installation *installation)
{
	struct audit_row *rows = NULL;
	struct audit_head head;
	AUTO_BUF problem = {0};
	size_t count = 0;
	int64_t sound;
	enum err err = audit_head_get(installation->db, &head);

	if (err == OK && head.seq > 0)
		err = audit_row_page(installation->db, installation->arena, head.seq - 1, 1, &rows, &count);
	if (err == OK && head.seq <= WALK_ROWS_MAX)
		err = audit_verify(installation->db, installation->keys.audit, &problem, &sound);
	else if (err == OK && (count == 0 || rows[0].seq != head.seq))
		err = ERR_DB_CORRUPT;
	if (err == ERR_DB_CORRUPT)
		doctor_note(doctor, FINDING_FAIL, "audit trail", "%.*s; run `gatehouse audit verify`, keep a copy",
			    STR_ARG(problem.n > 0 ? buf_str(&problem) : STR("its last row is missing")));
	else if (err != OK)
		doctor_note(doctor, FINDING_FAIL, "audit trail", "it cannot be read: %s", err_text(err));
	else if (head.seq <= WALK_ROWS_MAX)
		doctor_note(doctor, FINDING_OK, "audit trail", "%lld rows, all sound", (long long)sound);
	else
		doctor_note(doctor, FINDING_OK, "audit trail",
			    "%lld rows, the last is in place; `gatehouse audit verify` proves all of them",
			    (long long)head.seq);
	check_clock(doctor, err == OK && count > 0 ? &rows[0] : NULL);
}

static bool is_live(const struct api_key *key)
{
	return key->revoked_ms == 0 && !key->tenant_disabled &&
	       (key->expires_ms == 0 || key->expires_ms > clock_wall_ms());
}

AWAITS static void check_keys(struct doctor *doctor, struct installation *installation)
{
	struct api_key *keys;
	size_t count, live = 0;
	enum err err = installation_keys(installation, STR_NONE, &keys, &count);

	if (err != OK) {
		doctor_note(doctor, FINDING_FAIL, "API keys", "they cannot be read: %s", err_text(err));
		return;
	}
	for (size_t i = 0; i < count; i++)
		live += is_live(&keys[i]);
	if (!doctor->config->auth_required)
		doctor_note(doctor, FINDING_WARN, "API keys", "`auth: none`: whoever reaches the port may call tools");
	else if (live == 0)
		doctor_note(doctor, FINDING_FAIL, "API keys",
			    "nobody can sign in; make one with `gatehouse key create --tenant NAME`");
	else
		doctor_note(doctor, FINDING_OK, "API keys", "%zu of %zu work", live, count);
}

AWAITS void doctor_check_data(struct doctor *doctor, struct installation *installation)
{
	int64_t us;

	if (db_ping(installation->db, &us) == OK)
		doctor_note(doctor, FINDING_OK, "database", "answers in %lld us", (long long)us);
	else
		doctor_note(doctor, FINDING_FAIL, "database",
			    "opens but does not answer; is the disk full or failing?");
	check_trail(doctor, installation);
	check_keys(doctor, installation);
}
