/* Where the shared backend is, as the configuration says it. Private to state. */
#ifndef GATEHOUSE_STATE_PLACE_H
#define GATEHOUSE_STATE_PLACE_H

#include "net/address.h"

#define PLACE_HOST_BYTES_MAX 255
#define PLACE_USER_BYTES_MAX 64
#define PLACE_PORT 6379
#define PLACE_DATABASE_MAX 65535

struct place {
	bool memory, tls, is_unix;
	struct address address; /* of a Unix socket */
	char host[PLACE_HOST_BYTES_MAX + 1], user[PLACE_USER_BYTES_MAX + 1];
	uint16_t port;
	unsigned database;
};

/* "memory", "redis://[USER@]HOST[:PORT][/DB]", "rediss://...", "unix:/PATH".
 *   problem    what is wrong, a sentence
 *   Errors     ERR_CONFIG */
NODISCARD enum err place_parse(struct str text, struct buf *problem, struct place *ret_place);

#endif
