/* The room's one object: what it was given. Each file of the room keeps what it needs beside that in a member of its
 * own (connect_private.h) and is called from here when it begins and ends; what is known of an account lies in the
 * database, never here. */
#include "connect/connect_private.h"

#include <stdlib.h>

struct connect *connect_new(const struct connect_spec *spec)
{
	struct connect *connect = calloc(1, sizeof(*connect));

	CHECK(connect != NULL);
	connect->magic = CONNECT_MAGIC;
	connect->spec = *spec;
	return connect;
}

void connect_free(struct connect *connect)
{
	if (connect == NULL)
		return;
	CHECK_OBJ(connect, CONNECT_MAGIC);
	connect->magic = 0;
	free(connect);
}
