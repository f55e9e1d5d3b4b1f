/* A server that starts, is throttled or changes its leader is back in seconds, and a start that gives up at the first
 * refusal would need a supervisor for what a pause mends. Whoever has asked four times says what is wrong. */
#include "secrets/patient.h"

#include "base/random.h"
#include "rt/fiber.h"

#define ATTEMPTS_MAX 4
#define PAUSE_MS 200 /* before the second; doubled each time */
#define PAUSE_MS_MAX 5000

int64_t patient_spread(int64_t ms)
{
	uint8_t random;

	random_bytes(&random, 1);
	return ms - ms / 10 + ms * random / 5 / 256;
}

static bool may_pass(enum err err, int status)
{
	if (err != OK)
		return err == ERR_UPSTREAM_DOWN || err == ERR_UPSTREAM_TIMEOUT || err == ERR_DNS;
	return status == 429 || status == 502 || status == 503;
}

AWAITS enum err patient_fetch(struct arena *arena, const struct fetch *fetch, struct fetched *ret_fetched)
{
	int64_t pause_ms = PAUSE_MS;

	for (unsigned attempt = 1;; attempt++) {
		int64_t asked_ms;
		enum err err;

		*ret_fetched = (struct fetched){0};
		err = http_fetch(arena, fetch, ret_fetched);
		if (!may_pass(err, ret_fetched->status) || attempt == ATTEMPTS_MAX)
			return err;
		asked_ms = ret_fetched->retry_after_ms < PAUSE_MS_MAX ? ret_fetched->retry_after_ms : PAUSE_MS_MAX;
		TRY(fiber_sleep(patient_spread(asked_ms > pause_ms ? asked_ms : pause_ms)));
		pause_ms *= 2;
	}
}
