/* A report from its row, or from its platform.
 *
 *     row ── fresh ───────────────────────────────────▶ hit
 *      ├─ past its time, not for a day ── rest? no ──▶ stale, and a refresh behind it
 *      └─ absent, or older ── rest? no ──▶ refresh ──▶ miss
 *
 *     refresh (one on a loop at a time) ─▶ lease ─┬─ ours ──▶ look again ─▶ fetch ─▶ keep, or note why not
 *                                                 └─ another's ─▶ wait, look ─┬─ fetched ─▶ done
 *                                                                             └─ its end ─▶ lease
 *
 * A lease is renewed while its holder works, and ends by itself soon after the holder has died. After it is taken the
 * row is looked at again: whoever had it before may have done the work. A failure is noted in the row; until its rest
 * is over the platform is left alone, by the whole fleet. */
#include "ads/private.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"

#define LEASE_MS 30000
#define RENEW_MS 10000
#define WAIT_MS_MIN 20 /* between two looks at a row that another works on */
#define WAIT_MS_MAX 500
#define CLOSE_MS 5000	     /* to note how it ended, when the caller has gone */
#define USED_MS 3600000	     /* that somebody uses a report is noted so often */
#define BEHIND_MAX 256	     /* refreshes of a process that nobody waits for */
#define DENIED_S (7 * 86400) /* a platform that does not give a report is asked again after a week */
#define ROW_ARENA_BYTES (64 * 1024)
#define REFRESH_ARENA_BYTES (1024 * 1024)

int64_t ads_now(const struct ads *ads)
{
	return ads->spec.now_ms == NULL ? clock_wall_ms() : ads->spec.now_ms();
}

struct metric_key report_key(const struct ads_account *of, enum report_kind kind, enum report_range range)
{
	return (struct metric_key){.tenant_id = of->place.tenant_id,
				   .platform = str_of(ads_platform_name(of->platform)),
				   .upstream = of->place.upstream,
				   .account = of->place.account,
				   .holder = of->place.holder,
				   .ad_account = kind == REPORT_ACCOUNTS ? STR("") : of->account.id,
				   .report = str_of(report_types[kind].name),
				   .range = str_of(report_range_name(range))};
}

int64_t cache_fresh_until_ms(const struct ads *ads, const struct metric *row, enum report_kind kind,
			     enum ads_platform platform)
{
	const struct ads_spec *spec = &ads->spec;

	if (str_ends(row->document, STR(",\"denied\":true}")))
		return row->fetched_ms + DENIED_S * 1000;
	if (spec->fresh_ms != NULL)
		return row->fetched_ms + spec->fresh_ms(spec->fresh_arg, kind, platform);
	return row->fetched_ms + report_types[kind].fresh_s[platform] * 1000;
}

/* ---- the lease ------------------------------------------------------------------------ */

/* A refresh on its way. All of it lies in its own arena: its callers may have gone. */
struct refresh {
	struct ads *ads;
	struct arena *arena;
	struct ads_account of;
	enum report_kind kind;
	enum report_range range;
	int64_t not_before_ms, began_ms;
	bool behind;
	char by[ID_LEN + 1];
};

static void refresh_release(void *arg)
{
	struct refresh *refresh = arg;

	if (refresh->behind)
		atomic_fetch_sub(&refresh->ads->behind, 1);
	arena_free(refresh->arena);
}

struct keeper {
	struct refresh *refresh;
	struct metric_key key;
};

/* Until it is canceled. That the lease was lost is found out when the document is kept. */
AWAITS static void keeper_main(void *arg)
{
	const struct keeper *keeper = arg;
	struct ads *ads = keeper->refresh->ads;

	while (fiber_sleep(RENEW_MS) == OK)
		if (metric_renew(ads->spec.db, &keeper->key, str_of(keeper->refresh->by), ads_now(ads) + LEASE_MS) !=
		    OK)
			return;
}

/* Note how it ended, also when everybody has gone.
 *   ret_lost   the row has gone, or is another's by now: it was forgotten meanwhile, or the lease had ended */
AWAITS static enum err conclude(struct refresh *refresh, const struct metric_key *key, const struct fetched *fetched,
				enum err err, const struct ads_failure *failure, bool *ret_lost)
{
	struct ads *ads = refresh->ads;
	struct fiber_shield shield = fiber_shield_begin(CLOSE_MS);
	struct str by = str_of(refresh->by);
	AUTO_BUF text = {0};
	enum err kept;

	if (err == OK) {
		kept = metric_keep(ads->spec.db, key, by,
				   &(struct metric){.document = buf_str(&fetched->document),
						    .row_count = fetched->rows,
						    .start_day = fetched->days.start,
						    .end_day = fetched->days.end,
						    .fetched_ms = ads_now(ads)});
	} else if (err == ERR_CANCELED || err == ERR_SHUTDOWN || err == ERR_BUSY) {
		kept = metric_release(ads->spec.db, key, by);
	} else {
		failure_write(err, failure, &text);
		kept = metric_fail(ads->spec.db, key, by, ads_now(ads), buf_str(&text));
	}
	fiber_shield_end(shield);
	*ret_lost = err == OK && kept == ERR_NOT_FOUND;
	return err == OK && !*ret_lost ? kept : err;
}

AWAITS static enum err fetch_leased(struct refresh *refresh, const struct metric_key *key, bool *ret_lost)
{
	struct ads *ads = refresh->ads;
	struct keeper keeper = {refresh, *key};
	struct ads_failure failure = {0};
	struct fetched fetched = {0};
	struct group group;
	enum err err;

	group_init(&group, loop_self());
	err = group_spawn(&group, "ads-lease", keeper_main, &keeper);
	if (err == OK)
		err = fetch_report(ads, &refresh->of, refresh->kind, refresh->range, refresh->arena, &fetched,
				   &failure);
	group_cancel(&group);
	(void)group_join(&group);
	atomic_fetch_add(err == OK ? &ads->fetches : &ads->failures, 1);
	err = conclude(refresh, key, &fetched, err, &failure, ret_lost);
	buf_free(&fetched.document);
	return err;
}

/* Whether the row is as it shall be, or says that it cannot be.
 *   ret_done   false: somebody has to fetch */
AWAITS static enum err look(const struct refresh *refresh, const struct metric_key *key, bool *ret_done)
{
	AUTO(arena) *arena = arena_new(ROW_ARENA_BYTES);
	struct ads_failure failure;
	struct metric row;
	enum err err = metric_find(refresh->ads->spec.db, arena, key, false, &row);

	*ret_done = false;
	if (err == ERR_NOT_FOUND)
		return OK;
	TRY(err);
	if (row.fetched_ms > 0 && row.fetched_ms >= refresh->not_before_ms)
		*ret_done = true;
	else if (row.failed_ms > refresh->began_ms)
		return failure_read(arena, row.failure, &failure);
	return OK;
}

/* We have the lease.   ret_done   false: what was fetched is lost, begin again */
AWAITS static enum err work_leased(struct refresh *refresh, const struct metric_key *key, bool *ret_done)
{
	enum err err = look(refresh, key, ret_done);
	bool lost;

	if (err != OK || *ret_done) {
		(void)metric_release(refresh->ads->spec.db, key, str_of(refresh->by));
		return err;
	}
	err = fetch_leased(refresh, key, &lost);
	*ret_done = !lost;
	return err;
}

AWAITS static enum err refresh_run(void *arg)
{
	struct refresh *refresh = arg;
	const struct metric_key key = report_key(&refresh->of, refresh->kind, refresh->range);
	int64_t wait_ms = WAIT_MS_MIN;
	bool done = false;

	for (;;) {
		int64_t now_ms = ads_now(refresh->ads);
		enum err err =
			metric_lease(refresh->ads->spec.db, &key, str_of(refresh->by), now_ms, now_ms + LEASE_MS);

		if (err == OK)
			TRY(work_leased(refresh, &key, &done));
		else if (err == ERR_BUSY)
			TRY(look(refresh, &key, &done));
		else
			return err;
		if (done)
			return OK;
		TRY(fiber_sleep(wait_ms));
		wait_ms = wait_ms * 2 > WAIT_MS_MAX ? WAIT_MS_MAX : wait_ms * 2;
	}
}

/* ---- one on a loop at a time ------------------------------------------------------------- */

static struct str copy(struct refresh *refresh, struct str text)
{
	return arena_str(refresh->arena, text.p == NULL ? STR("") : text);
}

static struct refresh *refresh_new(struct ads *ads, const struct ads_account *of, enum report_kind kind,
				   enum report_range range, int64_t not_before_ms)
{
	struct arena *arena = arena_new(REFRESH_ARENA_BYTES);
	struct refresh *refresh = ARENA_NEW(arena, struct refresh);

	*refresh = (struct refresh){.ads = ads,
				    .arena = arena,
				    .kind = kind,
				    .range = range,
				    .not_before_ms = not_before_ms,
				    .began_ms = ads_now(ads)};
	refresh->of = (struct ads_account){
		.place = {.tenant_id = copy(refresh, of->place.tenant_id),
			  .upstream = copy(refresh, of->place.upstream),
			  .account = copy(refresh, of->place.account),
			  .holder = copy(refresh, of->place.holder)},
		.platform = of->platform,
		.account = {.id = copy(refresh, of->account.id),
			    .name = copy(refresh, of->account.name),
			    .currency = copy(refresh, of->account.currency),
			    .time_zone = copy(refresh, of->account.time_zone),
			    .status = copy(refresh, of->account.status),
			    .login_id = copy(refresh, of->account.login_id)},
	};
	random_id(refresh->by);
	return refresh;
}

/* The name of the flight: what is fetched. */
static void put_key(const struct metric_key *key, struct buf *out)
{
	const struct str parts[] = {key->tenant_id, key->platform,   key->upstream, key->account,
				    key->holder,    key->ad_account, key->report,   key->range};

	buf_put(out, STR("ads"));
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		buf_put_byte(out, '\n');
		buf_put(out, parts[i]);
	}
}

AWAITS static enum err refresh_wait(struct ads *ads, const struct ads_account *of, enum report_kind kind,
				    enum report_range range, int64_t not_before_ms)
{
	const struct metric_key key = report_key(of, kind, range);
	AUTO_BUF name = {0};

	put_key(&key, &name);
	return flight_join(buf_str(&name), refresh_run, refresh_new(ads, of, kind, range, not_before_ms),
			   refresh_release);
}

static void refresh_behind(struct ads *ads, const struct ads_account *of, enum report_kind kind,
			   enum report_range range, int64_t not_before_ms)
{
	const struct metric_key key = report_key(of, kind, range);
	struct refresh *refresh;
	AUTO_BUF name = {0};

	if (atomic_fetch_add(&ads->behind, 1) >= BEHIND_MAX || atomic_load(&ads->closing)) {
		atomic_fetch_sub(&ads->behind, 1);
		return;
	}
	refresh = refresh_new(ads, of, kind, range, not_before_ms);
	refresh->behind = true;
	put_key(&key, &name);
	(void)flight_begin(buf_str(&name), refresh_run, refresh, refresh_release); /* else the next caller's turn */
}

/* ---- asking ------------------------------------------------------------------------------- */

AWAITS static enum err find(struct ads *ads, const struct metric_key *key, struct arena *arena, struct metric *ret_row)
{
	enum err err = metric_find(ads->spec.db, arena, key, false, ret_row);

	if (err != ERR_NOT_FOUND)
		return err;
	*ret_row = (struct metric){.key = *key, .document = STR(""), .failure = STR("")};
	return OK;
}

/* What the row's last failure says, as long as the platform is to be left alone for it.
 *   returns    OK: it may be asked */
static enum err rest_of(struct ads *ads, const struct metric *row, struct arena *arena, struct ads_failure *ret_failure)
{
	struct ads_failure failure;
	enum err err;

	if (row->failed_ms == 0)
		return OK;
	err = failure_read(arena, row->failure, &failure);
	if (ads_now(ads) >= row->failed_ms + failure_rest_ms(&failure))
		return OK;
	*ret_failure = failure;
	return err;
}

/* That it is of use keeps it warm; a write an hour, and nothing depends on it. */
AWAITS static void note_use(struct ads *ads, const struct metric_key *key, const struct metric *row)
{
	if (ads_now(ads) - row->used_ms >= USED_MS)
		(void)metric_use(ads->spec.db, key, ads_now(ads));
}

/* Nothing to be answered: fetch, and read what came. Anything is good that is newer than what is there. */
AWAITS static enum err get_now(struct ads *ads, const struct ads_account *of, enum report_kind kind,
			       enum report_range range, int64_t there_ms, struct arena *arena,
			       struct cached *ret_cached, struct ads_failure *ret_failure)
{
	const struct metric_key key = report_key(of, kind, range);
	struct metric row;
	enum err err = refresh_wait(ads, of, kind, range, there_ms + 1), found;

	found = find(ads, &key, arena, &row);
	if (err != OK) {
		if (found == OK && row.failed_ms > 0)
			(void)failure_read(arena, row.failure, ret_failure);
		return err;
	}
	TRY(found);
	if (row.fetched_ms == 0)
		return ERR_BUSY; /* forgotten again, just now */
	atomic_fetch_add(&ads->misses, 1);
	note_use(ads, &key, &row);
	*ret_cached = (struct cached){.row = row, .state = CACHE_MISS};
	return OK;
}

AWAITS enum err cache_get(struct ads *ads, const struct ads_account *of, enum report_kind kind, enum report_range range,
			  struct arena *arena, struct cached *ret_cached, struct ads_failure *ret_failure)
{
	const struct metric_key key = report_key(of, kind, range);
	struct cached cached = {.state = CACHE_HIT};
	int64_t fresh_until_ms, now_ms = ads_now(ads);
	enum err rest;

	TRY(find(ads, &key, arena, &cached.row));
	fresh_until_ms = cache_fresh_until_ms(ads, &cached.row, kind, of->platform);
	if (cached.row.fetched_ms == 0 || now_ms >= fresh_until_ms + ADS_STALE_MS) {
		rest = rest_of(ads, &cached.row, arena, ret_failure);
		if (rest == ERR_TOOL_FAILED)
			return rest;
		return get_now(ads, of, kind, range, cached.row.fetched_ms, arena, ret_cached, ret_failure);
	}
	if (now_ms >= fresh_until_ms) {
		cached.state = CACHE_STALE;
		rest = rest_of(ads, &cached.row, arena, &cached.failure);
		if (rest == OK)
			refresh_behind(ads, of, kind, range, cached.row.fetched_ms + 1);
	}
	atomic_fetch_add(cached.state == CACHE_HIT ? &ads->hits : &ads->stale, 1);
	note_use(ads, &key, &cached.row);
	*ret_cached = cached;
	return OK;
}

AWAITS enum err cache_read(struct ads *ads, struct cached *cached, struct arena *arena)
{
	const struct metric_key key = cached->row.key;
	enum err err = metric_find(ads->spec.db, arena, &key, true, &cached->row);

	return err == ERR_NOT_FOUND || (err == OK && cached->row.fetched_ms == 0) ? ERR_BUSY : err;
}

AWAITS enum err ads_refresh(struct ads *ads, const struct ads_account *of, enum report_kind kind,
			    enum report_range range, int64_t not_before_ms, struct arena *arena,
			    struct ads_fetched *ret_fetched, struct ads_failure *ret_failure)
{
	const struct metric_key key = report_key(of, kind, range);
	struct metric row;
	int64_t before_ms;
	enum err err;

	CHECK_OBJ(ads, ADS_MAGIC);
	CHECK(report_is_offered(kind, of->platform));
	TRY(find(ads, &key, arena, &row));
	before_ms = row.fetched_ms;
	if (row.fetched_ms == 0 || row.fetched_ms < not_before_ms) {
		err = rest_of(ads, &row, arena, ret_failure);
		if (err == ERR_TOOL_FAILED && ret_failure->retry_after_s > 0)
			return err;
		err = refresh_wait(ads, of, kind, range, not_before_ms);
		TRY(find(ads, &key, arena, &row));
		if (err != OK) {
			(void)failure_read(arena, row.failure, ret_failure);
			return err;
		}
	}
	if (ret_fetched != NULL)
		*ret_fetched = (struct ads_fetched){
			.fetched = row.fetched_ms != before_ms, .rows = row.row_count, .bytes = row.bytes};
	return OK;
}

AWAITS enum err ads_is_wanted(struct ads *ads, const struct ads_account *of, enum report_kind kind,
			      enum report_range range, int64_t since_ms, bool *ret_wanted)
{
	AUTO(arena) *arena = arena_new(ROW_ARENA_BYTES);
	const struct metric_key key = report_key(of, kind, range);
	struct metric row;

	CHECK_OBJ(ads, ADS_MAGIC);
	TRY(find(ads, &key, arena, &row));
	*ret_wanted = row.used_ms > 0 && row.used_ms >= since_ms;
	return OK;
}

AWAITS enum err ads_invalidate(struct ads *ads, struct str tenant_id, enum ads_platform platform, int64_t *ret_count)
{
	struct str name = platform < ADS_PLATFORMS ? str_of(ads_platform_name(platform)) : STR("");

	CHECK_OBJ(ads, ADS_MAGIC);
	TRY(metric_forget(ads->spec.db, tenant_id, name, ret_count));
	atomic_fetch_add(&ads->epoch, 1);
	return OK;
}
