/* A watched secret: told of once, told again when nobody took it, not told of what it was known to be. */
#include "../unit.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "rt/loop.h"
#include "secrets/secrets.h"

static struct {
	unsigned told;
	unsigned refuse; /* so many times */
	char value[16];
} heard;

static enum err on_changed(void *arg, struct str name, const struct secret_text *value)
{
	struct str text = secret_text_str(value);

	ck_str(name, "token");
	heard.told++;
	snprintf(heard.value, sizeof(heard.value), "%.*s", STR_ARG(text));
	if (heard.refuse == 0)
		return OK;
	heard.refuse--;
	return ERR_BUSY;
}

AWAITS static void put(struct secrets *secrets, struct str value)
{
	AUTO(secret_text) *text = secret_text_new(value);
	AUTO_BUF problem = {0};

	ck_ok(secrets_put(secrets, STR("token"), text, false, &problem));
}

AWAITS static void until(unsigned told)
{
	for (int64_t end_ms = clock_ms() + 20000; heard.told < told && clock_ms() < end_ms;)
		ck_ok(fiber_sleep(5));
	ck_assert_uint_eq(heard.told, told);
}

AWAITS_ENTRY static void body(void *arg)
{
	struct secrets_settings settings = {.data = str_of(arg), .refresh_ms = 20};
	AUTO(secret_text) *known = secret_text_new(STR("one"));
	struct secrets *secrets;
	AUTO_BUF problem = {0};

	ck_ok(secrets_open(&settings, &problem, &secrets));
	put(secrets, STR("one\n"));
	ck_ok(secrets_watch(secrets, STR("token"), known, on_changed, NULL));
	ck_ok(secrets_follow(secrets));
	ck_ok(fiber_sleep(100)); /* looked at a few times: nothing is to be told */
	ck_assert_uint_eq(heard.told, 0);
	heard.refuse = 1;
	put(secrets, STR("two"));
	until(2);
	ck_assert_str_eq(heard.value, "two");
	put(secrets, STR("three"));
	until(3);
	ck_assert_str_eq(heard.value, "three");
	secrets_unwatch(secrets, on_changed, NULL);
	put(secrets, STR("four"));
	ck_ok(secrets_watch(secrets, STR("token"), NULL, on_changed, NULL));
	until(4);
	secrets_close(secrets);
}

START_TEST(changes)
{
	char root[] = "/tmp/gatehouse-unit-XXXXXX", path[64];

	ck_assert_ptr_nonnull(mkdtemp(root));
	ck_ok(rt_run(1, body, root));
	snprintf(path, sizeof(path), "%s/secrets/token", root);
	ck_assert_int_eq(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/secrets", root);
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(rmdir(root), 0);
}
END_TEST

UNIT_MAIN("secret watch", changes)
