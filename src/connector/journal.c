/* What must not happen twice. A row says that a request is about to go out, before it does; it is taken away, or gets
 * the result, when it is known what became of it. So a row that is left over says that nobody knows: the process died,
 * or the answer was lost. Then the same call is refused until the row is a day old, or the caller insists with a key of
 * its own.
 *
 *   keyed:    WORKING before the first step ─▶ SENDING ─▶ DONE with the result, sealed
 *   not:      nothing ─▶ SENDING ─▶ nothing */
#include "base/check.h"
#include "base/clock.h"
#include "connector/run.h"
#include "store/sealed.h"
#include "vault/vault.h"

#define CLOSE_MS 5000  /* for the row, whoever has gone */
#define WORK_MS 120000 /* a call without a deadline is taken for dead after this */

static struct str key_of(const struct run *run)
{
	struct value key = run->scope.root[ROOT_IDEM];

	return key.kind == VALUE_TEXT ? key.text : STR_NONE;
}

static void digest_call(struct run *run)
{
	const struct connector_call *call = run->call;
	const struct str parts[] = {call->upstream,  STR("\n"), call->account, STR("\n"),
				    run->tool->name, STR("\n"), run->arguments};

	crypto_mac(run->runner->digest_key, parts, ARRAY_LEN(parts), run->journal.digest);
}

static struct vault_place place_of(const struct run *run, struct str row)
{
	return (struct vault_place){run->call->tenant_id, sealed_kind_name(SEALED_TOOL_RUN), row};
}

AWAITS static enum err begin(struct run *run, enum tool_run_state state, int64_t within_ms)
{
	struct journal *journal = &run->journal;
	int64_t now_ms = clock_wall_ms();
	struct tool_run row = {
		.id = {journal->id, ID_LEN},
		.tenant_id = run->call->tenant_id.p == NULL ? STR("") : run->call->tenant_id,
		.principal = run->call->principal.p == NULL ? STR("") : run->call->principal,
		.upstream = run->call->upstream,
		.tool = run->tool->name,
		.key = key_of(run),
		.state = state,
		.until_ms = now_ms + within_ms,
		.created_ms = now_ms,
	};

	random_id(journal->id);
	memcpy(row.digest, journal->digest, sizeof(row.digest));
	TRY(tool_run_begin(run->runner->db, &row, now_ms));
	journal->open = true;
	journal->sending = state == TOOL_RUN_SENDING;
	return OK;
}

/* Somebody was here before, and it is not known what became of it. */
static enum err refuse_unknown(struct run *run, const struct tool_run *row)
{
	char since[CLOCK_ISO_LEN + 1];

	clock_iso(row->created_ms, since);
	return run_fail(run, CLASS_UNKNOWN_OUTCOME,
			"the same call was made at %s, and its answer was lost: nobody knows what became of it", since);
}

static enum err refuse_running(struct run *run)
{
	return run_fail(run, CLASS_CONFLICT, "the same call is under way; wait for it, or look what became of it");
}

/* The result of the first call with this key. */
AWAITS static enum err replay(struct run *run, const struct tool_run *row)
{
	const struct vault_place place = place_of(run, row->id);
	AUTO(secret_text) *plain = NULL;

	if (row->sealed.n == 0 || run->runner->vault == NULL ||
	    vault_open(run->runner->vault, &place, row->sealed, &plain) != OK)
		return run_fail(run, CLASS_DUPLICATE,
				"a call with this idempotency_key was carried out before; its result is not kept");
	run->journal.kept = arena_try_str(run->call->arena, secret_text_str(plain));
	return run->journal.kept.p == NULL ? ERR_LIMIT : OK;
}

AWAITS static enum err meet(struct run *run, const struct tool_run *row)
{
	if (memcmp(row->digest, run->journal.digest, sizeof(row->digest)) != 0)
		return run_fail(run, CLASS_INVALID, "this idempotency_key was used for another call; take a new one");
	if (row->state == TOOL_RUN_DONE)
		return replay(run, row);
	if (row->until_ms > clock_wall_ms())
		return refuse_running(run);
	return refuse_unknown(run, row);
}

/* A call without a key that was made before, and of which nobody knows what became. */
AWAITS static enum err meet_alike(struct run *run)
{
	int64_t now_ms = clock_wall_ms();
	struct tool_run row;
	enum err err = tool_run_alike(run->runner->db, run->call->arena, run->call->tenant_id, run->call->principal,
				      run->journal.digest, now_ms, &row);

	if (err != OK)
		return err == ERR_NOT_FOUND ? OK : err;
	return row.until_ms > now_ms ? refuse_running(run) : refuse_unknown(run, &row);
}

AWAITS enum err journal_open(struct run *run)
{
	int64_t left_ms = run_left_ms(run);
	struct tool_run row;
	enum err err = ERR_NOT_FOUND;

	if (run->runner->db == NULL || run->tool->read_only)
		return OK;
	digest_call(run);
	if (key_of(run).n == 0)
		return run->tool->has_commit ? meet_alike(run) : OK;
	/* A row that is given back between the two is no reason to refuse. */
	for (unsigned i = 0; i < 2 && err == ERR_NOT_FOUND; i++) {
		err = begin(run, TOOL_RUN_WORKING, left_ms == INT64_MAX ? WORK_MS : left_ms);
		if (err != ERR_EXISTS)
			return err;
		err = tool_run_of_key(run->runner->db, run->call->arena, run->call->tenant_id, run->call->principal,
				      key_of(run), &row);
	}
	if (err == ERR_NOT_FOUND)
		return refuse_running(run);
	TRY(err);
	return meet(run, &row);
}

AWAITS enum err journal_sending(struct run *run, int64_t within_ms)
{
	struct journal *journal = &run->journal;

	if (run->runner->db == NULL)
		return OK;
	if (!journal->open) {
		TRY(meet_alike(run)); /* once more: files may have gone up since the first look */
		return begin(run, TOOL_RUN_SENDING, within_ms);
	}
	journal->sending = true;
	return tool_run_sending(run->runner->db, run->call->tenant_id, (struct str){journal->id, ID_LEN},
				clock_wall_ms() + within_ms);
}

/* The result as it was given, for a day; what cannot be sealed is not kept, only that it was done. */
AWAITS static enum err keep(struct run *run)
{
	struct str id = {run->journal.id, ID_LEN};
	const struct vault_place place = place_of(run, id);
	AUTO_BUF sealed = {0};
	enum err err;

	if (run->runner->vault == NULL || run->call->result.n == 0 || run->call->tenant_id.n == 0 ||
	    run->call->result.n > SECRET_TEXT_BYTES_MAX ||
	    vault_seal(run->runner->vault, &place, run->call->result, &sealed) != OK)
		sealed.n = 0;
	err = tool_run_finish(run->runner->db, run->call->tenant_id, id, buf_str(&sealed));
	if (err == ERR_NOT_FOUND && sealed.n > 0) /* its key has gone meanwhile */
		err = tool_run_finish(run->runner->db, run->call->tenant_id, id, STR(""));
	return err;
}

static bool is_unknown(const struct run *run, enum err err)
{
	if (!run->journal.sending)
		return false;
	return err == ERR_TOOL_FAILED && run->failure.class == CLASS_UNKNOWN_OUTCOME;
}

/* What it leaves behind when it cannot be written is a row that says "sending": the careful one. */
AWAITS void journal_close(struct run *run, enum err err)
{
	struct str id = {run->journal.id, ID_LEN};
	struct str tenant_id = run->call->tenant_id;
	struct fiber_shield shield;

	if (!run->journal.open)
		return;
	shield = fiber_shield_begin(CLOSE_MS);
	if (is_unknown(run, err))
		(void)tool_run_sending(run->runner->db, tenant_id, id, clock_wall_ms() - 1);
	else if (key_of(run).n > 0 && (err == OK || run->committed))
		(void)keep(run);
	else
		(void)tool_run_forget(run->runner->db, tenant_id, id);
	fiber_shield_end(shield);
	run->journal.open = false;
}
