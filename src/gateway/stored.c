/* Following the rows: whenever the store's generation has moved they are read again, and when they are not what they
 * were, file and rows are merged and applied the way a reload is: what is new starts, what is the same runs on, what
 * is gone ends once its calls have. A reload and this never run at the same time (gateway->reloading): both replace
 * the same snapshot.
 *
 *     await --> generation moved? --> rows differ from those in force? --> merge, apply, retire
 *
 * Rows are compared by a digest over all of them, since the generation moves for keys and users too. */
#include "gateway/stored.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "gateway/account_ask.h"
#include "gateway/assembly.h"
#include "gateway/config_stored.h"

#define STORED_MAGIC 0x53544f52u	     /* "STOR" */
#define ROWS_ARENA_BYTES (256 * 1024 * 1024) /* PARTS_MAX of each kind with PART_DOCUMENT_BYTES_MAX each, twice */
#define TURN_POLL_MS 10

struct stored {
	uint32_t magic;
	struct gateway *gateway;
	struct group follower; /* loop 0's */
	int64_t generation;    /* when the rows were last looked at */
	uint8_t digest[32];    /* of the rows in force */
	bool failing;	       /* said so already */
};

static void put_cell(struct buf *out, struct str cell)
{
	buf_put_fmt(out, "%zu:", cell.n);
	buf_put(out, cell);
}

AWAITS static enum err read_rows(struct db *db, struct arena *arena, struct stored_parts *ret_parts,
				 uint8_t ret_digest[32])
{
	AUTO_BUF all = {0};

	for (enum part_kind kind = PART_UPSTREAM; kind < PART_KINDS; kind++) {
		struct part *parts;

		TRY(part_in_force(db, arena, kind, &parts, &ret_parts->count[kind]));
		ret_parts->parts[kind] = parts;
		buf_put_fmt(&all, "%zu,", ret_parts->count[kind]);
		for (size_t i = 0; i < ret_parts->count[kind]; i++) {
			put_cell(&all, parts[i].tenant_id);
			put_cell(&all, parts[i].name);
			put_cell(&all, parts[i].document);
		}
	}
	crypto_sha256(buf_str(&all), ret_digest);
	return OK;
}

AWAITS static enum err merge(struct gateway *gateway, struct config *file, uint8_t ret_digest[32],
			     struct config **ret_config)
{
	AUTO(arena) *arena = arena_new(ROWS_ARENA_BYTES);
	struct stored_parts parts;

	TRY(read_rows(gateway->db, arena, &parts, ret_digest));
	*ret_config = config_with_stored(file, &parts);
	return OK;
}

AWAITS enum err stored_merge(struct gateway *gateway, struct config *file, struct config **ret_config)
{
	uint8_t digest[32];

	/* Whether it will be in force is not known yet: at worst the follower applies the same once more. */
	return merge(gateway, file, digest, ret_config);
}

AWAITS static enum err apply(struct stored *stored)
{
	struct gateway *gateway = stored->gateway;
	struct config *file = gateway->config->base != NULL ? gateway->config->base : gateway->config;
	AUTO(config) *config = NULL;
	AUTO_BUF problem = {0};
	uint8_t digest[32];
	enum err err;

	TRY(merge(gateway, file, digest, &config));
	err = assembly_apply(gateway->assembly, config, &problem);
	if (err != OK) {
		log_error("parts.refused", LOG_ERR(err), LOG_STR("problem", buf_str(&problem)),
			  LOG_CSTR("effect", "upstreams and toolsets stay as they were"));
		return err;
	}
	memcpy(stored->digest, digest, sizeof(digest));
	gateway_publish(gateway, config, NULL);
	config_unref(gateway->config);
	gateway->config = config_ref(config);
	log_info("parts.applied", LOG_INT("upstreams", (int64_t)(config->upstream_count - file->upstream_count)),
		 LOG_INT("toolsets", (int64_t)(config->toolset_count - file->toolset_count)),
		 LOG_INT("skipped", (int64_t)config->skipped_count));
	assembly_retire(gateway->assembly, config->limits.drain_ms);
	return OK;
}

AWAITS static enum err take_turn(struct stored *stored)
{
	struct gateway *gateway = stored->gateway;
	enum err err;

	while (gateway->reloading)
		TRY(fiber_sleep(TURN_POLL_MS));
	if (atomic_load(&gateway->draining))
		return ERR_SHUTDOWN;
	gateway->reloading = true;
	err = apply(stored);
	gateway->reloading = false;
	return err;
}

AWAITS static enum err look(struct stored *stored)
{
	AUTO(arena) *arena = arena_new(ROWS_ARENA_BYTES);
	/* Read before the rows: what changes in between is looked at once more. */
	int64_t generation = identity_generation(stored->gateway->identity);
	struct stored_parts parts;
	uint8_t digest[32];

	if (generation == stored->generation)
		return OK;
	TRY(read_rows(stored->gateway->db, arena, &parts, digest));
	if (memcmp(digest, stored->digest, sizeof(digest)) != 0)
		TRY(take_turn(stored));
	stored->generation = generation;
	return OK;
}

static AWAITS void follower_main(void *arg)
{
	struct stored *stored = arg;
	int64_t seen = identity_generation(stored->gateway->identity);

	while (identity_await(stored->gateway->identity, seen) == OK) {
		enum err err;

		seen = identity_generation(stored->gateway->identity);
		err = look(stored);
		assembly_accounts_changed(stored->gateway->assembly);
		account_links_look(stored->gateway);

		if (err == ERR_CANCELED)
			break;
		if (err != OK && !stored->failing)
			log_error("parts.failing", LOG_ERR(err));
		stored->failing = err != OK;
	}
}

AWAITS enum err stored_start(struct gateway *gateway, struct stored **ret_stored)
{
	struct stored *stored = calloc(1, sizeof(*stored));
	enum err err;

	CHECK(stored != NULL && loop_index(loop_self()) == 0);
	stored->magic = STORED_MAGIC;
	stored->gateway = gateway;
	group_init(&stored->follower, loop_self());
	err = look(stored);
	if (err != OK)
		log_error("parts.failing", LOG_ERR(err));
	err = group_spawn(&stored->follower, "parts", follower_main, stored);
	if (err != OK) {
		free(stored);
		return err;
	}
	*ret_stored = stored;
	return OK;
}

AWAITS void stored_stop(struct stored *stored)
{
	if (stored == NULL)
		return;
	CHECK_OBJ(stored, STORED_MAGIC);
	CHECK(!stored->gateway->reloading);
	group_cancel(&stored->follower);
	if (group_join(&stored->follower) != OK)
		log_warn("parts.slow_stop", LOG_BOOL("failing", stored->failing));
	stored->magic = 0;
	free(stored);
}
