/* Noticing that a secret has another value. One fiber asks for every watched name each `refresh`, some more or some
 * less, so that replicas do not come all at once; in between it keeps the provider's sign-in alive.
 *
 *     sleep --> tend when it is time --> refresh over? --> ask for each name --> another value? --> tell
 *
 * A value counts as told when whoever was told says so; else it is told again at the next look. A secret that cannot be
 * read any more keeps its last value, and one line of the log says so. */
#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "secrets/provider.h"

#define SPREAD_PERCENT 10
#define NEVER_MS INT64_MAX

static struct str name_of(const struct watch *watch)
{
	return (struct str){watch->name, watch->name_n};
}

static struct watch *find(struct secrets *secrets, struct str name, secret_changed *changed, const void *arg)
{
	for (size_t i = 0; i < secrets->watch_count; i++) {
		struct watch *watch = &secrets->watches[i];

		if (str_eq(name_of(watch), name) && watch->changed == changed && watch->arg == arg)
			return watch;
	}
	return NULL;
}

enum err secrets_watch(struct secrets *secrets, struct str name, struct secret_text *known, secret_changed *changed,
		       void *arg)
{
	struct watch *watch = find(secrets, name, changed, arg);

	CHECK(loop_self() == secrets->home && secrets_name_ok(name));
	if (watch == NULL) {
		if (secrets->watch_count == SECRETS_WATCHED_MAX)
			return ERR_LIMIT;
		watch = &secrets->watches[secrets->watch_count++];
		*watch = (struct watch){.name_n = name.n, .changed = changed, .arg = arg};
		memcpy(watch->name, name.p, name.n);
	}
	if (known != NULL)
		secret_text_ref(known);
	secret_text_unref(watch->known);
	watch->known = known;
	return OK;
}

void secrets_unwatch(struct secrets *secrets, secret_changed *changed, void *arg)
{
	size_t kept = 0;

	CHECK(loop_self() == secrets->home);
	for (size_t i = 0; i < secrets->watch_count; i++) {
		struct watch *watch = &secrets->watches[i];

		if (watch->changed == changed && watch->arg == arg)
			secret_text_unref(watch->known);
		else
			secrets->watches[kept++] = *watch;
	}
	secrets->watch_count = kept;
}

/* ---- looking --------------------------------------------------------------------- */

static bool is_known(const struct watch *watch, const struct secret_text *text)
{
	return watch->known != NULL && str_eq_secret(secret_text_str(watch->known), secret_text_str(text));
}

/* What had no value and has none is in order; the rest is told once. */
static void say_failing(struct watch *watch, enum err err, const struct buf *problem)
{
	bool missing = err == ERR_NOT_FOUND && watch->known == NULL;

	if (!missing && !watch->failing)
		log_warn("secret.unreadable", LOG_STR("name", name_of(watch)), LOG_ERR(err),
			 LOG_STR("problem", buf_str(problem)), LOG_CSTR("effect", "the value known so far stays"));
	watch->failing = !missing;
}

/* One watch. `watch` is a copy: the table may change while we wait, and when somebody is told. */
AWAITS static enum err look_at(struct secrets *secrets, const struct watch watch)
{
	AUTO(secret_text) *text = NULL;
	AUTO_BUF problem = {0};
	struct watch *now;
	enum err err = secrets_get(secrets, name_of(&watch), &problem, &text);

	if (err == ERR_CANCELED)
		return err;
	now = find(secrets, name_of(&watch), watch.changed, watch.arg);
	if (now == NULL)
		return OK;
	if (err != OK) {
		say_failing(now, err, &problem);
		return OK;
	}
	now->failing = false;
	if (is_known(now, text))
		return OK;
	log_info("secret.changed", LOG_STR("name", name_of(&watch)));
	if (watch.changed(watch.arg, name_of(&watch), text) != OK)
		return fiber_status();
	now = find(secrets, name_of(&watch), watch.changed, watch.arg);
	return now == NULL ? OK : secrets_watch(secrets, name_of(&watch), text, watch.changed, watch.arg);
}

/* New ones come in behind; when one goes meanwhile its neighbour waits for the next look. */
AWAITS static enum err look(struct secrets *secrets)
{
	for (size_t i = 0; i < secrets->watch_count; i++)
		TRY(look_at(secrets, secrets->watches[i]));
	return OK;
}

static int64_t spread(int64_t ms)
{
	int64_t most = ms * SPREAD_PERCENT / 100;
	uint64_t random;

	random_bytes(&random, sizeof(random));
	return ms - most + (int64_t)(random % (uint64_t)(2 * most + 1));
}

AWAITS_ENTRY static void follow_main(void *arg)
{
	struct secrets *secrets = arg;
	const struct secrets_provider *provider = secrets->provider;
	int64_t look_ms = clock_ms() + spread(secrets->settings->refresh_ms), tend_ms = NEVER_MS;

	if (provider->tend != NULL)
		tend_ms = clock_ms();
	for (;;) {
		int64_t next_ms = look_ms < tend_ms ? look_ms : tend_ms, now_ms = clock_ms();

		if (next_ms > now_ms && fiber_sleep(next_ms - now_ms) != OK)
			return;
		if (clock_ms() >= tend_ms)
			tend_ms = clock_ms() + provider->tend(secrets->own);
		if (clock_ms() < look_ms)
			continue;
		if (look(secrets) == ERR_CANCELED)
			return;
		look_ms = clock_ms() + spread(secrets->settings->refresh_ms);
	}
}

AWAITS enum err secrets_follow(struct secrets *secrets)
{
	CHECK(loop_self() == secrets->home && !secrets->following);
	TRY(group_spawn(&secrets->follower, "secrets", follow_main, secrets));
	secrets->following = true;
	return OK;
}

AWAITS void secrets_unfollow(struct secrets *secrets)
{
	if (secrets == NULL)
		return;
	if (secrets->following) {
		group_cancel(&secrets->follower);
		/* A canceled joiner waits all the same; the member's end is what counts. */
		if (group_join(&secrets->follower) != OK)
			log_debug("secrets.join", LOG_BOOL("canceled", true));
	}
	secrets->following = false;
	for (size_t i = 0; i < secrets->watch_count; i++)
		secret_text_unref(secrets->watches[i].known);
	secrets->watch_count = 0;
}
