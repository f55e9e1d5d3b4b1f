/* Printing the counters for Prometheus. One table names every family with its type and help;
 * the reference page is made from the same table. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ads/sync.h"
#include "base/clock.h"
#include "connect/connect.h"
#include "gateway/assembly.h"
#include "gateway/event_log.h"
#include "gateway/fleet.h"
#include "gateway/metrics_private.h"
#include "gateway/result_cache.h"
#include "jobs/jobs.h"
#include "rt/rest.h"

enum family {
	F_REQUESTS,
	F_ERRORS,
	F_REQUEST_SECONDS,
	F_CALL_SECONDS,
	F_CALL_FAILURES,
	F_LIMITED,
	F_SHED,
	F_SHED_LEVEL,
	F_POLICY,
	F_FORWARDS,
	F_NODES,
	F_AUTH_FAILURES,
	F_REFUSED,
	F_CONNECTIONS,
	F_STREAMS,
	F_EVENT_LOGS,
	F_EVENT_LOG_BYTES,
	F_QUESTIONS,
	F_PARKED,
	F_UPSTREAM_UP,
	F_UPSTREAM_IN_FLIGHT,
	F_UPSTREAM_QUEUED,
	F_UPSTREAM_LINES,
	F_UPSTREAM_QUEUE_WAITS,
	F_UPSTREAM_QUEUE_MS,
	F_UPSTREAM_QUEUE_REFUSED,
	F_UPSTREAM_SHED_LEVEL,
	F_UPSTREAM_CHILDREN,
	F_UPSTREAM_RESTARTS,
	F_TOKEN_REFRESHES,
	F_CATALOG_ITEMS,
	F_CACHE_HITS,
	F_CACHE_MISSES,
	F_CACHE_BYTES,
	F_CATALOG_MARKED,
	F_AUDIT_ROWS,
	F_AUDIT_WAITING,
	F_AUDIT_WAITS,
	F_JOB_RUNS,
	F_JOB_FAILURES,
	F_JOBS_RUNNING,
	F_SYNC_RUNS,
	F_SYNC_FAILURES,
	F_SYNC_SECONDS,
	F_SYNC_REPORTS,
	F_ADS_ANSWERS,
	F_ADS_FETCHES,
	F_ADS_FAILURES,
	F_MEDIA_FILES,
	F_MEDIA_BYTES,
	F_MEDIA_FAILURES,
	F_MEDIA_OPEN,
	F_MEDIA_TEMPORARY,
	F_DB_QUEUED,
	F_DB_COMMITS,
	F_DB_CONNECTIONS,
	F_DB_CONNECTIONS_BUSY,
	F_DB_WAITING,
	F_STATE_ENTRIES,
	F_STATE_EVICTED,
	F_STATE_DOWN,
	F_STATE_FAILURES,
	F_FIBERS,
	F_FIBERS_PEAK,
	F_LOOP_TURN,
	F_HEAP,
	F_RSS,
	F_UPTIME,
	FAMILIES,
};

static const struct {
	const char *name, *type, *help;
} family_table[FAMILIES] = {
	[F_REQUESTS] = {"gatehouse_requests_total", "counter", "HTTP requests by status class"},
	[F_ERRORS] = {"gatehouse_errors_total", "counter", "Requests that ended in an error, by its name"},
	[F_REQUEST_SECONDS] = {"gatehouse_request_seconds", "histogram", "Time from a whole request to its answer"},
	[F_CALL_SECONDS] = {"gatehouse_call_seconds", "histogram", "Time an upstream took for a call, by tool"},
	[F_CALL_FAILURES] = {"gatehouse_call_failures_total", "counter", "Calls without a good answer, by tool"},
	[F_LIMITED] = {"gatehouse_limited_total", "counter", "Requests refused by a limit"},
	[F_SHED] = {"gatehouse_shed_total", "counter", "New work that was put off, by what it is and its priority"},
	[F_SHED_LEVEL] = {"gatehouse_shed_level", "gauge",
			  "How much the latest loop puts off: 0 nothing, 1 lists of low priority, 2 its calls too, 3 "
			  "lists of normal priority, and so on to 6"},
	[F_POLICY] = {"gatehouse_policy_total", "counter",
		      "Calls refused by a rule, names that are hidden, and what rules on trial would have refused"},
	[F_FORWARDS] =
		{"gatehouse_forwards_total", "counter",
		 "Requests between replicas: sent to another one, not reached, broken off, taken from another one, "
		 "refused since no replica sent them"},
	[F_NODES] = {"gatehouse_fleet_nodes", "gauge",
		     "Replicas that are there, this one among them; 0 without a fleet"},
	[F_AUTH_FAILURES] = {"gatehouse_auth_failures_total", "counter", "Credentials that were not accepted"},
	[F_REFUSED] = {"gatehouse_refused_total", "counter", "Connections or requests that were not proper HTTP"},
	[F_CONNECTIONS] = {"gatehouse_connections", "gauge", "Open client connections"},
	[F_STREAMS] = {"gatehouse_streams", "gauge", "Open event streams"},
	[F_EVENT_LOGS] = {"gatehouse_event_logs", "gauge", "Streams whose events are kept for clients that come back"},
	[F_EVENT_LOG_BYTES] = {"gatehouse_event_log_bytes", "gauge", "Bytes of those events"},
	[F_QUESTIONS] = {"gatehouse_questions_open", "gauge",
			 "Questions that clients with sessions have not answered yet"},
	[F_PARKED] = {"gatehouse_calls_parked", "gauge", "Calls that wait for a client to come back with answers"},
	[F_UPSTREAM_UP] = {"gatehouse_upstream_up", "gauge", "1 when the upstream answers"},
	[F_UPSTREAM_IN_FLIGHT] = {"gatehouse_upstream_in_flight", "gauge", "Calls the upstream is working on"},
	[F_UPSTREAM_QUEUED] = {"gatehouse_upstream_queued", "gauge", "Calls waiting for a place"},
	[F_UPSTREAM_LINES] = {"gatehouse_upstream_queue_tenants", "gauge", "Tenants whose calls wait for a place"},
	[F_UPSTREAM_QUEUE_WAITS] = {"gatehouse_upstream_queue_waits_total", "counter",
				    "Calls that got their place after a wait"},
	[F_UPSTREAM_QUEUE_MS] = {"gatehouse_upstream_queue_wait_ms_total", "counter",
				 "Milliseconds that these have waited in all"},
	[F_UPSTREAM_QUEUE_REFUSED] = {"gatehouse_upstream_queue_refused_total", "counter",
				      "Calls that got no place: the queue or the tenant's part of it was full, or none "
				      "came free in time"},
	[F_UPSTREAM_SHED_LEVEL] = {"gatehouse_upstream_shed_level", "gauge",
				   "Whose calls may not wait for a place: 0 nobody's, 1 low priority, 2 normal too, 3 "
				   "nobody may wait"},
	[F_UPSTREAM_CHILDREN] = {"gatehouse_upstream_children", "gauge", "Child processes of the upstream"},
	[F_UPSTREAM_RESTARTS] = {"gatehouse_upstream_restarts_total", "counter", "Times it was started again"},
	[F_TOKEN_REFRESHES] =
		{"gatehouse_token_refreshes_total", "counter",
		 "Tokens of accounts that this process was to renew, by upstream and outcome: ok; later, the "
		 "service gave no answer of use; refused, the account must be connected again; "
		 "client_refused, the service does not know the gateway; lost, the account was connected "
		 "again or removed meanwhile; unkept, the database did not take the new token"},
	[F_CATALOG_ITEMS] = {"gatehouse_catalog_items", "gauge", "Tools, prompts and resources on offer"},
	[F_CACHE_HITS] = {"gatehouse_result_cache_hits_total", "counter", "Resources answered from the result cache"},
	[F_CACHE_MISSES] = {"gatehouse_result_cache_misses_total", "counter", "Resources that were not in it"},
	[F_CACHE_BYTES] = {"gatehouse_result_cache_bytes", "gauge", "Size of the result cache"},
	[F_CATALOG_MARKED] = {"gatehouse_catalog_marked", "gauge",
			      "Tools that are new, changed or suspicious and not approved; held: not served either"},
	[F_AUDIT_ROWS] = {"gatehouse_audit_rows_total", "counter", "Audit rows committed"},
	[F_AUDIT_WAITING] = {"gatehouse_audit_waiting", "gauge", "Audit rows queued, not yet committed"},
	[F_AUDIT_WAITS] = {"gatehouse_audit_waits_total", "counter", "Callers slowed down by a full audit queue"},
	[F_JOB_RUNS] = {"gatehouse_job_runs_total", "counter", "Jobs begun by this process"},
	[F_JOB_FAILURES] = {"gatehouse_job_failures_total", "counter", "Jobs that failed here"},
	[F_JOBS_RUNNING] = {"gatehouse_jobs_running", "gauge", "Jobs that this process is at"},
	[F_SYNC_RUNS] = {"gatehouse_sync_runs_total", "counter",
			 "Runs of background work over ad reports that ended here, by platform"},
	[F_SYNC_FAILURES] = {"gatehouse_sync_failures_total", "counter", "Those of them that failed for good"},
	[F_SYNC_SECONDS] = {"gatehouse_sync_seconds_total", "counter", "Time that their steps took, waits not counted"},
	[F_SYNC_REPORTS] = {"gatehouse_sync_reports_total", "counter", "Reports that they fetched anew"},
	[F_ADS_ANSWERS] = {"gatehouse_ads_answers_total", "counter",
			   "Questions about ad reports: hit, from memory or a fresh report; stale, from one past its "
			   "time; miss, after a fetch"},
	[F_ADS_FETCHES] = {"gatehouse_ads_fetches_total", "counter", "Ad reports read from platforms"},
	[F_ADS_FAILURES] = {"gatehouse_ads_fetch_failures_total", "counter", "Ad reports that did not come"},
	[F_MEDIA_FILES] = {"gatehouse_media_files_total", "counter",
			   "Files that came whole: uploaded, fetched from an address, or given with a call"},
	[F_MEDIA_BYTES] = {"gatehouse_media_bytes_total", "counter", "Their bytes"},
	[F_MEDIA_FAILURES] = {"gatehouse_media_failures_total", "counter", "Fetches that gave no file"},
	[F_MEDIA_OPEN] = {"gatehouse_media_open", "gauge", "Files that calls and platforms are reading"},
	[F_MEDIA_TEMPORARY] = {"gatehouse_media_temporary_bytes", "gauge",
			       "Bytes of files that are gone with the calls that they belong to"},
	[F_DB_QUEUED] = {"gatehouse_db_queued", "gauge", "Writes waiting for the database"},
	[F_DB_COMMITS] = {"gatehouse_db_commits_total", "counter", "Database commits"},
	[F_DB_CONNECTIONS] = {"gatehouse_db_connections", "gauge", "Connections to PostgreSQL, of the loops"},
	[F_DB_CONNECTIONS_BUSY] = {"gatehouse_db_connections_busy", "gauge", "Of these, those at work"},
	[F_DB_WAITING] = {"gatehouse_db_waiting", "gauge", "Fibers that wait for a connection"},
	[F_STATE_ENTRIES] = {"gatehouse_state_entries", "gauge", "Rates, counters and marks kept"},
	[F_STATE_EVICTED] = {"gatehouse_state_evicted_total", "counter", "Entries pushed out before their time"},
	[F_STATE_DOWN] = {"gatehouse_state_down", "gauge", "1 while the shared state is out of reach"},
	[F_STATE_FAILURES] = {"gatehouse_state_failures_total", "counter", "Requests to the shared state that failed"},
	[F_FIBERS] = {"gatehouse_fibers", "gauge", "Fibers alive"},
	[F_FIBERS_PEAK] = {"gatehouse_fibers_peak", "gauge", "Most fibers alive at once"},
	[F_LOOP_TURN] = {"gatehouse_loop_turn_seconds_max", "gauge", "Longest loop turn since the last scrape"},
	[F_HEAP] = {"gatehouse_heap_used_bytes", "gauge",
		    "Memory in use; what is resident beyond it the allocator keeps, or it is the program's file"},
	[F_RSS] = {"process_resident_memory_bytes", "gauge", "Resident memory"},
	[F_UPTIME] = {"gatehouse_uptime_seconds", "gauge", "Time since the start"},
};

static const char *const policy_name[METRIC_POLICIES] = {"refused", "hidden", "shadow"};
static const char *const forward_name[METRIC_FORWARDS] = {"sent", "unreached", "broken", "taken", "refused"};
static const char *const work_name[WORKS] = {[WORK_LIST] = "list", [WORK_CALL] = "call"};
static const char *const rank_name[RANKS] = {"low", "normal", "high"};
static const char *const limit_name[METRIC_LIMITS] = {"ip", "tenant", "principal", "auth", "blocked", "quota", "queue"};

static void put_family(struct buf *out, enum family family)
{
	buf_put_fmt(out, "# HELP %s %s\n# TYPE %s %s\n", family_table[family].name, family_table[family].help,
		    family_table[family].name, family_table[family].type);
}

/* A label value with its quotes: \, " and newline escaped. */
static void put_label_value(struct buf *out, struct str value)
{
	buf_put_byte(out, '"');
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == '\\' || value.p[i] == '"')
			buf_put_byte(out, '\\');
		if (value.p[i] == '\n')
			buf_put(out, STR("\\n"));
		else
			buf_put_byte(out, value.p[i]);
	}
	buf_put_byte(out, '"');
}

static void put_single(struct buf *out, enum family family, double value)
{
	put_family(out, family);
	buf_put_fmt(out, "%s %.17g\n", family_table[family].name, value);
}

/* Sum one counter, found at `offset` in struct metrics, over the loops. */
static uint64_t sum_at(const struct gateway *gateway, size_t offset)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < loop_count(); i++) {
		const char *metrics = (const char *)gateway->loops[i].metrics;

		sum += atomic_load_explicit((const metric_number *)(metrics + offset), memory_order_relaxed);
	}
	return sum;
}
#define SUM(gateway, member) sum_at(gateway, offsetof(struct metrics, member))

static void put_histogram(struct buf *out, const struct gateway *gateway, enum family family, size_t offset,
			  struct str labels)
{
	const char *name = family_table[family].name;
	const char *comma = labels.n > 0 ? "," : "";
	uint64_t total = 0;

	for (size_t b = 0; b < METRIC_BUCKETS; b++) {
		total +=
			sum_at(gateway, offset + offsetof(struct metric_histogram, bucket) + b * sizeof(metric_number));
		buf_put_fmt(out, "%s_bucket{%.*s%sle=\"", name, STR_ARG(labels), comma);
		if (b < METRIC_BUCKETS - 1)
			buf_put_fmt(out, "%g\"} ", (double)metric_bucket_us[b] / 1e6);
		else
			buf_put(out, STR("+Inf\"} "));
		buf_put_fmt(out, "%llu\n", (unsigned long long)total);
	}
	buf_put_fmt(out, "%s_sum{%.*s} %.6f\n%s_count{%.*s} %llu\n", name, STR_ARG(labels),
		    (double)sum_at(gateway, offset + offsetof(struct metric_histogram, sum_us)) / 1e6, name,
		    STR_ARG(labels), (unsigned long long)total);
}

/* upstream="u",tool="t" from the slot's "u.t". */
static void slot_labels(unsigned slot, struct buf *out)
{
	struct str upstream, tool;

	str_cut(catalog_metric_label(slot), '.', &upstream, &tool);
	buf_put(out, STR("upstream="));
	put_label_value(out, upstream);
	buf_put(out, STR(",tool="));
	put_label_value(out, tool);
}

static void put_calls(struct buf *out, const struct gateway *gateway)
{
	unsigned count = catalog_metric_count();

	put_family(out, F_CALL_SECONDS);
	for (unsigned slot = 0; slot < count; slot++) {
		AUTO_BUF labels = {0};

		slot_labels(slot, &labels);
		if (atomic_load(&gateway->loops[0].metrics->item[slot].latency.bucket[0]) == 0 &&
		    sum_at(gateway, offsetof(struct metrics, item) + slot * sizeof(struct metric_item) +
					    offsetof(struct metric_item, latency.sum_us)) == 0)
			continue; /* never called: no series */
		put_histogram(out, gateway, F_CALL_SECONDS,
			      offsetof(struct metrics, item) + slot * sizeof(struct metric_item), buf_str(&labels));
	}
	put_family(out, F_CALL_FAILURES);
	for (unsigned slot = 0; slot < count; slot++) {
		uint64_t failures = sum_at(gateway, offsetof(struct metrics, item) + slot * sizeof(struct metric_item) +
							    offsetof(struct metric_item, failures));
		AUTO_BUF labels = {0};

		if (failures == 0)
			continue;
		slot_labels(slot, &labels);
		buf_put_fmt(out, "%s{%.*s} %llu\n", family_table[F_CALL_FAILURES].name, (int)labels.n, labels.p,
			    (unsigned long long)failures);
	}
}

/* Work that is under way is never put off, and so has no series. */
static void put_shed(struct buf *out, const struct gateway *gateway)
{
	unsigned level = 0;

	put_family(out, F_SHED);
	for (size_t w = WORK_LIST; w < WORKS; w++)
		for (size_t r = 0; r < RANKS; r++)
			buf_put_fmt(out, "gatehouse_shed_total{work=\"%s\",priority=\"%s\"} %llu\n", work_name[w],
				    rank_name[r], (unsigned long long)SUM(gateway, shed[w][r]));
	for (unsigned i = 0; i < loop_count(); i++)
		if (shed_level(gateway->loops[i].shed) > level)
			level = shed_level(gateway->loops[i].shed);
	put_single(out, F_SHED_LEVEL, level);
}

static void put_requests(struct buf *out, const struct gateway *gateway)
{
	put_family(out, F_REQUESTS);
	for (size_t class = 1; class < 6; class ++)
		buf_put_fmt(out, "gatehouse_requests_total{code=\"%zuxx\"} %llu\n", class,
			    (unsigned long long)sum_at(gateway, offsetof(struct metrics, status_class) +
									class * sizeof(metric_number)));
	put_family(out, F_ERRORS);
	for (size_t e = 1; e < ERR_COUNT; e++) {
		uint64_t count = sum_at(gateway, offsetof(struct metrics, error) + e * sizeof(metric_number));

		if (count > 0)
			buf_put_fmt(out, "gatehouse_errors_total{error=\"%s\"} %llu\n", err_name((enum err)e),
				    (unsigned long long)count);
	}
	put_family(out, F_LIMITED);
	for (size_t l = 0; l < METRIC_LIMITS; l++)
		buf_put_fmt(out, "gatehouse_limited_total{limit=\"%s\"} %llu\n", limit_name[l],
			    (unsigned long long)sum_at(gateway,
						       offsetof(struct metrics, limited) + l * sizeof(metric_number)));
	put_shed(out, gateway);
	put_family(out, F_POLICY);
	for (size_t p = 0; p < METRIC_POLICIES; p++)
		buf_put_fmt(out, "gatehouse_policy_total{verdict=\"%s\"} %llu\n", policy_name[p],
			    (unsigned long long)sum_at(gateway,
						       offsetof(struct metrics, policy) + p * sizeof(metric_number)));
	put_family(out, F_FORWARDS);
	for (size_t f = 0; f < METRIC_FORWARDS; f++)
		buf_put_fmt(out, "gatehouse_forwards_total{what=\"%s\"} %llu\n", forward_name[f],
			    (unsigned long long)sum_at(gateway,
						       offsetof(struct metrics, forward) + f * sizeof(metric_number)));
	put_family(out, F_REQUEST_SECONDS);
	put_histogram(out, gateway, F_REQUEST_SECONDS, offsetof(struct metrics, request), STR_NONE);
	put_single(out, F_AUTH_FAILURES, (double)SUM(gateway, auth_failures));
	put_single(out, F_REFUSED, (double)SUM(gateway, refused));
}

static void put_upstreams(struct buf *out, struct gateway *gateway)
{
	static const enum family families[] = {
		F_UPSTREAM_UP,		F_UPSTREAM_IN_FLIGHT, F_UPSTREAM_QUEUED,	F_UPSTREAM_LINES,
		F_UPSTREAM_QUEUE_WAITS, F_UPSTREAM_QUEUE_MS,  F_UPSTREAM_QUEUE_REFUSED, F_UPSTREAM_SHED_LEVEL,
		F_UPSTREAM_CHILDREN,	F_UPSTREAM_RESTARTS};
	struct upstream **upstreams;
	size_t count = assembly_upstreams(gateway->assembly, &upstreams);

	for (size_t f = 0; f < ARRAY_LEN(families); f++) {
		put_family(out, families[f]);
		for (size_t i = 0; i < count; i++) {
			struct upstream_health health = upstream_health(upstreams[i]);
			const uint64_t value[] = {health.state == UPSTREAM_UP,
						  health.in_flight,
						  health.queued,
						  health.lines,
						  health.queue_waits,
						  health.queue_wait_ms,
						  health.queue_refused,
						  health.shed_level,
						  health.children,
						  health.restarts};

			buf_put_fmt(out, "%s{upstream=", family_table[families[f]].name);
			put_label_value(out, upstream_name(upstreams[i]));
			buf_put_fmt(out, "} %llu\n", (unsigned long long)value[f]);
		}
	}
	assembly_upstreams_done(upstreams, count);
}

static void put_token_refresh(void *arg, struct str upstream, const char *outcome, uint64_t n)
{
	struct buf *out = arg;

	buf_put_fmt(out, "%s{upstream=", family_table[F_TOKEN_REFRESHES].name);
	put_label_value(out, upstream);
	buf_put_fmt(out, ",outcome=\"%s\"} %llu\n", outcome, (unsigned long long)n);
}

static void put_token_refreshes(struct buf *out, struct connect *connect)
{
	put_family(out, F_TOKEN_REFRESHES);
	connect_each_count(connect, put_token_refresh, out);
}

static void put_catalog(struct buf *out, const struct catalog *catalog)
{
	static const char *const kind_name[OFFER_KINDS] = {"tool", "prompt", "resource", "template"};

	put_family(out, F_CATALOG_ITEMS);
	for (int kind = 0; kind < OFFER_KINDS; kind++)
		buf_put_fmt(out, "gatehouse_catalog_items{kind=\"%s\"} %zu\n", kind_name[kind],
			    catalog->views[0].list[kind].count);
	put_family(out, F_CATALOG_MARKED);
	buf_put_fmt(out,
		    "gatehouse_catalog_marked{mark=\"new\"} %zu\ngatehouse_catalog_marked{mark=\"changed\"} %zu\n"
		    "gatehouse_catalog_marked{mark=\"suspicious\"} %zu\ngatehouse_catalog_marked{mark=\"held\"} %zu\n",
		    catalog->marked.new, catalog->marked.changed, catalog->marked.suspicious, catalog->marked.held);
}

uint64_t metrics_rss_bytes(void)
{
	unsigned long long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (file == NULL)
		return 0;
	if (fscanf(file, "%*s %llu", &pages) != 1)
		pages = 0;
	fclose(file);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void put_media(struct buf *out, const struct media_store *store)
{
	struct media_stats stats = media_store_stats(store);
	const char *name = family_table[F_MEDIA_FILES].name;

	put_family(out, F_MEDIA_FILES);
	buf_put_fmt(out, "%s{from=\"upload\"} %llu\n%s{from=\"url\"} %llu\n%s{from=\"call\"} %llu\n", name,
		    (unsigned long long)stats.uploads, name, (unsigned long long)stats.fetches, name,
		    (unsigned long long)stats.inlined);
	put_single(out, F_MEDIA_BYTES, (double)stats.bytes);
	put_single(out, F_MEDIA_FAILURES, (double)stats.failures);
	put_single(out, F_MEDIA_OPEN, (double)stats.open);
	put_single(out, F_MEDIA_TEMPORARY, (double)stats.temporary_bytes);
}

static void put_syncs(struct buf *out, const struct sync *sync)
{
	static const enum family families[] = {F_SYNC_RUNS, F_SYNC_FAILURES, F_SYNC_SECONDS, F_SYNC_REPORTS};

	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		put_family(out, families[i]);
		for (enum ads_platform platform = 0; platform < ADS_PLATFORMS; platform++) {
			struct sync_stats stats = sync_stats(sync, platform);
			const double values[] = {(double)stats.runs, (double)stats.failures,
						 (double)stats.busy_ms / 1000, (double)stats.reports};

			buf_put_fmt(out, "%s{platform=\"%s\"} %.15g\n", family_table[families[i]].name,
				    ads_platform_name(platform), values[i]);
		}
	}
}

static void put_ads(struct buf *out, const struct ads *ads)
{
	struct ads_stats stats = ads_stats(ads);
	const char *name = family_table[F_ADS_ANSWERS].name;

	put_family(out, F_ADS_ANSWERS);
	buf_put_fmt(out, "%s{from=\"hit\"} %llu\n%s{from=\"stale\"} %llu\n%s{from=\"miss\"} %llu\n", name,
		    (unsigned long long)stats.hits, name, (unsigned long long)stats.stale, name,
		    (unsigned long long)stats.misses);
	put_single(out, F_ADS_FETCHES, (double)stats.fetches);
	put_single(out, F_ADS_FAILURES, (double)stats.failures);
}

void metrics_write(struct gateway *gateway, struct buf *out)
{
	struct http_server_stats http = http_server_stats(gateway->server);
	struct event_log_stats logs = event_logs_stats();
	struct audit_stats audit = audit_stats(gateway->audit);
	struct db_stats db = db_stats(gateway->db);
	struct jobs_stats jobs = jobs_stats(gateway->jobs);
	struct state_stats state = state_stats(gateway->state);
	struct rt_stats rt = rt_stats();
	const struct fleet_nodes *nodes = gateway_here(gateway)->nodes;
	struct result_cache_stats results = result_cache_stats(gateway->results);

	put_requests(out, gateway);
	put_calls(out, gateway);
	put_upstreams(out, gateway);
	put_token_refreshes(out, gateway->connect);
	put_catalog(out, gateway_here(gateway)->catalog);
	put_single(out, F_NODES, nodes == NULL ? 0 : (double)nodes->count);
	put_single(out, F_CONNECTIONS, (double)http.connections);
	put_single(out, F_STREAMS, (double)http.streams);
	put_single(out, F_EVENT_LOGS, (double)logs.logs);
	put_single(out, F_EVENT_LOG_BYTES, (double)logs.bytes);
	put_single(out, F_QUESTIONS, (double)atomic_load(&gateway->questions_open));
	put_single(out, F_PARKED, (double)atomic_load(&gateway->calls_parked));
	put_single(out, F_CACHE_HITS, (double)results.hits);
	put_single(out, F_CACHE_MISSES, (double)results.misses);
	put_single(out, F_CACHE_BYTES, (double)results.bytes);
	put_single(out, F_AUDIT_ROWS, (double)audit.rows);
	put_single(out, F_AUDIT_WAITING, (double)audit.waiting);
	put_single(out, F_AUDIT_WAITS, (double)audit.waits);
	put_single(out, F_JOB_RUNS, (double)jobs.runs);
	put_single(out, F_JOB_FAILURES, (double)jobs.failures);
	put_single(out, F_JOBS_RUNNING, (double)jobs.running);
	put_syncs(out, gateway->sync);
	put_ads(out, gateway->ads);
	put_media(out, gateway->media);
	put_single(out, F_DB_QUEUED, (double)db.queued);
	put_single(out, F_DB_COMMITS, (double)db.commits);
	put_single(out, F_DB_CONNECTIONS, (double)db.connections);
	put_single(out, F_DB_CONNECTIONS_BUSY, (double)db.connections_busy);
	put_single(out, F_DB_WAITING, (double)db.waiting);
	put_single(out, F_STATE_ENTRIES, (double)state.entries);
	put_single(out, F_STATE_EVICTED, (double)state.evicted);
	if (state.shared) {
		put_single(out, F_STATE_DOWN, state.down);
		put_single(out, F_STATE_FAILURES, (double)state.failures);
	}
	put_single(out, F_FIBERS, (double)rt.fibers_live);
	put_single(out, F_FIBERS_PEAK, (double)rt.fibers_peak);
	put_single(out, F_LOOP_TURN, (double)rt.turn_ms_max / 1000);
	put_single(out, F_HEAP, (double)heap_used_bytes());
	put_single(out, F_RSS, (double)metrics_rss_bytes());
	put_single(out, F_UPTIME, (double)(clock_wall_ms() - gateway->started_ms) / 1000);
}

void metrics_reference_write(struct buf *out)
{
	buf_put(out, STR("# Metrics\n\nServed at /metrics in Prometheus' text format. Made by `gatehouse reference "
			 "metrics`.\n\n| name | type | what |\n|---|---|---|\n"));
	for (size_t f = 0; f < FAMILIES; f++)
		buf_put_fmt(out, "| `%s` | %s | %s |\n", family_table[f].name, family_table[f].type,
			    family_table[f].help);
}
