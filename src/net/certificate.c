/* Certificates of clients: which one the other side of a handshake has shown, and which one a PEM text stands for. Both
 * come down to the SHA-256 of the DER form, so that what was bound by its text is known by its handshake.
 *
 * Chains and possession of the key are verified by the handshake (tls.c); whom a certificate stands for is identity's.
 */
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/check.h"
#include "net/tls_private.h"

/* When it ends; 0 when that is no time. */
static int64_t expires_ms(const X509 *cert)
{
	struct tm end;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(cert), &end) != 1)
		return 0;
	return (int64_t)timegm(&end) * 1000;
}

static bool fingerprint(const X509 *cert, uint8_t out[32])
{
	unsigned n = 32;

	return X509_digest(cert, EVP_sha256(), out, &n) == 1 && n == 32;
}

void tls_read_client_cert(const SSL *ssl, struct tls_client_cert *ret_cert)
{
	struct tls_client_cert cert = {0};
	const X509 *shown;

	*ret_cert = cert;
	if (!SSL_is_server(ssl) || SSL_get_verify_result(ssl) != X509_V_OK)
		return;
	shown = SSL_get0_peer_certificate(ssl); /* NULL: the result says nothing */
	if (shown == NULL || !fingerprint(shown, cert.fingerprint))
		return;
	cert.expires_ms = expires_ms(shown);
	*ret_cert = cert;
}

/* Without it OpenSSL asks the terminal. */
static int no_password(char *out, int cap, int writing, void *arg)
{
	return -1;
}

enum err tls_pem_fingerprint(struct str pem, struct buf *problem, uint8_t ret_fingerprint[32])
{
	BIO *text;
	X509 *cert;
	bool ok;

	if (pem.n > 0 && memmem(pem.p, pem.n, "PRIVATE KEY", 11) != NULL) {
		buf_put(problem, STR("a private key is in it: keep that to yourself, and send the certificate alone"));
		return ERR_TLS;
	}
	if (pem.n == 0 || pem.n > INT32_MAX) {
		buf_put(problem, STR("there is no certificate in it"));
		return ERR_TLS;
	}
	text = BIO_new_mem_buf(pem.p, (int)pem.n);
	CHECK(text != NULL);
	ERR_clear_error();
	cert = PEM_read_bio_X509(text, NULL, no_password, NULL);
	ok = cert != NULL && fingerprint(cert, ret_fingerprint);
	X509_free(cert);
	BIO_free(text);
	ERR_clear_error();
	if (ok)
		return OK;
	buf_put(problem, STR("there is no certificate in it: it begins with -----BEGIN CERTIFICATE-----"));
	return ERR_TLS;
}
