/* Tickets: what stands behind a text, of which kind, sealed with which key, and how often it is given out. */
#include "../unit.h"

#include "connect/ticket.h"

#define LIFE_MS 60000

AWAITS_ENTRY static void once_body(void *arg)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	AUTO(secret) *key = secret_random();
	const struct ticket_place place = {.state = state_memory_new(64), .key = key};
	char first[TICKET_TEXT_LEN + 1], second[TICKET_TEXT_LEN + 1];
	struct str content;

	(void)arg;
	ck_ok(ticket_issue(&place, TICKET_LINK, STR("what it stands for"), LIFE_MS, first));
	ck_ok(ticket_issue(&place, TICKET_LINK, STR(""), LIFE_MS, second));
	ck_assert_str_ne(first, second);
	ck_assert_uint_eq(strlen(first), TICKET_TEXT_LEN);
	ck_ok(ticket_look(&place, TICKET_LINK, str_of(first), arena, &content));
	ck_ok(ticket_look(&place, TICKET_LINK, str_of(first), arena, &content)); /* looking changes nothing */
	ck_str(content, "what it stands for");
	ck_ok(ticket_take(&place, TICKET_LINK, str_of(first), arena, &content));
	ck_str(content, "what it stands for");
	ck_err(ticket_take(&place, TICKET_LINK, str_of(first), arena, &content), ERR_NOT_FOUND);
	ck_err(ticket_look(&place, TICKET_LINK, str_of(first), arena, &content), ERR_NOT_FOUND);
	ck_ok(ticket_take(&place, TICKET_LINK, str_of(second), arena, &content));
	ck_assert_uint_eq(content.n, 0);
	ck_ok(ticket_issue(&place, TICKET_LINK, STR("short"), 30, first));
	while (ticket_look(&place, TICKET_LINK, str_of(first), arena, &content) == OK)
		ck_ok(fiber_sleep(5));
	ck_err(ticket_take(&place, TICKET_LINK, str_of(first), arena, &content), ERR_NOT_FOUND);
	state_free(place.state);
}

START_TEST(is_taken_once)
{
	ck_ok(rt_run(1, once_body, NULL));
}
END_TEST

AWAITS_ENTRY static void wrong_body(void *arg)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	AUTO(secret) *key = secret_random(), *foreign_key = secret_random();
	const struct ticket_place place = {.state = state_memory_new(64), .key = key};
	const struct ticket_place foreign = {.state = place.state, .key = foreign_key};
	char text[TICKET_TEXT_LEN + 1], other[TICKET_TEXT_LEN + 1];
	AUTO_BUF from = {0}, to = {0};
	struct str content, sealed;

	(void)arg;
	ck_ok(ticket_issue(&place, TICKET_CONSENT, STR("a secret"), LIFE_MS, text));
	ck_ok(ticket_issue(&place, TICKET_CONSENT, STR("another"), LIFE_MS, other));
	ck_err(ticket_take(&place, TICKET_LINK, str_of(text), arena, &content), ERR_NOT_FOUND);
	ck_err(ticket_look(&place, TICKET_CHOICE, str_of(text), arena, &content), ERR_NOT_FOUND);
	ck_err(ticket_look(&place, TICKET_CONSENT, STR(""), arena, &content), ERR_NOT_FOUND);
	ck_err(ticket_look(&place, TICKET_CONSENT, STR_NONE, arena, &content), ERR_NOT_FOUND);
	ck_err(ticket_look(&foreign, TICKET_CONSENT, str_of(text), arena, &content), ERR_NOT_FOUND);

	/* who can write the state puts one in the place of another: it does not open there */
	buf_put(&from, STR("connect-consent:"));
	buf_put(&to, STR("connect-consent:"));
	ticket_digest(str_of(text), &from);
	ticket_digest(str_of(other), &to);
	ck_ok(state_get(place.state, arena, buf_str(&from), &sealed));
	ck_assert_ptr_nonnull(sealed.p);
	ck_assert_ptr_null(memmem(sealed.p, sealed.n, "a secret", 8));
	ck_ok(state_put(place.state, buf_str(&to), sealed, 60000));
	ck_err(ticket_take(&place, TICKET_CONSENT, str_of(other), arena, &content), ERR_NOT_FOUND);
	ck_ok(ticket_take(&place, TICKET_CONSENT, str_of(text), arena, &content));
	ck_str(content, "a secret");
	state_free(place.state);
}

START_TEST(of_another_kind_key_or_place_is_none)
{
	ck_ok(rt_run(1, wrong_body, NULL));
}
END_TEST

AWAITS_ENTRY static void large_body(void *arg)
{
	AUTO(arena) *arena = arena_new(1 << 22);
	AUTO(secret) *key = secret_random();
	const struct ticket_place place = {.state = state_memory_new(64), .key = key};
	char *large = calloc(1, TICKET_BYTES_MAX + 1), text[TICKET_TEXT_LEN + 1];
	struct str content;

	(void)arg;
	ck_err(ticket_issue(&place, TICKET_CHOICE, (struct str){large, TICKET_BYTES_MAX + 1}, LIFE_MS, text),
	       ERR_LIMIT);
	ck_ok(ticket_issue(&place, TICKET_CHOICE, (struct str){large, TICKET_BYTES_MAX}, LIFE_MS, text));
	ck_ok(ticket_take(&place, TICKET_CHOICE, str_of(text), arena, &content));
	ck_assert_uint_eq(content.n, TICKET_BYTES_MAX);
	free(large);
	state_free(place.state);
}

START_TEST(has_a_bound)
{
	ck_ok(rt_run(1, large_body, NULL));
}
END_TEST

UNIT_MAIN("ticket", is_taken_once, of_another_kind_key_or_place_is_none, has_a_bound)
