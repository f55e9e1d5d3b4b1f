/* `gatehouse version`: which build this is. The number comes from meson.build, which the release
 * tag follows. */
#include <stdio.h>

#include "cli/command.h"

int version_run(const struct invocation *invocation)
{
	printf(invocation->json ? "{\"version\":\"%s\"}\n" : "gatehouse %s\n", GATEHOUSE_VERSION);
	return STATUS_DONE;
}
