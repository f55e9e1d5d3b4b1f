/* A message made from its fields: headers encoded, text and HTML as alternatives, files attached. GMime does it.
 *
 *   Runs on    a worker thread: files are large */
#ifndef GATEHOUSE_EMAIL_COMPOSE_H
#define GATEHOUSE_EMAIL_COMPOSE_H

#include "base/arena.h"

#define MAIL_RECIPIENTS_MAX 100			  /* in one of to, cc and bcc */
#define MAIL_ADDRESS_BYTES_MAX 320		  /* RFC 3696: 64, "@", 255 */
#define MAIL_FILES_MAX 20			  /* attached */
#define MAIL_FILES_BYTES_MAX (20 * 1024 * 1024)	  /* together; with base64 what most servers take */
#define MAIL_MESSAGE_BYTES_MAX (40 * 1024 * 1024) /* of the message as it is sent */

struct mail_file {
	struct str name, mime, bytes;
};
struct mail_draft {
	struct str from_name, from_address;
	/* What callers gave: each may be "a@b.example" or "Name <a@b.example>" */
	const struct str *to, *cc, *bcc;
	size_t to_count, cc_count, bcc_count;
	struct str subject, text, html;	    /* html may be empty; text too, if html is not */
	struct str in_reply_to, references; /* "<id>"; may be empty */
	const struct mail_file *files;
	size_t file_count;
	/* out, in the arena */
	struct str message_id;	/* "<id>" */
	struct str bytes;	/* CRLF line ends; Bcc is not in it */
	struct str *recipients; /* addresses of to, cc and bcc, each once */
	size_t recipient_count;
	struct str problem; /* on ERR_RPC_PARAMS */
};

/*   Errors     ERR_RPC_PARAMS: an address is none, or a header has a line end; ERR_LIMIT */
NODISCARD enum err mail_compose(struct arena *arena, struct mail_draft *draft);

#endif
