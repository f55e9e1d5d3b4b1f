/* Templates: what each structure, filter and condition makes, what disappears, and what is refused when a file is
 * loaded. */
#include "../unit.h"

#include "scope.h"

#define ABSENT NULL

struct sample {
	const char *yaml, *want;
};

static struct str captured[] = {{"video", 5}, {"gone", 4}};
static const struct name_list captures = {captured, ARRAY_LEN(captured)};
static struct str set[] = {{"base", 4}, {"v", 1}, {"unset", 5}};
static const struct name_list settings = {set, ARRAY_LEN(set)};

/* The arguments' schemas: open ones, so that samples may go anywhere; `closed` and `file` are known. */
static const char arguments_yaml[] =
	"{name: {}, id: {}, on: {}, off: {}, empty: {}, none: {}, up: {}, odd: {}, list: {}, no: {}, num: {}, big: {}, "
	"key: {}, half: {}, three: {}, deep: {}, when: {}, tags: {}, umlaut: {}, nothing: {}, "
	"closed: {properties: {a: {}}}, file: {$media: {}}, files: {type: array, items: {$media: {}}}}";

static struct conf_node *node_of(struct arena *arena, const char *yaml, struct conf_problems *problems)
{
	struct conf_node *node = NULL;

	ck_ok(conf_parse(arena, str_of(yaml), problems, &node));
	ck_assert_ptr_nonnull(node);
	return node;
}

static struct naming naming_of(struct arena *arena, struct conf_problems *problems, unsigned place)
{
	return (struct naming){.arena = arena,
			       .problems = problems,
			       .place = place,
			       .arguments = node_of(arena, arguments_yaml, problems),
			       .settings = &settings,
			       .captures = &captures};
}

static void check_sample(const struct sample *sample, unsigned place, bool as_text)
{
	AUTO(arena) *arena = arena_new(1 << 22);
	AUTO_BUF said = {0}, out = {0};
	struct conf_problems problems = {.file = STR("t"), .out = &said};
	struct naming naming = naming_of(arena, &problems, place | PLACE_ANSWER);
	struct template *template = template_compile(&naming, node_of(arena, sample->yaml, &problems));
	struct scope_fixture fixture;
	bool there;

	ck_assert_msg(template != NULL, "%s: %.*s", sample->yaml, STR_ARG(buf_str(&said)));
	scope_fixture_make(&fixture, arena);
	buf_put(&out, STR("<"));
	there = as_text ? template_text(template, &fixture.scope, &out) : template_json(template, &fixture.scope, &out);
	ck_assert_msg(!fixture.budget.spent, "%s: spent", sample->yaml);
	ck_assert_msg(there == (sample->want != ABSENT), "%s: %s", sample->yaml, there ? "is there" : "is absent");
	if (sample->want != ABSENT)
		ck_assert_msg(str_eq(str_skip(buf_str(&out), 1), str_of(sample->want)), "%s: got %.*s, want %s",
			      sample->yaml, STR_ARG(buf_str(&out)), sample->want);
	else
		ck_assert_msg(out.n == 1, "%s: left %.*s", sample->yaml, STR_ARG(buf_str(&out)));
}

static void check_samples(const struct sample *samples, size_t count, unsigned place, bool as_text)
{
	for (size_t i = 0; i < count; i++)
		check_sample(&samples[i], place, as_text);
}

/* One hole has its value's type; anything else is text. */
START_TEST(values_keep_their_types)
{
	static const struct sample samples[] = {
		{"12", "12"},
		{"true", "true"},
		{"null", "null"},
		{"plain", "\"plain\""},
		{"'12'", "\"12\""},
		{"{}", "{}"},
		{"[]", "[]"},
		{"'{{args.id}}'", "9007199254740993"},
		{"'{{args.big}}'", "12345678901234567890"},
		{"'{{args.half}}'", "2.50"},
		{"'{{args.on}}'", "true"},
		{"'{{args.list}}'", "[\"x\",\"y\"]"},
		{"'n {{args.id}}'", "\"n 9007199254740993\""},
		{"'{{args.deep.a.b[1]}}'", "20"},
		{"'{{args.deep.a.b[-1]}}'", "30"},
		{"\"{{args['deep'].a['b'][0]}}\"", "10"},
		{"'{{args.deep.a.b[3]}}'", ABSENT},
		{"'{{args.deep.a.b[args.tags[1].v]}}'", "30"},
		{"'{{args.deep[args.list[0]]}}'", ABSENT},
		{"{$each: '{{args.list}}', do: '{{it}}{{args.deep.a.b[index]}}'}", "[\"x10\",\"y20\"]"},
		{"'{{args.name.x}}'", ABSENT},
		{"'{{args.none}}'", ABSENT},
		{"'{{args.empty}}'", "\"\""},
		{"'{{status}}'", "200"},
		{"'{{cap.video}}'", "\"v1\""},
		{"'{{cap.gone}}'", ABSENT},
		{"'{{header.x-left|int}}'", "41"},
		{"'{{header.x-other}}'", ABSENT},
		{"'{{args.none ?? args.nothing ?? args.name}}'", "\"Ada Lovelace\""},
		{"\"{{args.none ?? 'it''s'}}\"", "\"it's\""},
		{"'{{args.none ?? -3}}'", "-3"},
		{"'{{args.none ?? false}}'", "false"},
		{"\"{{ args.none|str\n  ?? args.id|str }}\"", "\"9007199254740993\""},
		{"'{{set.base}}/{{set.unset}}'", ABSENT},
		{"'{\"q\":{}}'", "\"{\\\"q\\\":{}}\""},
		{"'a}} {{args.num}}'", "\"a}} 12\""},
	};

	check_samples(samples, ARRAY_LEN(samples), 0, false);
}
END_TEST

START_TEST(what_is_absent_disappears)
{
	static const struct sample samples[] = {
		{"{a: '{{args.none}}', b: 1, c: '{{args.nothing}}'}", "{\"b\":1}"},
		{"{a: {b: {c: '{{args.none}}'}}, d: 2}", "{\"d\":2}"},
		{"{a: '{{args.none}}'}", ABSENT},
		{"{a: '{{args.none}}', $keep: true}", "{}"},
		{"{a: {b: '{{args.none}}', $keep: true}}", "{\"a\":{}}"},
		{"['{{args.none}}', 2, '{{args.nothing}}', '{{args.num}}']", "[2,\"12\"]"},
		{"['{{args.none}}']", ABSENT},
		{"{a: null, b: 'x {{args.none}}'}", "{\"a\":null}"},
		{"{$$ref: 1}", "{\"$ref\":1}"},
	};

	check_samples(samples, ARRAY_LEN(samples), 0, false);
}
END_TEST

START_TEST(structures)
{
	static const struct sample samples[] = {
		{"{$if: {exists: args.name}, then: 1, else: 2}", "1"},
		{"{$if: {exists: args.none}, then: 1, else: 2}", "2"},
		{"{$if: {exists: args.none}, then: 1}", ABSENT},
		{"{a: {$if: {exists: args.none}, then: 1}, b: 2}", "{\"b\":2}"},
		{"{$each: '{{args.list}}'}", "[\"x\",\"y\"]"},
		{"{$each: '{{args.none}}'}", ABSENT},
		{"{$each: '{{args.no}}', do: 1}", "[]"},
		{"{$each: '{{args.name}}'}", ABSENT},
		{"{$each: '{{args.list}}', do: '{{index}}{{it}}'}", "[\"0x\",\"1y\"]"},
		{"{$each: '{{args.tags}}', do: {k: '{{it.k}}', v: '{{it.v}}'}}",
		 "[{\"k\":\"a\",\"v\":1},{\"k\":\"b\",\"v\":2},{\"k\":\"c\"}]"},
		{"{$each: '{{args.tags}}', do: '{{it.v}}'}", "[1,2]"},
		{"{$each: '{{args.tags}}', where: {gt: ['{{it.v}}', 1]}, do: '{{it.k}}'}", "[\"b\"]"},
		{"{$each: '{{args.tags}}', where: {exists: it.q}}", "[]"},
		{"{$each: '{{body.items}}', as: post, do: {id: '{{post.id}}', by: "
		 "{$find: '{{body.users}}', where: {eq: ['{{it.id}}', '{{post.author}}']}, do: '{{it.name}}'}}}",
		 "[{\"id\":1,\"by\":\"Ada\"},{\"id\":2,\"by\":\"Bob\"}]"},
		{"{$each: '{{args.list}}', as: a, do: {$each: '{{args.list}}', as: b, do: '{{a}}{{b}}{{index}}'}}",
		 "[[\"xx0\",\"xy1\"],[\"yx0\",\"yy1\"]]"},
		{"{$find: '{{body.users}}', where: {eq: ['{{it.name}}', Bob]}}", "{\"id\":8,\"name\":\"Bob\"}"},
		{"{$find: '{{body.users}}', where: {eq: ['{{it.name}}', Eve]}}", ABSENT},
		{"{$merge: [{a: 1, b: 2}, {b: 3, c: '{{args.none}}'}]}", "{\"a\":1,\"b\":3}"},
		{"{$merge: ['{{args.deep}}', {x: 1}]}", "{\"a\":{\"b\":[10,20,30]},\"x\":1}"},
		{"{$merge: ['{{args.none}}']}", ABSENT},
		{"{$join: ['a:{{args.num}}', 'b:{{args.none}}', 'c'], with: ' '}", "\"a:12 c\""},
		{"{$join: ['{{args.none}}']}", ABSENT},
	};

	check_samples(samples, ARRAY_LEN(samples), 0, false);
}
END_TEST

START_TEST(filters)
{
	static const struct sample samples[] = {
		{"'{{args.id|str}}'", "\"9007199254740993\""},
		{"'{{args.on|str}}'", "\"true\""},
		{"'{{args.list|str}}'", ABSENT},
		{"'{{args.num|int}}'", "12"},
		{"'{{args.three|int}}'", "3"},
		{"'{{args.half|int}}'", ABSENT},
		{"'{{args.big|int}}'", "12345678901234567890"},
		{"'{{args.name|int}}'", ABSENT},
		{"\"{{'1'|bool}}\"", "true"},
		{"'{{args.name|bool}}'", ABSENT},
		{"'{{args.on|bool01}}'", "1"},
		{"'{{args.off|bool01}}'", "0"},
		{"'{{args.deep|json}}'", "\"{\\\"a\\\":{\\\"b\\\":[10,20,30]}}\""},
		{"'{{args.name|json}}'", "\"\\\"Ada Lovelace\\\"\""},
		{"'{{args.list|csv}}'", "\"x,y\""},
		{"'{{args.deep.a.b|csv}}'", "\"10,20,30\""},
		{"'{{args.no|csv}}'", ABSENT},
		{"'{{args.list|count}}'", "2"},
		{"'{{args.umlaut|count}}'", "3"},
		{"'{{args.num|plus:3}}'", "15"},
		{"'{{args.num|plus:-13}}'", "-1"},
		{"'{{args.num|plus:args.three|str}}'", ABSENT},
		{"'{{args.num|plus:status}}'", "212"},
	};

	check_samples(samples, ARRAY_LEN(samples), 0, false);
}
END_TEST

START_TEST(filters_of_texts)
{
	static const struct sample samples[] = {
		{"'{{args.umlaut|trunc:2}}'", "\"\xC3\xA4\xC3\xB6\""},
		{"'{{args.name|trunc:100}}'", "\"Ada Lovelace\""},
		{"'{{args.name|lower}}'", "\"ada lovelace\""},
		{"'{{args.odd|url}}'", "\"a%2Fb%20c\""},
		{"'{{args.when|unix}}'", "1795219323"},
		{"'{{args.when|rfc3339}}'", "\"2026-11-21T00:02:03Z\""},
		{"'{{args.when|date}}'", "\"2026-11-21\""},
		{"'{{now|rfc3339}}'", "\"2026-09-21T14:13:20Z\""},
		{"\"{{'1790000000123'|unix}}\"", "1790000000"},
		{"\"{{'2026-11-21'|unix}}\"", "1795219200"},
		{"\"{{'2026-11-21T00:00:01'|unix}}\"", "1795219201"},
		{"\"{{'2026-11-21 00:00:01.5Z'|unix}}\"", "1795219201"},
		{"\"{{'/Date(1790000000123+0000)/'|unix}}\"", "1790000000"},
		{"\"{{'soon'|unix}}\"", ABSENT},
		{"'{{args.name|b64}}'", "\"QWRhIExvdmVsYWNl\""},
		{"\"{{'a?>'|b64url}}\"", "\"YT8-\""},
		{"\"{{body.urn|after:':'}}\"", "\"abc\""},
		{"\"{{body.urn|after:'#'}}\"", ABSENT},
		{"\"{{body.next|param:'after'}}\"", "\"c 1\""},
		{"\"{{body.next|param:'before'}}\"", ABSENT},
		{"\"{{body.next|strip:'access_token'}}\"", "\"https://x.example/a?after=c%201&b=2\""},
		{"\"{{'https://x.example/a?t=1'|strip:'t'}}\"", "\"https://x.example/a\""},
		{"\"{{'(a) #b @c'|litescape}}\"", "\"\\\\(a\\\\) #b \\\\@c\""},
		{"\"{{'#a b#c # d C#'|litescape}}\"", "\"#a b\\\\#c \\\\# d C\\\\#\""},
		{"\"{{'say \\\"hi\\\" \\\\'|graphql}}\"", "\"\\\"say \\\\\\\"hi\\\\\\\" \\\\\\\\\\\"\""},
		{"\"{{'see https://x.example/very/long/path/indeed now'|weighted}}\"", "31"},
		{"\"{{'\xE6\x97\xA5\xE6\x9C\xAC a'|weighted}}\"", "6"},
		{"\"{{'\xF0\x9F\x91\xA8\xE2\x80\x8D\xF0\x9F\x91\xA9'|weighted}}\"", "2"},
		{"'{{args.half|decimal}}'", "\"2.50\""},
		{"'{{args.name|decimal}}'", ABSENT},
		{"'{{args.num|num}}'", "12"},
		{"'{{args.half|num}}'", "2.50"},
		{"'{{args.name|num}}'", ABSENT},
		{"'{{args.half|micros}}'", "2500000"},
		{"'{{args.num|micros}}'", "12000000"},
		{"'{{args.name|micros}}'", ABSENT},
		{"'{{args.num|times:60}}'", "720"},
		{"'{{args.name|times:60}}'", ABSENT},
		{"'{{args.tags|peak:''v''}}'", "2"},
		{"\"{{body|peak:'author,id'}}\"", "8"},
		{"\"{{args.tags|json|peak:'v,w'}}\"", "2"},
		{"\"{{args.tags|peak:'w'}}\"", ABSENT},
		{"\"{{args.name|peak:'v'}}\"", ABSENT},
		{"\"{{'token'|hmac:args.key}}\"",
		 "\"e941110e3d2bfe82621f0e3e1434730d7305d106c5f68c87165d0b27a4611a4a\""},
		{"\"{{'token'|hmac:args.none}}\"", ABSENT},
		{"{ $concat: ['{{args.list}}', '{{args.none}}', [[1], 2, [3, 4]]] }", "[\"x\",\"y\",1,2,3,4]"},
		{"{ $concat: ['{{args.no}}'] }", "[]"},
		{"{ $concat: ['{{args.name}}'] }", ABSENT},
		{"'{{args.big|micros}}'", ABSENT},
		{"\"{{args.name|int ?? 'none'}}\"", "\"none\""},
		{"'{{args.none|count}}'", ABSENT},
	};

	check_samples(samples, ARRAY_LEN(samples), 0, false);
}
END_TEST

/* Sums of money, exactly; what is smaller than a micro is rounded. */
START_TEST(micros)
{
	static const char *const sums[][2] = {
		{"12.34", "12340000"},
		{"0", "0"},
		{"-0.00", "0"},
		{"0.1", "100000"},
		{"88.10", "88100000"},
		{"-3.5", "-3500000"},
		{"1200", "1200000000"},
		{"0.0000005", "1"},
		{"0.00000049", "0"},
		{"-0.0000005", "-1"},
		{"0.00000005", "0"},
		{"0.9999995", "1000000"},
		{"1e2", "100000000"},
		{"1.5E-3", "1500"},
		{"999999999999.999999", "999999999999999999"},
		{"1000000000000", ABSENT},
		{"1e99", ABSENT},
		{"1e-99", "0"},
		{"-", ABSENT},
		{"1,5", ABSENT},
		{"", ABSENT},
	};

	for (size_t i = 0; i < ARRAY_LEN(sums); i++) {
		AUTO_BUF yaml = {0};
		struct sample sample = {.want = sums[i][1]};

		buf_put_fmt(&yaml, "\"{{'%s'|micros}}\"%c", sums[i][0], 0);
		sample.yaml = yaml.p;
		check_sample(&sample, 0, false);
	}
}
END_TEST

/* What stands in a URL cannot lead elsewhere. */
START_TEST(urls)
{
	static const struct sample samples[] = {
		{"'{{set.base}}/x/{{args.odd}}'", "https://x.example/x/a%2Fb%20c"},
		{"'{{set.base}}/x/{{args.odd|raw}}'", "https://x.example/x/a/b c"},
		{"'{{set.base}}/x/{{args.odd|url}}'", "https://x.example/x/a%2Fb%20c"},
		{"'{{body.next}}'", "https://x.example/a?access_token=s&after=c%201&b=2"},
		{"'{{set.base}}/bot{{secret}}/go'", "https://x.example/bots3cret/go"},
		{"'{{set.base}}/x/{{args.up}}'", ABSENT},
		{"'{{set.base}}/x/{{args.up}}/y'", ABSENT},
		{"'{{set.base}}/x/{{args.empty}}'", ABSENT},
		{"\"{{set.base}}/x{{args.empty ?? ''}}\"", "https://x.example/x"},
		{"'{{set.base}}/x/{{args.none}}'", ABSENT},
	};

	check_samples(samples, ARRAY_LEN(samples), PLACE_REQUEST | PLACE_URL, true);
}
END_TEST

START_TEST(conditions)
{
	static const struct {
		const char *yaml;
		bool holds;
	} samples[] = {
		{"{exists: args.name}", true},
		{"{exists: args.none}", false},
		{"{exists: '{{args.name}}'}", true},
		{"{eq: ['{{args.name}}', Ada Lovelace]}", true},
		{"{eq: ['{{args.num}}', 12]}", true},
		{"{eq: ['{{args.three}}', 3]}", true},
		{"{eq: ['{{args.three}}', '3']}", true},
		{"{eq: ['{{args.id}}', 9007199254740992]}", false},
		{"{eq: ['{{args.on}}', true]}", true},
		{"{eq: ['{{args.on}}', 'true']}", true},
		{"{eq: ['{{args.none}}', '']}", false},
		{"{eq: ['{{args.none}}', '{{args.nothing}}']}", true},
		{"{ne: ['{{args.none}}', x]}", true},
		{"{ne: ['{{args.num}}', 12.0]}", false},
		{"{in: ['{{args.num}}', [11, 12]]}", true},
		{"{in: [x, '{{args.list}}']}", true},
		{"{in: [z, '{{args.list}}']}", false},
		{"{in: ['{{args.none}}', [1]]}", false},
		{"{between: ['{{status}}', 200, 299]}", true},
		{"{between: ['{{status}}', 201, 299]}", false},
		{"{gt: ['{{args.num}}', 9]}", true},
		{"{lt: ['{{args.num}}', 9]}", false},
		{"{gt: ['{{args.none}}', 0]}", false},
		{"{lt: ['2026-01-01', '2026-02-01']}", true},
		{"{contains: ['{{args.name}}', LOVE]}", true},
		{"{contains: ['{{args.list}}', y]}", true},
		{"{contains: ['{{args.list}}', q]}", false},
		{"{contains: ['{{args.none}}', q]}", false},
		{"{matches: ['{{args.name}}', '^Ada']}", true},
		{"{matches: ['{{args.name}}', '^Bob']}", false},
		{"{and: [{exists: args.name}, {exists: args.none}]}", false},
		{"{or: [{exists: args.name}, {exists: args.none}]}", true},
		{"{not: {exists: args.none}}", true},
	};

	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		AUTO(arena) *arena = arena_new(1 << 22);
		AUTO_BUF said = {0};
		struct conf_problems problems = {.file = STR("t"), .out = &said};
		struct naming naming = naming_of(arena, &problems, PLACE_ANSWER);
		struct condition *condition = template_condition(&naming, node_of(arena, samples[i].yaml, &problems));
		struct scope_fixture fixture;

		ck_assert_msg(condition != NULL, "%s: %.*s", samples[i].yaml, STR_ARG(buf_str(&said)));
		scope_fixture_make(&fixture, arena);
		ck_assert_msg(template_holds(condition, &fixture.scope) == samples[i].holds, "%s", samples[i].yaml);
	}
}
END_TEST

START_TEST(mistakes_are_told_with_their_place)
{
	static const struct sample samples[] = {
		{"'{{args.name'", "t:1:1: a hole that opens with {{ has to close with }}"},
		{"a: '{{args.nme}}'", "t:1:4: {{args.nme}}: the arguments have no `nme`"},
		{"'{{args.closed.b}}'", "t:1:1: {{args.closed.b}}: the arguments have no `b`"},
		{"'{{args.file.length}}'",
		 "t:1:1: {{args.file.length}}: a file has size, mime, name, sha256, url and plan, not `length`"},
		{"'{{args.files[0].length}}'",
		 "t:1:1: {{args.files[0].length}}: a file has size, mime, name, sha256, url and plan, not `length`"},
		{"'{{arg.name}}'", "t:1:1: {{arg.name}}: nothing here is called `arg`"},
		{"'{{it.id}}'", "t:1:1: {{it.id}}: nothing here is called `it`"},
		{"'{{set.bse}}'", "t:1:1: {{set.bse}}: there is no setting `bse`"},
		{"'{{cap.later}}'", "t:1:1: {{cap.later}}: no earlier step captures `later`"},
		{"'{{secret}}'", "t:1:1: {{secret}}: only URLs, headers and bodies may hold the secret"},
		{"'{{part.first}}'", "t:1:1: {{part.first}}: only a step with `chunks` has parts"},
		{"'{{header.x-a}}'", "t:1:1: {{header.x-a}}: there is no answer yet"},
		{"'{{args.name|shout}}'", "t:1:1: {{args.name|shout}}: there is no filter `shout`"},
		{"'{{args.name|trunc}}'", "t:1:1: {{args.name|trunc}}: something is missing behind the filter `trunc`"},
		{"'{{args.name|str:2}}'", "t:1:1: {{args.name|str:2}}: nothing may stand behind the filter `str`"},
		{"'{{args.name args.id}}'", "t:1:1: {{args.name args.id}}: cannot be read from here: `args.id`"},
		{"'{{}}'", "t:1:1: {{}}: a path or a literal is missing"},
		{"{$each: '{{args.list}}', make: 1}", "t:1:26: `$each` does not have `make`"},
		{"{$loop: 1}", "t:1:2: there is no structure `$loop`; a member of that name is written $$loop"},
		{"{$if: {is: 1}, then: 1}", "t:1:8: there is no condition `is`"},
		{"{$if: {eq: [1]}, then: 1}", "t:1:12: `eq` takes a list of 2"},
		{"{$if: {matches: [a, '(']}, then: 1}", "t:1:21: not a pattern: "},
	};

	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		AUTO(arena) *arena = arena_new(1 << 22);
		AUTO_BUF said = {0};
		struct conf_problems problems = {.file = STR("t"), .out = &said};
		struct naming naming = naming_of(arena, &problems, 0);

		ck_assert_msg(template_compile(&naming, node_of(arena, samples[i].yaml, &problems)) == NULL, "%s",
			      samples[i].yaml);
		ck_assert_msg(str_starts(buf_str(&said), str_of(samples[i].want)), "got %.*s, want %s",
			      STR_ARG(buf_str(&said)), samples[i].want);
	}
}
END_TEST

/* A stranger's answer cannot keep a loop busy: the budget ends, and says so. */
START_TEST(work_is_bounded)
{
	AUTO(arena) *arena = arena_new(1 << 26);
	AUTO_BUF said = {0}, out = {0}, body = {0};
	struct conf_problems problems = {.file = STR("t"), .out = &said};
	struct naming naming = naming_of(arena, &problems, PLACE_ANSWER);
	struct template *template = template_compile(
		&naming,
		node_of(arena, "{$each: '{{body}}', as: a, do: {$find: '{{body}}', where: {eq: ['{{it}}', '{{a}}x']}}}",
			&problems));
	struct scope_fixture fixture;

	scope_fixture_make(&fixture, arena);
	buf_put_byte(&body, '[');
	for (int i = 0; i < 20000; i++)
		buf_put_fmt(&body, "%s\"%d\"", i == 0 ? "" : ",", i);
	buf_put(&body, STR("]"));
	buf_put_byte(&body, '\0');
	fixture.scope.root[ROOT_BODY] = scope_fixture_json(arena, body.p);
	ck_assert_ptr_nonnull(template);
	template_json(template, &fixture.scope, &out);
	ck_assert(fixture.budget.spent);
}
END_TEST

UNIT_MAIN("template", values_keep_their_types, what_is_absent_disappears, structures, filters, filters_of_texts, micros,
	  urls, conditions, mistakes_are_told_with_their_place, work_is_bounded)
