/* The life of the server process.
 *
 *   config -> data directory, lock, keys -> database -> audit, identity, state
 *          -> http -> upstreams -> listen (last: nobody is served half a gateway)
 *   ... until SIGTERM, or until SIGUSR2 has started a new process that serves ...
 *   stop accepting -> drain -> upstreams -> audit -> database
 *
 * Everything that can be wrong is said in one sentence with what to do, before the process
 * answers its first request. */
#include "gateway/accounts.h"
#include "gateway/serve.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "access/access.h"
#include "bridge/bridge.h"
#include "gateway/assembly.h"
#include "gateway/chores.h"
#include "gateway/client_ask.h"
#include "gateway/config_stored.h"
#include "gateway/connectors.h"
#include "gateway/control.h"
#include "gateway/event_log.h"
#include "gateway/forward.h"
#include "gateway/fleet.h"
#include "gateway/fleet_results.h"
#include "gateway/handover.h"
#include "gateway/hints.h"
#include "gateway/inngest.h"
#include "gateway/kek.h"
#include "gateway/keys.h"
#include "gateway/meters.h"
#include "gateway/notify.h"
#include "gateway/operator_key.h"
#include "gateway/parked.h"
#include "gateway/process.h"
#include "gateway/reload.h"
#include "gateway/secret_watch.h"
#include "gateway/blocklist.h"
#include "gateway/stored.h"
#include "gateway/stream_watch.h"
#include "gateway/upgrade.h"
#include "gateway/uploads.h"
#include "gateway/welcome.h"
#include "identity/signing.h"
#include "oauth/oauth.h"
#include "authclient/redirect.h"
#include "portal/portal.h"
#include "rt/rest.h"
#include "rt/signal.h"
#include "store/tenant.h"

#define LISTEN_BACKLOG 4096
#define RELOAD_POLL_MS 10
#define SETTLE_MS 20000 /* of upstreams, when another process serves meanwhile */
#define SETTLE_POLL_MS 20
#define CONTROL_DRAIN_MS 1000 /* for the answer of the command that asked us to end */
#define HANDOVER_IDLE_MS 6000 /* longer than the 5 s for which many clients keep an idle connection */
#define FLEET_IDLE_MS 2500 /* two beats: the other replicas have heard that we leave, what they sent before is here */
#define WELCOME_KEY_MS (30LL * 24 * 3600 * 1000)

struct serving {
	const struct serve_options *options;
	struct config *config;
	struct gateway *gateway;
	struct handover *handover; /* NULL when this process was started with nothing */
	bool prints_welcome;
	struct keys keys;
	struct wait *stop; /* the main fiber, waiting for a signal */
	bool stop_asked;
	bool handed_over; /* another process serves: ours is to drain */
	int lock_fd;
	int exit_status;
	char first_key[API_KEY_TEXT_LEN + 1];
};

/* ---- process --------------------------------------------------------------------- */

static void on_stop_signal(void *arg)
{
	struct serving *serving = arg;
	struct wait *stop = serving->stop;

	serving->stop_asked = true;
	serving->stop = NULL;
	if (stop != NULL)
		wait_done(stop, OK);
}

AWAITS_ENTRY static void reload_main(void *arg)
{
	AUTO_BUF problem = {0};
	struct serving *serving = arg;

	if (gateway_reload(serving->gateway, &problem) != OK)
		fprintf(stderr, "%.*s\n", STR_ARG(buf_str(&problem)));
}

static void on_reload_signal(void *arg)
{
	if (((struct serving *)arg)->gateway == NULL)
		return;
	if (fiber_spawn(loop_at(0), "reload", reload_main, arg, 0, NULL) != OK)
		log_error("reload.refused", LOG_CSTR("problem", "too busy; send the signal again"));
}

static void on_handed_over(void *arg)
{
	struct serving *serving = arg;

	serving->handed_over = true;
	on_stop_signal(serving);
}

AWAITS_ENTRY static void upgrade_main(void *arg)
{
	AUTO_BUF problem = {0};
	struct serving *serving = arg;
	int pid;

	if (upgrade_run(serving->gateway->upgrade, &problem, &pid) != OK)
		fprintf(stderr, "%.*s\n", STR_ARG(buf_str(&problem)));
}

static void on_upgrade_signal(void *arg)
{
	if (((struct serving *)arg)->gateway == NULL)
		return;
	if (fiber_spawn(loop_at(0), "upgrade", upgrade_main, arg, 0, NULL) != OK)
		log_error("upgrade.failed", LOG_CSTR("problem", "too busy; send the signal again"));
}

/* ---- start ----------------------------------------------------------------------- */

/* Keys leave a row, also the ones nobody asked for by name. */
AWAITS static enum err audit_first_key(struct gateway *gateway, const struct tenant *tenant, struct str key_id)
{
	const struct audit_record record = {
		.event = STR("api_key.created"), .tenant_id = tenant->id, .target = key_id, .outcome = STR("ok")};

	return audit_append(gateway->audit, &record);
}

/* An empty installation gets a tenant; where somebody is welcomed, also a key, which the welcome
 * prints once. One made again for a later welcome ends by itself. */
AWAITS static enum err first_key_make(struct serving *serving, struct buf *problem)
{
	struct key_order order = {.tenant_name = STR("default"), .role = STR("owner")};
	AUTO(arena) *arena = arena_new(1 << 20);
	struct gateway *gateway = serving->gateway;
	struct tenant *tenants, tenant;
	char id[ID_LEN + 1];
	size_t count;
	bool first;

	TRY(tenant_page(gateway->db, arena, STR(""), 1, &tenants, &count));
	first = count == 0;
	if (!first && !serving->options->fresh_key)
		return OK;
	if (tenant_find(gateway->db, arena, STR("default"), &tenant) != OK)
		TRY(tenant_create(gateway->db, arena, STR("default"), &tenant));
	if (!serving->prints_welcome)
		return OK;
	order.name = first ? STR("first key") : STR("welcome key");
	TRY(identity_key_expiry(&serving->config->identity, first ? -1 : clock_wall_ms() + WELCOME_KEY_MS,
				clock_wall_ms(), &order.expires_ms));
	TRY(identity_key_create(gateway->db, serving->keys.api_key, &order, problem, serving->first_key, id));
	return audit_first_key(gateway, &tenant, (struct str){id, ID_LEN});
}

static int64_t generation_of(void *arg)
{
	return identity_generation(arg);
}

/* The rooms that serve pages. What they are given outlives them: see stop(). */
AWAITS static void start_rooms(struct serving *serving)
{
	struct gateway *gateway = serving->gateway;

	gateway->signin = signin_new(&(struct signin_spec){.db = gateway->db,
							   .state = gateway->state,
							   .audit = gateway->audit,
							   .identity = gateway->identity,
							   .key = serving->keys.signin});
	gateway->signing = signing_new(gateway->db, serving->keys.seal);
	identity_trust(gateway->identity, gateway->signing);
	gateway_configure_identity(gateway, serving->config);
	gateway->oauth = oauth_new(&(struct oauth_spec){.db = gateway->db,
							.state = gateway->state,
							.audit = gateway->audit,
							.identity = gateway->identity,
							.signin = gateway->signin,
							.signing = gateway->signing,
							.key = serving->keys.oauth});
	gateway->vault = vault_new(&(struct vault_spec){.db = gateway->db,
							.kek = kek_source(gateway->kek),
							.generation = generation_of,
							.arg = gateway->identity});
	gateway->bridge = bridge_new(&(struct bridge_spec){.db = gateway->db,
							   .state = gateway->state,
							   .audit = gateway->audit,
							   .vault = gateway->vault,
							   .key = serving->keys.bridge});
	gateway->connect = accounts_start(gateway, serving->keys.connect);
	gateway->portal = portal_new(&(struct portal_spec){.db = gateway->db,
							   .state = gateway->state,
							   .audit = gateway->audit,
							   .access = gateway->access,
							   .api_key = gateway->api_key,
							   .key = serving->keys.portal,
							   .person_key = serving->keys.seal,
							   .vault = gateway->vault,
							   .connect = gateway->connect,
							   .check_upstream = config_check_upstream,
							   .check_toolset = config_check_toolset,
							   .oauth_key = serving->keys.oauth,
							   .check_redirect = redirect_allowed,
							   .account_health = connectors_account_health,
							   .account_health_arg = gateway});
}

AWAITS static enum err start_storage(struct serving *serving, struct buf *problem)
{
	struct gateway *gateway = serving->gateway;
	struct config *config = serving->config;
	struct db_spec spec = config_db_spec(config);

	TRY(secrets_open(&gateway->started_config->secrets, problem, &gateway->secrets));
	TRY(keys_load(config->data, gateway->secrets, problem, &serving->keys));
	TRY(process_lock_data(config->data, serving->handover, &serving->lock_fd, problem));
	TRY(db_open(&spec, problem, &gateway->db));
	TRY(state_open(&config->state, problem, &gateway->state));
	TRY(fleet_results_start(gateway->state, serving->keys.results, &gateway->fleet_results));
	TRY(meters_start(gateway->db, gateway->state, &gateway->meters));
	gateway->session_key = serving->keys.session;
	gateway->request_state_key = serving->keys.state;
	gateway->forward_key = serving->keys.forward;
	TRY(audit_start(gateway->db, serving->keys.audit, config->durability, &gateway->audit));
	serving->keys.audit = NULL;
	audit_seal_addresses(gateway->audit, serving->keys.seal);
	if (config->auth_required)
		TRY(first_key_make(serving, problem));
	gateway->api_key = serving->keys.api_key;
	TRY(operator_key_load(config, gateway->secrets, gateway->api_key, problem));
	TRY(identity_start(gateway->db, serving->keys.api_key, &gateway->identity));
	serving->keys.api_key = NULL;
	hints_start(gateway);
	gateway->access = access_new(gateway->db, gateway->identity);
	access_configure(gateway->access, config->rules, config->rule_count);
	TRY(kek_open(gateway->secrets, keys_take(&serving->keys.kek), problem, &gateway->kek));
	TRY(kek_follow(gateway->kek));
	start_rooms(serving);
	TRY(uploads_start(gateway, serving->keys.media, problem, &gateway->media));
	TRY(connectors_start(gateway, serving->keys.cursor));
	return audit_append(gateway->audit,
			    &(struct audit_record){.event = STR("gateway.started"), .outcome = STR("ok")});
}

enum err gateway_listen_tls(const struct config_listen *listen, struct buf *problem, struct tls **ret_tls)
{
	struct tls_server_spec spec = {
		.client_cert_required = listen->client_cert_required,
		.allow_tls12 = listen->allow_tls12,
	};

	*ret_tls = NULL;
	if (listen->cert_file.n == 0)
		return OK;
	/* Strings of a config are NUL-terminated. */
	spec.cert_file = listen->cert_file.p;
	spec.key_file = listen->key_file.p;
	spec.client_ca_file = listen->client_ca_file.n == 0 ? NULL : listen->client_ca_file.p;
	return tls_server_new(&spec, problem, ret_tls);
}

AWAITS static enum err listen_on(struct serving *serving, size_t index, struct buf *problem,
				 struct listener **ret_listener)
{
	const struct config *config = serving->config;
	const struct config_listen *listen = &config->listen[index];
	int inherited[LOOPS_MAX];
	struct listener_spec spec = {
		.address = listen->address,
		.inherited = inherited,
		.proxy_protocol = listen->proxy_protocol,
		.trusted_proxies = config->trusted_proxies,
		.trusted_count = config->trusted_count,
		.unix_mode = 0660,
		.backlog = LISTEN_BACKLOG,
	};
	char text[ADDRESS_TEXT_MAX];
	struct address bound;
	struct tls *tls;
	enum err err;

	TRY(gateway_listen_tls(listen, problem, &tls));
	spec.inherited_count = handover_sockets(serving->handover, listen, index, inherited, &spec.foreign_file);
	err = http_server_listen(serving->gateway->server, &spec, tls, ret_listener, &bound);
	tls_unref(tls);
	if (err != OK) {
		buf_put_fmt(problem, "cannot listen on %.*s: %s; is another program using the port?",
			    STR_ARG(listen->text), err_text(err));
		return err;
	}
	log_info("listening", LOG_STR("address", address_text(&bound, true, text)), LOG_BOOL("tls", tls != NULL));
	if (config->loopback_only && address_port(&bound) != 0 && serving->gateway->origin[0] == '\0')
		snprintf(serving->gateway->origin, sizeof(serving->gateway->origin), "%s://%.*s",
			 tls != NULL ? "https" : "http", STR_ARG(address_text(&bound, true, text)));
	if (serving->prints_welcome && address_port(&bound) != 0)
		welcome_address(&bound, tls != NULL);
	return OK;
}

/* The configured listeners; what was passed to us takes their places. */
AWAITS static enum err start_listening(struct serving *serving, struct buf *problem)
{
	struct gateway *gateway = serving->gateway;
	const struct config *config = serving->config;

	gateway->listeners = calloc(config->listen_count + 1, sizeof(struct listener *));
	if (gateway->listeners == NULL)
		return ERR_SYSTEM;
	for (size_t i = 0; i < config->listen_count; i++) {
		TRY(listen_on(serving, i, problem, &gateway->listeners[i]));
		gateway->listener_count++;
	}
	/* Nobody before all of it is well: who takes over and cannot would lose what it has accepted. */
	TRY(http_server_accept(gateway->server));
	TRY(http_server_accept(gateway->control));
	gateway->listening = true;
	return OK;
}

/* Who takes over has the tools that the one before it had, or clients would miss them. */
AWAITS static void await_upstreams(struct serving *serving)
{
	if (!handover_is_upgrade(serving->handover))
		return;
	for (int64_t waited_ms = 0; waited_ms < SETTLE_MS && !assembly_complete(serving->gateway->assembly);
	     waited_ms += SETTLE_POLL_MS)
		if (serving->stop_asked || fiber_sleep(SETTLE_POLL_MS) != OK)
			return;
}

AWAITS static enum err start(struct serving *serving, struct buf *problem)
{
	struct gateway *gateway = serving->gateway = gateway_new(serving->config);
	struct http_server_spec http = gateway_http_spec(gateway, serving->config);

	gateway->handover = serving->handover;
	/* First of all: who is told to stop while starting stops in good order too. */
	TRY(signal_watch(SIGTERM, on_stop_signal, serving));
	TRY(signal_watch(SIGINT, on_stop_signal, serving));
	TRY(start_storage(serving, problem));
	TRY(fleet_start(gateway, problem, &gateway->fleet));
	gateway->upgrade = upgrade_new(&(struct upgrade_spec){.gateway = gateway,
							      .config_file = serving->options->config_file,
							      .lock_fd = serving->lock_fd,
							      .on_handed_over = on_handed_over,
							      .arg = serving});
	event_logs_start();
	TRY(stream_watch_start(gateway, &gateway->stream_watch));
	TRY(assembly_start(gateway, &gateway->assembly));
	TRY(http_server_new(&http, &gateway->server));
	TRY(control_start(gateway, problem, &gateway->control));
	TRY(assembly_apply(gateway->assembly, serving->config, problem));
	/* Before anything that waits: a signal nobody watches ends the process. */
	TRY(signal_watch(SIGHUP, on_reload_signal, serving));
	TRY(blocklist_start(gateway, &gateway->block_follower));
	TRY(stored_start(gateway, &gateway->stored));
	TRY(secret_watch_start(gateway));
	gateway->sync_is_driven = inngest_is_configured(serving->config);
	TRY(chores_start(gateway));
	TRY(signal_watch(SIGUSR2, on_upgrade_signal, serving));
	await_upstreams(serving);
	return start_listening(serving, problem);
}

/* ---- stop ------------------------------------------------------------------------ */

/* A reload that was under way when the signal came uses all that is stopped next. */
AWAITS static void await_reload(struct gateway *gateway)
{
	while (gateway->reloading)
		if (fiber_sleep(RELOAD_POLL_MS) != OK)
			break;
}

/* Nobody new comes to us from here on. Of a server that goes on elsewhere the files of sockets stay, and
 * the command line is turned to it first. */
AWAITS static void leave_doors(struct serving *serving)
{
	struct gateway *gateway = serving->gateway;

	atomic_store(&gateway->draining, true);
	upgrade_stop(gateway->upgrade);
	if (!serving->handed_over && !handover_is_upgrade(serving->handover)) {
		notify_systemd("STOPPING=1");
		return;
	}
	for (size_t i = 0; i < gateway->listener_count; i++)
		listener_leave_file(gateway->listeners[i]);
	if (gateway->control_listener == NULL)
		return;
	listener_leave_file(gateway->control_listener);
	http_server_drain(gateway->control, 0, CONTROL_DRAIN_MS);
}

AWAITS static void stop(struct serving *serving)
{
	struct gateway *gateway = serving->gateway;
	int64_t grace_ms = serving->config->limits.drain_ms;
	int64_t idle_ms = serving->handed_over ? HANDOVER_IDLE_MS : gateway->fleet != NULL ? FLEET_IDLE_MS : 0;

	leave_doors(serving);
	fleet_leave(gateway->fleet);
	client_asks_end(gateway, STR_NONE, ERR_SHUTDOWN);
	parked_drain(gateway);
	forward_drain(gateway);
	if (gateway->server != NULL)
		http_server_drain(gateway->server, idle_ms, grace_ms);
	parked_stop(gateway);
	fleet_stop(gateway->fleet);
	event_logs_stop();
	await_reload(gateway);
	secrets_unfollow(gateway->secrets);
	stored_stop(gateway->stored);
	blocklist_stop(gateway->block_follower);
	chores_stop(gateway);
	if (gateway->control != NULL)
		http_server_drain(gateway->control, 0, CONTROL_DRAIN_MS);
	if (gateway->assembly != NULL)
		assembly_stop(gateway->assembly, 1000);
	connectors_stop(gateway);
	fleet_results_stop(gateway->fleet_results);
	stream_watch_stop(gateway->stream_watch);
	hints_stop(gateway);
	meters_stop(gateway->meters);
	media_store_stop(gateway->media);
	portal_free(gateway->portal);
	bridge_free(gateway->bridge);
	connect_free(gateway->connect);
	vault_free(gateway->vault);
	kek_close(gateway->kek);
	access_free(gateway->access);
	oauth_free(gateway->oauth);
	signing_free(gateway->signing);
	signin_free(gateway->signin);
	if (gateway->identity != NULL)
		identity_stop(gateway->identity);
	if (gateway->audit != NULL)
		audit_stop(gateway->audit);
	if (gateway->db != NULL)
		db_close(gateway->db);
	if (gateway->server != NULL)
		http_server_free(gateway->server);
	if (gateway->control != NULL)
		http_server_free(gateway->control);
	state_free(gateway->state);
	secrets_close(gateway->secrets);
	free(gateway->listeners);
	upgrade_free(gateway->upgrade);
	gateway_free(gateway);
	serving->gateway = NULL; /* a signal may still come */
	keys_free(&serving->keys);
	if (serving->lock_fd >= 0)
		close(serving->lock_fd);
}

AWAITS static void await_stop(struct serving *serving)
{
	struct wait stop = WAIT_INIT;
	struct rest rest;

	if (rest_begin(&rest) != OK)
		log_warn("rest.failed", LOG_CSTR("effect", "memory is kept"));
	serving->stop = &stop;
	if (serving->stop_asked || wait_for(&stop, NULL, NULL) == OK)
		log_info("stopping", LOG_INT("drain_ms", serving->config->limits.drain_ms));
	rest_end(&rest);
}

/* The process before us tells systemd of us: it is the one that systemd listens to. */
static void ready(struct serving *serving)
{
	if (handover_is_upgrade(serving->handover))
		handover_say(serving->handover, STR_NONE);
	else
		notify_systemd("READY=1");
	handover_free(serving->handover);
	serving->handover = serving->gateway->handover = NULL;
}

AWAITS_ENTRY static void serve_main(void *arg)
{
	struct serving *serving = arg;
	AUTO_BUF problem = {0};
	enum err err = start(serving, &problem);

	if (err != OK) {
		serving->exit_status = 1;
		handover_say(serving->handover, problem.n > 0 ? buf_str(&problem) : str_of(err_text(err)));
		log_error("start.failed", LOG_ERR(err), LOG_STR("problem", buf_str(&problem)));
		fprintf(stderr, "gatehouse: %.*s\n",
			STR_ARG(problem.n > 0 ? buf_str(&problem) : str_of(err_text(err))));
	} else {
		ready(serving);
		if (serving->prints_welcome)
			welcome_print(serving->gateway, serving->first_key);
		crypto_wipe(serving->first_key, sizeof(serving->first_key));
		await_stop(serving);
	}
	if (serving->gateway != NULL)
		stop(serving);
}

static unsigned loops_wanted(const struct config *config)
{
	unsigned workers = config->workers > 0 ? config->workers : (unsigned)sysconf(_SC_NPROCESSORS_ONLN);

	return workers > LOOPS_MAX ? LOOPS_MAX : workers;
}

int serve(const struct serve_options *options)
{
	struct serving serving = {.options = options, .lock_fd = -1, .handover = handover_receive()};
	AUTO_BUF problem = {0};

	if (config_load(options->config_file, &problem, &serving.config) != OK) {
		fprintf(stderr, "%.*s\n", STR_ARG(buf_str(&problem)));
		handover_say(serving.handover, buf_str(&problem));
		handover_free(serving.handover);
		return 1;
	}
	serving.prints_welcome = options->print_welcome && !handover_is_upgrade(serving.handover);
	process_harden();
	log_setup(serving.config->log_level, serving.config->log_format);
	if (rt_run(loops_wanted(serving.config), serve_main, &serving) != OK) {
		fprintf(stderr, "gatehouse: the event loops cannot be started; see the log\n");
		serving.exit_status = 1;
	}
	handover_free(serving.handover);
	config_unref(serving.config);
	return serving.exit_status;
}
