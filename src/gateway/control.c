/* The control socket's few routes. It is an HTTP server of its own on a Unix socket, so that
 * nothing a remote client sends can reach it. */
#include "gateway/control.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "gateway/assembly.h"
#include "gateway/handover.h"
#include "gateway/operator.h"
#include "gateway/pins.h"
#include "gateway/reload.h"
#include "gateway/upgrade.h"
#include "gateway/why.h"
#include "portal/portal.h"

#define CONTROL_BODY_BYTES_MAX (64 * 1024) /* arguments of a call that is asked about */

AWAITS static enum err control_answer(struct http_exchange *exchange, int status, struct str text)
{
	struct piece piece = {.str = text};

	return http_answer(exchange, status, STR_NONE,
			   &(struct http_body){.content_type = STR("application/json"), .pieces = &piece, .count = 1});
}

AWAITS static enum err control_status(struct gateway *gateway, struct http_exchange *exchange)
{
	AUTO_BUF text = {0};
	bool ready;

	operator_status_write(gateway, &(struct status_asked){.full = true, .everything = true}, &text, &ready);
	return control_answer(exchange, 200, buf_str(&text));
}

AWAITS static enum err control_reload(struct gateway *gateway, struct http_exchange *exchange)
{
	AUTO_BUF problem = {0}, text = {0};
	enum err err = gateway_reload(gateway, &problem);

	buf_put_fmt(&text, "{\"ok\":%s,\"problem\":", err == OK ? "true" : "false");
	buf_put_json(&text, buf_str(&problem));
	buf_put(&text, STR("}\n"));
	return control_answer(exchange, err == OK ? 200 : 422, buf_str(&text));
}

/* A command has changed the rows. */
AWAITS static enum err control_look(struct gateway *gateway, struct http_exchange *exchange)
{
	identity_look(gateway->identity);
	return control_answer(exchange, 200, STR("{\"ok\":true}\n"));
}

AWAITS static enum err control_upgrade(struct gateway *gateway, struct http_exchange *exchange)
{
	AUTO_BUF problem = {0}, text = {0};
	int pid = 0;
	enum err err;

	exchange->cancel_on_close = false;
	err = upgrade_run(gateway->upgrade, &problem, &pid);
	buf_put_fmt(&text, "{\"ok\":%s,\"pid\":%d,\"problem\":", err == OK ? "true" : "false", pid);
	buf_put_json(&text, buf_str(&problem));
	buf_put(&text, STR("}\n"));
	return control_answer(exchange, err == OK ? 200 : 422, buf_str(&text));
}

/* The body says {"ok":false,"problem":...} when something went wrong. */
AWAITS static enum err control_problem(struct http_exchange *exchange, enum err why)
{
	AUTO_BUF text = {0};

	buf_put(&text, STR("{\"ok\":false,\"problem\":"));
	buf_put_json(&text, str_of(err_text(why)));
	buf_put(&text, STR("}\n"));
	return control_answer(exchange, err_row(why)->http_status, buf_str(&text));
}

AWAITS static enum err control_diff(struct gateway *gateway, struct http_exchange *exchange)
{
	AUTO_BUF text = {0};
	enum err err = pins_diff_write(gateway->db, gateway_here(gateway)->config, &text);

	return err == OK ? control_answer(exchange, 200, buf_str(&text)) : control_problem(exchange, err);
}

struct approving {
	struct gateway *gateway;
	struct str by;
	struct buf *out;
};

/* One tool has been accepted: its row, and its place in the answer. */
AWAITS static enum err note_approved(void *arg, const struct tool_pin *pin)
{
	struct approving *approving = arg;
	AUTO_BUF target = {0};
	const struct audit_record record = {
		.event = STR("catalog.tool_approved"),
		.principal = approving->by,
		.target = pins_label(pin, &target),
		.upstream = pin->upstream,
		.outcome = STR("ok"),
	};

	if (approving->out->n > 0)
		buf_put_byte(approving->out, ',');
	buf_put_json(approving->out, buf_str(&target));
	return audit_append(approving->gateway->audit, &record);
}

/* The body: {"upstream":...,"tool":...,"digest":...,"by":...}, the last three as they apply. */
AWAITS static enum err control_approve(struct gateway *gateway, struct http_exchange *exchange)
{
	AUTO_BUF approved = {0}, text = {0};
	struct approving approving = {.gateway = gateway, .out = &approved};
	struct pins_approval approval;
	yyjson_val *body;
	size_t count;
	enum err err = json_read(exchange->arena, exchange->body, &body);

	if (err != OK)
		return control_problem(exchange, err);
	approving.by = json_str(json_get(body, "by"));
	approval = (struct pins_approval){.upstream = json_str(json_get(body, "upstream")),
					  .tool = json_str(json_get(body, "tool")),
					  .digest = json_str(json_get(body, "digest"))};
	err = pins_approve(gateway->db, &approval, note_approved, &approving, &count);
	if (err == OK && assembly_review(gateway->assembly, approval.upstream) != OK)
		log_info("catalog.review_late", LOG_STR("upstream", approval.upstream));
	if (err != OK)
		return control_problem(exchange, err);
	buf_put(&text, STR("{\"ok\":true,\"approved\":["));
	buf_put(&text, buf_str(&approved));
	buf_put(&text, STR("]}\n"));
	return control_answer(exchange, 200, buf_str(&text));
}

/* The body: struct why_question as JSON; arguments as a text that holds JSON. */
AWAITS static enum err control_why(struct gateway *gateway, struct http_exchange *exchange)
{
	AUTO(catalog) *catalog = catalog_ref(gateway_here(gateway)->catalog);
	AUTO_BUF problem = {0}, text = {0};
	struct why_question question;
	yyjson_val *body;
	enum err err = json_read(exchange->arena, exchange->body, &body);

	if (err != OK)
		return control_problem(exchange, err);
	question = (struct why_question){.who = json_str(json_get(body, "who")),
					 .item = json_str(json_get(body, "item")),
					 .arguments = json_str(json_get(body, "arguments")),
					 .ip = json_str(json_get(body, "ip"))};
	err = why_write(gateway->db, gateway->access, catalog, &question, &problem, &text);
	if (err == OK)
		return control_answer(exchange, 200, buf_str(&text));
	buf_put(&text, STR("{\"ok\":false,\"problem\":"));
	buf_put_json(&text, problem.n > 0 ? buf_str(&problem) : str_of(err_text(err)));
	buf_put(&text, STR("}\n"));
	return control_answer(exchange, err_row(err)->http_status, buf_str(&text));
}

/* One call to the management API, as the operator: what commands ask for that only a running gateway can do. The body:
 * {"method":...,"path":"/tenants/...","query":...,"body":"a text that holds JSON","by":...}; the API's own answer. */
AWAITS static enum err control_api(struct gateway *gateway, struct http_exchange *exchange)
{
	struct caller caller = {.credential = CREDENTIAL_OPERATOR, .scopes = SCOPE_ALL};
	AUTO(config) *config = config_ref(gateway_here(gateway)->config);
	struct str by, origin = arena_str(exchange->arena, gateway_origin(gateway));
	struct api_call call;
	char request_id[ID_LEN + 1];
	yyjson_val *body;
	enum err err = json_read(exchange->arena, exchange->body, &body);

	if (err != OK)
		return control_problem(exchange, err);
	exchange->cancel_on_close = false;
	random_id(request_id);
	by = json_str(json_get(body, "by"));
	snprintf(caller.principal, sizeof(caller.principal), "%.*s", STR_ARG(by));
	call = (struct api_call){.arena = exchange->arena,
				 .caller = &caller,
				 .ip = STR(""),
				 .request_id = str_of(request_id),
				 .origin = origin,
				 .method = json_str(json_get(body, "method")),
				 .path = json_str(json_get(body, "path")),
				 .query = json_str(json_get(body, "query")),
				 .body = json_str(json_get(body, "body")),
				 .settings = &config->identity,
				 .now_ms = clock_wall_ms()};
	err = portal_run(gateway->portal, &call);
	if (err != OK)
		return control_problem(exchange, err);
	identity_look(gateway->identity);
	return call.answer.n == 0 ? control_answer(exchange, 200, STR("{}\n"))
				  : control_answer(exchange, call.status, call.answer);
}

static const struct {
	enum http_method method;
	const char *path;
	enum err (*run)(struct gateway *gateway, struct http_exchange *exchange); /* AWAITS */
} control_routes[] = {
	{HTTP_GET, "/status", control_status},	  {HTTP_POST, "/reload", control_reload},
	{HTTP_POST, "/upgrade", control_upgrade}, {HTTP_GET, "/catalog/diff", control_diff},
	{HTTP_POST, "/look", control_look},	  {HTTP_POST, "/why", control_why},
	{HTTP_POST, "/api", control_api},	  {HTTP_POST, "/catalog/approve", control_approve},
};

AWAITS_ENTRY static void control_handle(struct http_exchange *exchange, void *arg)
{
	enum err err = ERR_HTTP_ROUTE;

	for (size_t i = 0; i < ARRAY_LEN(control_routes); i++)
		if (exchange->method == control_routes[i].method &&
		    str_eq(exchange->path, str_of(control_routes[i].path)))
			err = control_routes[i].run(arg, exchange);
	if (err == ERR_HTTP_ROUTE)
		err = control_answer(exchange, 404, STR("{\"ok\":false,\"problem\":\"no such command\"}\n"));
	if (err != OK)
		log_debug("control.unanswered", LOG_ERR(err));
}

struct str control_path(struct str data_directory, struct buf *out)
{
	buf_put(out, data_directory);
	buf_put(out, STR("/control.sock"));
	buf_put_byte(out, '\0');
	return (struct str){out->p, out->n - 1};
}

AWAITS enum err control_start(struct gateway *gateway, struct buf *problem, struct http_server **ret_control)
{
	const struct http_server_spec spec = {
		.handle = control_handle,
		.arg = gateway,
		.head_bytes_max = HTTP_HEAD_BYTES_MAX,
		.body_bytes_max = CONTROL_BODY_BYTES_MAX,
		.header_timeout_ms = HTTP_HEADER_TIMEOUT_MS,
		.body_timeout_ms = HTTP_BODY_TIMEOUT_MS,
		.idle_timeout_ms = HTTP_IDLE_TIMEOUT_MS,
		.keepalive_ms = HTTP_KEEPALIVE_MS,
		.connections_max = 16,
		.connections_per_ip_max = 16,
	};
	int inherited = handover_take(gateway->handover, HANDOVER_CONTROL);
	struct listener_spec listen = {
		.inherited = &inherited, .inherited_count = inherited >= 0, .unix_mode = 0600, .backlog = 16};
	AUTO_BUF path = {0}, text = {0};
	enum err err;

	control_path(gateway->config->data, &path);
	if (inherited < 0)
		unlink(path.p); /* of a process that is gone: the data directory's lock is ours */
	buf_put_fmt(&text, "unix:%s", path.p);
	if (address_parse(buf_str(&text), &listen.address) != OK) {
		buf_put_fmt(problem, "%s: the path is too long for a socket; set `data` to a shorter one", path.p);
		return ERR_CONFIG;
	}
	TRY(http_server_new(&spec, ret_control));
	err = http_server_listen(*ret_control, &listen, NULL, &gateway->control_listener, NULL);
	if (err != OK)
		buf_put_fmt(problem, "%s: cannot be listened on; is the data directory on a disk of this machine?",
			    path.p);
	return err;
}
