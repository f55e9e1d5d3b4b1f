/* libcurl on a loop: a multi handle for each link, so that no two links share anything, driven by the loop's watches of
 * its sockets and one timer. With CURLOPT_CONNECT_ONLY it is done when the account is signed in; from then on the same
 * socket is read and written through curl_easy_recv and curl_easy_send, and waited for by a watch of our own.
 *
 *     name ─▶ addresses the guard lets through ─▶ CONNECTING (curl's sockets) ─signed in─▶ OPEN (our watch) ─▶ closed
 *
 * The addresses are resolved here and pinned, and each socket is checked again as it is opened. Roots of trust are
 * those of a `struct tls`, read once, and not by libcurl for every connection. */
#include "email/link.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "rt/fd_watch.h"

#define LINK_MAGIC 0x6d6c6e6bu
#define SOCKETS_MAX 4	/* libcurl tries two families at once */
#define ADDRESSES_MAX 8 /* of a name */

struct link_socket {
	struct mail_link *link;
	struct fd_watch *watch; /* NULL: free */
	curl_socket_t fd;
};

struct mail_link {
	uint32_t magic;
	CURLM *multi;
	CURL *easy;
	struct curl_slist *pins;
	struct tls *tls;
	struct address_guard guard;
	bool refused;				 /* the guard has */
	struct link_socket sockets[SOCKETS_MAX]; /* while connecting */
	struct timer timer;			 /* libcurl's while connecting, then of silence */
	struct wait *waiter;			 /* a fiber that waits for the connection, or for the socket */
	CURLcode code;				 /* of the connection */
	struct fd_watch *watch;			 /* once it is open */
	struct buf hello;
};

static void wake(struct mail_link *link, enum err err)
{
	struct wait *waiter = link->waiter;

	link->waiter = NULL;
	if (waiter != NULL)
		wait_done(waiter, err);
}

static bool forget_waiter(void *arg)
{
	struct mail_link *link = arg;

	link->waiter = NULL;
	return true;
}

/* --- libcurl's events --- */

static void drive(struct mail_link *link, curl_socket_t fd, int events)
{
	CURLMsg *message;
	int running, left;

	if (curl_multi_socket_action(link->multi, fd, events, &running) != CURLM_OK) {
		link->code = CURLE_FAILED_INIT;
		wake(link, ERR_IO);
		return;
	}
	while ((message = curl_multi_info_read(link->multi, &left)) != NULL) {
		if (message->msg != CURLMSG_DONE)
			continue;
		link->code = message->data.result;
		wake(link, OK);
	}
}

static void on_curl_socket(void *arg, struct fd_ready ready)
{
	struct link_socket *socket = arg;
	int events = (ready.readable ? CURL_CSELECT_IN : 0) | (ready.writable ? CURL_CSELECT_OUT : 0) |
		     (ready.failed ? CURL_CSELECT_ERR : 0);

	drive(socket->link, socket->fd, events);
}

static void on_curl_time(struct timer *timer)
{
	drive(CONTAINER_OF(timer, struct mail_link, timer), CURL_SOCKET_TIMEOUT, 0);
}

/* libcurl's CURLMOPT_SOCKETFUNCTION: `mine` is the watch's place, once it has one. */
static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *mine)
{
	struct mail_link *link = arg;
	struct link_socket *socket = mine;

	if (socket == NULL && what != CURL_POLL_REMOVE) {
		for (size_t i = 0; i < SOCKETS_MAX && socket == NULL; i++)
			if (link->sockets[i].watch == NULL)
				socket = &link->sockets[i];
		if (socket == NULL)
			return -1;
		*socket = (struct link_socket){.link = link, .fd = fd};
		socket->watch = fd_watch_new(fd, on_curl_socket, socket);
		(void)curl_multi_assign(link->multi, fd, socket);
	}
	if (socket == NULL)
		return 0;
	if (what == CURL_POLL_REMOVE) {
		fd_watch_free(socket->watch);
		socket->watch = NULL;
		(void)curl_multi_assign(link->multi, fd, NULL);
	} else {
		fd_watch_want(socket->watch, (what & CURL_POLL_IN) != 0, (what & CURL_POLL_OUT) != 0);
	}
	return 0;
}

static int want_time(CURLM *multi, long after_ms, void *arg)
{
	struct mail_link *link = arg;

	if (after_ms < 0)
		timer_stop(&link->timer);
	else
		timer_set(loop_self(), &link->timer, after_ms, on_curl_time);
	return 0;
}

/* The last word on where a connection goes, whatever libcurl has resolved. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *wanted)
{
	struct mail_link *link = arg;
	struct address address = {0};

	if (wanted->addrlen > sizeof address)
		return CURL_SOCKET_BAD;
	memcpy(&address, &wanted->addr, wanted->addrlen);
	if (address_guard_check(&link->guard, &address) != OK) {
		link->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(wanted->family, wanted->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, wanted->protocol);
}

static size_t take_hello(char *bytes, size_t size, size_t count, void *arg)
{
	struct mail_link *link = arg;
	size_t n = size * count;

	if (link->hello.n + n <= MAIL_HELLO_BYTES_MAX)
		buf_put(&link->hello, (struct str){bytes, n});
	return n;
}

static CURLcode trust(CURL *easy, void *ssl_ctx, void *arg)
{
	struct mail_link *link = arg;

	tls_lend_roots(link->tls, ssl_ctx);
	return CURLE_OK;
}

/* --- opening --- */

/* "host:port:address,address" for CURLOPT_RESOLVE: those that the guard lets through. */
AWAITS static enum err pin_addresses(struct mail_link *link, const struct mail_server *server, struct mail_fault *fault)
{
	struct address addresses[ADDRESSES_MAX];
	AUTO_BUF pin = {0};
	size_t count, fits = 0;
	enum err err = address_resolve(server->host, server->port, addresses, ARRAY_LEN(addresses), &count);

	if (err == ERR_DNS)
		return mail_fault_set(fault, "transient", "the mail server %.*s cannot be found",
				      STR_ARG(server->host));
	TRY(err);
	buf_put_fmt(&pin, "%.*s:%u:", STR_ARG(server->host), server->port);
	for (size_t i = 0; i < count; i++) {
		char text[ADDRESS_TEXT_MAX];
		struct str bare;

		if (address_guard_check(&link->guard, &addresses[i]) != OK)
			continue;
		bare = address_text(&addresses[i], false, text);
		buf_put_fmt(&pin, strchr(text, ':') != NULL ? "%s[%.*s]" : "%s%.*s", fits++ > 0 ? "," : "",
			    STR_ARG(bare));
	}
	if (fits == 0)
		return ERR_REFUSED_ADDRESS;
	if (memchr(server->host.p, ':', server->host.n) != NULL)
		return OK; /* an address itself */
	buf_put_byte(&pin, '\0');
	link->pins = curl_slist_append(NULL, pin.p);
	CHECK(link->pins != NULL);
	return OK;
}

static void set_text(CURL *easy, CURLoption option, struct str text)
{
	AUTO_BUF copy = {0};

	buf_put(&copy, text);
	buf_put_byte(&copy, '\0');
	(void)curl_easy_setopt(easy, option, copy.p);
	crypto_wipe(copy.p, copy.n);
}

static void set_sign_in(struct mail_link *link, const struct mail_link_spec *spec)
{
	struct str secret = secret_text_str(spec->secret);

	set_text(link->easy, CURLOPT_USERNAME, spec->user);
	if (spec->secret_is_token) {
		set_text(link->easy, CURLOPT_XOAUTH2_BEARER, secret);
		(void)curl_easy_setopt(link->easy, CURLOPT_LOGIN_OPTIONS, "AUTH=XOAUTH2;AUTH=OAUTHBEARER");
	} else {
		set_text(link->easy, CURLOPT_PASSWORD, secret);
		(void)curl_easy_setopt(link->easy, CURLOPT_LOGIN_OPTIONS, "AUTH=PLAIN;AUTH=LOGIN");
	}
}

static void set_options(struct mail_link *link, const struct mail_link_spec *spec)
{
	static const char *const schemes[2][2] = {{"imaps", "imap"}, {"smtps", "smtp"}};
	const struct mail_server *server = &spec->server;
	bool is_v6 = memchr(server->host.p, ':', server->host.n) != NULL;
	CURL *easy = link->easy;
	AUTO_BUF url = {0};

	buf_put_fmt(&url, is_v6 ? "%s://[%.*s]:%u/%.*s" : "%s://%.*s:%u/%.*s",
		    schemes[spec->protocol][server->start_tls], STR_ARG(server->host), server->port,
		    STR_ARG(spec->protocol == MAIL_SMTP ? spec->domain : STR_NONE));
	set_text(easy, CURLOPT_URL, buf_str(&url));
	(void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "imap,imaps,smtp,smtps");
	(void)curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
	(void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)MAIL_CONNECT_MS);
	(void)curl_easy_setopt(easy, CURLOPT_RESOLVE, link->pins);
	(void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	(void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, link);
	(void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_hello);
	(void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, link);
	(void)curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
	(void)curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	(void)curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	(void)curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, trust);
	(void)curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, link);
	set_sign_in(link, spec);
}

/* The last line that the server said: the words of a refusal. */
static struct str last_line(const struct mail_link *link)
{
	struct str said = str_trim(buf_str(&link->hello));
	const char *end = said.n == 0 ? NULL : memrchr(said.p, '\n', said.n);

	return end == NULL ? said : str_skip(said, (size_t)(end + 1 - said.p));
}

/* A sign-in that was refused: "A002 NO [CODE] words" or "535 5.7.8 words". */
static enum err sign_in_failed(const struct mail_link *link, const struct mail_link_spec *spec,
			       struct mail_fault *fault)
{
	const char *refused = spec->secret_is_token ? "token_expired" : "token_revoked", *class = refused;
	struct str line = last_line(link), word, code, rest;
	uint64_t reply;

	if (spec->protocol == MAIL_SMTP) {
		if (line.n >= 3 && str_to_u64((struct str){line.p, 3}, &reply) == OK && reply >= 400)
			class = mail_class_of_smtp((int)reply, str_skip(line, 4), refused);
	} else if (str_cut(line, '[', &word, &rest) && str_cut(rest, ']', &code, &rest)) {
		class = mail_class_of_imap(code, refused);
	}
	if (strcmp(class, "invalid") == 0)
		class = refused;
	return mail_fault_set(fault, class, "%.*s does not let %.*s in: %.*s", STR_ARG(spec->server.host),
			      STR_ARG(spec->user), STR_ARG(str_shorten(line, 200)));
}

static enum err connect_failed(const struct mail_link *link, const struct mail_link_spec *spec,
			       struct mail_fault *fault)
{
	const struct mail_server *server = &spec->server;

	if (link->refused)
		return ERR_REFUSED_ADDRESS;
	switch (link->code) {
	case CURLE_LOGIN_DENIED:
		return sign_in_failed(link, spec, fault);
	case CURLE_USE_SSL_FAILED:
		return mail_fault_set(fault, "unsupported",
				      "%.*s offers no TLS at port %u, and nothing is sent without it",
				      STR_ARG(server->host), server->port);
	case CURLE_PEER_FAILED_VERIFICATION:
		return mail_fault_set(fault, "blocked", "the certificate of %.*s is not trusted",
				      STR_ARG(server->host));
	case CURLE_OPERATION_TIMEDOUT:
		return mail_fault_set(fault, "transient", "%.*s did not answer within %d s", STR_ARG(server->host),
				      MAIL_CONNECT_MS / 1000);
	default:
		return mail_fault_set(fault, "transient", "no connection to %.*s at port %u: %s", STR_ARG(server->host),
				      server->port, curl_easy_strerror(link->code));
	}
}

AWAITS static enum err link_connect(struct mail_link *link)
{
	struct wait wait = WAIT_INIT;

	link->waiter = &wait;
	CHECK(curl_multi_add_handle(link->multi, link->easy) == CURLM_OK); /* its timer begins it */
	return wait_for(&wait, forget_waiter, link);
}

static void on_ready(void *arg, struct fd_ready ready)
{
	struct mail_link *link = arg;

	fd_watch_want(link->watch, false, false);
	wake(link, OK);
}

enum err mail_link_setup(void)
{
	return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? OK : ERR_SYSTEM;
}

AWAITS enum err mail_link_open(const struct mail_link_spec *spec, struct mail_fault *fault, struct mail_link **ret_link)
{
	AUTO(mail_link) *link = calloc(1, sizeof *link);
	curl_socket_t fd;

	CHECK(link != NULL);
	link->magic = LINK_MAGIC;
	link->guard.allow_private = spec->allow_private;
	link->tls = tls_ref(spec->tls);
	TRY(pin_addresses(link, &spec->server, fault));
	link->multi = curl_multi_init();
	link->easy = curl_easy_init();
	CHECK(link->multi != NULL && link->easy != NULL);
	(void)curl_multi_setopt(link->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
	(void)curl_multi_setopt(link->multi, CURLMOPT_SOCKETDATA, link);
	(void)curl_multi_setopt(link->multi, CURLMOPT_TIMERFUNCTION, want_time);
	(void)curl_multi_setopt(link->multi, CURLMOPT_TIMERDATA, link);
	set_options(link, spec);
	TRY(link_connect(link));
	timer_stop(&link->timer);
	if (link->code != CURLE_OK)
		return connect_failed(link, spec, fault);
	if (curl_easy_getinfo(link->easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK || fd == CURL_SOCKET_BAD)
		return ERR_IO;
	for (size_t i = 0; i < SOCKETS_MAX; i++) { /* libcurl is done with it */
		fd_watch_free(link->sockets[i].watch);
		link->sockets[i].watch = NULL;
	}
	link->watch = fd_watch_new(fd, on_ready, link);
	*ret_link = link;
	link = NULL;
	return OK;
}

struct str mail_link_hello(const struct mail_link *link)
{
	CHECK_OBJ(link, LINK_MAGIC);
	return buf_str(&link->hello);
}

/* --- bytes --- */

static void on_silence(struct timer *timer)
{
	struct mail_link *link = CONTAINER_OF(timer, struct mail_link, timer);

	fd_watch_want(link->watch, false, false);
	wake(link, ERR_TIMEOUT);
}

/* Until the socket can be read, or written. Asked for only when libcurl had nothing: what TLS has decrypted already is
 * not seen by the socket. */
AWAITS static enum err await_socket(struct mail_link *link, bool writing)
{
	struct wait wait = WAIT_INIT;
	enum err err;

	CHECK(link->waiter == NULL);
	link->waiter = &wait;
	timer_set(loop_self(), &link->timer, MAIL_SILENCE_MS, on_silence);
	fd_watch_want(link->watch, !writing, writing);
	err = wait_for(&wait, forget_waiter, link);
	fd_watch_want(link->watch, false, false);
	timer_stop(&link->timer);
	return err;
}

AWAITS enum err mail_link_read(struct mail_link *link, char *out, size_t cap, size_t *ret_n)
{
	CHECK_OBJ(link, LINK_MAGIC);
	for (;;) {
		size_t n = 0;
		CURLcode code = curl_easy_recv(link->easy, out, cap, &n);

		if (code == CURLE_OK) {
			*ret_n = n;
			return n > 0 ? OK : ERR_CLOSED;
		}
		if (code != CURLE_AGAIN)
			return ERR_IO;
		TRY(await_socket(link, false));
	}
}

AWAITS enum err mail_link_write(struct mail_link *link, struct str bytes)
{
	CHECK_OBJ(link, LINK_MAGIC);
	while (bytes.n > 0) {
		size_t n = 0;
		CURLcode code = curl_easy_send(link->easy, bytes.p, bytes.n, &n);

		if (code != CURLE_OK && code != CURLE_AGAIN)
			return ERR_IO;
		bytes = str_skip(bytes, n);
		if (code == CURLE_AGAIN || n == 0)
			TRY(await_socket(link, true));
	}
	return OK;
}

void mail_link_close(struct mail_link *link)
{
	if (link == NULL)
		return;
	CHECK_OBJ(link, LINK_MAGIC);
	CHECK(link->waiter == NULL);
	fd_watch_free(link->watch); /* before the socket is closed */
	link->watch = NULL;
	for (size_t i = 0; i < SOCKETS_MAX; i++) {
		fd_watch_free(link->sockets[i].watch);
		link->sockets[i].watch = NULL;
	}
	if (link->multi != NULL)
		(void)curl_multi_setopt(link->multi, CURLMOPT_TIMERFUNCTION, NULL);
	if (link->multi != NULL && link->easy != NULL)
		(void)curl_multi_remove_handle(link->multi, link->easy);
	curl_easy_cleanup(link->easy);
	(void)curl_multi_cleanup(link->multi);
	timer_stop(&link->timer);
	curl_slist_free_all(link->pins);
	tls_unref(link->tls);
	buf_free(&link->hello);
	link->magic = 0;
	free(link);
}
