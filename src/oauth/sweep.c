/* Forgetting: codes and refresh tokens some time after they expired, registrations that nobody used, documents that
 * nobody has agreed to, grants that ended long ago. A few rows at a time, so that the writer has time for others. */
#include "oauth/sweep.h"

#include "store/oauth_client.h"
#include "store/oauth_code.h"
#include "store/oauth_grant.h"
#include "store/oauth_refresh.h"

#define BATCH_ROWS 500
#define BATCHES_MAX 20 /* of one kind in one go: the rest waits for the next */

AWAITS static enum err sweep_grants(struct db *db, int64_t before_ms)
{
	size_t removed = BATCH_ROWS;

	for (int i = 0; i < BATCHES_MAX && removed == BATCH_ROWS; i++)
		TRY(oauth_grant_sweep(db, before_ms, BATCH_ROWS, &removed));
	return OK;
}

AWAITS static enum err sweep_clients(struct db *db, int64_t now_ms)
{
	size_t removed = BATCH_ROWS;

	for (int i = 0; i < BATCHES_MAX && removed == BATCH_ROWS; i++)
		TRY(oauth_client_sweep(db, now_ms, BATCH_ROWS, &removed));
	return OK;
}

AWAITS enum err oauth_sweep(struct db *db, int64_t now_ms)
{
	TRY(oauth_code_sweep(db, now_ms - OAUTH_CODE_KEPT_MS, BATCH_ROWS));
	TRY(oauth_refresh_sweep(db, now_ms, BATCH_ROWS));
	TRY(sweep_grants(db, now_ms - OAUTH_ENDED_GRANT_MS));
	return sweep_clients(db, now_ms);
}
