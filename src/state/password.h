/* The server's password, in a file that only its owner reads. Private to state. */
#ifndef GATEHOUSE_STATE_PASSWORD_H
#define GATEHOUSE_STATE_PASSWORD_H

#include "base/str.h"

#define PASSWORD_BYTES_MAX 512

struct password {
	char text[PASSWORD_BYTES_MAX];
	size_t n;
};

/* Read it; ends of lines behind it do not belong to it.
 *   ret_password  wipe it
 *   Errors     ERR_NOT_FOUND, ERR_SYSTEM, ERR_CONFIG (others may read the file), ERR_LIMIT (empty or too long)
 *   Runs on    any thread; reads a file */
NODISCARD enum err password_read(const char *file, struct password *ret_password);
void password_wipe(struct password *password);

#endif
