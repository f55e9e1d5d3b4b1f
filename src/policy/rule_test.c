/* The tests that rules carry: an invented caller makes an invented call, and the whole policy judges it, as it
 * would judge a real one. Rules on trial count as if they were in force: that is what one wants to know of them. */
#include "base/check.h"
#include "policy/private.h"

#define TEST_ARENA_BYTES_MAX (4u * 1024 * 1024)

struct trial {
	const struct policy *policy;
	struct arena *arena;
	struct caller caller;
	struct policy_call call;
	bool expects_allow;
};

static void set_text(char *out, size_t size, struct str text)
{
	CHECK(text.n < size); /* the schema has seen to it */
	memcpy(out, text.n > 0 ? text.p : "", text.n);
	out[text.n] = '\0';
}

static struct str text_or(yyjson_val *object, const char *key, struct str otherwise)
{
	struct str text = json_str(json_get(object, key));

	return text.p == NULL ? otherwise : text;
}

static enum credential credential_named(struct str name)
{
	static const struct {
		struct str name;
		enum credential credential;
	} known[] = {
		{{"none", 4}, CREDENTIAL_NONE},
		{{"key", 3}, CREDENTIAL_KEY},
		{{"jwt", 3}, CREDENTIAL_JWT},
		{{"token", 5}, CREDENTIAL_TOKEN},
		{{"certificate", 11}, CREDENTIAL_CERTIFICATE},
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_eq(name, known[i].name))
			return known[i].credential;
	return CREDENTIAL_KEY;
}

static void read_caller(yyjson_val *as, struct caller *caller)
{
	struct str role = text_or(as, "role", STR("member"));

	*caller = (struct caller){
		.credential = credential_named(text_or(as, "credential", STR("key"))),
		.scopes = SCOPE_ALL,
		.role = role_of(role),
	};
	set_text(caller->role_name, sizeof(caller->role_name), role);
	set_text(caller->principal, sizeof(caller->principal), STR("test"));
	set_text(caller->client, sizeof(caller->client), text_or(as, "client", STR("")));
}

/* A user's id is longer than what an invented one may be: it is cut, which no rule can match. */
static void read_user(yyjson_val *as, struct caller *caller)
{
	struct str user = text_or(as, "user", STR(""));

	if (user.n < sizeof(caller->user_id))
		set_text(caller->user_id, sizeof(caller->user_id), user);
}

/* "192.0.2.1" or "2001:db8::1", as address_parse wants it. */
static enum err read_ip(struct trial *trial, struct str ip)
{
	bool v6 = ip.n > 0 && memchr(ip.p, ':', ip.n) != NULL;

	if (ip.n == 0)
		ip = STR("192.0.2.1");
	return address_parse(arena_fmt(trial->arena, v6 ? "[%.*s]:0" : "%.*s:0", STR_ARG(ip)), &trial->call.subject.ip);
}

static int digits(const char *p, int n)
{
	int value = 0;

	for (int i = 0; i < n; i++)
		value = value * 10 + (p[i] - '0');
	return value;
}

/* "2026-11-21T10:00Z" to milliseconds since 1970. Source: the proleptic Gregorian calendar, days counted
 * from the first of March so that the leap day comes last. */
static int64_t moment(struct str at)
{
	int64_t year, month, days;

	if (at.p == NULL)
		return 1767960000000; /* a Friday noon */
	year = digits(at.p, 4);
	month = digits(at.p + 5, 2);
	year -= month <= 2;
	days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 +
	       digits(at.p + 8, 2) - 1 - 719468;
	return days < 0 ? 0 : (days * 1440 + digits(at.p + 11, 2) * 60 + digits(at.p + 14, 2)) * 60000;
}

static void read_call(struct trial *trial, yyjson_val *test, struct buf *arguments)
{
	static const struct {
		const char *key;
		enum permission permission;
	} kinds[] = {
		{"call", PERMISSION_TOOLS_CALL},
		{"prompt", PERMISSION_PROMPTS_GET},
		{"resource", PERMISSION_RESOURCES_READ},
	};
	yyjson_val *given = json_get(test, "arguments");

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct str label = json_str(json_get(test, kinds[i].key));

		if (label.p == NULL)
			continue;
		trial->call.label = label;
		trial->call.kind_permission = kinds[i].permission;
	}
	if (given != NULL)
		json_write(arguments, given);
	trial->call.arguments = given == NULL ? STR("{}") : buf_str(arguments);
	trial->call.now_ms = moment(json_str(json_get(test, "at")));
	trial->expects_allow = str_eq(json_str(json_get(test, "expect")), STR("allow"));
}

static enum err judge(struct trial *trial, struct policy_verdict *ret_verdict)
{
	struct policy_match match;

	policy_match(trial->policy, &trial->call.subject, &match);
	return policy_judge_call(trial->policy, &trial->call, &match, trial->arena, ret_verdict);
}

/*   returns    false: it failed, with a sentence in `out` */
static bool run_test(const struct policy *policy, yyjson_val *test, struct buf *out)
{
	AUTO(arena) *arena = arena_new(TEST_ARENA_BYTES_MAX);
	struct trial trial = {.policy = policy, .arena = arena};
	struct policy_verdict verdict;
	AUTO_BUF arguments = {0};
	bool allowed;
	enum err err;

	read_caller(json_get(test, "as"), &trial.caller);
	read_user(json_get(test, "as"), &trial.caller);
	trial.call.subject.caller = &trial.caller;
	read_call(&trial, test, &arguments);
	err = read_ip(&trial, json_str(json_get(json_get(test, "as"), "ip")));
	if (err != OK) {
		buf_put(out, STR("/as/ip: must be an address"));
		return false;
	}
	err = judge(&trial, &verdict);
	if (err != OK) {
		buf_put_fmt(out, "%.*s: %s", STR_ARG(trial.call.label), err_text(err));
		return false;
	}
	allowed = verdict.answer == POLICY_ALLOW && verdict.shadow.n == 0;
	if (allowed == trial.expects_allow)
		return true;
	buf_put_fmt(out, "%.*s: %s, expected %s", STR_ARG(trial.call.label), allowed ? "allowed" : "refused",
		    trial.expects_allow ? "allow" : "deny");
	if (verdict.answer == POLICY_REFUSE)
		buf_put_fmt(out, ": %.*s", STR_ARG(verdict.reason));
	else if (verdict.shadow.n > 0)
		buf_put_fmt(out, ": on trial: %.*s", STR_ARG(verdict.shadow));
	return false;
}

enum err policy_test(const struct policy *policy, struct buf *out, size_t *ret_count)
{
	size_t run = 0, failed = 0;

	CHECK_OBJ(policy, POLICY_MAGIC);
	for (size_t i = 0; i < policy->rule_count; i++) {
		yyjson_arr_iter iter = yyjson_arr_iter_with(policy->rules[i].tests);
		yyjson_val *test;

		for (size_t n = 1; (test = yyjson_arr_iter_next(&iter)) != NULL; n++, run++) {
			AUTO_BUF why = {0};

			if (run_test(policy, test, &why))
				continue;
			buf_put_fmt(out, "rule %.*s, test %zu: %.*s\n", STR_ARG(policy->rules[i].name), n,
				    STR_ARG(buf_str(&why)));
			failed++;
		}
	}
	*ret_count = run;
	return failed == 0 ? OK : ERR_CONFIG;
}
