/* The room's one object: made when the gateway starts, and gone when nothing is fetched behind anybody any more. All of
 * it is counters; what is known lies in table `metric` (cache.c) and among the kept answers (answers.c). */
#include "ads/ads.h"

#include <stdlib.h>

#include "ads/tool.h"
#include "base/check.h"

#define BEHIND_LOOK_MS 20 /* between two looks at whether they have ended */

struct ads *ads_new(const struct ads_spec *spec)
{
	struct ads *ads = calloc(1, sizeof(*ads));

	CHECK(ads != NULL);
	ads->magic = ADS_MAGIC;
	ads->spec = *spec;
	ads->answers = answers_new();
	for (size_t i = 0; i < ARRAY_LEN(ads->computing); i++)
		gate_init(&ads->computing[i], COMPUTING_MAX, COMPUTING_QUEUE_MAX);
	return ads;
}

/* Refreshes have a deadline of their own, so this ends. */
AWAITS void ads_free(struct ads *ads)
{
	struct fiber_shield shield;

	if (ads == NULL)
		return;
	CHECK_OBJ(ads, ADS_MAGIC);
	atomic_store(&ads->closing, true);
	shield = fiber_shield_begin(INT32_MAX);
	while (atomic_load(&ads->behind) > 0)
		(void)fiber_sleep(BEHIND_LOOK_MS);
	fiber_shield_end(shield);
	answers_free(ads->answers);
	ads->magic = 0;
	free(ads);
}

struct ads_stats ads_stats(const struct ads *ads)
{
	CHECK_OBJ(ads, ADS_MAGIC);
	return (struct ads_stats){
		.hits = atomic_load(&ads->hits),
		.stale = atomic_load(&ads->stale),
		.misses = atomic_load(&ads->misses),
		.fetches = atomic_load(&ads->fetches),
		.failures = atomic_load(&ads->failures),
		.bytes = answers_bytes(ads->answers),
	};
}
