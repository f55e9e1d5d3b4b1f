/* The server process: start everything in order, run, drain, stop in reverse. */
#ifndef GATEHOUSE_GATEWAY_SERVE_H
#define GATEHOUSE_GATEWAY_SERVE_H

#include "gateway/gateway.h"

/* What `gatehouse serve` was asked for. */
struct serve_options {
	struct str config_file; /* p NULL: the defaults */
	bool print_welcome;	/* the first-run banner with key and client snippets */
	bool fresh_key;		/* a key for the welcome even when the installation has some already */
};

/* Run until SIGTERM or SIGINT and return the process's exit status. Takes over the calling
 * thread and starts the loops. */
int serve(const struct serve_options *options);

/* TLS settings of one listener; *ret_tls NULL when it is plain.
 *   Errors     ERR_TLS, with the reason in `problem` */
NODISCARD enum err gateway_listen_tls(const struct config_listen *listen, struct buf *problem, struct tls **ret_tls);

#endif
