/* Connection caps. The counts are the one thing about connections that all loops share: a
 * peer's connections are spread over them. A mutex guards the table; it is taken twice in a
 * connection's life, never for a request. */
#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/map.h"
#include "http/conn_caps.h"

struct conn_peer {
	uint8_t key[16];
	unsigned count;
};

struct conn_caps {
	pthread_mutex_t mutex;
	struct map peers;
	unsigned total;
};

struct conn_caps *conn_caps_new(void)
{
	struct conn_caps *caps = calloc(1, sizeof *caps);

	CHECK(caps != NULL && pthread_mutex_init(&caps->mutex, NULL) == 0);
	return caps;
}

void conn_caps_free(struct conn_caps *caps)
{
	CHECK(caps->total == 0);
	map_free(&caps->peers);
	pthread_mutex_destroy(&caps->mutex);
	free(caps);
}

static struct conn_peer *find_peer(struct conn_caps *caps, const struct address *address)
{
	struct conn_peer *peer;
	uint8_t key[16];

	address_peer_key(address, key);
	peer = map_get(&caps->peers, (struct str){(const char *)key, sizeof key});
	if (peer != NULL)
		return peer;
	peer = calloc(1, sizeof *peer);
	CHECK(peer != NULL);
	memcpy(peer->key, key, sizeof key);
	map_put(&caps->peers, (struct str){(const char *)peer->key, sizeof peer->key}, peer);
	return peer;
}

static NODISCARD enum err enter(struct conn_caps *caps, const struct address *address, unsigned total_max,
				unsigned per_peer_max, struct conn_peer **ret_peer)
{
	struct conn_peer *peer = NULL;

	if (caps->total >= total_max || (address != NULL && per_peer_max == 0))
		return ERR_LIMIT;
	if (address != NULL) {
		peer = find_peer(caps, address);
		if (peer->count >= per_peer_max)
			return ERR_LIMIT;
		peer->count++;
	}
	caps->total++;
	*ret_peer = peer;
	return OK;
}

enum err conn_caps_enter(struct conn_caps *caps, const struct address *address, unsigned total_max,
			 unsigned per_peer_max, struct conn_peer **ret_peer)
{
	enum err err;

	pthread_mutex_lock(&caps->mutex);
	err = enter(caps, address, total_max, per_peer_max, ret_peer);
	pthread_mutex_unlock(&caps->mutex);
	return err;
}

static void leave_peer(struct conn_caps *caps, struct conn_peer *peer)
{
	if (peer == NULL || --peer->count > 0)
		return;
	map_remove(&caps->peers, (struct str){(const char *)peer->key, sizeof peer->key});
	free(peer);
}

void conn_caps_leave(struct conn_caps *caps, struct conn_peer *peer)
{
	pthread_mutex_lock(&caps->mutex);
	CHECK(caps->total > 0);
	caps->total--;
	leave_peer(caps, peer);
	pthread_mutex_unlock(&caps->mutex);
}

void conn_caps_trust(struct conn_caps *caps, struct conn_peer *peer)
{
	if (peer == NULL)
		return;
	pthread_mutex_lock(&caps->mutex);
	leave_peer(caps, peer);
	pthread_mutex_unlock(&caps->mutex);
}
