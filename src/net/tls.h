/* TLS settings: certificate, key, versions, client certificates; reloadable. OpenSSL stays
 * behind this header and stream_tls.c. */
#ifndef GATEHOUSE_NET_TLS_H
#define GATEHOUSE_NET_TLS_H

#include "base/arena.h"
#include "base/str.h"

struct tls; /* reference-counted, immutable; reload makes a new one */

struct tls_server_spec {
	const char *cert_file, *key_file; /* PEM; the chain in cert_file */
	const char *client_ca_file;	  /* NULL: no client certificates */
	bool client_cert_required;
	bool allow_tls12; /* off unless asked for */
};

struct tls_client_spec {
	const char *ca_file;		  /* NULL: the system's */
	const char *cert_file, *key_file; /* client certificate, NULL none */
};

/* The certificate of a client whose chain and possession were verified in the handshake. */
struct tls_client_cert {
	uint8_t fingerprint[32]; /* SHA-256 of its DER form */
	int64_t expires_ms;	 /* wall time; 0: there is no certificate */
};

/* The fingerprint that a certificate will have here: the first one of a PEM text.
 *   problem    a sentence, on error
 *   Errors     ERR_TLS: there is none in it, or a private key is
 *   Runs on    any thread */
NODISCARD enum err tls_pem_fingerprint(struct str pem, struct buf *problem, uint8_t ret_fingerprint[32]);

/*   ret_tls    one reference
 *   problem    (may be NULL) gets a sentence with the file and OpenSSL's reason
 *   Errors     ERR_TLS
 *   Runs on    any thread; reads files */
NODISCARD enum err tls_server_new(const struct tls_server_spec *spec, struct buf *problem, struct tls **ret_tls);
NODISCARD enum err tls_client_new(const struct tls_client_spec *spec, struct buf *problem, struct tls **ret_tls);
/* Seconds until the certificate shown to the other side expires, negative when it has; INT64_MAX when none is.
 *   Runs on    any thread */
int64_t tls_expires_s(const struct tls *tls);
/* Let a foreign library's SSL_CTX trust what these settings trust, in place of what it trusted before.
 *   Runs on    any thread */
void tls_lend_roots(const struct tls *tls, void *ssl_ctx);
struct tls *tls_ref(struct tls *tls);
void tls_unref(struct tls *tls); /* NULL is fine */
DEFINE_AUTO(tls, tls_unref);

#endif
