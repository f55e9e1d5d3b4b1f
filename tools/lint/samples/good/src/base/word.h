/* A header that keeps every rule. */
#ifndef BASE_WORD_H
#define BASE_WORD_H

#define WORD_MAGIC 0x11111111u

struct word {
	int n; /* letters */
};

/* Count letters: "}" and ';' in a comment confuse nobody.
 *   Runs on    any thread */
int word_count(const struct word *word);
int word_twice(const struct word *word);

/* May suspend. */
int word_wait(struct word *word) AWAITS;

static inline int word_none(void)
{
	return 0;
}

#endif
