/* TLS settings as OpenSSL contexts: made once, shared by all loops, replaced whole on reload.
 *
 * Servers offer TLS 1.3 and, only when asked, 1.2 with forward secrecy. Neither tickets nor a
 * session cache are kept: resumption would save little beside the proxying and costs memory
 * for each connection. Clients accept 1.2, since upstreams are not ours to configure.
 * The reasons OpenSSL gives for a bad file are worth reading; they go into `problem`. */
#include <stdlib.h>

#include <openssl/err.h>

#include "base/check.h"
#include "net/tls_private.h"

/* OpenSSL's level 2: RSA and DH of 2048 bits at least, no SHA-1 signatures. */
#define SECURITY_LEVEL 2

static NODISCARD enum err refuse(struct buf *problem, const char *what, const char *file)
{
	unsigned long code = ERR_peek_last_error();
	char reason[256] = "no reason given";

	if (code != 0)
		ERR_error_string_n(code, reason, sizeof reason);
	ERR_clear_error();
	if (problem != NULL)
		buf_put_fmt(problem, "%s %s: %s", what, file, reason);
	return ERR_TLS;
}

static struct tls *tls_new(const SSL_METHOD *method, int version_min)
{
	struct tls *tls = calloc(1, sizeof *tls);

	CHECK(tls != NULL);
	tls->magic = TLS_MAGIC;
	atomic_init(&tls->refs, 1);
	tls->settings = SSL_CTX_new(method);
	CHECK(tls->settings != NULL && tls_bio_method() != NULL);
	CHECK(SSL_CTX_set_min_proto_version(tls->settings, version_min) == 1);
	SSL_CTX_set_security_level(tls->settings, SECURITY_LEVEL);
	SSL_CTX_set_mode(tls->settings, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_options(tls->settings, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
						   SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_cache_mode(tls->settings, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(tls->settings, 0);
	SSL_CTX_set_cipher_list(tls->settings, "ECDHE+AESGCM:ECDHE+CHACHA20");
	return tls;
}

static NODISCARD enum err use_certificate(struct tls *tls, const char *cert_file, const char *key_file,
					  struct buf *problem)
{
	if (SSL_CTX_use_certificate_chain_file(tls->settings, cert_file) != 1)
		return refuse(problem, "certificate file", cert_file);
	if (SSL_CTX_use_PrivateKey_file(tls->settings, key_file, SSL_FILETYPE_PEM) != 1)
		return refuse(problem, "key file", key_file);
	if (SSL_CTX_check_private_key(tls->settings) != 1)
		return refuse(problem, "the key does not belong to the certificate:", key_file);
	return OK;
}

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
			   unsigned in_len, void *arg)
{
	static const unsigned char ours[] = "\x08http/1.1";

	if (SSL_select_next_proto((unsigned char **)out, out_len, ours, sizeof ours - 1, in, in_len) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL; // spec: RFC 7301 s3.2
	return SSL_TLSEXT_ERR_OK;
}

static NODISCARD enum err ask_client_certs(struct tls *tls, const struct tls_server_spec *spec, struct buf *problem)
{
	STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(spec->client_ca_file);

	if (names == NULL || SSL_CTX_load_verify_locations(tls->settings, spec->client_ca_file, NULL) != 1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return refuse(problem, "client CA file", spec->client_ca_file);
	}
	SSL_CTX_set_client_CA_list(tls->settings, names);
	SSL_CTX_set_verify(tls->settings,
			   SSL_VERIFY_PEER | (spec->client_cert_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
	return OK;
}

enum err tls_server_new(const struct tls_server_spec *spec, struct buf *problem, struct tls **ret_tls)
{
	AUTO(tls) *tls = tls_new(TLS_server_method(), spec->allow_tls12 ? TLS1_2_VERSION : TLS1_3_VERSION);

	ERR_clear_error();
	TRY(use_certificate(tls, spec->cert_file, spec->key_file, problem));
	if (spec->client_ca_file != NULL)
		TRY(ask_client_certs(tls, spec, problem));
	SSL_CTX_set_alpn_select_cb(tls->settings, choose_protocol, NULL);
	*ret_tls = tls;
	tls = NULL;
	return OK;
}

enum err tls_client_new(const struct tls_client_spec *spec, struct buf *problem, struct tls **ret_tls)
{
	static const unsigned char protocols[] = "\x08http/1.1";
	AUTO(tls) *tls = tls_new(TLS_client_method(), TLS1_2_VERSION);

	ERR_clear_error();
	if (spec->ca_file != NULL) {
		if (SSL_CTX_load_verify_locations(tls->settings, spec->ca_file, NULL) != 1)
			return refuse(problem, "CA file", spec->ca_file);
	} else if (SSL_CTX_set_default_verify_paths(tls->settings) != 1) {
		return refuse(problem, "the system's CA certificates", "");
	}
	if (spec->cert_file != NULL)
		TRY(use_certificate(tls, spec->cert_file, spec->key_file, problem));
	SSL_CTX_set_verify(tls->settings, SSL_VERIFY_PEER, NULL);
	CHECK(SSL_CTX_set_alpn_protos(tls->settings, protocols, sizeof protocols - 1) == 0);
	*ret_tls = tls;
	tls = NULL;
	return OK;
}

int64_t tls_expires_s(const struct tls *tls)
{
	const X509 *certificate = SSL_CTX_get0_certificate(tls->settings);
	int days, seconds;

	CHECK_OBJ(tls, TLS_MAGIC);
	if (certificate == NULL || ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)) != 1)
		return INT64_MAX;
	return (int64_t)days * 86400 + seconds;
}

void tls_lend_roots(const struct tls *tls, void *ssl_ctx)
{
	CHECK_OBJ(tls, TLS_MAGIC);
	SSL_CTX_set1_cert_store(ssl_ctx, SSL_CTX_get_cert_store(tls->settings));
}

struct tls *tls_ref(struct tls *tls)
{
	CHECK_OBJ(tls, TLS_MAGIC);
	atomic_fetch_add_explicit(&tls->refs, 1, memory_order_relaxed);
	return tls;
}

void tls_unref(struct tls *tls)
{
	if (tls == NULL)
		return;
	CHECK_OBJ(tls, TLS_MAGIC);
	if (atomic_fetch_sub_explicit(&tls->refs, 1, memory_order_acq_rel) != 1)
		return;
	SSL_CTX_free(tls->settings);
	tls->magic = 0;
	free(tls);
}
