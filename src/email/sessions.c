/* A map from keys to places; a place lives while it is used or keeps a session. A kept session is asked for a sign of
 * life before it is used again, and closed after a minute. */
#include "email/sessions.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/crypto.h"
#include "base/map.h"

#define SESSIONS_MAGIC 0x73657373u

struct sessions {
	uint32_t magic;
	struct map places;
};

struct kept {
	struct list link;
	struct timer timer;
	struct imap_session *session;
	struct place *place;
};

struct place {
	uint8_t key[MAIL_KEY_BYTES];
	struct sessions *owner;
	struct gate gate;
	struct list kept; /* the last used first */
	size_t kept_count, users;
};

void mail_session_key(struct str tenant_id, const struct mail_link_spec *spec, uint8_t out[MAIL_KEY_BYTES])
{
	AUTO_BUF text = {0};
	struct str parts[] = {tenant_id, spec->server.host, spec->user, secret_text_str(spec->secret)};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		buf_put_fmt(&text, "%zu:", parts[i].n);
		buf_put(&text, parts[i]);
	}
	buf_put_fmt(&text, "%u %d %d %d", spec->server.port, spec->server.start_tls, spec->secret_is_token,
		    spec->allow_private);
	crypto_sha256(buf_str(&text), out);
	crypto_wipe(text.p, text.n);
}

struct sessions *sessions_new(void)
{
	struct sessions *sessions = calloc(1, sizeof *sessions);

	CHECK(sessions != NULL);
	sessions->magic = SESSIONS_MAGIC;
	return sessions;
}

static void place_let_go(struct place *place)
{
	if (place->users > 0 || place->kept_count > 0)
		return;
	(void)map_remove(&place->owner->places, (struct str){(const char *)place->key, sizeof place->key});
	free(place);
}

/* Take it out of the place; the session is the caller's. */
static struct imap_session *unkeep(struct kept *kept)
{
	struct imap_session *session = kept->session;

	list_remove(&kept->link);
	timer_stop(&kept->timer);
	kept->place->kept_count--;
	free(kept);
	return session;
}

static void on_idle(struct timer *timer)
{
	struct kept *kept = CONTAINER_OF(timer, struct kept, timer);
	struct place *place = kept->place;

	imap_session_free(unkeep(kept));
	place_let_go(place);
}

void sessions_free(struct sessions *sessions)
{
	struct place *place;
	size_t cursor = 0;

	CHECK_OBJ(sessions, SESSIONS_MAGIC);
	while ((place = map_next(&sessions->places, &cursor)) != NULL) {
		CHECK(place->users == 0);
		while (!list_empty(&place->kept))
			imap_session_free(unkeep(LIST_OBJ(place->kept.next, struct kept, link)));
		place_let_go(place);
	}
	map_free(&sessions->places);
	sessions->magic = 0;
	free(sessions);
}

static void keep(struct place *place, struct imap_session *session)
{
	struct kept *kept;

	if (!imap_session_is_sound(session) || place->kept_count == MAIL_SESSIONS_IDLE_MAX) {
		imap_session_free(session);
		return;
	}
	kept = calloc(1, sizeof *kept);
	CHECK(kept != NULL);
	kept->session = session;
	kept->place = place;
	list_add_head(&place->kept, &kept->link);
	place->kept_count++;
	timer_set(loop_self(), &kept->timer, MAIL_SESSION_IDLE_MS, on_idle);
}

static struct place *place_of(struct sessions *sessions, const uint8_t key[MAIL_KEY_BYTES])
{
	struct place *place = map_get(&sessions->places, (struct str){(const char *)key, MAIL_KEY_BYTES});

	if (place != NULL || sessions->places.used >= MAIL_ACCOUNTS_MAX)
		return place;
	place = calloc(1, sizeof *place);
	CHECK(place != NULL);
	memcpy(place->key, key, MAIL_KEY_BYTES);
	place->owner = sessions;
	gate_init(&place->gate, MAIL_SESSIONS_MAX, MAIL_SESSIONS_WAIT_MAX);
	list_init(&place->kept);
	(void)map_put(&sessions->places, (struct str){(const char *)place->key, sizeof place->key}, place);
	return place;
}

/* A kept session that answers; NULL none does. */
AWAITS static struct imap_session *wake_kept(struct place *place)
{
	while (!list_empty(&place->kept)) {
		struct imap_session *session = unkeep(LIST_OBJ(place->kept.next, struct kept, link));
		AUTO(arena) *arena = arena_new(IMAP_RESPONSE_BYTES_MAX);
		struct mail_fault ignored = {0};

		if (imap_say(session, "NOOP", arena, &ignored, NULL) == OK)
			return session;
		imap_session_free(session);
	}
	return NULL;
}

AWAITS static enum err use_in_place(struct place *place, const struct mail_link_spec *spec, struct mail_fault *fault,
				    enum err (*work)(struct imap_session *session, void *arg), void *arg)
{
	struct imap_session *session = wake_kept(place);
	enum err err;

	if (session == NULL)
		TRY(imap_session_open(spec, fault, &session));
	err = work(session, arg);
	keep(place, session);
	return err;
}

AWAITS enum err sessions_use(struct sessions *sessions, const uint8_t key[MAIL_KEY_BYTES],
			     const struct mail_link_spec *spec, struct mail_fault *fault,
			     enum err (*work)(struct imap_session *session, void *arg), void *arg)
{
	struct place *place;
	enum err err;

	CHECK_OBJ(sessions, SESSIONS_MAGIC);
	place = place_of(sessions, key);
	if (place == NULL)
		return ERR_BUSY;
	place->users++;
	err = gate_enter(&place->gate);
	if (err == OK) {
		err = use_in_place(place, spec, fault, work, arg);
		gate_leave(&place->gate);
	}
	place->users--;
	place_let_go(place);
	return err;
}
