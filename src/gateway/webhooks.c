/* Messages of platforms on their way in: the path says for which upstream, and for which tenant where the upstream is
 * not one tenant's own; the room webhooks says whether to believe it and what is in it; the room events keeps that. The
 * answer follows when all of it is durable, and whoever listens has been told. What is wrong with an address is not
 * told: it is not there. */
#include "gateway/webhooks.h"

#include "base/clock.h"
#include "base/log.h"
#include "events/events.h"
#include "gateway/local.h"
#include "gateway/local_events.h"
#include "gateway/rates.h"
#include "store/tenant.h"
#include "webhooks/webhook.h"

struct mailbox {
	struct str platform, upstream, tenant; /* of the path; tenant may be empty */
	struct str tenant_id, secret, verify_token;
};

static bool read_path(struct str path, struct mailbox *box)
{
	struct str rest = str_skip(path, strlen("/webhooks/")), more;

	if (!str_cut(rest, '/', &box->platform, &rest) || !webhook_knows(box->platform))
		return false;
	(void)str_cut(rest, '/', &box->upstream, &box->tenant);
	return box->upstream.n > 0 && !str_cut(box->tenant, '/', &more, &more);
}

/* The upstream's own tenant, or the one that the path names. */
AWAITS static enum err find_tenant(struct request *req, struct str owner, struct mailbox *box)
{
	struct tenant tenant;

	if (owner.n > 0) {
		box->tenant_id = arena_str(req->arena, owner);
		return box->tenant.n == 0 ? OK : ERR_NOT_FOUND;
	}
	if (box->tenant.n == 0)
		return ERR_NOT_FOUND;
	TRY(tenant_find(req->gateway->db, req->arena, box->tenant, &tenant));
	box->tenant_id = tenant.id;
	return tenant.disabled ? ERR_NOT_FOUND : OK;
}

/* The request holds its configuration, so secrets are borrowed from there. */
AWAITS static enum err find_mailbox(struct request *req, struct mailbox *box)
{
	const struct config *config = req->config;

	if (!read_path(req->exchange->path, box))
		return ERR_NOT_FOUND;
	for (size_t i = 0; i < config->upstream_count; i++) {
		const struct upstream_spec *spec = &config->upstreams[i];

		if (!str_eq(spec->name, box->upstream) || spec->local == NULL)
			continue;
		box->secret = local_webhook_secret(spec->local);
		box->verify_token = local_webhook_verify_token(spec->local);
		return box->secret.n > 0 ? find_tenant(req, spec->owner, box) : ERR_NOT_FOUND;
	}
	return ERR_NOT_FOUND;
}

static struct str header_of(void *arg, const char *name)
{
	return http_field_find(arg, str_of(name));
}

static struct str method_of(enum http_method method)
{
	return method == HTTP_POST ? STR("POST") : method == HTTP_GET ? STR("GET") : STR("OTHER");
}

/*   ret_any    also on errors: something is there that was not there before */
AWAITS static enum err keep(struct request *req, const struct mailbox *box, const struct webhook_answer *answer,
			    bool *ret_any)
{
	bool is_new;

	for (size_t i = 0; i < answer->event_count; i++) {
		const struct webhook_event *event = &answer->events[i];
		enum err err = events_keep(req->gateway->events,
					   &(struct platform_event){
						   .tenant_id = box->tenant_id,
						   .upstream = box->upstream,
						   .kind = event->kind,
						   .route = event->route,
						   .subject = event->subject,
						   .dedup = event->dedup,
						   .body = event->body,
					   },
					   &is_new);

		if (err == ERR_LIMIT) /* too large to be kept: it would be sent again for ever */
			log_warn("webhook.too_large", LOG_STR("upstream", box->upstream), LOG_STR("kind", event->kind));
		else
			TRY(err);
		*ret_any |= err == OK && is_new;
	}
	return OK;
}

AWAITS enum err webhooks_serve(struct request *req)
{
	struct http_exchange *exchange = req->exchange;
	struct mailbox box = {.platform = STR_NONE};
	struct webhook_answer answer;
	bool any = false;
	enum err err;

	TRY(rates_check_block(req));
	TRY(rates_take_address(req));
	err = find_mailbox(req, &box);
	if (err == ERR_NOT_FOUND || exchange->body.n > WEBHOOK_BYTES_MAX)
		return ERR_HTTP_ROUTE;
	TRY(err);
	webhook_receive(req->arena,
			&(struct webhook_request){
				.platform = box.platform,
				.secret = box.secret,
				.verify_token = box.verify_token,
				.method = method_of(exchange->method),
				.query = exchange->query,
				.body = exchange->body,
				.header = header_of,
				.arg = &exchange->fields,
				.now_ms = clock_wall_ms(),
			},
			&answer);
	err = keep(req, &box, &answer, &any);
	if (any)
		local_events_tell(req->gateway, box.tenant_id, box.upstream);
	TRY(err);
	req->upstream = box.upstream;
	return http_answer(exchange, answer.status, STR(""),
			   &(struct http_body){
				   .content_type = answer.type,
				   .pieces = &(struct piece){.str = answer.body},
				   .count = answer.body.n > 0 ? 1 : 0,
			   });
}
