/* The program: one command line, one exit status. Which commands there are, and how they are
 * found, is the business of commands.c. */
#include <stdio.h>

#include "cli/command.h"

int main(int argc, char **argv)
{
	int status = command_line(argc - 1, argv + 1);

	/* An answer that did not reach its reader was not given. */
	if (fflush(stdout) != 0 || ferror(stdout) != 0) {
		if (status == STATUS_DONE)
			status = command_failed("standard output cannot be written");
	}
	return status;
}
