/* Texts of people as words: lower case, without what is no letter and no digit. Any script: what is not known to be a
 * space or punctuation is a letter. Pure, any thread. */
#ifndef GATEHOUSE_ANALYTICS_WORDS_H
#define GATEHOUSE_ANALYTICS_WORDS_H

#include "base/arena.h"
#include "base/str.h"

#define WORDS_BYTES_MAX 1024 /* of a text; platforms cut at a tenth of it, and more is left out */

/* In lower case, without spaces around it; what is no UTF-8 stays. p is NULL: the arena is over. */
struct str text_lower(struct arena *arena, struct str text);

/* Its words with one space between; `text` is in lower case already. p is NULL: the arena is over. */
struct str text_words(struct arena *arena, struct str text);

/* The next word off the front; false: there is none. */
bool word_take(struct str *words, struct str *ret_word);

/* Whether `run` is there as whole words side by side. An empty one is nowhere. */
bool words_contain(struct str words, struct str run);

/* Whether a word says nothing by itself: a single character, or one of the common ones of some languages. */
bool word_is_empty(struct str word);

#endif
