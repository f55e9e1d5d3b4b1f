/* notes.search: words to notes. A query is words that must all be there, "phrases", words with a * for what they begin,
 * and words with a - that must not be there. Each becomes a quoted text of FTS5's own syntax, so that nothing a caller
 * writes is an operator. */
#include "base/clock.h"
#include "notes/ops.h"
#include "notes/path.h"

#define QUERY_WORDS_MAX 32
#define QUERY_BYTES_MAX 256
#define SNIPPET_BEFORE 60 /* bytes shown before the first match, and behind where it begins */
#define SNIPPET_AFTER 160
#define TIME_MS_MAX (INT64_MAX / 1000000)
#define OFFSET_MAX 10000 /* how far pages go */

struct word {
	struct str text;
	bool negative, prefix;
};

/* The next word or phrase.   returns    false at the end */
static bool take_word(struct str *query, struct word *ret_word)
{
	struct str rest = str_trim(*query);
	struct word word = {.negative = false};
	const char *end;

	if (rest.n > 1 && rest.p[0] == '-') {
		word.negative = true;
		rest = str_skip(rest, 1);
	}
	if (rest.n == 0)
		return false;
	if (rest.p[0] == '"') {
		rest = str_skip(rest, 1);
		end = rest.n > 0 ? memchr(rest.p, '"', rest.n) : NULL;
		word.text = end == NULL ? rest : (struct str){rest.p, (size_t)(end - rest.p)};
		*query = str_skip(rest, word.text.n + 1);
	} else {
		while (word.text.n < rest.n && strchr(" \t\r\n\"", rest.p[word.text.n]) == NULL)
			word.text.n++;
		word.text.p = rest.p;
		*query = str_skip(rest, word.text.n);
		word.prefix = word.text.n > 1 && word.text.p[word.text.n - 1] == '*';
		word.text.n -= word.prefix;
	}
	*ret_word = word;
	return true;
}

/* What the tokenizer makes no word of would match nothing. */
static bool has_letters(struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = (uint8_t)text.p[i];

		if (c >= 0x80 || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
			return true;
	}
	return false;
}

static void put_word(struct buf *out, const struct word *word)
{
	buf_put_byte(out, '"');
	for (size_t i = 0; i < word->text.n; i++) {
		if (word->text.p[i] == '"')
			buf_put_byte(out, '"');
		buf_put_byte(out, word->text.p[i] == '\0' ? ' ' : word->text.p[i]);
	}
	buf_put(out, word->prefix ? STR("\"*") : STR("\""));
}

/* The query in FTS5's syntax: ("a" AND "b") NOT ("c" OR "d"). */
static enum err make_match(struct note_ask *ask, struct str query, struct str *ret_match)
{
	AUTO_BUF wanted = {0};
	AUTO_BUF unwanted = {0};
	struct word word;

	for (size_t count = 0; take_word(&query, &word); count++) {
		struct buf *out = word.negative ? &unwanted : &wanted;

		if (count == QUERY_WORDS_MAX)
			return ask_refuse(ask, STR("invalid"), "a query has at most %d words", QUERY_WORDS_MAX);
		if (!has_letters(word.text))
			continue;
		if (out->n > 0)
			buf_put(out, word.negative ? STR(" OR ") : STR(" AND "));
		put_word(out, &word);
	}
	if (wanted.n == 0 && unwanted.n > 0)
		return ask_refuse(ask, STR("invalid"), "give at least one word that has to be there");
	*ret_match = unwanted.n == 0 ? arena_str(ask->call->arena, buf_str(&wanted))
				     : arena_fmt(ask->call->arena, "(%.*s) NOT (%.*s)", STR_ARG(buf_str(&wanted)),
						 STR_ARG(buf_str(&unwanted)));
	return OK;
}

static enum err read_time(struct note_ask *ask, struct str text, int64_t *ret_ns)
{
	int64_t ms;

	*ret_ns = 0;
	if (text.n == 0)
		return OK;
	if (text.n == 10)
		text = arena_fmt(ask->call->arena, "%.*sT00:00:00Z", STR_ARG(text));
	if (clock_iso_read(text, &ms) != OK || ms < 0)
		return ask_refuse(ask, STR("invalid"),
				  "`modified_after` is a date like 2026-05-01 or 2026-05-01T12:00:00Z");
	*ret_ns = ms > TIME_MS_MAX ? INT64_MAX : ms * 1000000;
	return OK;
}

static enum err read_filters(struct note_ask *ask, struct index_query *query)
{
	struct arena *arena = ask->call->arena;
	struct str tag = ask_text(ask, "tag"), folder;
	yyjson_val *property = ask_value(ask, "property"), *value = json_get(property, "value");
	const char *why;

	query->tag = note_fold(arena, str_starts(tag, STR("#")) ? str_skip(tag, 1) : tag);
	if (note_folder_read(arena, ask_text(ask, "folder"), &folder, &why) != OK)
		return ask_refuse(ask, STR("invalid"), "`folder`: %s", why);
	if (folder.n > 0)
		query->folder = note_fold(arena, arena_fmt(arena, "%.*s/", STR_ARG(folder)));
	query->property_name = note_fold(arena, json_str(json_get(property, "name")));
	if (value != NULL && !yyjson_is_str(value)) {
		AUTO_BUF text = {0};

		json_write(&text, value);
		query->property_value = arena_str(arena, buf_str(&text));
	} else {
		query->property_value = note_fold(arena, json_str(value));
	}
	return read_time(ask, ask_text(ask, "modified_after"), &query->modified_after_ns);
}

static enum err read_query(struct note_ask *ask, struct index_query *ret_query)
{
	struct str query = ask_text(ask, "query"), cursor = ask_text(ask, "cursor");
	uint64_t offset = 0;

	*ret_query = (struct index_query){.limit = ask_int(ask, "limit", 20)};
	if (query.n > QUERY_BYTES_MAX * 4)
		return ask_refuse(ask, STR("invalid"), "a query has at most %d characters", QUERY_BYTES_MAX);
	if (cursor.n > 0 && (str_to_u64(cursor, &offset) != OK || offset > OFFSET_MAX))
		return ask_refuse(ask, STR("invalid"), "the list is not read that far: make the query narrower");
	ret_query->offset = (int64_t)offset;
	if (ret_query->limit < 1 || ret_query->limit > 50)
		ret_query->limit = 20;
	TRY(make_match(ask, query, &ret_query->match));
	return read_filters(ask, ret_query);
}

/* ---- answering ------------------------------------------------------------------------ */

/* Not within a character, nor within a mark's reach. */
static size_t step_back(struct str text, size_t at, size_t bytes)
{
	size_t from = at > bytes ? at - bytes : 0;

	while (from < at && ((uint8_t)text.p[from] & 0xC0) == 0x80)
		from++;
	return from;
}

static void put_snippet(struct buf *out, struct str text, size_t match)
{
	size_t from = step_back(text, match, SNIPPET_BEFORE);
	struct str shown = str_shorten(str_skip(text, from), match - from + SNIPPET_AFTER);
	AUTO_BUF clean = {0};

	for (size_t i = 0; i < shown.n; i++) {
		char c = shown.p[i];

		if (c == INDEX_MARK || c == INDEX_MARK_END)
			continue;
		if (c == '\n' || c == '\t')
			c = ' ';
		if (c != ' ' || (clean.n > 0 && clean.p[clean.n - 1] != ' '))
			buf_put_byte(&clean, c);
	}
	buf_put_json(out, str_trim(buf_str(&clean)));
}

/* Where the body begins: a note that is found by its title is shown from there. */
static size_t body_start(struct str text)
{
	return front_find(text).end;
}

static enum err put_hit(struct note_ask *ask, const struct index_query *query, const struct index_hit *hit,
			struct buf *out)
{
	struct arena *arena = ask->call->arena;
	struct str text = STR_NONE;
	const char *mark;
	size_t match;

	if (query->match.n > 0)
		TRY(index_marked(ask->side, arena, query->match, hit->id, &text));
	else
		TRY(index_text(ask->side, arena, hit->id, &text));
	mark = text.n > 0 ? memchr(text.p, INDEX_MARK, text.n) : NULL;
	match = mark != NULL ? (size_t)(mark - text.p) : body_start(text);
	buf_put(out, STR("{\"path\":"));
	buf_put_json(out, hit->path);
	buf_put(out, STR(",\"title\":"));
	buf_put_json(out, hit->title);
	buf_put_fmt(out, ",\"score\":%.*s,\"tags\":%.*s,\"modified\":", STR_ARG(hit->score), STR_ARG(hit->tags));
	put_time(out, hit->modified_ms);
	buf_put_fmt(out, ",\"line\":%zu,\"snippet\":", note_line(text, match));
	put_snippet(out, text, match);
	buf_put_byte(out, '}');
	return OK;
}

enum err op_search(struct note_ask *ask)
{
	struct index_query query;
	struct index_hit *hits;
	int64_t wanted;
	AUTO_BUF out = {0};
	size_t count;

	TRY(read_query(ask, &query));
	wanted = query.limit++; /* one more tells whether there is another page */
	TRY(index_search(ask->side, ask->call->arena, &query, &hits, &count));
	buf_put(&out, STR("{\"notes\":["));
	for (size_t i = 0; i < count && i < (size_t)wanted; i++) {
		if (i > 0)
			buf_put_byte(&out, ',');
		TRY(put_hit(ask, &query, &hits[i], &out));
	}
	buf_put_byte(&out, ']');
	if (count > (size_t)wanted && query.offset + wanted <= OFFSET_MAX)
		buf_put_fmt(&out, ",\"next\":\"%lld\"", (long long)(query.offset + wanted));
	buf_put_byte(&out, '}');
	ask_answer(ask, &out);
	return OK;
}
