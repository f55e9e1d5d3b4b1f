/* A stranger's words: those that are shown to people, cut and only when they are printable; and those that we send. */
#ifndef GATEHOUSE_AUTHCLIENT_WORDS_H
#define GATEHOUSE_AUTHCLIENT_WORDS_H

#include "base/str.h"

#define WORDS_BYTES_MAX 200

static inline struct str words_of(struct str text)
{
	text.n = text.n < WORDS_BYTES_MAX ? text.n : WORDS_BYTES_MAX;
	return str_is_printable(text) ? text : STR_NONE;
}

/* Whether it can be a token: one word that can stand in a header's line. */
static inline bool words_are_token(struct str text, size_t bytes_max)
{
	return text.n > 0 && text.n <= bytes_max && str_is_printable(text) && memchr(text.p, ' ', text.n) == NULL;
}

#endif
