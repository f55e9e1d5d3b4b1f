/* The store as a whole: its settings, which a reload may change under everybody's hands, and the few things that are
 * counted over all loops, under a lock that is held for a look: what a tenant's temporary files take, and which uploads
 * a piece is being taken for.
 *
 * Temporary files count against the same quota as uploads. The uploads' part is read from the rows when a file is
 * begun, so two that begin at once may go over by one of them, never by more than may be open. */
#include "media/media_private.h"

#include <stdlib.h>

#include "base/check.h"

struct tenant_use {
	char tenant_id[ID_LEN + 1];
	int64_t bytes;
};

void media_store_configure(struct media_store *store, const struct media_settings *settings)
{
	CHECK_OBJ(store, MEDIA_STORE_MAGIC);
	atomic_store(&store->quota_bytes, settings->quota_bytes);
	atomic_store(&store->file_bytes_max, settings->file_bytes_max);
	atomic_store(&store->expire_ms, settings->expire_ms);
	atomic_store(&store->allow_private, settings->allow_private);
}

static struct str key_of(const struct tenant_use *use)
{
	return str_of(use->tenant_id);
}

enum err use_take(struct media_store *store, struct str tenant_id, int64_t bytes, int64_t used_bytes)
{
	int64_t quota_bytes = (int64_t)atomic_load(&store->quota_bytes);
	struct tenant_use *use;
	enum err err = ERR_LIMIT;

	CHECK(tenant_id.n <= ID_LEN && bytes >= 0);
	CHECK(pthread_mutex_lock(&store->lock) == 0);
	use = map_get(&store->use, tenant_id);
	if (use == NULL) {
		use = calloc(1, sizeof(*use));
		CHECK(use != NULL);
		if (tenant_id.n > 0)
			memcpy(use->tenant_id, tenant_id.p, tenant_id.n);
		map_put(&store->use, key_of(use), use);
	}
	if (used_bytes + use->bytes <= quota_bytes - bytes) {
		use->bytes += bytes;
		atomic_fetch_add(&store->counters.temporary_bytes, (uint64_t)bytes);
		err = OK;
	}
	if (use->bytes == 0) {
		map_remove(&store->use, key_of(use));
		free(use);
	}
	CHECK(pthread_mutex_unlock(&store->lock) == 0);
	return err;
}

/* Who has none left is forgotten: tenants come and go. */
void use_give(struct media_store *store, struct str tenant_id, int64_t bytes)
{
	struct tenant_use *use;

	CHECK(pthread_mutex_lock(&store->lock) == 0);
	use = map_get(&store->use, tenant_id);
	if (use != NULL) {
		CHECK(use->bytes >= bytes);
		use->bytes -= bytes;
		atomic_fetch_sub(&store->counters.temporary_bytes, (uint64_t)bytes);
		if (use->bytes == 0) {
			map_remove(&store->use, key_of(use));
			free(use);
		}
	}
	CHECK(pthread_mutex_unlock(&store->lock) == 0);
}

bool claim_take(struct media_store *store, struct claim *claim, struct str id)
{
	bool taken;

	CHECK(id.n == ID_LEN);
	memcpy(claim->id, id.p, ID_LEN);
	CHECK(pthread_mutex_lock(&store->lock) == 0);
	taken = map_get(&store->claimed, id) == NULL;
	if (taken)
		map_put(&store->claimed, (struct str){claim->id, ID_LEN}, claim);
	CHECK(pthread_mutex_unlock(&store->lock) == 0);
	return taken;
}

void claim_give(struct media_store *store, struct claim *claim)
{
	CHECK(pthread_mutex_lock(&store->lock) == 0);
	CHECK(map_remove(&store->claimed, (struct str){claim->id, ID_LEN}) == claim);
	CHECK(pthread_mutex_unlock(&store->lock) == 0);
}

enum err media_new(struct media_store *store, struct str tenant_id, struct media **ret_media)
{
	struct media *media;

	CHECK_OBJ(store, MEDIA_STORE_MAGIC);
	if (atomic_fetch_add(&store->counters.open, 1) >= MEDIA_OPEN_MAX) {
		atomic_fetch_sub(&store->counters.open, 1);
		return ERR_BUSY;
	}
	media = calloc(1, sizeof(*media));
	CHECK(media != NULL);
	*media =
		(struct media){.magic = MEDIA_MAGIC, .store = store, .arena = arena_new(MEDIA_ARENA_BYTES), .size = -1};
	media->tenant_id = arena_str(media->arena, tenant_id);
	media->mime = media->name = media->sha256 = media->url = STR("");
	*ret_media = media;
	return OK;
}

struct media_stats media_store_stats(const struct media_store *store)
{
	const struct media_counters *counters;

	if (store == NULL)
		return (struct media_stats){0};
	CHECK_OBJ(store, MEDIA_STORE_MAGIC);
	counters = &store->counters;
	return (struct media_stats){
		.uploads = atomic_load(&counters->uploads),
		.fetches = atomic_load(&counters->fetches),
		.inlined = atomic_load(&counters->inlined),
		.bytes = atomic_load(&counters->bytes),
		.failures = atomic_load(&counters->failures),
		.open = atomic_load(&counters->open),
		.temporary_bytes = atomic_load(&counters->temporary_bytes),
	};
}
