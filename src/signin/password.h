/* Passwords: what is accepted as one, and Argon2id. Blocking: some 40 ms and PASSWORD_KIB of memory each. */
#ifndef GATEHOUSE_SIGNIN_PASSWORD_H
#define GATEHOUSE_SIGNIN_PASSWORD_H

#include "base/str.h"

#define PASSWORD_CHARACTERS_MIN 12 /* length is what makes one strong; no rules about kinds of characters */
#define PASSWORD_BYTES_MAX 256	   /* hashing longer ones buys nothing */
#define PASSWORD_KIB 19456	   /* with PASSWORD_PASSES: the least that OWASP advises; a small machine bears it */
#define PASSWORD_PASSES 2

/* Why a new password is not accepted: a sentence for a person; NULL when it is. */
const char *password_problem(struct str password);

/* Append the encoded hash under a fresh salt.
 *   Errors     ERR_SYSTEM: no memory
 *   Runs on    a worker thread (work_run), or a command line */
NODISCARD enum err password_hash(struct str password, struct buf *out);

/* Whether the password is the one behind an encoded hash. With an empty hash it never is, and finding that out
 * takes as long: whether somebody has a password cannot be timed.
 *   Errors     ERR_SYSTEM: no memory
 *   Runs on    as password_hash */
NODISCARD enum err password_matches(struct str encoded, struct str password, bool *ret_matches);

#endif
