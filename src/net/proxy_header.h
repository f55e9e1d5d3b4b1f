/* The PROXY protocol's binary header (version 2), as a pure function over bytes. */
#ifndef GATEHOUSE_NET_PROXY_HEADER_H
#define GATEHOUSE_NET_PROXY_HEADER_H

#include "net/address.h"

#define PROXY_HEADER_BYTES_MAX 4096 /* addresses take 52; the rest are TLVs, which we skip */

/* Look for a whole header at the start of `bytes`.
 *   ret_n      its length; 0: so far right, but more bytes are needed
 *   ret_source the client's address; family AF_UNSPEC when the header names none (LOCAL,
 *              UNSPEC, Unix): then the socket's own peer counts
 *   Errors     ERR_HTTP_MALFORMED: anything else than a version 2 header for a stream
 *   Source     HAProxy's proxy-protocol.txt, section 2.2 */
NODISCARD enum err proxy_header_parse(struct str bytes, size_t *ret_n, struct address *ret_source);

#endif
