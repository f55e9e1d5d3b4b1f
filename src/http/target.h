/* Request targets: what a client asked for, as a clean path. */
#ifndef GATEHOUSE_HTTP_TARGET_H
#define GATEHOUSE_HTTP_TARGET_H

#include "base/arena.h"
#include "base/str.h"

struct http_target {
	struct str path;      /* decoded, dot segments removed, starts with '/'; "*" for OPTIONS */
	struct str query;     /* raw */
	struct str authority; /* of an absolute target, else p NULL */
};

/*   options    the method is OPTIONS, which may ask for "*"
 *   ret_target slices of `text` or in `arena`
 *   Errors     ERR_HTTP_MALFORMED: no such form, bad percent-encoding, an encoded control
 *              character, not UTF-8; ERR_LIMIT (arena)
 *   Runs on    any thread
 *   Source     RFC 9112 s3.2, RFC 3986 s5.2.4 */
NODISCARD enum err http_target_parse(struct arena *arena, struct str text, bool options,
				     struct http_target *ret_target);

#endif
