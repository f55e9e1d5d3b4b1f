/* The runner: what all calls of a process share, made once before the first call and taken apart after the last. Its
 * keys are derived, so cursors outlive a restart and are good at every replica. */
#include "connector/runner.h"

#include <stdlib.h>

#include "base/check.h"
#include "connector/outlet.h"

static struct secret *derive(const struct secret *key, struct str purpose)
{
	return key == NULL ? secret_random() : secret_derive(key, purpose);
}

struct connector_runner *connector_runner_new(const struct connector_runner_spec *spec)
{
	struct connector_runner *runner = calloc(1, sizeof(*runner));

	CHECK(runner != NULL);
	CHECK(spec->native_count <= NATIVE_TABLES_MAX);
	runner->magic = RUNNER_MAGIC;
	runner->db = spec->db;
	runner->vault = spec->vault;
	runner->media = spec->media;
	runner->cursor_key = derive(spec->key, STR("gatehouse connector cursor"));
	runner->digest_key = derive(spec->key, STR("gatehouse connector digest"));
	if (spec->native_count > 0)
		memcpy(runner->natives, spec->natives, spec->native_count * sizeof(*spec->natives));
	runner->native_count = spec->native_count;
	runner->outlets = outlets_new();
	runner->memos = memos_new();
	runner->pauses = pauses_new();
	runner->spares = spares_new();
	return runner;
}

AWAITS void connector_runner_free(struct connector_runner *runner)
{
	if (runner == NULL)
		return;
	CHECK_OBJ(runner, RUNNER_MAGIC);
	outlets_free(runner->outlets);
	memos_free(runner->memos);
	pauses_free(runner->pauses);
	spares_free(runner->spares);
	secret_free(runner->cursor_key);
	secret_free(runner->digest_key);
	runner->magic = 0;
	free(runner);
}
