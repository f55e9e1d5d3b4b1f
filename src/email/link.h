/* A connection to a mail server on which the account is signed in: bytes in, bytes out, awaited. libcurl connects, does
 * TLS and SASL; the protocol behind it is spoken by who has the link (imap_session.c, smtp.c).
 *
 * A link lives on the loop that opened it. */
#ifndef GATEHOUSE_EMAIL_LINK_H
#define GATEHOUSE_EMAIL_LINK_H

#include "base/secret_text.h"
#include "email/fault.h"
#include "net/address.h"
#include "net/tls.h"

#define MAIL_CONNECT_MS 20000	  /* name, TCP, TLS and sign-in: some servers put a refusal off for some seconds */
#define MAIL_SILENCE_MS 60000	  /* between two pieces of an answer: a search of a large box takes its time */
#define MAIL_HELLO_BYTES_MAX 8192 /* of what the server said until the sign-in was done */

enum mail_protocol { MAIL_IMAP, MAIL_SMTP };
struct mail_server {
	struct str host;
	uint16_t port;
	bool start_tls; /* else TLS from the first byte. Never without */
};
struct mail_link_spec {
	enum mail_protocol protocol;
	struct mail_server server;
	struct str user;
	struct str domain; /* how SMTP introduces itself */
	const struct secret_text *secret;
	bool secret_is_token; /* XOAUTH2 or OAUTHBEARER instead of PLAIN or LOGIN */
	bool allow_private;
	struct tls *tls; /* whose roots are trusted */
};

struct mail_link;

/* Once, before the first link.
 *   Errors     ERR_SYSTEM */
NODISCARD enum err mail_link_setup(void);

/* Connect and sign in.
 *   fault      on ERR_TOOL_FAILED
 *   ret_link   the loop's own until mail_link_close
 *   Errors     ERR_TOOL_FAILED, ERR_REFUSED_ADDRESS, ERR_CANCELED, ERR_TIMEOUT
 *   Runs on    a fiber */
NODISCARD enum err mail_link_open(const struct mail_link_spec *spec, struct mail_fault *fault,
				  struct mail_link **ret_link) AWAITS;
/* What the server said before and while signing in, lines of the protocol; lives as long as the link. */
struct str mail_link_hello(const struct mail_link *link);

/* Some bytes; all bytes.
 *   ret_n      at least 1
 *   Errors     ERR_CLOSED, ERR_IO, ERR_TIMEOUT (MAIL_SILENCE_MS, or the fiber's own), ERR_CANCELED */
NODISCARD enum err mail_link_read(struct mail_link *link, char *out, size_t cap, size_t *ret_n) AWAITS;
NODISCARD enum err mail_link_write(struct mail_link *link, struct str bytes) AWAITS;

/* NULL is fine. Says nothing to the server. */
void mail_link_close(struct mail_link *link);
DEFINE_AUTO(mail_link, mail_link_close);

#endif
