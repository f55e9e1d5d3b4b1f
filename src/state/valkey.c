/* The life of the shared backend: its connections on all loops, what is said when they go and come, and who else is
 * there. Every loop has its own, so that none waits for another; a loop whose connection is gone counts for itself
 * while the others go on.
 *
 *    loop 0    seat ── link      listener ── link (SUBSCRIBE)     watcher: how many listen, every FELLOWS_MS
 *    loop 1    seat ── link
 *    ... */
#include "state/valkey.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "base/secret_file.h"
#include "state/valkey_private.h"

#define FELLOWS_MS 1000
#define FELLOWS_MAX 4096 /* more is a mistake of somebody's */

/* ---- up and down ----------------------------------------------------------------- */

static void on_state(void *owner, bool up, struct str problem)
{
	struct valkey_seat *seat = owner;
	struct valkey *valkey = seat->valkey;

	if (up == seat->down) {
		seat->down = !up;
		atomic_fetch_add(&valkey->down, up ? -1U : 1U);
	}
	/* Once for all loops, and not at every attempt. */
	if (!up && !atomic_exchange(&valkey->said, true))
		log_warn("state.down", LOG_STR("problem", problem), LOG_INT("share", valkey_fellows(valkey)));
	else if (up && !valkey_is_down(valkey) && atomic_exchange(&valkey->said, false))
		log_info("state.up", LOG_INT("loops", valkey->loops));
}

static void on_listener_state(void *owner, bool up, struct str problem)
{
	struct valkey *valkey = owner;

	if (!up)
		log_debug("state.deaf", LOG_STR("problem", problem));
	else if (valkey->deaf)
		hints_tell(valkey->hints, STR(STATE_HINT_MISSED));
	valkey->deaf = !up;
}

static void on_message(void *owner, struct str message)
{
	struct valkey *valkey = owner;

	hints_tell(valkey->hints, message);
}

static const struct link_events seat_events = {.on_state = on_state};
static const struct link_events listener_events = {.on_state = on_listener_state, .on_message = on_message};

/* ---- who else is there ----------------------------------------------------------- */

AWAITS static void count_fellows(struct valkey *valkey)
{
	const struct str words[] = {STR("PUBSUB"), STR("NUMSUB"), str_of(valkey->channel)}, ping[] = {STR("PING")};
	AUTO(reply) *reply = NULL, *pong = NULL;
	int64_t fellows;

	/* On the one that listens it also tells whether anybody is at the other end. */
	(void)!link_ask(valkey->listener, ping, ARRAY_LEN(ping), &pong);
	if (link_ask(valkey->seats[0].link, words, ARRAY_LEN(words), &reply) != OK)
		return;
	fellows = reply_number(reply_item(reply, 1));
	/* Right after the server has come back not all listen again: who was there last counts while it is down. */
	atomic_store(&valkey->fellows, fellows < 1 ? 1 : fellows > FELLOWS_MAX ? FELLOWS_MAX : (unsigned)fellows);
}

AWAITS_ENTRY static void watcher_main(void *arg)
{
	struct valkey *valkey = arg;

	do {
		count_fellows(valkey);
	} while (fiber_sleep(FELLOWS_MS) == OK);
}

unsigned valkey_fellows(const struct valkey *valkey)
{
	return atomic_load_explicit(&valkey->fellows, memory_order_relaxed);
}

bool valkey_is_down(const struct valkey *valkey)
{
	return atomic_load_explicit(&valkey->down, memory_order_relaxed) > 0;
}

uint64_t valkey_failures(const struct valkey *valkey)
{
	return atomic_load_explicit(&valkey->failures, memory_order_relaxed);
}

/* ---- opening and closing --------------------------------------------------------- */

AWAITS static enum err seat_open(void *arg)
{
	struct valkey_seat *seat = arg;

	seat->link = link_new(&seat->valkey->spec, STR(""), &seat_events, seat);
	return OK;
}

AWAITS static enum err seat_await(void *arg)
{
	struct valkey_seat *seat = arg;

	link_await_attempt(seat->link);
	return OK;
}

AWAITS static enum err seat_close(void *arg)
{
	struct valkey_seat *seat = arg;

	link_end(seat->link);
	return OK;
}

/* The same on every loop. */
AWAITS static enum err on_all_seats(struct valkey *valkey, enum err (*work)(void *arg) /* AWAITS */)
{
	for (unsigned i = 0; i < valkey->loops; i++)
		TRY(loop_call(loop_at(i), "state", work, &valkey->seats[i]));
	return OK;
}

static char *c_string(struct str text)
{
	return text.n == 0 ? NULL : strndup(text.p, text.n);
}

/* Said at the start, when somebody looks, and not at every attempt. */
static enum err check_password(const char *file, struct buf *problem)
{
	AUTO(secret_text) *password = NULL;
	size_t before = problem->n;

	if (file == NULL)
		return OK;
	buf_put(problem, STR("state: password_file "));
	if (secret_file_text(AT_FDCWD, file, SECRET_FILE_PRIVATE, problem, &password) != OK)
		return ERR_CONFIG;
	problem->n = before;
	return OK;
}

static enum err read_files(struct valkey *valkey, const struct state_spec *spec, struct buf *problem)
{
	struct tls_client_spec tls = {0};
	char *ca_file = c_string(spec->ca_file);
	enum err err = OK;

	tls.ca_file = ca_file;
	valkey->password_file = c_string(spec->password_file);
	valkey->spec.password_file = valkey->password_file;
	if (valkey->spec.place.tls)
		err = tls_client_new(&tls, problem, &valkey->spec.tls);
	free(ca_file);
	return err != OK ? err : check_password(valkey->password_file, problem);
}

static void valkey_free(struct valkey *valkey)
{
	tls_unref(valkey->spec.tls);
	free(valkey->password_file);
	valkey->magic = 0;
	free(valkey);
}

/*   Errors     of a process that is ending or out of fibers: what was begun ends with valkey_close */
AWAITS static enum err open_links(struct valkey *valkey)
{
	for (unsigned i = 0; i < valkey->loops; i++) {
		valkey->seats[i] = (struct valkey_seat){.valkey = valkey, .down = true};
		atomic_fetch_add(&valkey->down, 1);
	}
	TRY(on_all_seats(valkey, seat_open));
	valkey->listener = link_new(&valkey->spec, str_of(valkey->channel), &listener_events, valkey);
	TRY(on_all_seats(valkey, seat_await));
	link_await_attempt(valkey->listener);
	return group_spawn(&valkey->watchers, "state watch", watcher_main, valkey);
}

AWAITS enum err valkey_open(const struct state_spec *spec, const struct place *place, struct hints *hints,
			    struct buf *problem, struct valkey **ret_valkey)
{
	struct valkey *valkey = calloc(1, sizeof(*valkey));
	enum err err;

	CHECK(valkey != NULL);
	valkey->magic = VALKEY_MAGIC;
	valkey->spec.place = *place;
	valkey->spec.silence_ms = spec->timeout_ms;
	valkey->hints = hints;
	valkey->loops = loop_count();
	atomic_init(&valkey->fellows, 1);
	group_init(&valkey->watchers, loop_self());
	if (spec->prefix.n > VALKEY_PREFIX_BYTES_MAX) {
		buf_put_fmt(problem, "state: prefix is longer than %d bytes", VALKEY_PREFIX_BYTES_MAX);
		valkey_free(valkey);
		return ERR_CONFIG;
	}
	valkey->prefix_n = spec->prefix.n;
	memcpy(valkey->prefix, spec->prefix.p, spec->prefix.n);
	snprintf(valkey->channel, sizeof(valkey->channel), "%s%s", valkey->prefix, VALKEY_CHANNEL);
	err = read_files(valkey, spec, problem);
	if (err != OK) {
		valkey_free(valkey);
		return err;
	}
	err = open_links(valkey);
	if (err != OK) {
		valkey_close(valkey);
		return err;
	}
	*ret_valkey = valkey;
	return OK;
}

AWAITS void valkey_close(struct valkey *valkey)
{
	if (valkey == NULL)
		return;
	CHECK_OBJ(valkey, VALKEY_MAGIC);
	group_cancel(&valkey->watchers);
	if (group_join(&valkey->watchers) != OK)
		log_debug("state.slow_stop", LOG_BOOL("joined", false));
	if (valkey->listener != NULL)
		link_end(valkey->listener);
	for (unsigned i = 0; i < valkey->loops; i++)
		if (valkey->seats[i].link != NULL &&
		    loop_call(loop_at(i), "state", seat_close, &valkey->seats[i]) != OK)
			log_warn("state.unclosed", LOG_INT("loop", i));
	valkey_free(valkey);
}
