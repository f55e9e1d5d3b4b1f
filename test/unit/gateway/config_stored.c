/* What a part made at run time may say, where a mistake stands in it, and how it lies beside the file's. */
#include "../unit.h"

#include "gateway/config_stored.h"

static const struct {
	const char *document, *problem; /* NULL: it is fine */
} upstreams[] = {
	{"{\"http\":{\"url\":\"https://a.example/mcp\",\"headers\":{\"X-Team\":\"blue\"}},\"timeout\":\"5s\"}", NULL},
	{"{\"sse\":\"https://a.example/sse\",\"concurrency\":8}", NULL},
	{"{\"http\":{\"url\":\"ftp://a.example/\"}}", "/http: http: the url must be"},
	{"{\"http\":\"https://a.example/\",\"timeuot\":\"5s\"}", "/timeuot: unknown key"},
	{"{\"http\":\"https://a.example/\",\"timeout\":\"x\"}", "/timeout: timeout: must be a duration"},
	{"{\"http\":\"https://a.example/\",\"timeout\":\"1h\"}", "/timeout: timeout: at most 600000"},
	{"{\"http\":\"https://a.example/\",\"concurrency\":100000}", "/concurrency: concurrency: at most 256"},
	{"{\"stdio\":{\"command\":\"/bin/sh\"}}", "/stdio: stdio a child process"},
	{"{\"http\":\"https://x/\",\"auth\":{\"type\":\"oauth\",\"client_id\":\"c\",\"client_secret\":\"s\"}}",
	 "/auth/client_secret: client_secret: rows keep no secrets"},
	{"{\"http\":\"https://x/\",\"auth\":{\"type\":\"oauth\",\"subject_file\":\"/etc/passwd\"}}",
	 "/auth/subject_file: "},
	{"{\"http\":{\"url\":\"https://a.example/\",\"ca\":\"/etc/shadow\"}}", "/http/ca: ca names a file"},
	{"{\"http\":{\"url\":\"https://a.example/\",\"allow_private\":true}}", "/http/allow_private: "},
	{"{\"http\":{\"url\":\"https://a.example/${file:/etc/shadow}\"}}", "/http/url: ${...} is for"},
	{"{\"http\":{\"url\":\"https://a.example/\",\"headers\":{\"X-A\":\"${env:HOME}\"}}}",
	 "/http/headers/X-A: ${...}"},
	{"{\"http\":{\"url\":\"https://a.example/\",\"headers\":{\"Authorization\":\"x\"}}}",
	 "/http/headers/Authorization: credentials are not kept in rows"},
	{"{\"http\":{\"url\":\"https://a.example/\",\"headers\":{\"X-Any\":\"Bearer abcdefghijklmnop\"}}}",
	 "/http/headers/X-Any: credentials"},
	{"{\"http\":{\"url\":\"https://a.example/?api_key=abcdefgh12345678\"}}", "/http: url: it seems to hold"},
	{"{\"http\":{\"url\":\"https://a.example/\",\"headers\":{\"X-A\":\"a\\r\\nB: c\"}}}", "control characters"},
	{"{\"http\":\"https://a.example/\",\"http\":\"https://b.example/\"}", "not a JSON document"},
	{"http: https://a.example/", "not a JSON document"},
	{"[]", "an upstream needs one of"},
	{"", "not a JSON document"},
};

START_TEST(an_upstream_is_checked)
{
	AUTO_BUF problem = {0};
	enum err err = config_check_upstream(STR("billing"), str_of(upstreams[_i].document), &problem);

	if (upstreams[_i].problem == NULL) {
		ck_assert_msg(err == OK, "%.*s", STR_ARG(buf_str(&problem)));
		return;
	}
	ck_err(err, ERR_CONFIG);
	ck_assert_msg(memmem(problem.p, problem.n, upstreams[_i].problem, strlen(upstreams[_i].problem)) != NULL,
		      "%.*s", STR_ARG(buf_str(&problem)));
}
END_TEST

START_TEST(a_toolset_is_checked)
{
	AUTO_BUF problem = {0};

	ck_ok(config_check_toolset(STR("desk"), STR("{\"include\":[\"a.*\"],\"mode\":\"search\"}"), &problem));
	ck_err(config_check_toolset(STR("a b"), STR("{}"), &problem), ERR_CONFIG);
	ck_err(config_check_toolset(STR("desk"), STR("{\"include\":\"a.*\"}"), &problem), ERR_CONFIG);
	ck_assert(memmem(problem.p, problem.n, "/include: include: must be a list", 33) != NULL);
}
END_TEST

START_TEST(parts_lie_beside_the_file)
{
	AUTO(config) *file = NULL, *whole = NULL;
	const struct part more[] = {
		{.name = STR("crm"), .document = STR("{\"http\":\"https://crm.example/mcp\"}"), .tenant_id = STR("T1")},
		{.name = STR("billing"), .document = STR("{\"http\":\"https://other.example/mcp\"}")},
		{.name = STR("bad"), .document = STR("{\"http\":5}"), .tenant_id = STR("T2")},
		{.name = STR("near"), .document = STR("{\"http\":\"http://127.0.0.1:1/mcp\"}")},
	};
	const struct part sets[] = {{.name = STR("desk"), .document = STR("{}"), .tenant_id = STR("T1")}};
	const struct stored_parts stored = {.parts = {more, sets}, .count = {ARRAY_LEN(more), ARRAY_LEN(sets)}};

	ck_ok(config_parse(STR("upstreams: { billing: { http: \"https://b.example/mcp\" } }\n"), STR("g.yaml"), NULL,
			   &file));
	whole = config_with_stored(file, &stored);
	ck_assert_uint_eq(whole->upstream_count, 3);
	ck_str(whole->upstreams[0].url, "https://b.example/mcp"); /* the file wins */
	ck_assert(!whole->upstreams[0].stored);
	ck_str(whole->upstreams[1].name, "crm");
	ck_str(whole->upstreams[1].owner, "T1");
	ck_assert(whole->upstreams[1].stored && whole->upstreams[1].timeout_ms == 60000);
	ck_assert(!whole->upstreams[2].allow_private); /* though its url says so: the file alone may */
	ck_assert_uint_eq(whole->toolset_count, 1);
	ck_str(whole->toolsets[0].owner, "T1");
	ck_assert_uint_eq(whole->skipped_count, 2);
	ck_str(whole->skipped[0].name, "billing");
	ck_str(whole->skipped[1].name, "bad");
	ck_str(whole->skipped[1].owner, "T2");
	ck_assert_ptr_eq(whole->base, file);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("config_stored");

	tcase_add_loop_test(tcase, an_upstream_is_checked, 0, ARRAY_LEN(upstreams));
	tcase_add_test(tcase, a_toolset_is_checked);
	tcase_add_test(tcase, parts_lie_beside_the_file);
	return unit_run("config_stored", tcase);
}
