/* Every request of the shared backend: which keys and words, and what is made of the reply. A key is the prefix, a
 * letter for its kind and what the caller calls it, so that kinds do not meet:
 *
 *    r rate   c counter   m mark   v value   l lease   e w ends and words of members   d what is drawn from
 *
 * An error in place of a reply (out of memory, read only, a script that is refused) is as good as no reply; the caller
 * falls back, and the log has it once in a while. */
#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "state/members.h"
#include "state/valkey_private.h"

#define WARN_MS 10000
#define KEY_MAX (VALKEY_PREFIX_BYTES_MAX + 2 + STATE_KEY_BYTES_MAX)
#define NUMBER_MAX 24

struct key {
	char text[KEY_MAX];
	struct str str;
};

static struct str key_of(const struct valkey *valkey, char kind, struct str name, struct key *out)
{
	CHECK(name.n <= STATE_KEY_BYTES_MAX);
	memcpy(out->text, valkey->prefix, valkey->prefix_n);
	out->text[valkey->prefix_n] = kind;
	out->text[valkey->prefix_n + 1] = ':';
	memcpy(out->text + valkey->prefix_n + 2, name.p, name.n);
	out->str = (struct str){out->text, valkey->prefix_n + 2 + name.n};
	return out->str;
}

static struct str number(int64_t value, char out[NUMBER_MAX])
{
	return (struct str){out, (size_t)snprintf(out, NUMBER_MAX, "%" PRId64, value)};
}

static struct str id_text(uint64_t id, char out[NUMBER_MAX])
{
	return (struct str){out, (size_t)snprintf(out, NUMBER_MAX, "%" PRIu64, id)};
}

/* The server takes no life that has ended; ours may be of a call that came late. */
static struct str life(int64_t ms, char out[NUMBER_MAX])
{
	return number(ms < 1 ? 1 : ms, out);
}

/* ---- asking ---------------------------------------------------------------------- */

static enum err refuse(struct valkey *valkey, struct link *link, struct str text)
{
	static const struct str useless[] = {STR("READONLY"), STR("LOADING"), STR("MASTERDOWN"), STR("NOAUTH")};
	int64_t now_ms = clock_ms(), warned_ms = atomic_load(&valkey->warned_ms);

	for (size_t i = 0; i < ARRAY_LEN(useless); i++)
		if (str_starts(text, useless[i]))
			link_break(link, text);
	if ((warned_ms == 0 || now_ms - warned_ms >= WARN_MS) &&
	    atomic_compare_exchange_strong(&valkey->warned_ms, &warned_ms, now_ms))
		log_warn("state.refused", LOG_STR("problem", text));
	return ERR_BUSY;
}

AWAITS enum err valkey_ask(struct valkey *valkey, const struct str *words, size_t count, struct reply **ret_reply)
{
	struct link *link;
	AUTO(reply) *reply = NULL;
	enum err err;

	CHECK_OBJ(valkey, VALKEY_MAGIC);
	link = valkey->seats[loop_index(loop_self())].link;
	err = link_ask(link, words, count, &reply);
	if (err == OK && reply->kind == REPLY_ERROR && !str_starts(reply->text, STR("NOSCRIPT")))
		err = refuse(valkey, link, reply->text);
	if (err != OK) {
		atomic_fetch_add_explicit(&valkey->failures, 1, memory_order_relaxed);
		return err;
	}
	*ret_reply = reply;
	reply = NULL;
	return OK;
}

/* Ask where the reply says nothing. */
AWAITS static enum err tell(struct valkey *valkey, const struct str *words, size_t count)
{
	AUTO(reply) *reply = NULL;

	return valkey_ask(valkey, words, count, &reply);
}

/* Run a script; `rest` are its `keys` keys and then its arguments. Its text is sent only when the server has forgotten
 * it. */
AWAITS static enum err run(struct valkey *valkey, enum script script, size_t keys, const struct str *rest, size_t count,
			   struct reply **ret_reply)
{
	struct str words[3 + 3 * STATE_TAKES_MAX];
	AUTO(reply) *reply = NULL;
	char text[NUMBER_MAX];

	CHECK(count + 3 <= ARRAY_LEN(words));
	words[0] = STR("EVALSHA");
	words[1] = link_script(valkey->seats[loop_index(loop_self())].link, script);
	words[2] = number((int64_t)keys, text);
	memcpy(words + 3, rest, count * sizeof(words[0]));
	TRY(valkey_ask(valkey, words, count + 3, &reply));
	if (reply->kind == REPLY_ERROR) {
		reply_free(reply);
		reply = NULL;
		words[0] = STR("EVAL");
		words[1] = script_text(script);
		TRY(valkey_ask(valkey, words, count + 3, &reply));
		if (reply->kind == REPLY_ERROR)
			return ERR_BUSY;
	}
	*ret_reply = reply;
	reply = NULL;
	return OK;
}

/* ---- rates, counters, marks ------------------------------------------------------ */

/*   ret_allowed  among `count`; more than that cannot be
 *   Errors     ERR_BUSY: the reply is not one of this script */
static enum err read_verdicts(const struct reply *reply, struct state_take **takes, size_t count, size_t *ret_allowed)
{
	size_t taken = reply->count / 4, allowed = 0;

	if (reply->kind != REPLY_LIST || taken == 0 || taken > count)
		return ERR_BUSY;
	for (size_t i = 0; i < taken; i++) {
		takes[i]->verdict = (struct rate_verdict){
			.allowed = reply_number(reply_item(reply, 4 * i)) == 1,
			.limit = takes[i]->rate->limit,
			.remaining = (uint32_t)reply_number(reply_item(reply, 4 * i + 1)),
			.reset_ms = reply_number(reply_item(reply, 4 * i + 2)),
			.retry_ms = reply_number(reply_item(reply, 4 * i + 3)),
		};
		allowed += takes[i]->verdict.allowed;
	}
	*ret_allowed = allowed;
	return OK;
}

AWAITS enum err valkey_take(struct valkey *valkey, struct state_take *takes, size_t count, size_t *ret_allowed)
{
	struct state_take *limited[STATE_TAKES_MAX];
	struct str words[3 * STATE_TAKES_MAX];
	char numbers[2 * STATE_TAKES_MAX][NUMBER_MAX];
	struct key keys[STATE_TAKES_MAX];
	AUTO(reply) *reply = NULL;
	size_t n = 0, allowed;

	CHECK(count <= STATE_TAKES_MAX);
	for (size_t i = 0; i < count; i++) {
		takes[i].verdict = (struct rate_verdict){.allowed = true};
		if (takes[i].rate->limit > 0)
			limited[n++] = &takes[i];
	}
	*ret_allowed = count;
	if (n == 0)
		return OK;
	for (size_t i = 0; i < n; i++) {
		words[i] = key_of(valkey, 'r', limited[i]->key, &keys[i]);
		words[n + 2 * i] = number(limited[i]->rate->limit, numbers[2 * i]);
		words[n + 2 * i + 1] = number(limited[i]->rate->window_ms, numbers[2 * i + 1]);
	}
	TRY(run(valkey, SCRIPT_TAKE, n, words, 3 * n, &reply));
	TRY(read_verdicts(reply, limited, n, &allowed));
	if (allowed < n)
		*ret_allowed = (size_t)(limited[allowed] - takes);
	return OK;
}

AWAITS enum err valkey_count(struct valkey *valkey, struct str key, int64_t window_ms, uint32_t *ret_count)
{
	char text[NUMBER_MAX];
	struct key made;
	const struct str words[] = {key_of(valkey, 'c', key, &made), life(window_ms, text)};
	AUTO(reply) *reply = NULL;
	int64_t count;

	TRY(run(valkey, SCRIPT_COUNT, 1, words, ARRAY_LEN(words), &reply));
	count = reply_number(reply);
	if (count < 1)
		return ERR_BUSY;
	*ret_count = count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
	return OK;
}

AWAITS enum err valkey_mark(struct valkey *valkey, struct str key, int64_t life_ms)
{
	char text[NUMBER_MAX];
	struct key made;
	const struct str words[] = {STR("SET"), key_of(valkey, 'm', key, &made), STR("1"), STR("PX"),
				    life(life_ms, text)};

	return tell(valkey, words, ARRAY_LEN(words));
}

AWAITS enum err valkey_marked(struct valkey *valkey, struct str key, int64_t *ret_left_ms)
{
	struct key made;
	const struct str words[] = {STR("PTTL"), key_of(valkey, 'm', key, &made)};
	AUTO(reply) *reply = NULL;
	int64_t left_ms;

	TRY(valkey_ask(valkey, words, ARRAY_LEN(words), &reply));
	left_ms = reply_number(reply); /* negative: there is none */
	*ret_left_ms = left_ms > 0 ? left_ms : 0;
	return OK;
}

AWAITS enum err valkey_clear(struct valkey *valkey, struct str key)
{
	struct key mark, counter;
	const struct str words[] = {STR("DEL"), key_of(valkey, 'm', key, &mark), key_of(valkey, 'c', key, &counter)};

	return tell(valkey, words, ARRAY_LEN(words));
}

AWAITS enum err valkey_draw(struct valkey *valkey, struct str key, const struct state_draw *draw, int64_t *ret_drawn)
{
	char least[NUMBER_MAX], max[NUMBER_MAX], wanted[NUMBER_MAX], share[NUMBER_MAX], text[NUMBER_MAX];
	struct key made;
	const struct str words[] = {key_of(valkey, 'd', key, &made), number(draw->least, least),
				    number(draw->max, max),	     number(draw->wanted, wanted),
				    number(draw->share, share),	     life(draw->life_ms, text)};
	AUTO(reply) *reply = NULL;

	CHECK(draw->share > 0);
	TRY(run(valkey, SCRIPT_DRAW, 1, words, ARRAY_LEN(words), &reply));
	if (reply->kind != REPLY_NUMBER || reply->number > (draw->wanted > 0 ? draw->wanted : 0))
		return ERR_BUSY;
	*ret_drawn = reply->number;
	return OK;
}

/* ---- values and leases ----------------------------------------------------------- */

AWAITS enum err valkey_put(struct valkey *valkey, struct str key, struct str value, int64_t life_ms)
{
	char text[NUMBER_MAX];
	struct key made;
	const struct str words[] = {STR("SET"), key_of(valkey, 'v', key, &made), value, STR("PX"), life(life_ms, text)};

	return tell(valkey, words, ARRAY_LEN(words));
}

AWAITS static enum err ask_value(struct valkey *valkey, struct arena *arena, struct str verb, struct str key,
				 struct str *ret_value)
{
	struct key made;
	const struct str words[] = {verb, key_of(valkey, 'v', key, &made)};
	AUTO(reply) *reply = NULL;
	char *copy;

	TRY(valkey_ask(valkey, words, ARRAY_LEN(words), &reply));
	if (reply->kind != REPLY_TEXT) {
		*ret_value = STR_NONE;
		return OK;
	}
	copy = arena_try_alloc(arena, reply->text.n + 1);
	if (copy == NULL)
		return ERR_LIMIT;
	memcpy(copy, reply->text.p, reply->text.n);
	*ret_value = (struct str){copy, reply->text.n};
	return OK;
}

AWAITS enum err valkey_get(struct valkey *valkey, struct arena *arena, struct str key, struct str *ret_value)
{
	return ask_value(valkey, arena, STR("GET"), key, ret_value);
}

AWAITS enum err valkey_claim(struct valkey *valkey, struct arena *arena, struct str key, struct str *ret_value)
{
	return ask_value(valkey, arena, STR("GETDEL"), key, ret_value);
}

AWAITS enum err valkey_drop(struct valkey *valkey, struct str key)
{
	struct key made;
	const struct str words[] = {STR("DEL"), key_of(valkey, 'v', key, &made)};

	return tell(valkey, words, ARRAY_LEN(words));
}

AWAITS enum err valkey_lease(struct valkey *valkey, struct str key, uint64_t holder, int64_t life_ms, bool *ret_held)
{
	char id[NUMBER_MAX], text[NUMBER_MAX];
	struct key made;
	const struct str words[] = {key_of(valkey, 'l', key, &made), id_text(holder, id), life(life_ms, text)};
	AUTO(reply) *reply = NULL;

	TRY(run(valkey, SCRIPT_LEASE, 1, words, ARRAY_LEN(words), &reply));
	*ret_held = reply_number(reply) == 1;
	return OK;
}

AWAITS enum err valkey_lease_end(struct valkey *valkey, struct str key, uint64_t holder)
{
	char id[NUMBER_MAX];
	struct key made;
	const struct str words[] = {key_of(valkey, 'l', key, &made), id_text(holder, id)};
	AUTO(reply) *reply = NULL;

	return run(valkey, SCRIPT_LEASE_END, 1, words, ARRAY_LEN(words), &reply);
}

/* ---- members and hints ----------------------------------------------------------- */

AWAITS enum err valkey_join(struct valkey *valkey, struct str set, const struct state_member *member, int64_t life_ms)
{
	char id[NUMBER_MAX], text[NUMBER_MAX], max[NUMBER_MAX];
	struct key ends, words_key;
	const struct str words[] = {key_of(valkey, 'e', set, &ends),
				    key_of(valkey, 'w', set, &words_key),
				    id_text(member->id, id),
				    life(life_ms, text),
				    member->words,
				    number(STATE_MEMBERS_MAX, max)};
	AUTO(reply) *reply = NULL;

	TRY(run(valkey, SCRIPT_JOIN, 2, words, ARRAY_LEN(words), &reply));
	return reply_number(reply) == 1 ? OK : ERR_LIMIT;
}

AWAITS enum err valkey_leave(struct valkey *valkey, struct str set, uint64_t id)
{
	char text[NUMBER_MAX];
	struct key ends, words_key;
	const struct str words[] = {key_of(valkey, 'e', set, &ends), key_of(valkey, 'w', set, &words_key),
				    id_text(id, text)};
	AUTO(reply) *reply = NULL;

	return run(valkey, SCRIPT_LEAVE, 2, words, ARRAY_LEN(words), &reply);
}

AWAITS enum err valkey_members(struct valkey *valkey, struct arena *arena, struct str set,
			       struct state_member **ret_members, size_t *ret_count)
{
	char max[NUMBER_MAX];
	struct key ends, words_key;
	const struct str words[] = {key_of(valkey, 'e', set, &ends), key_of(valkey, 'w', set, &words_key),
				    number(STATE_MEMBERS_MAX, max)};
	AUTO(reply) *reply = NULL;
	struct state_member *list;
	size_t count = 0;

	TRY(run(valkey, SCRIPT_MEMBERS, 2, words, ARRAY_LEN(words), &reply));
	list = arena_zalloc(arena, (reply->count / 2 + 1) * sizeof(*list));
	for (size_t i = 0; i + 1 < reply->count; i += 2) {
		struct str text = reply_text(reply_item(reply, i + 1));

		if (text.n > STATE_MEMBER_BYTES_MAX ||
		    str_to_u64(reply_text(reply_item(reply, i)), &list[count].id) != OK)
			continue; /* somebody else's */
		list[count++].words = arena_str(arena, text);
	}
	members_sort(list, count);
	*ret_members = list;
	*ret_count = count;
	return OK;
}

AWAITS enum err valkey_hint(struct valkey *valkey, struct str hint)
{
	const struct str words[] = {STR("PUBLISH"), str_of(valkey->channel), hint};

	return tell(valkey, words, ARRAY_LEN(words));
}
