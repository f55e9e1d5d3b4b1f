/* Where a browser may be sent with a code: which addresses a client may name, and whether the one it asks for is one
 * of them. Both are functions of text alone. */
#ifndef GATEHOUSE_AUTHCLIENT_REDIRECT_H
#define GATEHOUSE_AUTHCLIENT_REDIRECT_H

#include "base/json.h"

#define REDIRECT_BYTES_MAX 2048
#define REDIRECTS_MAX 32 /* of one client; editors register six */

/* Whether a client may register it: https, http on this machine (127.0.0.1, ::1, localhost), or a private-use scheme
 * of cursor, vscode, vscode-insiders and `schemes`. Never with a fragment, user information or control characters.
 *   Source     RFC 6749 section 3.1.2, RFC 8252 sections 7 and 8.3 */
bool redirect_allowed(struct str uri, const struct str *schemes, size_t scheme_count);

/* Whether `asked` is the registered one: the same bytes, or on this machine the same but for the port.
 *   Source     RFC 6749 section 3.1.2.3, RFC 8252 section 7.3; localhost too, since clients use it */
bool redirect_matches(struct str registered, struct str asked);

/* Whether it leads to this machine, where any program of the user may be listening. */
bool redirect_is_loopback(struct str uri);

/* Its host, or what stands for one, for people to read: "claude.ai", "localhost", "cursor:". */
struct str redirect_host(struct str uri);

#endif
