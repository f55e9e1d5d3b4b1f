/* Reloading: everything is checked before anything changes. Requests in flight keep the snapshot
 * they started with; the next ones see the new one. */
#include "gateway/reload.h"

#include <stdlib.h>

#include "access/access.h"
#include "base/check.h"
#include "base/log.h"
#include "gateway/assembly.h"
#include "gateway/inngest.h"
#include "gateway/memo.h"
#include "gateway/metrics.h"
#include "gateway/operator_key.h"
#include "gateway/pipeline.h"
#include "gateway/secret_watch.h"
#include "gateway/serve.h"
#include "gateway/stored.h"

#define RELOAD_POLL_MS 10

static void on_refused(const struct address *peer, enum err why, void *arg)
{
	char text[ADDRESS_TEXT_MAX];

	metrics_refused(gateway_here(arg));
	log_info("http.refused", LOG_ERR(why), LOG_STR("ip", address_text(peer, false, text)));
}

struct http_server_spec gateway_http_spec(struct gateway *gateway, const struct config *config)
{
	return (struct http_server_spec){
		.handle = gateway_handle,
		.arg = gateway,
		.on_refused = on_refused,
		.memo_free = memo_free,
		.head_bytes_max = config->limits.head_bytes_max,
		.body_bytes_max = config->limits.body_bytes_max,
		.header_timeout_ms = config->limits.header_timeout_ms,
		.body_timeout_ms = config->limits.body_timeout_ms,
		.idle_timeout_ms = config->limits.idle_timeout_ms,
		.keepalive_ms = config->limits.keepalive_ms,
		.connections_max = config->limits.connections_max,
		.connections_per_ip_max = config->limits.connections_per_ip_max,
		.trusted_proxies = config->trusted_proxies,
		.trusted_count = config->trusted_count,
	};
}

/* Settings that are read once, at the start. */
static void warn_restart(const struct config *before, const struct config *after)
{
	bool listen = before->listen_count != after->listen_count;

	for (size_t i = 0; !listen && i < before->listen_count; i++)
		listen = !str_eq(before->listen[i].text, after->listen[i].text);
	if (listen)
		log_warn("reload.needs_restart", LOG_CSTR("setting", "listen"));
	if (before->workers != after->workers)
		log_warn("reload.needs_restart", LOG_CSTR("setting", "workers"));
	if (!str_eq(before->data, after->data))
		log_warn("reload.needs_restart", LOG_CSTR("setting", "data"));
	if (!str_eq(before->state.place, after->state.place))
		log_warn("reload.needs_restart", LOG_CSTR("setting", "state"));
	if (!config_same_secrets(before, after))
		log_warn("reload.needs_restart", LOG_CSTR("setting", "secrets"));
	if (before->durability != after->durability || before->audit_commit_ms != after->audit_commit_ms)
		log_warn("reload.needs_restart", LOG_CSTR("setting", "audit"));
	if (inngest_is_configured(before) != inngest_is_configured(after)) /* its keys and addresses may change */
		log_warn("reload.needs_restart", LOG_CSTR("setting", "inngest"));
}

/* New certificates are picked up even when the config's text is the same. A listener that stands
 * elsewhere in the new file keeps what it has: it must not lose its TLS to another one's settings. */
AWAITS static enum err make_tls(struct gateway *gateway, const struct config *config, struct tls **tls,
				struct buf *problem)
{
	for (size_t i = 0; i < config->listen_count && i < gateway->listener_count; i++)
		TRY(gateway_listen_tls(&config->listen[i], problem, &tls[i]));
	return OK;
}

static bool same_listener(const struct gateway *gateway, const struct config *config, size_t i)
{
	return i < config->listen_count && str_eq(gateway->started_config->listen[i].text, config->listen[i].text);
}

static void set_tls(struct gateway *gateway, const struct config *config, struct tls **tls)
{
	for (size_t i = 0; i < gateway->listener_count; i++)
		if (same_listener(gateway, config, i))
			listener_set_tls(gateway->listeners[i], tls[i]);
}

/* The sockets stay those of the start: what the new file says of them is only true after a restart. */
static enum err check_exposure(const struct gateway *gateway, const struct config *config, struct buf *problem)
{
	if (config->auth_required || gateway->started_config->loopback_only)
		return OK;
	buf_put(problem, STR("auth cannot be turned off while the gateway listens on other addresses than loopback; "
			     "`listen` changes with a restart"));
	return ERR_CONFIG;
}

struct reload {
	struct gateway *gateway;
	struct buf *problem;
};

static void release_config(void *config)
{
	config_unref(config);
}

AWAITS void gateway_configure_identity(struct gateway *gateway, struct config *config)
{
	identity_configure(gateway->identity, &config->identity, release_config, config_ref(config));
}

/* Everything that can fail comes before anything that changes. */
AWAITS static enum err take_config(struct gateway *gateway, struct config *config, struct tls **tls,
				   struct buf *problem)
{
	struct http_server_spec spec = gateway_http_spec(gateway, config);
	int64_t drain_ms = config->limits.drain_ms;

	TRY(check_exposure(gateway, config, problem));
	TRY(make_tls(gateway, config, tls, problem));
	if (atomic_load(&gateway->draining))
		return ERR_SHUTDOWN;
	TRY(assembly_apply(gateway->assembly, config, problem));
	warn_restart(gateway->started_config, config);
	set_tls(gateway, config, tls);
	log_setup(config->log_level, config->log_format);
	http_server_reconfigure(gateway->server, &spec);
	gateway_publish(gateway, config, NULL);
	access_configure(gateway->access, config->rules, config->rule_count);
	gateway_configure_identity(gateway, config);
	media_store_configure(gateway->media, &config->media);
	config_unref(gateway->config);
	gateway->config = config_ref(config);
	secret_watch_apply(gateway);
	assembly_retire(gateway->assembly, drain_ms);
	return OK;
}

AWAITS static enum err reload_now(struct gateway *gateway, struct buf *problem)
{
	AUTO(config) *file = NULL, *config = NULL;
	struct tls **tls;
	enum err err;

	TRY(config_load_here(gateway->config->file, gateway->secrets, problem, &file));
	TRY(operator_key_load(file, gateway->secrets, gateway->api_key, problem));
	TRY(stored_merge(gateway, file, &config));
	tls = calloc(gateway->listener_count + 1, sizeof(*tls));
	CHECK(tls != NULL);
	err = take_config(gateway, config, tls, problem);
	for (size_t i = 0; i < gateway->listener_count; i++)
		tls_unref(tls[i]);
	free(tls);
	return err;
}

/* One reload at a time; the next one waits, since the file may have changed meanwhile. */
AWAITS static enum err reload_on_first_loop(void *arg)
{
	struct reload *reload = arg;
	struct gateway *gateway = reload->gateway;
	struct audit_record record = {.event = STR("config.reloaded")};
	enum err err, audited;

	while (gateway->reloading)
		TRY(fiber_sleep(RELOAD_POLL_MS));
	if (atomic_load(&gateway->draining))
		return ERR_SHUTDOWN;
	gateway->reloading = true;
	err = reload_now(gateway, reload->problem);
	if (err == OK)
		log_info("reload.done", LOG_STR("file", gateway->config->file));
	record.outcome = err == OK ? STR("ok") : str_of(err_name(err));
	audited = audit_append(gateway->audit, &record);
	gateway->reloading = false;
	return err == OK ? audited : err;
}

AWAITS enum err gateway_reload(struct gateway *gateway, struct buf *problem)
{
	struct reload reload = {gateway, problem};
	enum err err = loop_call(loop_at(0), "reload", reload_on_first_loop, &reload);

	if (err != OK)
		log_error("reload.refused", LOG_ERR(err), LOG_STR("problem", buf_str(problem)),
			  LOG_CSTR("effect", "the old configuration stays"));
	return err;
}
