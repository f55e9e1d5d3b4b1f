/* What a file is, by its first bytes: what a caller or a server says of it is only believed where bytes say nothing. */
#ifndef GATEHOUSE_MEDIA_SNIFF_H
#define GATEHOUSE_MEDIA_SNIFF_H

#include "base/str.h"

#define SNIFF_BYTES 512 /* no mark lies behind them */
#define SNIFF_MIME_BYTES_MAX 127

/* The media type of a file.
 *   head       its first SNIFF_BYTES, or all of it
 *   said       what it was said to be, perhaps with parameters; may be empty
 *   returns    static, or a slice of `said`: lower or mixed case, without parameters; "application/octet-stream" when
 *              nothing is known, and when `said` is a type that the bytes would show, and do not
 *   Source     WHATWG MIME Sniffing section 6; RFC 9559; ISO/IEC 14496-12 section 4.3 */
struct str sniff_mime(struct str head, struct str said);

/* The type that a file is said to be, without parameters; "application/octet-stream" when it is none. */
struct str sniff_said(struct str said);

/* Whether a type fits a pattern: "image/png", or "image/" and an asterisk. */
bool sniff_fits(struct str mime, struct str pattern);

/* ".jpg", for names; empty when there is none that everybody knows. */
struct str sniff_extension(struct str mime);

/* Whether browsers show it without running anything of it: pictures, sound, films. */
bool sniff_is_inert(struct str mime);

#endif
