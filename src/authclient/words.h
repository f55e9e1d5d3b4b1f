/* A stranger's words that are shown to people: cut, and only when they are printable. */
#ifndef GATEHOUSE_AUTHCLIENT_WORDS_H
#define GATEHOUSE_AUTHCLIENT_WORDS_H

#include "base/str.h"

#define WORDS_BYTES_MAX 200

static inline struct str words_of(struct str text)
{
	text.n = text.n < WORDS_BYTES_MAX ? text.n : WORDS_BYTES_MAX;
	return str_is_printable(text) ? text : STR_NONE;
}

#endif
