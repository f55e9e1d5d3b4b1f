/* Words as search cuts them. */
#include "../unit.h"

#include "catalog/search_text.h"

/* The words of a text with a space between each two. */
static const char *words_of(struct str text)
{
	static char out[1024];
	struct search_words words;
	struct str word;
	size_t n = 0;

	search_words_begin(&words, text);
	while (search_words_next(&words, &word)) {
		ck_assert(word.n > 0 && word.n <= SEARCH_WORD_BYTES_MAX);
		ck_assert_uint_lt(n + word.n + 1, sizeof(out));
		memcpy(out + n, word.p, word.n);
		n += word.n;
		out[n++] = ' ';
	}
	out[n > 0 ? n - 1 : 0] = '\0';
	return out;
}

START_TEST(names_are_cut_where_their_writers_did)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{"create_github_issue", "create github issue"},
		{"createGithubIssue", "create github issue creategithubissue"},
		{"HTTPServer", "http server httpserver"},
		{"getUserByID", "get user by id getuserbyid"},
		{"k8s", "k 8 s k8s"},
		{"s3-upload.v2", "s 3 s3 upload v 2 v2"},
		{"CAPS", "cap"},
		{"a", "a"},
		{"", ""},
		{"---", ""},
		{"_x_", "x"},
		{"issues queries status access dns ties", "issue query status access dns tie"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		ck_assert_str_eq(words_of(str_of(cases[i].text)), cases[i].words);
}
END_TEST

START_TEST(other_alphabets_are_folded)
{
	ck_assert_str_eq(words_of(STR("Créer un Événement")), "creer un evenement");
	ck_assert_str_eq(words_of(STR("Übersetzung Łódź naïve")), "ubersetzung lodz naive");
	ck_assert_str_eq(words_of(STR("e\xcc\x81t\xcc\x81")), "et"); /* combining accents */
	ck_assert_str_eq(words_of(STR("ПОИСК Файлов ΣΊΣΥΦΟΣ")), "поиск файлов σισυφοσ");
	ck_assert_str_eq(words_of(STR("ｆｕｌｌ　Ｗｉｄｔｈ")), "full width");
	ck_assert_str_eq(words_of(STR("検索 tool")), "検 索 tool");
	ck_assert_str_eq(words_of(STR("a\xe2\x80\x94"
				      "b\xc2\xa0"
				      "c")),
			 "a b c"); /* dash, no-break space */
}
END_TEST

START_TEST(what_is_no_text_does_no_harm)
{
	char longest[500];

	memset(longest, 'x', sizeof(longest));
	ck_assert_uint_eq(strlen(words_of((struct str){longest, sizeof(longest)})), SEARCH_WORD_BYTES_MAX);
	ck_assert_str_eq(words_of(STR("a\xff\xfe"
				      "b\0c\xe2\x80")),
			 "a b c");
	ck_assert_str_eq(words_of(STR_NONE), "");
}
END_TEST

UNIT_MAIN("search_text", names_are_cut_where_their_writers_did, other_alphabets_are_folded,
	  what_is_no_text_does_no_harm)
