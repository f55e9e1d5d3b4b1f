/* Waste by its rules, one by one, and what must hold for any terms. */
#include "../unit.h"

#include <math.h>
#include <stdio.h>

#include "analytics/analytics.h"
#include "analytics/ngram.h"
#include "base/json.h"

struct answer {
	struct arena *arena;
	struct buf text, svg;
	struct analysis analysis;
	yyjson_val *root;
};

static void ask(struct answer *ret_answer, const struct waste_input *input)
{
	*ret_answer = (struct answer){.arena = arena_new(256 << 20)};
	ret_answer->analysis = (struct analysis){.arena = ret_answer->arena,
						 .currency = STR("EUR"),
						 .chart = true,
						 .data = &ret_answer->text,
						 .svg = &ret_answer->svg};
	ck_ok(waste_analyse(&ret_answer->analysis, input));
	ck_ok(json_read(ret_answer->arena, buf_str(&ret_answer->text), &ret_answer->root));
}

static void answer_free(struct answer *answer)
{
	arena_free(answer->arena);
	buf_free(&answer->text);
	buf_free(&answer->svg);
}

static double number(yyjson_val *object, const char *name)
{
	yyjson_val *v = json_get(object, name);

	ck_assert_msg(v != NULL, "%s is there", name);
	return yyjson_is_raw(v) ? strtod(yyjson_get_raw(v), NULL) : NAN;
}

/* The item of a list whose member is this text; NULL: none. */
static yyjson_val *find(const struct answer *answer, const char *list, const char *member, const char *text)
{
	yyjson_val *items = json_get(answer->root, list);
	size_t n = yyjson_arr_size(items);

	for (size_t i = 0; i < n; i++)
		if (str_eq(json_str(json_get(yyjson_arr_get(items, i), member)), str_of(text)))
			return yyjson_arr_get(items, i);
	return NULL;
}

static bool warned(const struct answer *answer, const char *code)
{
	for (size_t i = 0; i < answer->analysis.warning_count; i++)
		if (strcmp(answer->analysis.warnings[i].code, code) == 0)
			return true;
	return false;
}

/* A sale costs 20.00, one click in ten sells, a click costs 2.00. */
static const struct figures account = {.cost_micros = 2000000000,
				       .value_micros = 9000000000,
				       .impressions = 20000,
				       .clicks = 1000,
				       .conversions = 100};

static struct term row(const char *text, int cost, int clicks, double conversions, enum term_status status)
{
	return (struct term){.text = str_of(text),
			     .campaign_id = STR("c1"),
			     .ad_group_id = STR("g1"),
			     .match_type = STR("BROAD"),
			     .status = status,
			     .figures = {.cost_micros = (int64_t)cost * MICROS,
					 .value_micros = (int64_t)(conversions * 90) * MICROS,
					 .impressions = clicks * 20,
					 .clicks = clicks,
					 .conversions = conversions}};
}

static struct waste_input usual(const struct term *rows, size_t count)
{
	return (struct waste_input){.terms = rows, .term_count = count, .account = account, .threshold = WASTE_ONE_CPA};
}

/* Ask with what is set in `input` between. */
#define ASK(answer, rows, ...)                                                                                         \
	do {                                                                                                           \
		struct waste_input input = usual(rows, ARRAY_LEN(rows));                                               \
                                                                                                                       \
		__VA_ARGS__;                                                                                           \
		ask(answer, &input);                                                                                   \
	} while (0)

/* Exactly the threshold is waste, a micro less is not; a sale is none; unsure is waste but no negative. */
START_TEST(thresholds)
{
	struct term rows[] = {row("exactly", 20, 30, 0, TERM_NONE), row("below", 20, 30, 0, TERM_NONE),
			      row("sold", 500, 30, 0.5, TERM_NONE), row("unlucky", 90, 5, 0, TERM_NONE),
			      row("medium", 30, 20, 0, TERM_NONE)};
	struct answer answer;

	rows[1].figures.cost_micros--;
	ASK(&answer, rows);
	ck_assert_double_eq(number(answer.root, "threshold_amount"), 20);
	ck_assert(yyjson_is_true(json_get(find(&answer, "terms", "term", "exactly"), "is_waste")));
	ck_assert(yyjson_is_false(json_get(find(&answer, "terms", "term", "below"), "is_waste")));
	ck_assert(yyjson_is_false(json_get(find(&answer, "terms", "term", "sold"), "is_waste")));
	ck_assert(yyjson_is_true(json_get(find(&answer, "terms", "term", "unlucky"), "is_waste")));
	ck_assert_double_eq(number(answer.root, "waste_total_amount"), 140);
	ck_assert_double_eq(number(answer.root, "waste_pct"), 21.21); /* of 659.999999 */
	ck_assert_double_eq_tol(number(answer.root, "unreported_cost_amount"), 1340.000001, 1e-9);
	ck_str(json_str(json_get(find(&answer, "terms", "term", "exactly"), "confidence")),
	       "high"); /* 0.9^30 = 0.042 */
	ck_assert_double_eq(number(find(&answer, "terms", "term", "exactly"), "p_zero_ratio"), 0.0424);
	ck_str(json_str(json_get(find(&answer, "terms", "term", "medium"), "confidence")), "medium");
	ck_str(json_str(json_get(find(&answer, "terms", "term", "unlucky"), "confidence")), "low");
	ck_assert_ptr_nonnull(find(&answer, "negatives", "text", "exactly"));
	ck_assert_ptr_nonnull(find(&answer, "negatives", "text", "medium"));
	ck_assert_ptr_null(find(&answer, "negatives", "text", "unlucky"));
	ck_assert_double_eq(number(answer.root, "saves_total_amount"), 50);
	answer_free(&answer);

	ASK(&answer, rows, input.threshold = WASTE_ANY_SPEND);
	ck_assert_double_eq(number(answer.root, "waste_count"), 4);
	answer_free(&answer);
	ASK(&answer, rows, input.threshold = WASTE_HALF_CPA);
	ck_assert_double_eq(number(answer.root, "threshold_amount"), 10);
	answer_free(&answer);
	ASK(&answer, rows, input.threshold = WASTE_TWO_CPA);
	ck_assert_double_eq(number(answer.root, "threshold_amount"), 40);
	ck_assert_double_eq(number(answer.root, "waste_count"), 1);
	answer_free(&answer);
}
END_TEST

/* Without a sale in the account, 20 clicks stand for one, and nothing is sure. */
START_TEST(no_sales)
{
	struct term rows[] = {row("a b", 45, 300, 0, TERM_NONE), row("c", 39, 300, 0, TERM_NONE)};
	struct figures none = account;
	struct answer answer;

	none.conversions = 0;
	ASK(&answer, rows, input.account = none);
	ck_assert(warned(&answer, "cpa_undefined"));
	ck_assert_double_eq(number(answer.root, "threshold_amount"), 40);
	ck_assert(yyjson_is_null(json_get(answer.root, "account_cpa_amount")));
	ck_assert_double_eq(number(answer.root, "waste_count"), 1);
	ck_assert_uint_eq(yyjson_arr_size(json_get(answer.root, "negatives")), 0);
	answer_free(&answer);

	ASK(&answer, rows, input.account = (struct figures){0});
	ck_assert(yyjson_is_null(json_get(answer.root, "threshold_amount")));
	ck_assert_double_eq(number(answer.root, "waste_count"), 0);
	answer_free(&answer);
}
END_TEST

/* One text is one term, in whatever case, ad group and campaign. */
START_TEST(merging)
{
	struct term rows[] = {row("Gratis CRM", 15, 20, 0, TERM_NONE), row("gratis crm", 18, 20, 0, TERM_NONE),
			      row("GRATIS Ü", 15, 20, 0, TERM_EXCLUDED), row("gratis ü", 15, 20, 0, TERM_NONE)};
	struct answer answer;
	yyjson_val *term, *negative;

	rows[1].campaign_id = STR("c2");
	rows[1].ad_group_id = STR("g2");
	rows[1].performance_max = true;
	ASK(&answer, rows);
	ck_assert_double_eq(number(answer.root, "term_count"), 2);
	term = find(&answer, "terms", "term", "gratis crm");
	ck_assert_double_eq(number(term, "cost_amount"), 33);
	ck_str(json_str(json_get(term, "campaign_id")), "c2");
	ck_assert_uint_eq(yyjson_arr_size(json_get(term, "ad_group_ids")), 2);
	ck_str(json_str(json_get(find(&answer, "terms", "term", "gratis ü"), "status")), "NONE");
	negative = find(&answer, "negatives", "text", "gratis crm");
	ck_str(json_str(json_get(negative, "level")), "campaign"); /* a Performance Max campaign is among them */
	ck_assert_uint_eq(yyjson_arr_size(json_get(negative, "campaign_ids")), 2);
	ck_str(json_str(json_get(find(&answer, "negatives", "text", "gratis ü"), "level")), "ad_group");
	answer_free(&answer);
}
END_TEST

/* Nothing that is in a term that sells, in a keyword, in a brand; nothing that is excluded already. */
START_TEST(never_suggested)
{
	static const struct str brands[] = {STR("acme shop")};
	struct term rows[] = {row("red shoes", 50, 60, 0, TERM_NONE),
			      row("buy red shoes now", 50, 60, 3, TERM_NONE),
			      row("blue shoes", 50, 60, 0, TERM_NONE),
			      row("blue shoes online", 30, 30, 0, TERM_ADDED),
			      row("acme shop hours", 50, 60, 0, TERM_NONE),
			      row("shop", 50, 60, 0, TERM_NONE),
			      row("shoes wiki", 50, 60, 0, TERM_EXCLUDED),
			      row("one two three four", 50, 60, 0, TERM_NONE),
			      row("zero one two three four", 9, 9, 1, TERM_NONE),
			      row("one two three five", 50, 60, 0, TERM_NONE),
			      row("keyword", 50, 60, 0, TERM_ADDED),
			      row("!?", 50, 60, 0, TERM_NONE)};
	struct answer answer;

	ASK(&answer, rows, input.brands = brands; input.brand_count = 1);
	ck_assert_ptr_nonnull(find(&answer, "negatives", "text", "one two three five"));
	ck_assert_uint_eq(yyjson_arr_size(json_get(answer.root, "negatives")), 1);
	ck_assert_ptr_nonnull(find(&answer, "already_excluded", "term", "shoes wiki"));
	ck_assert_uint_eq(yyjson_arr_size(json_get(answer.root, "already_excluded")), 1);
	ck_assert_double_eq(number(answer.root, "saves_total_amount"), 50);
	answer_free(&answer);
}
END_TEST

/* Cheap terms with a common run of words: the longest run in the same terms, each cost once, the exact ones first. */
START_TEST(phrases)
{
	struct term rows[] = {row("crm jobs berlin", 15, 15, 0, TERM_NONE),
			      row("crm jobs hamburg", 15, 15, 0, TERM_NONE),
			      row("best crm jobs", 12, 15, 0, TERM_NONE),
			      row("crm jobs dear", 80, 60, 0, TERM_NONE),
			      row("the free crm tool", 15, 15, 0, TERM_NONE),
			      row("a free crm list", 10, 10, 0, TERM_NONE),
			      row("crm", 100, 90, 20, TERM_NONE),
			      row("free", 10, 10, 2, TERM_NONE),
			      row("alone here", 19, 40, 0, TERM_NONE)};
	struct answer answer;
	yyjson_val *jobs;

	ASK(&answer, rows);
	jobs = find(&answer, "negatives", "text", "crm jobs");
	ck_assert_ptr_nonnull(jobs);
	ck_str(json_str(json_get(jobs, "match_type")), "PHRASE");
	ck_assert_double_eq(number(jobs, "term_count"), 4);
	ck_assert_double_eq(number(jobs, "saves_amount"), 42); /* the dear one has its own */
	ck_assert_double_eq(number(find(&answer, "negatives", "text", "crm jobs dear"), "saves_amount"), 80);
	ck_assert_ptr_null(find(&answer, "negatives", "text", "jobs"));	    /* in the same terms, and shorter */
	ck_assert_ptr_null(find(&answer, "negatives", "text", "crm"));	    /* sells */
	ck_assert_ptr_null(find(&answer, "negatives", "text", "free crm")); /* 25 is less than two thresholds */
	ck_assert_double_eq(number(answer.root, "saves_total_amount"), 122);
	ck_assert_double_eq(number(answer.root, "waste_total_amount"), 80);
	ck_assert_double_eq(number(answer.root, "long_tail_waste_amount"), 42);
	answer_free(&answer);
}
END_TEST

START_TEST(placements)
{
	struct term rows[] = {row("audience_network/rewarded_video", 60, 90, 0, TERM_NONE),
			      row("facebook/feed", 900, 700, 90, TERM_NONE),
			      row("audience_network/rewarded_video", 70, 90, 2, TERM_NONE)};
	struct answer answer;
	yyjson_val *exclusion;

	rows[0].learning = true;
	rows[2].campaign_id = STR("c2");
	ASK(&answer, rows, input.placements = true);
	ck_assert(warned(&answer, "meta_has_no_search_terms"));
	ck_str(json_str(json_get(answer.root, "entity_kind")), "placement");
	ck_assert_double_eq(number(answer.root, "term_count"), 3); /* each campaign's by itself */
	ck_assert_uint_eq(yyjson_arr_size(json_get(answer.root, "exclusions")), 1);
	exclusion = yyjson_arr_get_first(json_get(answer.root, "exclusions"));
	ck_str(json_str(json_get(exclusion, "action")), "exclude_placement");
	ck_str(json_str(json_get(exclusion, "campaign_id")), "c1");
	ck_str(json_str(json_get(exclusion, "publisher_platform")), "audience_network");
	ck_str(json_str(json_get(exclusion, "platform_position")), "rewarded_video");
	ck_assert(yyjson_is_true(json_get(exclusion, "learning")));
	ck_assert_ptr_null(json_get(answer.root, "negatives"));
	answer_free(&answer);
}
END_TEST

START_TEST(nothing)
{
	struct waste_input input = {.account = account};
	struct answer answer;

	ask(&answer, &input);
	ck_assert(answer.analysis.no_data);
	ck_assert(yyjson_is_null(json_get(answer.root, "waste_pct")));
	ck_assert_uint_eq(answer.svg.n, 0);
	answer_free(&answer);
}
END_TEST

/* ---- any terms ---- */

static uint64_t random_state;

static unsigned random_below(unsigned n)
{
	random_state = random_state * 6364136223846793005 + 1442695040888963407;
	return (unsigned)(random_state >> 33) % n;
}

#define ANY_TERMS 400
struct any {
	struct term rows[ANY_TERMS];
	char texts[ANY_TERMS][128];
};

static void any_terms(struct any *any, int scale)
{
	static const char *const words[] = {"crm",  "free", "jobs",  "the",    "tool", "Wiki",
					    "acme", "x",    "größe", "список", "how",  "to"};

	for (size_t i = 0; i < ANY_TERMS; i++) {
		char *at = any->texts[i];
		unsigned n = 1 + random_below(5), sold = random_below(4);

		for (unsigned j = 0; j < n; j++)
			at += snprintf(at, 24, "%s%s",
				       j == 0		      ? ""
				       : random_below(5) == 0 ? "-"
							      : " ",
				       words[random_below(ARRAY_LEN(words))]);
		any->rows[i] = row(any->texts[i], (int)random_below(30), (int)random_below(60), sold == 0,
				   random_below(12) == 0);
		any->rows[i].figures.cost_micros *= scale;
		any->rows[i].figures.value_micros *= scale;
	}
}

/* Whether `run` is in the text of a row that must stay. */
static bool in_kept(struct arena *arena, const struct any *any, struct str run)
{
	for (size_t i = 0; i < ANY_TERMS; i++) {
		const struct term *term = &any->rows[i];

		if ((term->figures.conversions > 0 || term->status == TERM_ADDED) &&
		    words_contain(text_words(arena, text_lower(arena, term->text)), text_words(arena, run)))
			return true;
	}
	return false;
}

static void ck_promises(const struct answer *answer, const struct any *any)
{
	yyjson_val *negatives = json_get(answer->root, "negatives");
	size_t n = yyjson_arr_size(negatives);
	double saves = 0;

	for (size_t i = 0; i < n; i++) {
		yyjson_val *one = yyjson_arr_get(negatives, i);
		struct str text = json_str(json_get(one, "text"));

		ck_assert_msg(!in_kept(answer->arena, any, text), "'%.*s' is in what must stay", STR_ARG(text));
		ck_assert_msg(memmem(text.p, text.n, "acme", 4) == NULL, "'%.*s' is a brand", STR_ARG(text));
		ck_assert_double_gt(number(one, "saves_amount"), 0);
		saves += number(one, "saves_amount");
	}
	ck_assert_double_eq_tol(saves, number(answer->root, "saves_total_amount"), 1e-6);
	ck_assert_double_le(saves, number(answer->root, "waste_total_amount") +
					   number(answer->root, "long_tail_waste_amount") + 1e-6);
	ck_assert_double_le(number(answer->root, "waste_total_amount"),
			    number(answer->root, "terms_cost_amount") + 1e-6);
}

START_TEST(any_terms_at_all)
{
	static const struct str brands[] = {STR("acme")};
	static struct any small, scaled;
	size_t found = 0;

	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct figures rich = account;
		struct answer one, again, large;
		size_t n;

		random_state = seed;
		any_terms(&small, 1);
		random_state = seed;
		any_terms(&scaled, 1000);
		ASK(&one, small.rows, input.brands = brands; input.brand_count = 1;
		    input.threshold = (enum waste_threshold)(seed % 4));
		ASK(&again, small.rows, input.brands = brands; input.brand_count = 1;
		    input.threshold = (enum waste_threshold)(seed % 4));
		rich.cost_micros *= 1000;
		ASK(&large, scaled.rows, input.brands = brands; input.brand_count = 1;
		    input.threshold = (enum waste_threshold)(seed % 4); input.account = rich);
		ck_promises(&one, &small);
		ck_bytes(buf_str(&again.text), buf_str(&one.text));
		/* All money times a thousand: the same is waste, and the same is suggested. */
		ck_assert_double_eq(number(large.root, "waste_pct"), number(one.root, "waste_pct"));
		n = yyjson_arr_size(json_get(one.root, "negatives"));
		found += n;
		ck_assert_uint_eq(yyjson_arr_size(json_get(large.root, "negatives")), n);
		for (size_t i = 0; i < n; i++)
			ck_bytes(json_str(json_get(yyjson_arr_get(json_get(large.root, "negatives"), i), "text")),
				 json_str(json_get(yyjson_arr_get(json_get(one.root, "negatives"), i), "text")));
		answer_free(&one);
		answer_free(&again);
		answer_free(&large);
	}
	ck_assert_uint_gt(found, 40);
}
END_TEST

/* ---- words and the table ---- */

#define ck_words(text, want) ck_str(text_words(arena, text_lower(arena, STR(text))), want)

START_TEST(words)
{
	struct arena *arena = arena_new(1 << 20);

	ck_words("  Men's  RED-shoes, 43! ", "men s red shoes 43");
	ck_words("ÄÖÜ Straße", "äöü straße");
	ck_words("ΑΘΗΝΑ «ЁЛКА»", "αθηνα ёлка");
	ck_words("东京 靴。安い", "东京 靴 安い");
	ck_words("a\xff"
		 "b",
		 "a\xff"
		 "b"); /* what is no UTF-8 is a letter */
	ck_words("?!…", "");
	ck_assert(words_contain(STR("a bc d"), STR("bc")));
	ck_assert(words_contain(STR("a bc d"), STR("bc d")));
	ck_assert(!words_contain(STR("a bc d"), STR("b")));
	ck_assert(!words_contain(STR("a bc d"), STR("c d")));
	ck_assert(!words_contain(STR("a bc d"), STR("")));
	ck_assert(words_contain(STR("aa a"), STR("a")));
	ck_assert(word_is_empty(STR("the")) && word_is_empty(STR("für")) && word_is_empty(STR("x")) &&
		  word_is_empty(STR("ü")));
	ck_assert(!word_is_empty(STR("crm")) && !word_is_empty(STR("jobs")));
	arena_free(arena);
}
END_TEST

/* When there is no room for more runs, those counted are still counted in full. */
START_TEST(full_table)
{
	struct arena *arena = arena_new(64 << 20);
	struct ngram_table table;
	char text[32];

	ck_ok(ngram_table_make(arena, 1, &table));
	ngram_count(&table, STR("known run"), 1, 5, 1);
	for (uint32_t i = 0; i < 200; i++) {
		snprintf(text, sizeof(text), "w%u", i);
		ngram_count(&table, arena_str(arena, str_of(text)), 2 + i, 1, 1);
	}
	ck_assert(table.full);
	ngram_count(&table, STR("a known run known run"), 300, 7, 2);
	ck_assert_uint_eq(ngram_find(&table, STR("known run"))->terms, 2);
	ck_assert_int_eq(ngram_find(&table, STR("known run"))->cost_micros, 12);
	ck_assert_ptr_null(ngram_find(&table, STR("w199")));
	arena_free(arena);
}
END_TEST

UNIT_MAIN("waste", thresholds, no_sales, merging, never_suggested, phrases, placements, nothing, any_terms_at_all,
	  words, full_table)
