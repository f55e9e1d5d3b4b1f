/* Writing commands. What a caller gave is either a quoted string, when it is short printable ASCII, or a literal, of
 * which any byte but NUL may be part: nothing of it can end a line or begin a command. */
#include <stdio.h>

#include "email/imap_session.h"

#define QUOTED_BYTES_MAX 512

void imap_command_free(struct imap_command *command)
{
	buf_free(&command->text);
}

void imap_put(struct imap_command *command, const char *words)
{
	buf_put(&command->text, str_of(words));
}

void imap_put_fmt(struct imap_command *command, const char *fmt, ...)
{
	char text[256];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if (n < 0 || n >= (int)sizeof text)
		command->failed = true;
	else
		buf_put(&command->text, (struct str){text, (size_t)n});
}

static void put_quoted(struct buf *out, struct str text)
{
	buf_put_byte(out, '"');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"' || text.p[i] == '\\')
			buf_put_byte(out, '\\');
		buf_put_byte(out, text.p[i]);
	}
	buf_put_byte(out, '"');
}

/* "{n}" and a line end, after which the server has to agree. */
static void announce(struct imap_command *command, size_t n)
{
	buf_put_fmt(&command->text, "{%zu}\r\n", n);
	if (command->pause_count == IMAP_LITERALS_MAX)
		command->failed = true;
	else
		command->pauses[command->pause_count++] = command->text.n;
}

void imap_put_text(struct imap_command *command, struct str text)
{
	if (text.n > 0 && memchr(text.p, '\0', text.n) != NULL) {
		command->failed = true;
	} else if (text.n <= QUOTED_BYTES_MAX && str_is_printable(text)) {
		put_quoted(&command->text, text);
	} else {
		announce(command, text.n);
		buf_put(&command->text, text);
	}
}

void imap_put_message(struct imap_command *command, struct str message)
{
	announce(command, message.n);
	command->message = message;
}
