/* The configuration: what is accepted, where it goes, and what a mistake is told. */
#include "../unit.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/config.h"
#include "jose/jose.h"

static struct config *good(const char *text)
{
	struct config *config = NULL;
	AUTO_BUF problem = {0};
	enum err err = config_parse(str_of(text), STR("g.yaml"), &problem, &config);

	ck_assert_msg(err == OK, "%.*s", STR_ARG(buf_str(&problem)));
	return config;
}

START_TEST(nothing_is_a_configuration)
{
	AUTO(config) *config = good("");

	ck_assert_uint_eq(config->listen_count, 1);
	ck_str(config->listen[0].text, "127.0.0.1:8080");
	ck_assert(config->auth_required && config->loopback_only && !config->production);
	ck_str(config->data, "./gatehouse-data");
	ck_str(config->separator, "_");
	ck_assert_uint_eq(config->limits.per_ip.limit, 100);
	ck_assert_int_eq(config->limits.per_ip.window_ms, 60000);
	ck_assert_uint_eq(config->limits.per_tenant.limit, 300);
	ck_assert_uint_eq(config->limits.per_auth.limit, 5);
	ck_assert_int_eq(config->limits.per_auth.window_ms, 15 * 60000);
	ck_assert_uint_eq(config->limits.auth_failures_max, 10);
	ck_assert_int_eq(config->limits.auth_block_ms, 3600000);
	ck_assert_int_eq(config->audit_commit_ms, 5);
	ck_assert_int_eq(config->durability, AUDIT_GROUP);
	ck_assert_int_eq(config->log_level, LOG_INFO);
}
END_TEST

/* What the reference says of reports that nothing is set for is what room ads has. */
START_TEST(reports_are_fresh_as_they_are_by_themselves)
{
	AUTO(config) *config = good("ads: { meta: { search_terms: 30min } }");

	for (int kind = 0; kind < REPORT_KINDS; kind++) {
		for (int platform = 0; platform < ADS_PLATFORMS; platform++) {
			bool set = kind == REPORT_SEARCH_TERMS && platform == ADS_META;
			int64_t ms = report_types[kind].fresh_s[platform] * 1000;

			ck_assert_int_eq(config->ads_fresh_ms[platform][kind], set ? 30 * 60000 : ms);
		}
	}
}
END_TEST

START_TEST(the_contract_of_the_house)
{
	AUTO(config) *config = good("listen: 127.0.0.1:8080\n"
				    "data: ./gatehouse-data\n"
				    "database: sqlite\n"
				    "state: memory\n"
				    "auth: required\n"
				    "upstreams:\n"
				    "  everything: { stdio: { command: npx, args: [\"-y\", \"x\"] } }\n"
				    "  billing:    { http:  { url: \"https://billing.example/mcp\" } }\n"
				    "  legacy:     { sse:   { url: \"https://old.example/sse\" } }\n"
				    "toolsets:\n"
				    "  support: { include: [\"billing.*\"], exclude: [\"*.delete_*\"] }\n");

	ck_assert_uint_eq(config->upstream_count, 3);
	ck_assert_int_eq(config->upstreams[2].kind, UPSTREAM_SSE);
	ck_str(config->upstreams[2].url, "https://old.example/sse");
	ck_str(config->upstreams[0].name, "everything");
	ck_assert_int_eq(config->upstreams[0].kind, UPSTREAM_STDIO);
	ck_assert_uint_eq(config->upstreams[0].arg_count, 2);
	ck_assert(config->upstreams[0].warm);
	ck_assert_int_eq(config->upstreams[1].kind, UPSTREAM_HTTP);
	ck_str(config->upstreams[1].url, "https://billing.example/mcp");
	ck_assert_int_eq(config->upstreams[1].timeout_ms, 60000);
	ck_assert_uint_eq(config->toolset_count, 1);
	ck_str(config->toolsets[0].exclude[0], "*.delete_*");
}
END_TEST

#define AUTH(keys) "upstreams: { a: { http: \"https://x/\", auth: { " keys " } } }"

START_TEST(how_tokens_are_got)
{
	AUTO(config) *config = good(AUTH("type: oauth, each: user, issuer: \"https://id.example\", client_id: c, "
					 "client_secret: s, scope: \"a b\", identity: {url: \"https://id.example/me\", "
					 "id: /id, name: /mail}, pick: {url: \"https://x/p\", items: /data, id: /id}"));
	const struct upstream_spec *spec = &config->upstreams[0];
	const struct auth_settings *oauth = &spec->auth.oauth;
	AUTO(arena) *arena = arena_new(4096);
	struct auth_settings copy;

	ck_assert_int_eq(spec->auth.kind, UPSTREAM_AUTH_OAUTH);
	ck_assert_int_eq(spec->isolation, ISOLATION_USER);
	ck_assert_int_eq(oauth->flow, AUTH_FLOW_CODE);
	ck_assert(oauth->dpop);
	ck_str(oauth->client_secret, "s");
	ck_str(oauth->identity_name, "/mail");
	ck_str(oauth->pick_items, "/data");
	auth_settings_copy(arena, oauth, &copy);
	ck_assert(auth_settings_same(&copy, oauth));
	ck_assert_ptr_ne(copy.pick_id.p, oauth->pick_id.p);
	copy.pick_id = STR("/other");
	ck_assert(!auth_settings_same(&copy, oauth));
	ck_assert_int_eq(config->connect.life_ms, 600000);
	ck_str(config->connect.client_name, "Gatehouse");
}
END_TEST

START_TEST(what_a_provider_adds)
{
	AUTO(config) *config =
		good(AUTH("type: oauth, provider: linkedin, client_id: c, client_secret: s, scope: mine"));
	const struct auth_settings *oauth = &config->upstreams[0].auth.oauth;

	ck_str(oauth->token_url, "https://www.linkedin.com/oauth/v2/accessToken");
	ck_str(oauth->identity_id, "/sub");
	ck_str(oauth->scope, "mine");
	ck_assert_uint_eq(oauth->pick_url.n, 0);
}
END_TEST

START_TEST(how_requests_are_signed)
{
	AUTO(config) *config = good(AUTH("type: hmac, name: X-Sig, id_name: X-Id, over: \"{method}\\n{body}\", "
					 "digest: sha512, encoding: base64, timestamp: milliseconds"));
	const struct upstream_auth *auth = &config->upstreams[0].auth;

	ck_assert_int_eq(auth->kind, UPSTREAM_AUTH_HMAC);
	ck_str(auth->name, "X-Sig");
	ck_str(auth->signing.over, "{method}\n{body}");
	ck_assert_int_eq(auth->signing.digest, SIGNING_SHA512);
	ck_assert_int_eq(auth->signing.encoding, SIGNING_BASE64);
	ck_assert_int_eq(auth->signing.clock, SIGNING_MILLISECONDS);
}
END_TEST

#define KEYS "signing_key: \"${env:GATEHOUSE_TEST_KEY}\", event_key: \"${env:GATEHOUSE_TEST_KEY}\""
#define INNGEST(more) ("inngest: { " KEYS ", " more " }")

START_TEST(another_scheduler)
{
	AUTO(config) *off = good("log: {}");
	AUTO(config) *on = NULL;

	ck_assert_uint_eq(off->inngest.signing_key.n, 0);
	setenv("GATEHOUSE_TEST_KEY", "signkey-test-12345678", 1);
	on = good(INNGEST("serve_origin: \"https://g.example\""));
	ck_str(on->inngest.signing_key, "signkey-test-12345678");
	ck_str(on->inngest.api_url, "https://api.inngest.com");
	ck_str(on->inngest.app_id, "gatehouse");
	ck_assert(!on->inngest.allow_private);
	config_unref(on);
	on = good(INNGEST("api_url: \"http://inngest:8288\", event_url: \"http://inngest:8288\""));
	ck_assert(on->inngest.allow_private);
}
END_TEST

/* A line of the file, and what must be said about it. */
static const struct {
	const char *text, *problem;
} mistakes[] = {
	{"lissten: 1", "g.yaml:1:1: unknown key \"lissten\" in the configuration; did you mean \"listen\"?"},
	{"\n\nlimits:\n  per_pi: 3/min", "g.yaml:4:3: unknown key \"per_pi\""},
	{"workers: many", "g.yaml:1:10: workers: must be a whole number"},
	{"workers: 65", "g.yaml:1:10: workers: 65 is out of range"},
	{"limits: { per_ip: 100 }", "per_ip: must be a rate such as 100/min"},
	{"limits: { body: 1 }", "out of range"},
	{"limits: { drain: 5 }", "drain: must be a duration"},
	{"log: { level: loud }", "level: \"loud\" is none of debug, info, warn, error"},
	{"listen: localhost:80", "listen: must be HOST:PORT with a literal address"},
	{"listen: []", "at least one address"},
	{"auth: maybe", "auth: must be `required` or `none`"},
	{"auth: none\nlisten: 0.0.0.0:80", "would let everybody in"},
	{"fleet: {address: \"http://10.0.0.5:8080\"}", "`fleet` needs a `state` that the replicas share"},
	{"state: \"redis://h\"\nfleet: {address: \"http://h/mcp\"}", "fleet: `address` must be the origin"},
	{"state: \"redis://h\"\nfleet: {address: \"10.0.0.5:8080\"}", "fleet: `address` must be the origin"},
	{"state: \"redis://h\"\nfleet: {address: [a]}", "fleet: `address` must be the origin"},
	{"data: a\ndata: b", "g.yaml:2:1: the key \"data\" stands here twice (first in line 1)"},
	{"a: [1", "g.yaml:"},
	{"data: &x a", "anchors and tags"},
	{"data: *x", "aliases"},
	{"- a", "must be a map"},
	{"upstreams: { a: {} }", "needs one of `http`, `stdio`, `sse` and `connector`"},
	{"upstreams: { a: { http: x, stdio: { command: y } } }", "needs one of `http`, `stdio`, `sse` and `connector`"},
	{"upstreams: { a: { http: \"ftp://x/\" } }", "the url must be"},
	{"upstreams: { a: { sse: x, http: y } }", "needs one of `http`, `stdio`, `sse` and `connector`"},
	{"upstreams: { a: { sse: {} } }", "sse: needs a `url`"},
	{"upstreams: { a: { sse: \"ftp://x\" } }", "sse: the url must be"},
	{"upstreams: { a: { stdio: {} } }", "needs a `command`"},
	{"upstreams: { \"a b\": { http: \"http://x/\" } }", "an upstream's name has"},
	{"upstreams: { a: { http: \"http://x/\", revision: 1999-01-01 } }", "revision: must be"},
	{AUTH("type: oauth, provider: gogle, client_id: c"), "auth: `provider` is none of those"},
	{AUTH("type: oauth, provider: google"), "auth: `token_url` needs a `client_id`"},
	{AUTH("type: bearer, scope: x"), "auth: `scope` is for type `oauth`"},
	{AUTH("type: oauth, over: x"), "auth: `over` is for type `hmac`"},
	{AUTH("type: oauth, name: x"), "`name` is for the types"},
	{AUTH("type: oauth, token_url: \"https://i/t\""), "`token_url` needs a `client_id`"},
	{AUTH("type: oauth, token_url: \"https://i/t\", client_id: c"), "needs an `authorize_url` too"},
	{AUTH("type: oauth, issuer: nonsense"), "auth: issuer: must be an http or https URL"},
	{AUTH("type: oauth, client_secret: s"), "belong to a `client_id`"},
	{AUTH("type: oauth, flow: client, client_id: c"), "flow client needs"},
	{AUTH("type: oauth, flow: enterprise, idp: {issuer: \"https://i\"}"), "flow enterprise needs `idp`"},
	{AUTH("type: oauth, identity: {url: \"https://i/me\"}"), "`identity` needs both"},
	{AUTH("type: oauth, pick: {url: \"https://i/me\"}"), "`pick` needs an `id`"},
	{AUTH("type: hmac"), "`name` is needed"},
	{AUTH("type: hmac, name: X-Sig, over: \"{bodies}\""), "no other {"},
	{AUTH("type: hmac, name: X-Sig, id_name: \"a b\""), "are names"},
	{"connect: {client_document: \"http://x/y\"}", "client_document: must be an https URL"},
	{"connect: {life: 2h}", "out of range"},
	{"inngest: yes", "inngest: must be a map"},
	{"inngest: {}", "needs a `signing_key`"},
	{"inngest: {signing_key: signkey-prod-12345678, event_key: e}", "keys are references"},
	{"inngest: {signing_key: \"signkey-${env:HOME}\"}", "keys are references"},
	{"inngest: {signing_key: \"${env:GATEHOUSE_TEST_KEY}\", event_key: e}", "keys are references"},
	{"inngest: {signing_key: \"${env:GATEHOUSE_TEST_KEY}\"}", "needs an `event_key`"},
	{"inngest: {signing_key: \"${env:HOME}\", event_key: \"${env:HOME}\"}", "hexadecimal digits"},
	{INNGEST("serve_origin: \"https://x/y\""), "`serve_origin` must be an origin"},
	{INNGEST("api_url: inngest"), "must be origins"},
	{INNGEST("event_url: \"https://x/\""), "must be origins"},
	{INNGEST("app_id: A B"), "`app_id` has"},
	{"trusted_proxies: [nonsense]", "must be networks"},
	{"listen: { address: \"127.0.0.1:1\", tls: { cert: a } }", "needs both `cert` and `key`"},
	{"toolsets: { s: { include: 3 } }", "include: must be a list"},
	{"data: ${env:GATEHOUSE_TEST_NOT_SET}", "is not set"},
	{"production: true\ndata: ${env:HOME}", "do not come from the environment in production"},
	{"data: ${file:/does/not/exist}", "there is no such file"},
	{"data: \"${secret:x}\"", "${secret:x}: no secret can be asked for here"},
	{"secrets: etcd", "none of file, systemd"},
	{"secrets: {refresh: 0s}", "refresh: "},
	{"data: ${what}", "only ${secret:NAME}, ${file:PATH} and ${env:NAME}"},
};

START_TEST(a_mistake_is_named_with_its_place)
{
	struct config *config = NULL;
	AUTO_BUF problem = {0};

	setenv("GATEHOUSE_TEST_KEY", "signkey-test-12345678", 1);
	ck_err(config_parse(str_of(mistakes[_i].text), STR("g.yaml"), &problem, &config), ERR_CONFIG);
	buf_put_byte(&problem, '\0');
	ck_assert_msg(strstr(problem.p, mistakes[_i].problem) != NULL, "'%s' says '%s'", mistakes[_i].text, problem.p);
}
END_TEST

START_TEST(all_mistakes_are_told_at_once)
{
	struct config *config = NULL;
	AUTO_BUF problem = {0};
	size_t lines = 1;

	ck_err(config_parse(STR("workers: x\nnonsense: 1\nlimits: { body: y }\n"), STR("g.yaml"), &problem, &config),
	       ERR_CONFIG);
	for (size_t i = 0; i < problem.n; i++)
		lines += problem.p[i] == '\n';
	ck_assert_uint_eq(lines, 3);
}
END_TEST

START_TEST(secrets_come_from_files)
{
	char dir[] = "/tmp/gatehouse-config-XXXXXX", path[64], text[256];
	FILE *file;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/token", dir);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fputs("s3cret\n", file);
	fclose(file);
	chmod(path, 0600);
	snprintf(text, sizeof(text),
		 "production: true\nupstreams: { a: { http: { url: \"http://x/\", headers: { A: \"Bearer ${file:%s}\" "
		 "} } } }",
		 path);
	{
		AUTO(config) *config = good(text);

		ck_str(config->upstreams[0].headers[0].value, "Bearer s3cret");
	}
	chmod(path, 0644);
	{
		struct config *config = NULL;
		AUTO_BUF problem = {0};

		ck_err(config_parse(str_of(text), STR("g.yaml"), &problem, &config), ERR_CONFIG);
	}
	unlink(path);
	rmdir(dir);
}
END_TEST

START_TEST(a_private_url_says_so_itself)
{
	static const struct {
		const char *url;
		bool allowed;
	} urls[] = {
		{"http://127.0.0.1:9/mcp", true}, {"http://localhost:9/", true}, {"http://[::1]:9/", true},
		{"http://10.1.2.3/", true},	  {"http://192.168.1.1/", true}, {"https://billing.example/mcp", false},
		{"http://8.8.8.8/", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		char text[128];

		snprintf(text, sizeof(text), "upstreams: { a: { http: \"%s\" } }", urls[i].url);
		AUTO(config) *config = good(text);
		ck_assert_msg(config->upstreams[0].allow_private == urls[i].allowed, "%s", urls[i].url);
	}
}
END_TEST

START_TEST(a_change_of_an_upstream_is_seen)
{
	AUTO(config) *a = good("upstreams: { a: { stdio: { command: x, args: [y], env: { K: v } } } }");
	AUTO(config) *b =
		good("log: { level: debug }\nupstreams: { a: { stdio: { command: x, args: [y], env: { K: v } } } }");
	AUTO(config) *c = good("upstreams: { a: { stdio: { command: x, args: [y], env: { K: w } } } }");
	AUTO(config) *d = good("upstreams: { a: { stdio: { command: x, args: [y], env: { K: v } }, timeout: 5s } }");

	ck_assert(config_same_upstream(&a->upstreams[0], &b->upstreams[0]));
	ck_assert(!config_same_upstream(&a->upstreams[0], &c->upstreams[0]));
	ck_assert(!config_same_upstream(&a->upstreams[0], &d->upstreams[0]));
}
END_TEST

START_TEST(issuers_are_read)
{
	AUTO(config) *config =
		good("issuers:\n"
		     "  acme:\n"
		     "    issuer: https://id.acme.example\n"
		     "    audiences: [\"api://gatehouse\"]\n"
		     "    algorithms: [ES256, RS256]\n"
		     "    claims: { tenant: acme, role_claim: groups, roles: { ops: admin }, role: member }\n"
		     "  ci:\n"
		     "    issuer: ci\n"
		     "    jwks_uri: http://127.0.0.1:9/keys\n"
		     "    allow_private: true\n"
		     "    claims: { tenant: acme }\n"
		     "keys: { life: 30d, grace: 1h }\n");
	const struct issuer_settings *acme = &config->identity.issuers[0];

	ck_assert_uint_eq(config->identity.issuer_count, 2);
	ck_str(acme->name, "acme");
	ck_str(acme->issuer, "https://id.acme.example");
	ck_str(acme->audiences[0], "api://gatehouse");
	ck_assert_uint_eq(acme->algorithms, JOSE_ES256 | JOSE_RS256);
	ck_str(acme->claims.tenant, "acme");
	ck_str(acme->claims.roles[0].value, "ops");
	ck_str(acme->claims.roles[0].meaning, "admin");
	ck_assert(!acme->assertions && !acme->allow_private);
	ck_assert_uint_eq(config->identity.issuers[1].algorithms, JOSE_ALGS);
	ck_assert_int_eq(config->identity.key_life_ms, 30 * 86400000LL);
	ck_assert_int_eq(config->identity.key_grace_ms, 3600000);
	ck_assert_int_eq(config->identity.key_life_ms_max, 0);
}
END_TEST

START_TEST(jobs_have_known_names_and_times)
{
	static const char *const bad[] = {"jobs: [retention]", "jobs: { retention: \"61 * * * *\" }",
					  "jobs: { nothing: never }", "jobs: { retention: [] }"};
	AUTO(config) *good = NULL;
	AUTO_BUF none = {0};

	ck_ok(config_parse(STR("jobs: { retention: every 2h }"), STR("g.yaml"), &none, &good));
	ck_assert_uint_eq(good->chore_count, 1);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO(config) *config = NULL;
		AUTO_BUF problem = {0};

		ck_err(config_parse(str_of(bad[i]), STR("g.yaml"), &problem, &config), ERR_CONFIG);
		ck_assert(str_starts(buf_str(&problem), STR("g.yaml:1:")));
	}
}
END_TEST

START_TEST(issuers_that_nobody_could_trust_are_refused)
{
	static const char *const bad[] = {
		"issuers: []",
		"issuers: { a: {} }",
		"issuers: { a: { issuer: \"https://a.example\" } }", /* for whom? */
		"issuers: { a: { issuer: \"http://a.example\", claims: { tenant: t } } }",
		"issuers: { a: { issuer: a, claims: { tenant: t } } }",
		"issuers: { a: { issuer: a, jwks_uri: \"http://a.example/k\", claims: { tenant: t } } }",
		"issuers: { a: { issuer: \"https://a.example\", algorithms: [HS256], claims: { tenant: t } } }",
		"issuers: { a: { issuer: \"https://a.example\", algorithms: [none], claims: { tenant: t } } }",
		"issuers: { a: { issuer: \"https://a.example\", algorithms: [], claims: { tenant: t } } }",
		("issuers: { a: { issuer: \"https://a.example\", claims: { tenant: t } },"
		 " b: { issuer: \"https://a.example\", claims: { tenant: u } } }"),
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO(config) *config = NULL;
		AUTO_BUF problem = {0};

		ck_err(config_parse(str_of(bad[i]), STR("g.yaml"), &problem, &config), ERR_CONFIG);
	}
}
END_TEST

START_TEST(ways_to_sign_in_are_read)
{
	AUTO(config) *nothing = good("");
	AUTO(config) *config = good("sign_in:\n"
				    "  local_accounts: false\n"
				    "  session: 2h\n"
				    "  session_idle: 5min\n"
				    "  providers:\n"
				    "    company:\n"
				    "      issuer: https://id.acme.example\n"
				    "      client_id: gatehouse\n"
				    "      create_users: false\n"
				    "      claims: { domains: { acme.example: acme, other.example: other },"
				    " role_claim: a.b, roles: { x: admin, y: member } }\n");
	const struct provider_settings *company = &config->identity.providers[0];

	ck_assert(nothing->identity.local_accounts);
	ck_assert_uint_eq(nothing->identity.provider_count, 0);
	ck_assert_int_eq(nothing->identity.web_session_ms, 86400000);
	ck_assert_int_eq(nothing->identity.web_idle_ms, 8 * 3600000);
	ck_assert(!config->identity.local_accounts);
	ck_assert_int_eq(config->identity.web_session_ms, 2 * 3600000);
	ck_assert_int_eq(config->identity.web_idle_ms, 300000);
	ck_assert_uint_eq(config->identity.provider_count, 1);
	ck_str(company->name, "company");
	ck_str(company->scopes, "openid email profile");
	ck_assert(!company->create_users && !company->allow_private);
	ck_assert_uint_eq(company->claims.domain_count, 2);
	ck_str(company->claims.domains[1].value, "other.example");
	ck_str(company->claims.roles[1].meaning, "member");
	ck_str(company->claims.role, "");
}
END_TEST

START_TEST(providers_that_lead_nowhere_are_refused)
{
	static const char *const bad[] = {
		"sign_in: { providers: [] }",
		"sign_in: { providers: { a: {} } }",
		"sign_in: { providers: { a: { issuer: \"https://a.example\", client_id: x } } }", /* whose people? */
		"sign_in: { providers: { a: { issuer: \"https://a.example\", claims: { tenant: t } } } }",
		"sign_in: { providers: { a: { issuer: \"http://a.example\", client_id: x, claims: { tenant: t } } } }",
		"sign_in: { providers: { A: { issuer: \"https://a.example\", client_id: x, claims: { tenant: t } } } }",
		"sign_in: { providers: { a/b: { issuer: \"https://a.example\", client_id: x, claims: { tenant: t } } } "
		"}",
		"sign_in: { providers: { a: { issuer: \"https://a.example\", client_id: x, claims: { domains: [t] } } "
		"} }",
		"sign_in: { session: 1s }",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO(config) *config = NULL;
		AUTO_BUF problem = {0};

		ck_err(config_parse(str_of(bad[i]), STR("g.yaml"), &problem, &config), ERR_CONFIG);
	}
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("config");

	tcase_add_test(tcase, nothing_is_a_configuration);
	tcase_add_test(tcase, reports_are_fresh_as_they_are_by_themselves);
	tcase_add_test(tcase, the_contract_of_the_house);
	tcase_add_test(tcase, how_tokens_are_got);
	tcase_add_test(tcase, what_a_provider_adds);
	tcase_add_test(tcase, how_requests_are_signed);
	tcase_add_test(tcase, another_scheduler);
	tcase_add_loop_test(tcase, a_mistake_is_named_with_its_place, 0, ARRAY_LEN(mistakes));
	tcase_add_test(tcase, all_mistakes_are_told_at_once);
	tcase_add_test(tcase, secrets_come_from_files);
	tcase_add_test(tcase, a_private_url_says_so_itself);
	tcase_add_test(tcase, a_change_of_an_upstream_is_seen);
	tcase_add_test(tcase, issuers_are_read);
	tcase_add_test(tcase, jobs_have_known_names_and_times);
	tcase_add_test(tcase, issuers_that_nobody_could_trust_are_refused);
	tcase_add_test(tcase, ways_to_sign_in_are_read);
	tcase_add_test(tcase, providers_that_lead_nowhere_are_refused);
	return unit_run("config", tcase);
}
