/* A file that keeps every rule: strings and comments may say strcpy( and assert(, and
 * names that only end like a banned call are fine. */
#include "base/word.h"

static_assert(sizeof(int) == 4, "strcpy(");

AWAITS int word_wait(struct word *word)
{
	return my_strcpy(word) + word->random(word);
}
