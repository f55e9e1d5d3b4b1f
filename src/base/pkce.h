/* Proof key for code exchange, S256 only: both ends of it. Source: RFC 7636. */
#ifndef GATEHOUSE_BASE_PKCE_H
#define GATEHOUSE_BASE_PKCE_H

#include "base/str.h"

#define PKCE_VERIFIER_TEXT 44 /* what pkce_verifier writes, with its NUL */
#define PKCE_CHALLENGE_MAX 65 /* of either writing, with its NUL */

/* A fresh verifier of 256 bits. */
void pkce_verifier(char out[PKCE_VERIFIER_TEXT]);

/* Its challenge: base64url, or (what one platform wants) hexadecimal. */
void pkce_challenge(struct str verifier, bool hex, char out[PKCE_CHALLENGE_MAX]);

/* Whether it can be a challenge at all: 43 characters of base64url. */
bool pkce_challenge_ok(struct str challenge);

/* Whether the verifier (43 to 128 unreserved characters) belongs to the challenge. */
bool pkce_verify(struct str verifier, struct str challenge);

#endif
