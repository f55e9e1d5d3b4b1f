/* What stands in a message, for people: parts decoded, header words decoded, HTML as plain text.
 *
 *   Runs on    a worker thread where a whole part is decoded; all are pure */
#ifndef GATEHOUSE_EMAIL_TEXT_H
#define GATEHOUSE_EMAIL_TEXT_H

#include "base/str.h"

/* Append a part without its transfer encoding ("base64"); what is not well-formed is passed over. */
void mail_decode(struct str encoded, struct str encoding, struct buf *out);
/* The same, as UTF-8 with single line ends. A charset that is not known is taken for UTF-8, and what is none becomes
 * U+FFFD. */
void mail_decode_text(struct str encoded, struct str encoding, struct str charset, struct buf *out);
/* Append header text with its encoded words decoded (RFC 2047), as UTF-8. */
void mail_decode_words(struct str header, struct buf *out);
/* Append a file's name, which may be in encoded words or as RFC 2231 has it. */
void mail_decode_filename(struct str name, struct buf *out);
/* Append the UTF-8 in a text that may have anything: other bytes become U+FFFD. */
void mail_put_utf8(struct str text, struct buf *out);

/* Append HTML as text: no tags, scripts or styles; paragraphs, rows and list items are lines. */
void mail_html_text(struct str html, struct buf *out);

/* At most so many characters, line ends and runs of spaces as one space: what stands in a list. */
void mail_snippet(struct str text, size_t characters, struct buf *out);

#endif
