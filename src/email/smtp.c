/* MAIL, RCPT for each, DATA, the message, one dot. Spoken here and not by libcurl, because only who has sent the dot
 * knows what a lost answer means:
 *
 *     signed in ─▶ MAIL ─▶ RCPT … ─▶ DATA ─▶ message ─▶ dot ─▶ 250
 *                  └──── lost: nobody has it ─────────┘    └─ lost: unknown outcome
 */
#include "email/smtp.h"

#include <stdio.h>

#include "base/check.h"

#define PIECE_BYTES (64 * 1024) /* of the message, made ready for DATA at a time */

struct exchange {
	const struct mail_link_spec *spec;
	struct mail_link *link;
	struct buf in;
	struct arena *arena;
	struct mail_fault *fault;
};

enum err smtp_reply_read(struct str bytes, int *ret_code, struct str *ret_text, size_t *ret_bytes)
{
	struct str rest = bytes, line, next;
	uint64_t code;

	*ret_bytes = 0;
	while (str_cut(rest, '\n', &line, &next)) {
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		if (line.n < 3 || str_to_u64((struct str){line.p, 3}, &code) != OK || code < 200 || code > 599 ||
		    (line.n > 3 && line.p[3] != ' ' && line.p[3] != '-'))
			return ERR_UPSTREAM_GARBAGE;
		if (line.n == 3 || line.p[3] == ' ') {
			*ret_code = (int)code;
			*ret_text = str_skip(line, 4);
			*ret_bytes = next.p == NULL ? bytes.n : (size_t)(next.p - bytes.p);
			return OK;
		}
		rest = next;
	}
	return OK;
}

AWAITS static enum err take_reply(struct exchange *exchange, int *ret_code, struct str *ret_text)
{
	size_t n = 0, got;

	for (;;) {
		TRY(smtp_reply_read(buf_str(&exchange->in), ret_code, ret_text, &n));
		if (n > 0)
			break;
		if (exchange->in.n > SMTP_REPLY_BYTES_MAX)
			return ERR_UPSTREAM_GARBAGE;
		TRY(mail_link_read(exchange->link, buf_reserve(&exchange->in, 1024), 1024, &got));
		exchange->in.n += got;
	}
	*ret_text = arena_str(exchange->arena, str_shorten(*ret_text, 300));
	buf_drop_front(&exchange->in, n);
	return OK;
}

AWAITS static enum err command(struct exchange *exchange, int *ret_code, struct str *ret_text, const char *fmt, ...)
{
	AUTO_BUF line = {0};
	char text[1024];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	CHECK(n > 0 && n < (int)sizeof text); /* addresses are short, and were checked */
	buf_put(&line, (struct str){text, (size_t)n});
	buf_put(&line, STR("\r\n"));
	TRY(mail_link_write(exchange->link, buf_str(&line)));
	return take_reply(exchange, ret_code, ret_text);
}

static enum err refused(const struct exchange *exchange, int code, struct str text)
{
	return mail_fault_set(exchange->fault, mail_class_of_smtp(code, text, "permission"), "%.*s says: %d %.*s",
			      STR_ARG(exchange->spec->server.host), code, STR_ARG(text));
}

/* --- the message --- */

static void put_lines(struct buf *out, struct str bytes, bool *at_line_start)
{
	for (size_t from = 0; from < bytes.n;) {
		const char *end = memchr(bytes.p + from, '\n', bytes.n - from);
		size_t to = end == NULL ? bytes.n : (size_t)(end + 1 - bytes.p);

		if (*at_line_start && bytes.p[from] == '.')
			buf_put_byte(out, '.');
		buf_put(out, (struct str){bytes.p + from, to - from});
		*at_line_start = end != NULL;
		from = to;
	}
}

static struct str end_of_data(bool at_line_start)
{
	return at_line_start ? STR(".\r\n") : STR("\r\n.\r\n");
}

void smtp_data_put(struct buf *out, struct str message)
{
	bool at_line_start = true;

	put_lines(out, message, &at_line_start);
	buf_put(out, end_of_data(at_line_start));
}

AWAITS static enum err send_bytes(struct exchange *exchange, struct str bytes, bool *at_line_start)
{
	AUTO_BUF piece = {0};

	while (bytes.n > 0) {
		size_t n = bytes.n < PIECE_BYTES ? bytes.n : PIECE_BYTES;

		piece.n = 0;
		put_lines(&piece, (struct str){bytes.p, n}, at_line_start);
		TRY(mail_link_write(exchange->link, buf_str(&piece)));
		bytes = str_skip(bytes, n);
	}
	return OK;
}

/* --- the exchange --- */

/* Everything up to DATA. After an error nobody has the message. */
AWAITS static enum err announce(struct exchange *exchange, struct smtp_message *message)
{
	size_t taken = 0;
	struct str text;
	int code;

	TRY(command(exchange, &code, &text, "MAIL FROM:<%.*s>", STR_ARG(message->from)));
	if (code >= 300)
		return refused(exchange, code, text);
	for (size_t i = 0; i < message->recipient_count; i++) {
		struct smtp_recipient *to = &message->recipients[i];

		TRY(command(exchange, &to->reply, &to->text, "RCPT TO:<%.*s>", STR_ARG(to->address)));
		taken += to->reply < 300;
	}
	if (taken == 0)
		return mail_fault_set(
			exchange->fault,
			mail_class_of_smtp(message->recipients[0].reply, message->recipients[0].text, "permission"),
			"no recipient was accepted; of %.*s %.*s says: %d %.*s",
			STR_ARG(message->recipients[0].address), STR_ARG(exchange->spec->server.host),
			message->recipients[0].reply, STR_ARG(message->recipients[0].text));
	TRY(command(exchange, &code, &text, "DATA"));
	return code == 354 ? OK : refused(exchange, code, text);
}

/* The message and its end; from the dot on it may be somebody's. */
AWAITS static enum err hand_over(struct exchange *exchange, struct str bytes, bool *ret_dot)
{
	bool at_line_start = true;
	struct str text;
	int code;

	TRY(send_bytes(exchange, bytes, &at_line_start));
	*ret_dot = true;
	TRY(mail_link_write(exchange->link, end_of_data(at_line_start)));
	TRY(take_reply(exchange, &code, &text));
	if (code >= 300) {
		*ret_dot = false;
		return refused(exchange, code, text);
	}
	return OK;
}

AWAITS static enum err send_on(struct exchange *exchange, struct smtp_message *message)
{
	bool dot = false;
	enum err err = announce(exchange, message);

	if (err == OK)
		err = hand_over(exchange, message->bytes, &dot);
	if (err == OK || err == ERR_TOOL_FAILED)
		return err;
	if (dot)
		return mail_fault_set(exchange->fault, "unknown_outcome",
				      "the message was handed to %.*s, which did not say whether it took it",
				      STR_ARG(exchange->spec->server.host));
	if (err == ERR_CANCELED)
		return err;
	return mail_fault_set(exchange->fault, "transient", "%.*s did not take the message: %s; nothing was sent",
			      STR_ARG(exchange->spec->server.host),
			      err == ERR_UPSTREAM_GARBAGE ? "what it says is not SMTP" : err_text(err));
}

AWAITS enum err smtp_send(const struct mail_link_spec *spec, struct smtp_message *message, struct arena *arena,
			  struct mail_fault *fault)
{
	struct exchange exchange = {.spec = spec, .arena = arena, .fault = fault};
	enum err err;

	CHECK(message->recipient_count > 0);
	err = mail_link_open(spec, fault, &exchange.link);
	if (err == ERR_TIMEOUT)
		return mail_fault_set(fault, "transient", "no time was left to connect to %.*s; nothing was sent",
				      STR_ARG(spec->server.host));
	TRY(err);
	err = send_on(&exchange, message);
	if (err == OK && mail_link_write(exchange.link, STR("QUIT\r\n")) != OK)
		err = OK; /* it has the message */
	mail_link_close(exchange.link);
	buf_free(&exchange.in);
	return err;
}
