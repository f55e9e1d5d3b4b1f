/* The TLS filter of a stream, on OpenSSL without sockets and without memory BIOs.
 *
 * One BIO of our own type serves both directions. Reading, it hands out a slice of the loop's
 * read buffer: OpenSSL itself keeps what of a record is not complete, so nothing is left in
 * it when OpenSSL wants more. Writing, it passes each record straight to the stream, which
 * tries the socket first. So an idle TLS connection has no buffer of ours at all.
 *
 * Plain text passes through two scratch buffers of each thread: what is read is handed to
 * the owner from one, small pieces of an answer are gathered in the other so that they
 * travel in one record. */
#include <pthread.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/check.h"
#include "base/crypto.h"
#include "base/log.h"
#include "net/stream_private.h"
#include "net/tls_private.h"

#define RECORD_BYTES SSL3_RT_MAX_PLAIN_LENGTH

struct stream_tls {
	SSL *ssl;
	struct stream *stream;
	struct tls *settings;
	struct str in;	  /* ciphertext not yet taken by OpenSSL, in the loop's read buffer */
	struct buf early; /* ciphertext that came while the connecting fiber was not back yet */
	bool shaken;
	struct tls_client_cert client_cert;
};

/* Scratch, used within one call; per thread since each loop has its own. */
static _Thread_local char plain_in[RECORD_BYTES];
static _Thread_local char plain_out[RECORD_BYTES];

void stream_wipe_shared(void)
{
	uv_buf_t read = loop_read_buffer(loop_self());

	crypto_wipe(read.base, read.len);
	crypto_wipe(plain_in, sizeof(plain_in));
	crypto_wipe(plain_out, sizeof(plain_out));
}

static int bio_read(BIO *bio, char *out, int cap)
{
	struct stream_tls *tls = BIO_get_data(bio);
	size_t n = tls->in.n < (size_t)cap ? tls->in.n : (size_t)cap;

	BIO_clear_retry_flags(bio);
	if (n == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	memcpy(out, tls->in.p, n);
	tls->in = str_skip(tls->in, n);
	return (int)n;
}

static int bio_write(BIO *bio, const char *bytes, int n)
{
	struct stream_tls *tls = BIO_get_data(bio);
	struct piece piece = {.str = {bytes, (size_t)n}};

	BIO_clear_retry_flags(bio);
	stream_write_raw(tls->stream, &piece, 1);
	return n;
}

static long bio_ctrl(BIO *bio, int command, long number, void *arg)
{
	return command == BIO_CTRL_FLUSH ? 1 : 0;
}

/* The one BIO type of the process; never freed, since streams may use it to the end. */
static BIO_METHOD *method;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static void make_method(void)
{
	method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
	if (method == NULL)
		return;
	BIO_meth_set_read(method, bio_read);
	BIO_meth_set_write(method, bio_write);
	BIO_meth_set_ctrl(method, bio_ctrl);
}

BIO_METHOD *tls_bio_method(void)
{
	pthread_once(&method_once, make_method);
	return method;
}

/* We are the client: which name must the certificate have? */
static bool expect_name(SSL *ssl, struct str server_name)
{
	char name[256];
	unsigned char address[16];

	if (server_name.n >= sizeof name)
		return false;
	memcpy(name, server_name.p, server_name.n);
	name[server_name.n] = '\0';
	SSL_set_connect_state(ssl);
	if (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1; /* no SNI: RFC 6066 s3 */
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

enum err stream_tls_attach(struct stream *stream, struct tls *settings, struct str server_name)
{
	struct stream_tls *tls = calloc(1, sizeof *tls);
	BIO *bio = BIO_new(tls_bio_method());

	CHECK(tls != NULL && bio != NULL);
	tls->stream = stream;
	tls->settings = tls_ref(settings);
	tls->ssl = SSL_new(settings->settings);
	CHECK(tls->ssl != NULL);
	BIO_set_data(bio, tls);
	BIO_set_init(bio, 1);
	SSL_set_bio(tls->ssl, bio, bio);
	stream->tls = tls;
	if (server_name.n == 0)
		SSL_set_accept_state(tls->ssl);
	else if (!expect_name(tls->ssl, server_name))
		return ERR_TLS;
	return OK;
}

void stream_tls_free(struct stream_tls *tls)
{
	if (tls == NULL)
		return;
	SSL_free(tls->ssl);
	tls_unref(tls->settings);
	buf_free(&tls->early);
	free(tls);
}

static void broke(struct stream_tls *tls)
{
	unsigned long code = ERR_peek_last_error();
	char reason[160] = "closed";

	if (code != 0)
		ERR_error_string_n(code, reason, sizeof reason);
	ERR_clear_error();
	log_debug("tls.failed", LOG_CSTR("reason", reason), LOG_BOOL("handshake", !tls->shaken));
	stream_fail(tls->stream, ERR_TLS);
}

static void shake(struct stream_tls *tls)
{
	int status;

	ERR_clear_error();
	status = SSL_do_handshake(tls->ssl);
	if (status == 1) {
		tls->shaken = true;
		tls_read_client_cert(tls->ssl, &tls->client_cert);
		stream_connect_ready(tls->stream);
	} else if (SSL_get_error(tls->ssl, status) != SSL_ERROR_WANT_READ) {
		broke(tls);
	}
}

/* Decrypt all that is there. The owner may close or pause the stream from on_read; records
 * already taken from the socket are delivered all the same, as plain ones would be. */
static void decrypt(struct stream_tls *tls)
{
	struct stream *stream = tls->stream;

	while (stream->state == STREAM_OPEN) {
		int n, why;

		ERR_clear_error();
		n = SSL_read(tls->ssl, plain_in, sizeof plain_in);
		if (n > 0) {
			stream->events->on_read(stream->owner, (struct str){plain_in, (size_t)n});
			continue;
		}
		why = SSL_get_error(tls->ssl, n);
		if (why == SSL_ERROR_ZERO_RETURN)
			stream_eof(stream);
		else if (why != SSL_ERROR_WANT_READ)
			broke(tls);
		return;
	}
}

void stream_tls_hello(struct stream *stream)
{
	shake(stream->tls);
}

void stream_tls_input(struct stream *stream, struct str bytes)
{
	struct stream_tls *tls = stream->tls;

	if (tls->early.n > 0) {
		buf_put(&tls->early, bytes);
		bytes = buf_str(&tls->early);
	}
	tls->in = bytes;
	if (!tls->shaken)
		shake(tls);
	if (tls->shaken && stream->connect == NULL)
		decrypt(tls);
	if (stream->state == STREAM_CONNECTING && tls->in.n > 0 && tls->early.n == 0)
		buf_put(&tls->early, tls->in);
	else
		buf_free(&tls->early);
	tls->in = STR_NONE;
}

void stream_tls_write(struct stream *stream, const struct piece *pieces, size_t count)
{
	struct stream_tls *tls = stream->tls;
	size_t n = 0;

	if (!tls->shaken)
		return; /* nobody there yet who could read it */
	ERR_clear_error();
	for (size_t i = 0; i < count; i++) {
		struct str rest = pieces[i].str;

		while (rest.n > 0) {
			size_t part = rest.n < sizeof plain_out - n ? rest.n : sizeof plain_out - n;

			memcpy(plain_out + n, rest.p, part);
			rest = str_skip(rest, part);
			n += part;
			if (n < sizeof plain_out && (rest.n > 0 || i + 1 < count))
				continue;
			if (SSL_write(tls->ssl, plain_out, (int)n) != (int)n) {
				broke(tls);
				return;
			}
			n = 0;
		}
	}
	if (n > 0 && SSL_write(tls->ssl, plain_out, (int)n) != (int)n)
		broke(tls);
}

void stream_tls_bye(struct stream *stream)
{
	ERR_clear_error();
	if (stream->tls->shaken)
		(void)SSL_shutdown(stream->tls->ssl);
	ERR_clear_error();
}

const struct tls_client_cert *stream_client_cert(const struct stream *stream)
{
	CHECK_OBJ(stream, STREAM_MAGIC);
	return stream->tls != NULL && stream->tls->client_cert.expires_ms != 0 ? &stream->tls->client_cert : NULL;
}
