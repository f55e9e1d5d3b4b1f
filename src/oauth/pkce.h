/* Proof key for code exchange, S256 only. Source: RFC 7636. */
#ifndef GATEHOUSE_OAUTH_PKCE_H
#define GATEHOUSE_OAUTH_PKCE_H

#include "base/str.h"

/* Whether it can be a challenge at all: 43 characters of base64url. */
bool pkce_challenge_ok(struct str challenge);

/* Whether the verifier (43 to 128 unreserved characters) belongs to the challenge. */
bool pkce_verify(struct str verifier, struct str challenge);

#endif
