/* Streams end to end: plain, Unix, TLS with and without client certificates, behind the PROXY
 * protocol. An echo server on one side; stream_connect or a plain socket on the other. */
#include "../unit.h"

#include <stdio.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "net/stream.h"

/* One connection as the tests see it, on either side. */
struct end {
	struct stream *stream;
	struct buf seen;
	struct wait *more, *over;
	bool closed;
	enum err reason;
};

static void wake(struct wait **wait)
{
	if (*wait != NULL)
		wait_done(*wait, OK);
	*wait = NULL;
}

static void on_read(void *owner, struct str bytes)
{
	struct end *end = owner;

	buf_put(&end->seen, bytes);
	wake(&end->more);
}

static void on_close(void *owner, enum err reason)
{
	struct end *end = owner;

	ck_assert(!end->closed);
	end->closed = true;
	end->reason = reason;
	wake(&end->more);
	wake(&end->over);
}

static const struct stream_events client_events = {.on_read = on_read, .on_close = on_close};

/* The server's side: echoes, and remembers who was there. */
static char peer_text[ADDRESS_TEXT_MAX], socket_text[ADDRESS_TEXT_MAX];
static bool had_cert, refuse_all;
static struct tls_client_cert cert;

static void on_echo_read(void *owner, struct str bytes)
{
	struct end *end = owner;
	struct piece pieces[] = {{.str = STR("<")}, {.str = bytes}, {.str = STR(">")}};

	had_cert = stream_client_cert(end->stream) != NULL;
	if (had_cert)
		cert = *stream_client_cert(end->stream);
	(void)stream_write(end->stream, pieces, 3);
	if (bytes.p[0] == 'q')
		stream_close(end->stream, 1000);
}

static void on_echo_close(void *owner, enum err reason)
{
	free(owner);
}

static bool on_accept(void *owner, struct stream *stream)
{
	static const struct stream_events events = {.on_read = on_echo_read, .on_close = on_echo_close};
	struct end *end;

	if (refuse_all)
		return false;
	end = calloc(1, sizeof *end);
	end->stream = stream;
	(void)address_text(stream_peer(stream), false, peer_text);
	(void)address_text(stream_socket_peer(stream), false, socket_text);
	stream_start(stream, &events, end);
	return true;
}

static const struct listener_events listener_events = {.on_accept = on_accept};

AWAITS static void hear(struct end *end, const char *want)
{
	while (!end->closed && end->seen.n < strlen(want)) {
		struct wait wait = WAIT_INIT;

		end->more = &wait;
		ck_ok(wait_for(&wait, NULL, NULL));
	}
	ck_bytes(buf_str(&end->seen), str_of(want));
	end->seen.n = 0;
}

AWAITS static void await_close(struct end *end)
{
	struct wait wait = WAIT_INIT;

	if (!end->closed) {
		end->over = &wait;
		ck_ok(wait_for(&wait, NULL, NULL));
	}
	buf_free(&end->seen);
}

static void say(struct end *end, struct str text)
{
	struct piece piece = {.str = text};

	ck_assert(stream_write(end->stream, &piece, 1));
}

AWAITS static struct listener *listen_on(const char *address, struct tls *tls, bool proxy, struct address *bound)
{
	static struct prefix trusted;
	struct listener_spec spec = {.proxy_protocol = proxy, .tls = tls, .unix_mode = 0600};
	struct listener *listener;

	ck_ok(prefix_parse(STR("127.0.0.1"), &trusted));
	spec.trusted_proxies = &trusted;
	spec.trusted_count = 1;
	ck_ok(address_parse(str_of(address), &spec.address));
	ck_ok(listener_open(&spec, &listener_events, NULL, &listener, bound));
	ck_ok(listener_accept(listener));
	return listener;
}

/* Dial, talk, and let the server hang up. */
AWAITS static void talk(const struct address *to, struct tls *tls, const char *name)
{
	struct end end = {0};

	ck_ok(stream_connect(to, tls, str_of(name), &client_events, &end, &end.stream));
	ck_assert_int_eq(stream_is_tls(end.stream), tls != NULL);
	say(&end, STR("hello"));
	hear(&end, "<hello>");
	say(&end, STR("quit"));
	hear(&end, "<quit>");
	await_close(&end);
	ck_assert_int_eq(end.reason, OK);
}

AWAITS static void plain_main(void *arg)
{
	struct address bound;
	struct listener *listener = listen_on("127.0.0.1:0", NULL, false, &bound);
	struct end end = {0}, nobody = {0};

	talk(&bound, NULL, "");
	ck_str(str_of(peer_text), "127.0.0.1");
	/* The client closes first. */
	ck_ok(stream_connect(&bound, NULL, STR_NONE, &client_events, &end, &end.stream));
	stream_close(end.stream, 1000);
	await_close(&end);
	listener_close(listener);
	ck_err(stream_connect(&bound, NULL, STR_NONE, &client_events, &nobody, &nobody.stream), ERR_IO);
	ck_assert(!nobody.closed);
	rt_stop(1000);
}

START_TEST(plain)
{
	ck_ok(rt_run(2, plain_main, NULL));
}
END_TEST

/* Who connects before the listener accepts waits, and is served then. */
AWAITS static void patient_main(void *arg)
{
	struct listener_spec spec = {0};
	struct listener *listener;
	struct end end = {0};
	struct address bound;

	peer_text[0] = '\0';
	ck_ok(address_parse(STR("127.0.0.1:0"), &spec.address));
	ck_ok(listener_open(&spec, &listener_events, NULL, &listener, &bound));
	ck_ok(stream_connect(&bound, NULL, STR_NONE, &client_events, &end, &end.stream));
	say(&end, STR("hello"));
	ck_ok(fiber_sleep(30));
	ck_str(str_of(peer_text), "");
	ck_ok(listener_accept(listener));
	hear(&end, "<hello>");
	say(&end, STR("quit"));
	await_close(&end);
	listener_close(listener);
	rt_stop(1000);
}

START_TEST(patient)
{
	ck_ok(rt_run(2, patient_main, NULL));
}
END_TEST

AWAITS static void in_use_main(void *arg)
{
	struct address bound;
	struct listener *listener = listen_on("127.0.0.1:0", NULL, false, &bound), *second;
	struct listener_spec spec = {.address = bound};

	ck_err(listener_open(&spec, &listener_events, NULL, &second, NULL), ERR_SYSTEM);
	listener_close(listener);
	ck_ok(listener_open(&spec, &listener_events, NULL, &second, NULL));
	listener_close(second);
	rt_stop(1000);
}

START_TEST(address_in_use)
{
	ck_ok(rt_run(2, in_use_main, NULL));
}
END_TEST

AWAITS static void unix_main(void *arg)
{
	char path[64], text[80];
	struct address bound;
	struct listener *listener, *again;

	snprintf(path, sizeof path, "/tmp/gatehouse-unit-%d.sock", (int)getpid());
	snprintf(text, sizeof text, "unix:%s", path);
	listener = listen_on(text, NULL, false, &bound);
	talk(&bound, NULL, "");
	ck_assert(str_starts(str_of(peer_text), STR("unix:")));
	listener_close(listener);
	ck_assert_int_ne(access(path, F_OK), 0);
	/* What a killed gateway leaves behind is taken over. */
	ck_assert_int_eq(close(socket(AF_UNIX, SOCK_STREAM, 0)), 0);
	{
		int stale = socket(AF_UNIX, SOCK_STREAM, 0);

		ck_assert_int_eq(bind(stale, &bound.sa, sizeof bound.un), 0);
		close(stale);
	}
	again = listen_on(text, NULL, false, &bound);
	talk(&bound, NULL, "");
	listener_close(again);
	rt_stop(1000);
}

START_TEST(unix_sockets)
{
	ck_ok(rt_run(2, unix_main, NULL));
}
END_TEST

/* Connecting to an address that never answers ends with the fiber's deadline. */
AWAITS static void deadline_main(void *arg)
{
	struct end end = {0};
	struct address nowhere, full = {0};
	socklen_t n = sizeof full;
	int server = socket(AF_INET, SOCK_STREAM, 0), fillers[8];

	ck_ok(address_parse(STR("127.0.0.1:0"), &nowhere));
	ck_assert_int_eq(bind(server, &nowhere.sa, sizeof nowhere.in4), 0);
	ck_assert_int_eq(listen(server, 0), 0);
	ck_assert_int_eq(getsockname(server, &full.sa, &n), 0);
	for (size_t i = 0; i < ARRAY_LEN(fillers); i++) { /* its backlog is full: later SYNs are dropped */
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(fillers[i], &full.sa, sizeof full.in4);
	}
	fiber_deadline_set(loop_now(loop_self()) + 100);
	ck_err(stream_connect(&full, NULL, STR_NONE, &client_events, &end, &end.stream), ERR_TIMEOUT);
	ck_assert(!end.closed);
	rt_stop(1000);
}

START_TEST(deadline)
{
	ck_ok(rt_run(1, deadline_main, NULL));
}
END_TEST

/* A self-signed certificate for "gate.test" and 127.0.0.1, in files. */
static void make_cert(const char *cert_file, const char *key_file)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x509 = X509_new();
	X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:gate.test,IP:127.0.0.1");
	FILE *file;

	X509_set_version(x509, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
	X509_gmtime_adj(X509_getm_notBefore(x509), -60);
	X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC, (const unsigned char *)"gate", -1,
				   -1, 0);
	X509_set_issuer_name(x509, X509_get_subject_name(x509));
	X509_add_ext(x509, names, -1);
	X509_set_pubkey(x509, key);
	ck_assert_int_gt(X509_sign(x509, key, EVP_sha256()), 0);
	file = fopen(cert_file, "w");
	PEM_write_X509(file, x509);
	fclose(file);
	file = fopen(key_file, "w");
	PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
	fclose(file);
	X509_EXTENSION_free(names);
	X509_free(x509);
	EVP_PKEY_free(key);
}

static char cert_file[64], key_file[64];

static void make_files(void)
{
	snprintf(cert_file, sizeof cert_file, "/tmp/gatehouse-unit-%d.pem", (int)getpid());
	snprintf(key_file, sizeof key_file, "/tmp/gatehouse-unit-%d.key", (int)getpid());
	make_cert(cert_file, key_file);
}

AWAITS static void tls_main(void *arg)
{
	struct tls_server_spec server_spec = {.cert_file = cert_file, .key_file = key_file};
	struct tls_client_spec client_spec = {.ca_file = cert_file};
	struct tls_client_spec strangers = {0};
	AUTO(tls) *server = NULL;
	AUTO(tls) *client = NULL;
	AUTO(tls) *stranger = NULL;
	struct address bound;
	struct listener *listener;
	struct end end = {0};

	ck_ok(tls_server_new(&server_spec, NULL, &server));
	ck_ok(tls_client_new(&client_spec, NULL, &client));
	ck_ok(tls_client_new(&strangers, NULL, &stranger));
	listener = listen_on("127.0.0.1:0", server, false, &bound);
	talk(&bound, client, "gate.test");
	ck_assert(!had_cert);
	talk(&bound, client, "127.0.0.1");
	ck_err(stream_connect(&bound, client, STR("other.test"), &client_events, &end, &end.stream), ERR_TLS);
	ck_err(stream_connect(&bound, stranger, STR("gate.test"), &client_events, &end, &end.stream), ERR_TLS);
	/* Reload: plain from the next connection on, and TLS again. */
	listener_set_tls(listener, NULL);
	ck_ok(fiber_yield());
	talk(&bound, NULL, "");
	ck_assert(!end.closed);
	listener_set_tls(listener, server);
	ck_ok(fiber_yield());
	talk(&bound, client, "gate.test");
	listener_close(listener);
	rt_stop(1000);
}

START_TEST(tls)
{
	make_files();
	ck_ok(rt_run(1, tls_main, NULL));
	unlink(cert_file);
	unlink(key_file);
}
END_TEST

AWAITS static void client_cert_main(void *arg)
{
	struct tls_server_spec server_spec = {.cert_file = cert_file,
					      .key_file = key_file,
					      .client_ca_file = cert_file,
					      .client_cert_required = true};
	struct tls_client_spec with = {.ca_file = cert_file, .cert_file = cert_file, .key_file = key_file};
	struct tls_client_spec without = {.ca_file = cert_file};
	AUTO(tls) *server = NULL;
	AUTO(tls) *client = NULL;
	AUTO(tls) *anonymous = NULL;
	struct address bound;
	struct listener *listener;
	struct end end = {0};

	ck_ok(tls_server_new(&server_spec, NULL, &server));
	ck_ok(tls_client_new(&with, NULL, &client));
	ck_ok(tls_client_new(&without, NULL, &anonymous));
	listener = listen_on("127.0.0.1:0", server, false, &bound);
	talk(&bound, client, "gate.test");
	ck_assert(had_cert);
	/* With TLS 1.3 the client is through before the server has judged it; it hears at once. */
	if (stream_connect(&bound, anonymous, STR("gate.test"), &client_events, &end, &end.stream) == OK)
		await_close(&end);
	ck_assert_uint_eq(end.seen.n, 0);
	listener_close(listener);
	rt_stop(1000);
}

START_TEST(client_certs)
{
	make_files();
	ck_ok(rt_run(1, client_cert_main, NULL));
	unlink(cert_file);
	unlink(key_file);
}
END_TEST

START_TEST(bad_files)
{
	AUTO_BUF problem = {0};
	struct tls_server_spec missing = {.cert_file = "/nowhere.pem", .key_file = "/nowhere.key"};
	struct tls *none = NULL;

	ck_err(tls_server_new(&missing, &problem, &none), ERR_TLS);
	ck_assert_ptr_null(none);
	ck_assert(str_starts(buf_str(&problem), STR("certificate file /nowhere.pem: ")));
}
END_TEST

/* The header, then bytes of the connection in the same packet. */
AWAITS static void proxy_main(void *arg)
{
	static const char header[] =
		"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\x08\x08\x08\x08\x01\x01\x01\x01\x00\x50\x00\x51";
	struct address bound;
	struct listener *listener = listen_on("127.0.0.1:0", NULL, true, &bound);
	struct end end = {0}, liar = {0};

	ck_ok(stream_connect(&bound, NULL, STR_NONE, &client_events, &end, &end.stream));
	say(&end, STR(header));
	say(&end, STR("hello"));
	hear(&end, "<hello>");
	ck_str(str_of(peer_text), "8.8.8.8");
	ck_str(str_of(socket_text), "127.0.0.1");
	stream_close(end.stream, 0);
	await_close(&end);
	ck_ok(stream_connect(&bound, NULL, STR_NONE, &client_events, &liar, &liar.stream));
	say(&liar, STR("GET / HTTP/1.1\r\n\r\n"));
	await_close(&liar);
	ck_assert_uint_eq(liar.seen.n, 0);
	refuse_all = true;
	liar = (struct end){0};
	ck_ok(stream_connect(&bound, NULL, STR_NONE, &client_events, &liar, &liar.stream));
	say(&liar, STR(header));
	await_close(&liar);
	listener_close(listener);
	rt_stop(1000);
}

START_TEST(proxy_protocol)
{
	ck_ok(rt_run(1, proxy_main, NULL));
}
END_TEST

AWAITS static void resolve_main(void *arg)
{
	struct address found[4];
	char text[ADDRESS_TEXT_MAX];
	size_t n;

	ck_ok(address_resolve(STR("127.0.0.1"), 80, found, 4, &n));
	ck_assert_uint_eq(n, 1);
	ck_str(address_text(&found[0], true, text), "127.0.0.1:80");
	ck_ok(address_resolve(STR("localhost"), 81, found, 4, &n));
	ck_assert_uint_ge(n, 1);
	ck_assert(address_is_loopback(&found[0]));
	ck_assert_int_eq(address_port(&found[0]), 81);
	ck_err(address_resolve(STR("no.such.host.invalid"), 80, found, 4, &n), ERR_DNS);
	ck_err(address_resolve(STR(""), 80, found, 4, &n), ERR_DNS);
	rt_stop(1000);
}

START_TEST(resolves)
{
	ck_ok(rt_run(1, resolve_main, NULL));
}
END_TEST

UNIT_MAIN("stream", plain, patient, address_in_use, unix_sockets, deadline, tls, client_certs, bad_files,
	  proxy_protocol, resolves)
