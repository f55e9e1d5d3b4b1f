/* Secrets that lie in files: passwords, credentials, keys. One place knows which files are private enough, how long
 * they may be and where their bytes go: onto locked pages, wiped when freed.
 *
 * Private enough is what nobody but us can read (0600, 0400), or what root lets our group read without changing it
 * (0440 and owned by root): systemd's credentials and the secrets that Kubernetes mounts look like that. */
#ifndef GATEHOUSE_BASE_SECRET_FILE_H
#define GATEHOUSE_BASE_SECRET_FILE_H

#include "base/secret_text.h"

enum secret_file_rule {
	SECRET_FILE_PRIVATE,
	SECRET_FILE_HERE, /* the same, and its name is no symbolic link */
	SECRET_FILE_ANY,  /* others may read it: where somebody tries things out */
};

/* Read a text. Ends of lines behind it do not belong to it; it is not empty and has no NUL byte.
 *   directory_fd  what a relative path begins at; AT_FDCWD
 *   problem    (may be NULL) the file's name, what is wrong with it and what to do
 *   Errors     ERR_NOT_FOUND, ERR_SYSTEM (cannot be read), ERR_CONFIG (others may read it; empty; too long; no file)
 *   Runs on    a thread that may block, as all of these */
NODISCARD enum err secret_file_text(int directory_fd, const char *path, enum secret_file_rule rule, struct buf *problem,
				    struct secret_text **ret_text);

/* Read it as it is: at least one byte. For what may be a key. */
NODISCARD enum err secret_file_bytes(int directory_fd, const char *path, enum secret_file_rule rule,
				     struct buf *problem, struct secret_text **ret_bytes);

/* Write a file of mode 0600 and wait until the disk has it; replaces what is there.
 *   Errors     ERR_SYSTEM (errno says why; what is there then is not complete) */
NODISCARD enum err secret_file_write(int directory_fd, const char *path, struct str bytes);

#endif
