/* What stream_tls.c needs of TLS settings. */
#ifndef GATEHOUSE_NET_TLS_PRIVATE_H
#define GATEHOUSE_NET_TLS_PRIVATE_H

#include <stdatomic.h>

#include <openssl/ssl.h>

#include "net/tls.h"

#define TLS_MAGIC 0x544c5301u

struct tls {
	uint32_t magic;
	atomic_uint refs;
	SSL_CTX *settings;
};

/* What the peer of a finished handshake has shown and was verified for; zeros when it has shown nothing. */
void tls_read_client_cert(const SSL *ssl, struct tls_client_cert *ret_cert);

/* The BIO type that moves bytes between OpenSSL and a stream (stream_tls.c). NULL when
 * OpenSSL has no memory for it.
 *   Runs on    any thread */
BIO_METHOD *tls_bio_method(void);

#endif
