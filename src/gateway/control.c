/* The control socket's few routes. It is an HTTP server of its own on a Unix socket, so that
 * nothing a remote client sends can reach it. */
#include "gateway/control.h"

#include <unistd.h>

#include "base/limits.h"
#include "gateway/operator.h"
#include "gateway/reload.h"

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

	operator_status_write(gateway, true, &text, &ready);
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

AWAITS_ENTRY static void control_handle(struct http_exchange *exchange, void *arg)
{
	enum err err = ERR_HTTP_ROUTE;

	if (exchange->method == HTTP_GET && str_eq(exchange->path, STR("/status")))
		err = control_status(arg, exchange);
	else if (exchange->method == HTTP_POST && str_eq(exchange->path, STR("/reload")))
		err = control_reload(arg, exchange);
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
		.body_bytes_max = 4096,
		.header_timeout_ms = HTTP_HEADER_TIMEOUT_MS,
		.body_timeout_ms = HTTP_BODY_TIMEOUT_MS,
		.idle_timeout_ms = HTTP_IDLE_TIMEOUT_MS,
		.keepalive_ms = HTTP_KEEPALIVE_MS,
		.connections_max = 16,
		.connections_per_ip_max = 16,
	};
	struct listener_spec listen = {.inherited_fd = -1, .unix_mode = 0600, .backlog = 16};
	AUTO_BUF path = {0}, text = {0};
	struct listener *listener;
	enum err err;

	control_path(gateway->config->data, &path);
	unlink(path.p); /* of a process that is gone: the data directory's lock is ours */
	buf_put_fmt(&text, "unix:%s", path.p);
	if (address_parse(buf_str(&text), &listen.address) != OK) {
		buf_put_fmt(problem, "%s: the path is too long for a socket; set `data` to a shorter one", path.p);
		return ERR_CONFIG;
	}
	TRY(http_server_new(&spec, ret_control));
	err = http_server_listen(*ret_control, &listen, NULL, &listener, NULL);
	if (err != OK)
		buf_put_fmt(problem, "%s: cannot be listened on; is the data directory on a disk of this machine?",
			    path.p);
	return err;
}
