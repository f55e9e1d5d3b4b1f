/* Reloading: everything is checked before anything changes. Requests in flight keep the snapshot
 * they started with; the next ones see the new one. */
#include "gateway/reload.h"

#include "base/log.h"
#include "gateway/admission.h"
#include "gateway/assembly.h"
#include "gateway/metrics.h"
#include "gateway/pipeline.h"
#include "gateway/serve.h"

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
	if (before->durability != after->durability || before->audit_commit_ms != after->audit_commit_ms)
		log_warn("reload.needs_restart", LOG_CSTR("setting", "audit"));
}

/* New certificates are picked up even when the config's text is the same. */
AWAITS static enum err reload_tls(struct gateway *gateway, const struct config *config, struct buf *problem)
{
	for (size_t i = 0; i < config->listen_count && i < gateway->listener_count; i++) {
		const struct config_listen *listen = &config->listen[i];
		struct tls *tls = NULL;

		TRY(gateway_listen_tls(listen, problem, &tls));
		listener_set_tls(gateway->listeners[i], tls);
		tls_unref(tls);
	}
	return OK;
}

struct reload {
	struct gateway *gateway;
	struct buf *problem;
};

AWAITS static enum err reload_on_first_loop(void *arg)
{
	struct reload *reload = arg;
	struct gateway *gateway = reload->gateway;
	AUTO(config) *config = NULL;
	struct http_server_spec spec;

	if (atomic_load(&gateway->draining))
		return ERR_SHUTDOWN;
	TRY(config_load(gateway->config->file, reload->problem, &config));
	TRY(reload_tls(gateway, config, reload->problem));
	warn_restart(gateway->config, config);
	log_setup(config->log_level, config->log_format);
	spec = gateway_http_spec(gateway, config);
	http_server_reconfigure(gateway->server, &spec);
	gateway_publish(gateway, config, NULL);
	config_unref(gateway->config);
	gateway->config = config_ref(config);
	return assembly_apply(gateway->assembly, config, reload->problem);
}

AWAITS enum err gateway_reload(struct gateway *gateway, struct buf *problem)
{
	struct reload reload = {gateway, problem};
	const struct audit_record record = {.event = STR("config.reloaded"), .outcome = STR("ok")};
	enum err err = loop_call(loop_at(0), "reload", reload_on_first_loop, &reload);

	if (err != OK) {
		log_error("reload.refused", LOG_ERR(err), LOG_STR("problem", buf_str(problem)),
			  LOG_CSTR("effect", "the old configuration stays"));
		return err;
	}
	log_info("reload.done", LOG_STR("file", gateway->config->file));
	return audit_append(gateway->audit, &record);
}
