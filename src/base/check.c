/* How a failed assertion ends the process: the place on stderr in one write, then abort for
 * the core file. No stdio and no allocation, since the heap may be what is broken. */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void check_failed(const char *file, int line, const char *what)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "gatehouse: bug: %s:%d: CHECK(%s) failed\n", file, line, what);

	if (n >= (int)sizeof(text)) {
		n = sizeof(text);
		text[n - 1] = '\n';
	}
	if (n > 0 && write(STDERR_FILENO, text, (size_t)n) < 0)
		abort(); /* nothing is left to tell, and nobody to tell it to */
	abort();
}
