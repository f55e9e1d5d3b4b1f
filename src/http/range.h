/* Parts of a body: the Range header of a GET. */
#ifndef GATEHOUSE_HTTP_RANGE_H
#define GATEHOUSE_HTTP_RANGE_H

#include "base/str.h"

enum http_range {
	HTTP_RANGE_WHOLE, /* answer 200 with all: none was asked for, or nothing that is understood */
	HTTP_RANGE_PART,  /* answer 206 */
	HTTP_RANGE_NONE,  /* answer 416: nothing of it is there */
};

/* Read one. Several ranges at once are answered with all: nobody who fetches files asks for them.
 *   text       the header's value; may be empty
 *   size       of the whole, in bytes, not 0
 *   ret_first, ret_last  the first and the last byte, within the size; set with HTTP_RANGE_PART
 *   Source     RFC 9110 sections 14.1.2 and 14.2 */
enum http_range http_range_read(struct str text, int64_t size, int64_t *ret_first, int64_t *ret_last);

#endif
