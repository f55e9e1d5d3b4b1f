/* Assertions that stay on in production. A failed one is a bug in Gatehouse: it prints
 * the place and aborts. Bytes from outside are never asserted, they are validated. */
#ifndef GATEHOUSE_BASE_CHECK_H
#define GATEHOUSE_BASE_CHECK_H

#include "base/attrs.h"

/* Print the failed condition with its place to stderr and abort.
 *   Runs on    any thread; does not return */
NORETURN COLD void check_failed(const char *file, int line, const char *what);

#define CHECK(cond)                                                                                                    \
	do {                                                                                                           \
		if (unlikely(!(cond)))                                                                                 \
			check_failed(__FILE__, __LINE__, #cond);                                                       \
	} while (0)

/* Every long-lived struct starts with `uint32_t magic`; CHECK_OBJ at each public door
 * makes a wrong or freed pointer die at the door. tools/lint keeps magics unique. */
#define CHECK_OBJ(obj, want) CHECK((obj) != NULL && (obj)->magic == (want))

#endif
