/* Calls that rules have a say in: whether this one, with these arguments, from here and now, may be made. Also what
 * becomes of a name that is hidden: the caller hears that it is unknown, the audit trail hears which it was. And
 * resources, which can be read without being listed: these are judged by their URI, so that what is hidden from a
 * list cannot be had by its name. */
#include "base/clock.h"
#include "base/log.h"
#include "gateway/metrics.h"
#include "gateway/relay.h"
#include "gateway/visible.h"

static enum permission permission_for(enum offer_kind kind)
{
	switch (kind) {
	case OFFER_TOOLS:
		return PERMISSION_TOOLS_CALL;
	case OFFER_PROMPTS:
		return PERMISSION_PROMPTS_GET;
	default:
		return PERMISSION_RESOURCES_READ;
	}
}

/* One row for a refusal, which names the rule. */
AWAITS static enum err audit_denied(struct request *req, struct str label, struct str rule)
{
	const struct audit_record record = {
		.event = STR("access.denied"),
		.tenant_id = str_of(req->caller.tenant_id),
		.principal = str_of(req->caller.principal),
		.ip = req->ip_text,
		.request_id = req->id,
		.target = relay_told(req, label),
		.upstream = req->upstream,
		.outcome = rule.n == 0 ? STR("POLICY") : arena_fmt(req->arena, "POLICY:%.*s", STR_ARG(rule)),
	};

	return audit_append(req->gateway->audit, &record);
}

static void note_shadow(struct request *req, struct str label, const struct policy_verdict *verdict)
{
	metrics_policy(req->here, METRIC_POLICY_SHADOW);
	log_debug("policy.shadow", LOG_STR("rule", verdict->shadow), LOG_STR("target", label),
		  LOG_CSTR("tenant", req->caller.tenant_name), LOG_CSTR("principal", req->caller.principal),
		  LOG_STR("request_id", req->id));
}

AWAITS static enum err judge(struct request *req, enum offer_kind kind, struct str label, struct str arguments)
{
	const struct policy_call call = {
		.subject = {.caller = &req->caller, .ip = req->exchange->peer},
		.kind_permission = permission_for(kind),
		.label = label,
		.arguments = arguments,
		.now_ms = clock_wall_ms(),
	};
	struct policy_verdict verdict;

	TRY(policy_judge_call(req->access->policy, &call, &req->access->match, req->arena, &verdict));
	if (verdict.shadow.n > 0)
		note_shadow(req, label, &verdict);
	if (verdict.answer == POLICY_ALLOW)
		return OK;
	metrics_policy(req->here, METRIC_POLICY_REFUSED);
	req->problem = verdict.reason;
	TRY(audit_denied(req, label, verdict.rule));
	return ERR_POLICY;
}

AWAITS enum err visible_judge(struct request *req, enum offer_kind kind, const struct catalog_item *item,
			      struct str arguments)
{
	return judge(req, kind, item->label, arguments);
}

struct str visible_event(struct request *req, enum offer_kind kind, struct str name, struct str event)
{
	if (req->visible == NULL || catalog_find(req->visible->whole, kind, name) == NULL)
		return event;
	metrics_policy(req->here, METRIC_POLICY_HIDDEN);
	return STR("access.denied");
}

/* ---- resources ------------------------------------------------------------------ */

/* What rules and globs say of a resource, listed or not. */
static struct str label_of(const struct request *req, const struct catalog_item *item, struct str uri)
{
	return arena_fmt(req->arena, "%.*s.%.*s", STR_ARG(upstream_name(item->upstream)), STR_ARG(uri));
}

/* Routes by template, scheme or skill lead to a server that a toolset shows something of; that does not make
 * everything of it the toolset's. */
static bool view_has(const struct catalog_view *view, const struct catalog_item *item, struct str client_uri,
		     struct str label)
{
	const struct catalog_item *listed = catalog_find(view, OFFER_RESOURCES, client_uri);

	return view->name.n == 0 || (listed != NULL && listed->upstream == item->upstream) ||
	       catalog_includes(view, label);
}

/* A credential that is narrowed to toolsets reads what one of them would. */
static bool toolsets_have(const struct request *req, const struct catalog_item *item, struct str client_uri,
			  struct str label)
{
	const struct catalog *catalog = req->catalog;

	if (req->access->caller.toolsets[0] == '\0')
		return true;
	for (size_t i = 1; i < catalog->view_count; i++)
		if (access_class_has_toolset(req->access, catalog->views[i].name) &&
		    view_has(&catalog->views[i], item, client_uri, label))
			return true;
	return false;
}

/* Whether the class could read it under some condition; if not, it is hidden and answered as unknown. */
static bool may_read(const struct request *req, struct str label)
{
	const struct access_class *class = req->access;
	struct policy_verdict verdict;

	policy_judge(class->policy, &class->caller, &class->match, PERMISSION_RESOURCES_READ, label, NULL, &verdict);
	return verdict.answer != POLICY_REFUSE;
}

bool visible_has_skills(const struct request *req, const struct catalog_item *door)
{
	struct str label;

	if (req->visible == NULL)
		return true;
	label = label_of(req, door, STR("skill://"));
	return toolsets_have(req, door, STR("skill://"), label) && may_read(req, label);
}

AWAITS static enum err judge_uri(struct request *req, struct str label, struct str uri)
{
	AUTO_BUF arguments = {0};

	buf_put(&arguments, STR("{\"uri\":"));
	buf_put_json(&arguments, uri);
	buf_put_byte(&arguments, '}');
	return judge(req, OFFER_RESOURCES, label, buf_str(&arguments));
}

static bool is_foreign(const struct request *req, const struct catalog_item *item)
{
	struct str owner = upstream_owner(item->upstream);

	return owner.n > 0 && !str_eq(owner, str_of(req->caller.tenant_id));
}

AWAITS enum err visible_route(struct request *req, struct str uri, const struct catalog_item **ret_item,
			      struct str *ret_uri)
{
	const struct catalog_view *whole = req->visible == NULL ? req->view : req->visible->whole;
	const struct catalog_item *item = catalog_route(req->view, uri, ret_uri);
	struct str label;

	/* What is visible comes first, so that nobody's server stands in the way of another's. */
	if (item == NULL)
		item = catalog_route(whole, uri, ret_uri);
	*ret_item = NULL;
	if (item == NULL || is_foreign(req, item))
		return OK;
	label = label_of(req, item, *ret_uri);
	if (!view_has(whole, item, uri, label))
		return OK;
	if (req->visible != NULL) {
		if (!toolsets_have(req, item, uri, label) || !may_read(req, label)) {
			metrics_policy(req->here, METRIC_POLICY_HIDDEN);
			return audit_denied(req, uri, STR_NONE);
		}
		TRY(judge_uri(req, label, *ret_uri));
	}
	*ret_item = item;
	return OK;
}
