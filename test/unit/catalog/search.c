/* Ranking: over a catalogue of 5,000 tools that is made as real ones are (services, verbs, nouns, the same
 * phrases everywhere) with some that people look for. What must come first does. */
#include "../unit.h"

#include <stdio.h>
#include <time.h>

#include "catalog/search.h"

#define TOOLS 5000
#define ITEM(name_, json_)                                                                                             \
	{                                                                                                              \
		.name = {(name_), sizeof(name_) - 1}, .original = {(name_), sizeof(name_) - 1}, .json = {              \
			(json_),                                                                                       \
			sizeof(json_) - 1                                                                              \
		}                                                                                                      \
	}

static struct catalog_item wanted[] = {
	ITEM("github_create_issue",
	     "{\"name\":\"create_issue\",\"description\":\"Create a new issue in a GitHub repository\","
	     "\"inputSchema\":{\"properties\":{\"owner\":{},\"repo\":{},\"title\":{}}}}"),
	ITEM("github_search_code",
	     "{\"name\":\"search_code\",\"description\":\"Search for code across GitHub repositories\"}"),
	ITEM("fs_read_text_file",
	     "{\"name\":\"read_text_file\",\"title\":\"Read Text File\",\"description\":\"Read the complete "
	     "contents of a file from the file system as text\"}"),
	ITEM("mail_send",
	     "{\"name\":\"send\",\"title\":\"Send e-mail\",\"description\":\"Sends an e-mail message to one or more "
	     "recipients, with attachments\",\"inputSchema\":{\"properties\":{\"recipient\":{\"description\":"
	     "\"Address of the recipient\"},\"subject\":{},\"body\":{}}}}"),
	ITEM("billing_refundPayment",
	     "{\"name\":\"refundPayment\",\"description\":\"Gives the money of a payment back to the "
	     "customer\",\"inputSchema\":{\"properties\":{\"paymentId\":{},\"amount\":{}}}}"),
	ITEM("maps_geocode", "{\"name\":\"geocode\",\"description\":\"Converts an address into coordinates\"}"),
	ITEM("db_query",
	     "{\"name\":\"query\",\"description\":\"Run a read-only SQL query against the PostgreSQL database\"}"),
	ITEM("kal_terminErstellen",
	     "{\"name\":\"terminErstellen\",\"description\":\"Erstellt einen Termin für morgen im Kalender\"}"),
};

static struct catalog_item made[TOOLS];
static struct catalog_item *all[TOOLS + ARRAY_LEN(wanted)];
static struct arena *arena;
static struct search *search;

static void make_tool(unsigned i)
{
	static const char *const services[] = {"jira",	"slack",   "notion", "stripe", "hubspot",
					       "asana", "zendesk", "drive",  "figma",  "sentry"};
	static const char *const verbs[] = {"list",   "get",	"update", "delete", "archive",
					    "export", "import", "assign", "tag",    "watch"};
	static const char *const nouns[] = {"record", "project", "ticket", "user",    "comment",
					    "page",   "board",	 "label",  "channel", "report"};
	const char *service = services[i % 10], *verb = verbs[i / 10 % 10], *noun = nouns[i / 100 % 10];

	made[i].name = made[i].original = arena_fmt(arena, "%s_%s_%s_%u", service, verb, noun, i / 1000);
	made[i].json = arena_fmt(
		arena,
		"{\"name\":\"%s_%s\",\"description\":\"%s a %s in %s. Use this tool when you want to %s "
		"one or more %ss of a workspace; returns the first page and a cursor for the rest.\","
		"\"inputSchema\":{\"type\":\"object\",\"properties\":{\"%s_id\":{\"description\":\"Which %s\"},"
		"\"limit\":{\"description\":\"Most to return\"}}}}",
		verb, noun, verb, noun, service, verb, noun, noun, noun);
	all[i] = &made[i];
}

static void build(void)
{
	arena = arena_new(256u << 20);
	for (unsigned i = 0; i < TOOLS; i++)
		make_tool(i);
	/* Spread, so that the order of the list helps nobody. */
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		all[TOOLS + i] = all[i * 617 + 31];
		all[i * 617 + 31] = &wanted[i];
	}
	search = search_build(arena, all, ARRAY_LEN(all));
}

static size_t run(const char *query, struct search_hit hits[SEARCH_HITS_MAX])
{
	AUTO(arena) *scratch = arena_new(1 << 20);

	return search_run(search, str_of(query), scratch, hits, SEARCH_HITS_MAX);
}

START_TEST(what_is_meant_comes_first)
{
	static const struct {
		const char *query, *name;
	} cases[] = {
		{"create github issue", "github_create_issue"},
		{"open a new issue on GitHub", "github_create_issue"},
		{"file a bug in a repo: create issue", "github_create_issue"},
		{"search code", "github_search_code"},
		{"searching the code of repositories", "github_search_code"},
		{"read a file", "fs_read_text_file"},
		{"send an email to a recipient", "mail_send"},
		{"sending mails", "mail_send"},
		{"refund", "billing_refundPayment"},
		{"give a customer their money back", "billing_refundPayment"},
		{"refundpayment", "billing_refundPayment"},
		{"coordinates of an address", "maps_geocode"},
		{"geocoding", "maps_geocode"},
		{"SQL", "db_query"},
		{"postgres query", "db_query"},
		{"termin fur morgen", "kal_terminErstellen"},
		{"db_query", "db_query"},
		{" maps_geocode ", "maps_geocode"},
		{"slack archive channel", "slack_archive_channel_0"},
		{"jira_watch_label_3", "jira_watch_label_3"},
		{"delete the tickets in zendesk", "zendesk_delete_ticket_0"},
	};
	struct search_hit hits[SEARCH_HITS_MAX];

	build();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		ck_assert_msg(run(cases[i].query, hits) > 0, "%s: nothing", cases[i].query);
		ck_assert_msg(str_eq(hits[0].item->name, str_of(cases[i].name)), "%s: %.*s, not %s", cases[i].query,
			      STR_ARG(hits[0].item->name), cases[i].name);
	}
	arena_free(arena);
}
END_TEST

START_TEST(hits_are_ordered_bounded_and_the_same_each_time)
{
	struct search_hit hits[SEARCH_HITS_MAX], again[SEARCH_HITS_MAX];
	AUTO(arena) *scratch = arena_new(1 << 20);
	AUTO(arena) *tiny = arena_new(16);
	size_t count, before = 0;

	build();
	count = run("list the tickets", hits);
	ck_assert_uint_eq(count, SEARCH_HITS_MAX);
	ck_assert_uint_eq(run("list the tickets", again), count);
	for (size_t i = 0; i < count; i++)
		ck_assert_ptr_eq(hits[i].item, again[i].item);
	for (size_t i = 1; i < count; i++)
		ck_assert(hits[i - 1].score >= hits[i].score);
	ck_assert_uint_eq(search_run(search, STR("list"), scratch, hits, 3), 3);
	/* Alike: in the order of the list. */
	ck_assert(hits[0].score == hits[1].score);
	for (size_t i = 0; i < TOOLS; i++)
		if (all[i] == hits[0].item)
			before = i;
	for (size_t i = 0; i < before; i++)
		ck_assert_ptr_ne(all[i], hits[1].item);

	ck_assert_uint_eq(run("", hits), 0);
	ck_assert_uint_eq(run("the of and to", hits), 0);
	ck_assert_uint_eq(run("qqqq xkcd \xff\xfe", hits), 0);
	ck_assert_uint_eq(search_run(search, STR("list"), scratch, hits, 0), 0);
	ck_assert_uint_eq(search_run(search, STR("list"), tiny, hits, 5), 0);
	arena_free(arena);
}
END_TEST

START_TEST(an_empty_list_is_searched)
{
	AUTO(arena) *own = arena_new(1 << 20);
	struct search *none = search_build(own, NULL, 0);
	struct search_hit hits[1];

	ck_assert_uint_eq(search_run(none, STR("anything"), own, hits, 1), 0);
}
END_TEST

UNIT_MAIN("search", what_is_meant_comes_first, hits_are_ordered_bounded_and_the_same_each_time,
	  an_empty_list_is_searched)
