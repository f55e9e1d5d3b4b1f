/* One-time codes of an authenticator app: six digits, a new one every 30 seconds. */
#ifndef GATEHOUSE_SIGNIN_TOTP_H
#define GATEHOUSE_SIGNIN_TOTP_H

#include "base/crypto.h"

#define TOTP_SECRET_BYTES CRYPTO_SHA1_BYTES /* as RFC 4226 section 4 recommends */
#define TOTP_DIGITS 6
#define TOTP_STEP_MS 30000
#define TOTP_SKEW 1 /* steps that a clock may be off: RFC 6238 section 5.2 allows one */

/* The code of a step; `out` gets TOTP_DIGITS digits and a NUL.
 *   Source     RFC 6238, RFC 4226 section 5.3 */
void totp_code(struct str secret, int64_t step, char out[TOTP_DIGITS + 1]);

/* Whether a code is that of the present step or one beside it, and of a later one than `step_last`. Spaces in it
 * are left out, since apps show them.
 *   ret_step   which one, to be remembered */
bool totp_matches(struct str secret, struct str code, int64_t now_ms, int64_t step_last, int64_t *ret_step);

/* Append bytes as base32 without padding (RFC 4648), as authenticators read secrets. */
void base32_put(struct buf *out, const uint8_t *bytes, size_t n);

/* Append the address that an authenticator reads: otpauth://totp/... */
void totp_uri_put(struct buf *out, struct str issuer, struct str account, struct str secret);

#endif
