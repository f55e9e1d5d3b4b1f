/* What is kept of a flow between its steps, and what is taken over of a stranger's answer about an account. */
#include "../unit.h"

#include "base/json.h"
#include "connect/flow_private.h"
#include "connect/identity.h"
#include "connect/pick.h"

START_TEST(a_flow_is_read_as_it_was_written)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	const struct flow flow = {.upstream = STR("svc"),
				  .tenant_id = STR("t"),
				  .client_secret = STR("a secret & more=%\n"),
				  .scope = STR("read write"),
				  .grant = STR("{\"access_token\":\"a+b\"}"),
				  .choices = STR("[[\"1\",\"\xc3\xa4\"]]")};
	AUTO_BUF text = {0};
	struct flow back;

	flow_put(&flow, &text);
	ck_ok(flow_read(arena, buf_str(&text), &back));
	ck_str(back.upstream, "svc");
	ck_str(back.client_secret, "a secret & more=%\n");
	ck_str(back.scope, "read write");
	ck_str(back.grant, "{\"access_token\":\"a+b\"}");
	ck_str(back.choices, "[[\"1\",\"\xc3\xa4\"]]");
	ck_assert_ptr_nonnull(back.browser.p);
	ck_assert_uint_eq(back.browser.n, 0);
	ck_err(flow_read(arena, STR("upstream=%zz"), &back), ERR_NOT_FOUND);
}
END_TEST

static struct str text_at(struct arena *arena, const char *json, const char *pointer)
{
	yyjson_val *root;

	ck_ok(json_read(arena, str_of(json), &root));
	return identity_text(arena, root, str_of(pointer), 8);
}

START_TEST(of_an_answer_only_what_can_be_shown)
{
	AUTO(arena) *arena = arena_new(1 << 20);

	ck_str(text_at(arena, "{\"a\":{\"b\":\"x\"}}", "/a/b"), "x");
	ck_str(text_at(arena, "\"x\"", ""), "x");
	ck_str(text_at(arena, "{\"id\":12345678901234567}", "/id"), "12345678");
	ck_str(text_at(arena, "{\"id\":[1,{\"a/b\":7}]}", "/id/1/a~1b"), "7");
	ck_str(text_at(arena, "{\"n\":\"1234567\xc3\xa4\"}", "/n"), "1234567"); /* cut between characters */
	ck_str(text_at(arena, "{\"n\":\"a\\nb\"}", "/n"), "");
	ck_str(text_at(arena, "{\"n\":\"\"}", "/n"), "");
	ck_str(text_at(arena, "{\"n\":{}}", "/n"), "");
	ck_str(text_at(arena, "{\"n\":null}", "/n"), "");
	ck_str(text_at(arena, "{}", "/n/m"), "");
	ck_str(text_at(arena, "{\"n\":\"x\"}", "n"), ""); /* no pointer */
}
END_TEST

START_TEST(the_only_one_is_chosen)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct grant grant = {.account_name = STR("Ada")};
	struct str name;

	ck_str(pick_only(arena, STR("[[\"1\",\"One\"]]"), &name), "1");
	ck_str(name, "One");
	ck_assert_ptr_null(pick_only(arena, STR("[[\"1\",\"One\"],[\"2\",\"Two\"]]"), &name).p);
	ck_assert_ptr_null(pick_only(arena, STR("[]"), &name).p);
	pick_note(arena, &grant, STR("1"), STR("One"));
	ck_str(grant.picked, "1");
	ck_str(grant.account_name, "Ada, One");
	grant.account_name = STR("");
	pick_note(arena, &grant, STR("2"), STR("Two"));
	ck_str(grant.account_name, "Two");
}
END_TEST

UNIT_MAIN("account", a_flow_is_read_as_it_was_written, of_an_answer_only_what_can_be_shown, the_only_one_is_chosen)
