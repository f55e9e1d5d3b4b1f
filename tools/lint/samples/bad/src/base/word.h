#ifndef BASE_WORD_H
#define BASE_WORD_H

#define WORD_MAGIC 0x11111111u

int word_count(const struct word *word);

/* May suspend. */
int word_wait(struct word *word) AWAITS;

/* Does not. */
int word_now(struct word *word);

#endif
