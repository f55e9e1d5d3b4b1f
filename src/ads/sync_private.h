/* The insides of background work, for the files of it and nobody else. */
#ifndef GATEHOUSE_ADS_SYNC_PRIVATE_H
#define GATEHOUSE_ADS_SYNC_PRIVATE_H

#include <stdatomic.h>

#include "ads/sync.h"

/* What a kind of job is told. */
struct sync_kind {
	struct sync *sync;
	const struct sync_function *function;
};

struct sync {
	uint32_t magic;
	struct sync_spec spec;
	struct sync_kind kinds[SYNC_FUNCTIONS];
	struct {
		atomic_uint_fast64_t runs, failures, reports, busy_ms;
	} counts[ADS_PLATFORMS];
};

/* sync_refresh.c */
#define SYNC_GOOGLE_STEPS 12
#define SYNC_META_STEPS 8
#define SYNC_TIKTOK_STEPS 5
extern const struct sync_step sync_google_steps[SYNC_GOOGLE_STEPS], sync_meta_steps[SYNC_META_STEPS],
	sync_tiktok_steps[SYNC_TIKTOK_STEPS];

/* sync_round.c */
extern const struct sync_step sync_round_steps[2], sync_purge_steps[1], sync_archive_steps[2];

/* sync.c: the step that ends a tenant's run well. */
NODISCARD enum err sync_write_log(struct sync_run *run, const struct sync_step *step, struct buf *out) AWAITS;

/* Whether a tenant itself has connected something at a platform. */
NODISCARD enum err sync_is_connected(const struct sync_spec *spec, struct arena *arena, struct str tenant_id,
				     enum ads_platform platform, bool *ret_connected) AWAITS;

/* Whether it is the connected account that failed: all that is asked of it fails alike. */
bool sync_is_of_account(enum err err, const struct ads_failure *failure);

/* A failure as a sentence, in `arena`. */
struct str sync_sentence(struct arena *arena, enum err err, const struct ads_failure *failure);

#endif
