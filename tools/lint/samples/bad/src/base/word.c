/* One line says too little. */
#include <uv.h>
#include "rt/loop_private.h"
#include "http/server.h"
#include "word.h"

#define OTHER_MAGIC 0x11111111u

int word_wait(struct word *word)
{
	strcpy(word->p, "TODO");
	return 0; 
}

AWAITS int word_now(struct word *word)
{
	fork();
	getenv("HOME");
	return atoi(word->p); // FIXME later
}
