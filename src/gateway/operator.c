/* Health, metrics and status. Strangers learn only whether the gateway works; names of tools
 * and texts of errors are for operators. */
#include "gateway/operator.h"

#include "base/clock.h"
#include "catalog/suspicion.h"
#include "gateway/accounts_health.h"
#include "gateway/admission.h"
#include "gateway/assembly.h"
#include "gateway/fleet.h"
#include "gateway/metrics.h"
#include "mcp/version.h"

#define MARKED_SHOWN_MAX 100 /* tools in the status that wait for an operator; the diff has all */

static enum err not_for_strangers(struct request *req)
{
	bool forwarded = http_field_get(&req->exchange->fields, HTTP_X_FORWARDED_FOR).p != NULL;

	return address_is_loopback(&req->exchange->peer) && !forwarded ? OK : ERR_UNAUTHENTICATED;
}

/* From the machine itself, or with a key whose role may read status. */
AWAITS static enum err admit_operator(struct request *req)
{
	if (not_for_strangers(req) == OK)
		return OK;
	TRY(request_admit(req));
	return request_permit(req, PERMISSION_STATUS_READ);
}

AWAITS enum err operator_live(struct request *req)
{
	return answer_json(req, 200, STR("Cache-Control: no-store\r\n"),
			   &(struct piece){.str = STR("{\"live\":true}\n")}, 1);
}

static void put_upstream(struct upstream *upstream, bool full, struct buf *out)
{
	struct upstream_health health = upstream_health(upstream);

	buf_put(out, STR("{\"name\":"));
	buf_put_json(out, upstream_name(upstream));
	buf_put_fmt(out, ",\"state\":\"%s\",\"revision\":\"%.*s\",\"latency_us\":%lld",
		    upstream_state_name(health.state), STR_ARG(mcp_revision_text(health.revision)),
		    (long long)health.latency_us);
	if (full) {
		buf_put_fmt(out,
			    ",\"since_ms\":%lld,\"instances\":%u,\"children\":%u,\"in_flight\":%u,\"queued\":%u,"
			    "\"queue\":{\"tenants\":%u,\"waits\":%llu,\"wait_ms\":%llu,\"refused\":%llu},"
			    "\"calls\":%llu,\"failures\":%llu,\"restarts\":%llu,\"last_error\":",
			    (long long)health.since_ms, health.instances, health.children, health.in_flight,
			    health.queued, health.lines, (unsigned long long)health.queue_waits,
			    (unsigned long long)health.queue_wait_ms, (unsigned long long)health.queue_refused,
			    (unsigned long long)health.calls, (unsigned long long)health.failures,
			    (unsigned long long)health.restarts);
		buf_put_json(out, str_of(health.last_error_text));
	}
	buf_put_byte(out, '}');
}

/* What belongs to one tenant is shown to that tenant, and to who is on the machine. */
static bool shows(const struct status_asked *asked, struct str owner)
{
	return owner.n == 0 || asked->everything || str_eq(owner, asked->tenant_id);
}

static void put_skipped(const struct config *config, const struct status_asked *asked, struct buf *out)
{
	size_t shown = 0;

	buf_put(out, STR(",\"skipped\":["));
	for (size_t i = 0; i < config->skipped_count; i++) {
		const struct config_skipped *skipped = &config->skipped[i];

		if (!shows(asked, skipped->owner))
			continue;
		buf_put_fmt(out, "%s{\"kind\":\"%s\",\"name\":", shown++ > 0 ? "," : "", skipped->kind);
		buf_put_json(out, skipped->name);
		buf_put(out, STR(",\"problem\":"));
		buf_put_json(out, skipped->problem);
		buf_put_byte(out, '}');
	}
	buf_put_byte(out, ']');
}

static void put_upstreams(struct gateway *gateway, const struct status_asked *asked, struct buf *out)
{
	struct upstream **upstreams;
	size_t count = assembly_upstreams(gateway->assembly, &upstreams), shown = 0;

	buf_put(out, STR(",\"upstreams\":["));
	for (size_t i = 0; i < count; i++) {
		if (!shows(asked, upstream_owner(upstreams[i])))
			continue;
		if (shown++ > 0)
			buf_put_byte(out, ',');
		put_upstream(upstreams[i], asked->full, out);
	}
	buf_put_byte(out, ']');
	assembly_upstreams_done(upstreams, count);
}

static void put_numbers(struct gateway *gateway, struct buf *out)
{
	struct http_server_stats http = http_server_stats(gateway->server);
	struct audit_stats audit = audit_stats(gateway->audit);
	const struct catalog *catalog = gateway_here(gateway)->catalog;
	const struct catalog_view *all = &catalog->views[0];

	buf_put_fmt(out,
		    ",\"uptime_ms\":%lld,\"rss_bytes\":%llu,\"loops\":%u,\"connections\":%llu,\"streams\":%llu,"
		    "\"requests\":%llu,\"audit\":{\"rows\":%llu,\"waiting\":%llu},"
		    "\"catalog\":{\"tools\":%zu,\"prompts\":%zu,\"resources\":%zu,\"templates\":%zu,\"new\":%zu,"
		    "\"changed\":%zu,\"suspicious\":%zu,\"held\":%zu}",
		    (long long)(clock_wall_ms() - gateway->started_ms), (unsigned long long)metrics_rss_bytes(),
		    loop_count(), (unsigned long long)http.connections, (unsigned long long)http.streams,
		    (unsigned long long)http.requests, (unsigned long long)audit.rows,
		    (unsigned long long)audit.waiting, all->list[OFFER_TOOLS].count, all->list[OFFER_PROMPTS].count,
		    all->list[OFFER_RESOURCES].count, all->list[OFFER_TEMPLATES].count, catalog->marked.new,
		    catalog->marked.changed, catalog->marked.suspicious, catalog->marked.held);
}

static void put_fleet(struct gateway *gateway, struct buf *out)
{
	const struct fleet_nodes *nodes = gateway_here(gateway)->nodes;

	if (nodes == NULL)
		return;
	buf_put_fmt(out, ",\"fleet\":{\"node\":\"%016llx\",\"nodes\":[", (unsigned long long)gateway->node);
	for (size_t i = 0; i < nodes->count; i++) {
		buf_put_fmt(out, "%s{\"node\":\"%016llx\",\"address\":", i > 0 ? "," : "",
			    (unsigned long long)nodes->node[i].id);
		buf_put_json(out, nodes->node[i].address);
		buf_put_byte(out, '}');
	}
	buf_put(out, STR("]}"));
}

/* One tool that waits for an operator; counts those that were shown. */
static void put_marked_tool(const struct catalog_item *item, size_t *shown, struct buf *out)
{
	static const char *const standing[] = {
		[TOOL_ACCEPTED] = "accepted", [TOOL_NEW] = "new", [TOOL_CHANGED] = "changed"};
	const struct tool_mark *mark = &item->mark;
	AUTO_BUF flags = {0};

	if ((mark->standing == TOOL_ACCEPTED && mark->open == 0) || *shown == MARKED_SHOWN_MAX)
		return;
	suspicion_names(mark->open, "\",\"", &flags);
	buf_put(out, (*shown)++ == 0 ? STR("{\"tool\":") : STR(",{\"tool\":"));
	suspicion_show(out, item->label);
	buf_put_fmt(out, ",\"standing\":\"%s\",\"held\":%s,\"flags\":[%s%.*s%s]}", standing[mark->standing],
		    mark->held ? "true" : "false", flags.n > 0 ? "\"" : "", STR_ARG(buf_str(&flags)),
		    flags.n > 0 ? "\"" : "");
}

static void put_marked(const struct catalog_view *all, const struct status_asked *asked, struct buf *out)
{
	const struct catalog_item *item;
	size_t cursor = 0, shown = 0;

	buf_put(out, STR(",\"marked\":["));
	while ((item = map_next(&all->held, &cursor)) != NULL)
		if (shows(asked, upstream_owner(item->upstream)))
			put_marked_tool(item, &shown, out);
	for (size_t i = 0; i < all->list[OFFER_TOOLS].count; i++)
		if (shows(asked, upstream_owner(all->list[OFFER_TOOLS].items[i]->upstream)))
			put_marked_tool(all->list[OFFER_TOOLS].items[i], &shown, out);
	buf_put_byte(out, ']');
}

/* One that is down is no reason to take no requests: each replica counts for itself meanwhile. */
static void put_state(struct gateway *gateway, struct buf *out)
{
	struct state_stats stats = state_stats(gateway->state);

	if (stats.shared)
		buf_put_fmt(out, ",\"shared_state\":{\"ok\":%s,\"processes\":%u}", stats.down ? "false" : "true",
			    stats.processes);
}

/* Accounts of connectors that this process has seen. */
static void put_accounts(struct gateway *gateway, struct buf *out)
{
	unsigned counts[ACCOUNT_HEALTHS];

	accounts_health_count(gateway->accounts_health, counts);
	buf_put(out, STR(",\"accounts\":{"));
	for (enum account_health health = ACCOUNT_WELL; health < ACCOUNT_HEALTHS; health++)
		buf_put_fmt(out, "%s\"%s\":%u", health == ACCOUNT_WELL ? "" : ",", account_health_name(health),
			    counts[health]);
	buf_put_byte(out, '}');
}

AWAITS void operator_status_write(struct gateway *gateway, const struct status_asked *asked, struct buf *out,
				  bool *ret_ready)
{
	bool draining = atomic_load(&gateway->draining);
	bool settled = assembly_settled(gateway->assembly);
	int64_t ping_us = -1;
	bool db_ok = db_ping(gateway->db, &ping_us) == OK;

	*ret_ready = db_ok && settled && !draining;
	buf_put_fmt(out,
		    "{\"ready\":%s,\"state\":\"%s\",\"version\":\"%s\",\"database\":{\"ok\":%s,\"latency_us\":%lld}",
		    *ret_ready ? "true" : "false",
		    draining   ? "draining"
		    : !db_ok   ? "database down"
		    : !settled ? "starting"
			       : "serving",
		    GATEHOUSE_VERSION, db_ok ? "true" : "false", (long long)ping_us);
	put_state(gateway, out);
	put_upstreams(gateway, asked, out);
	put_accounts(gateway, out);
	if (asked->full) {
		put_skipped(gateway_here(gateway)->config, asked, out);
		put_numbers(gateway, out);
		if (asked->everything)
			put_fleet(gateway, out);
		put_marked(&gateway_here(gateway)->catalog->views[0], asked, out);
	}
	buf_put(out, STR("}\n"));
}

AWAITS static enum err answer_status(struct request *req, bool full)
{
	const struct status_asked asked = {
		.full = full,
		.everything = full && (not_for_strangers(req) == OK || req->caller.credential == CREDENTIAL_OPERATOR),
		.tenant_id = str_of(req->caller.tenant_id)};
	AUTO_BUF text = {0};
	bool ready;

	operator_status_write(req->gateway, &asked, &text, &ready);
	return answer_json(req, ready || full ? 200 : 503, STR("Cache-Control: no-store\r\n"),
			   &(struct piece){.str = buf_str(&text)}, 1);
}

AWAITS enum err operator_ready(struct request *req)
{
	return answer_status(req, false);
}

AWAITS enum err operator_status(struct request *req)
{
	TRY(admit_operator(req));
	return answer_status(req, true);
}

AWAITS enum err operator_metrics(struct request *req)
{
	AUTO_BUF text = {0};
	struct piece piece;

	if (!req->config->metrics_public)
		TRY(admit_operator(req));
	metrics_write(req->gateway, &text);
	piece = (struct piece){.str = buf_str(&text)};
	return http_answer(req->exchange, 200, STR("Cache-Control: no-store\r\n"),
			   &(struct http_body){.content_type = STR("text/plain; version=0.0.4; charset=utf-8"),
					       .pieces = &piece,
					       .count = 1,
					       .gzip = true});
}
