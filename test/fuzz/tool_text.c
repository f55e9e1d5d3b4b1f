/* Texts of tools as any server may write them: words for search, suspicion, skeletons and what people
 * are shown. Whatever the bytes, words fit and are the same each time, what is shown is JSON without
 * hidden characters, and a skeleton has itself as skeleton. */
#include "base/check.h"
#include "base/json.h"
#include "catalog/search_text.h"
#include "catalog/suspicion.h"

static void check_words(struct str text)
{
	struct search_words words, again;
	struct str word, same;
	size_t count = 0;

	search_words_begin(&words, text);
	search_words_begin(&again, text);
	while (search_words_next(&words, &word)) {
		CHECK(word.n > 0 && word.n <= SEARCH_WORD_BYTES_MAX && str_is_utf8(word));
		CHECK(search_words_next(&again, &same) && str_eq(word, same));
		CHECK(++count <= 2 * text.n);
	}
}

static void check_shown(struct str text)
{
	AUTO(arena) *arena = arena_new(64u << 20);
	AUTO_BUF shown = {0};
	yyjson_val *root;

	suspicion_show(&shown, text);
	CHECK(json_read(arena, buf_str(&shown), &root) == OK && yyjson_is_str(root));
	CHECK((suspicion_of_text(buf_str(&shown)) & (SUSPICION(HIDDEN) | SUSPICION(BIDI))) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct str text = {(const char *)bytes, n};
	AUTO_BUF look = {0}, twice = {0};

	check_words(text);
	check_shown(text);
	CHECK(suspicion_of_text(text) == suspicion_of_text(text));
	suspicion_skeleton(text, &look);
	suspicion_skeleton(buf_str(&look), &twice);
	CHECK(str_eq(buf_str(&look), buf_str(&twice)));
	return 0;
}
