/* Words of names and prose, as search compares them: see search_text.c. */
#ifndef GATEHOUSE_CATALOG_SEARCH_TEXT_H
#define GATEHOUSE_CATALOG_SEARCH_TEXT_H

#include "base/str.h"

#define SEARCH_WORD_BYTES_MAX 40 /* of a folded word; what comes after is not compared */

struct search_words {
	const uint8_t *at, *end;
	uint8_t last;	   /* kind of the last letter of the piece being read */
	unsigned pieces;   /* of the run being read */
	bool whole_is_due; /* the run is over and had several pieces */
	size_t n, whole_n;
	char word[SEARCH_WORD_BYTES_MAX], whole[SEARCH_WORD_BYTES_MAX];
};

/* Walk the words of any bytes: lower case, without accents, plural endings gone. A run of letters
 * and digits that has pieces ("getUser2") gives these ("get", "user", "2") and then itself.
 *   ret_word   1 to SEARCH_WORD_BYTES_MAX bytes, until the next call
 *   returns    false at the end */
void search_words_begin(struct search_words *words, struct str text);
bool search_words_next(struct search_words *words, struct str *ret_word);

#endif
