/* Content negotiation beyond http_accepts (server.h). */
#ifndef GATEHOUSE_HTTP_NEGOTIATE_H
#define GATEHOUSE_HTTP_NEGOTIATE_H

#include "base/str.h"

/* Whether Accept-Encoding (p NULL when absent) allows gzip.
 *   Source     RFC 9110 s12.5.3; a client that says nothing gets no coding */
bool http_accepts_gzip(struct str accept_encoding);

#endif
