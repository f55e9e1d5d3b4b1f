/* Looking at definitions as an attacker would write them. Tables say what is looked for; they are
 * short on purpose: a flag that honest servers raise is one that nobody reads.
 *
 *   characters   hidden_ranges: no model should read what no person can see
 *   words        phrases: cut by search_text.c, so that case, accents and punctuation do not matter
 *   literals     places where secrets lie, and tags that pose as a system's own
 *
 * What a flag leads to is for the gateway to decide. Names are suspicion_name.c's. */
#include "catalog/suspicion.h"

#include "base/utf8.h"
#include "catalog/search_text.h"

static const struct {
	const char *name, *meaning;
} suspicion_rows[SUSPICIONS] = {
#define X(id, name, meaning) {name, meaning},
	SUSPICION_TABLE(X)
#undef X
};

/* ---- characters ------------------------------------------------------------------ */

enum hidden_kind { SHOWN, HIDDEN_ALWAYS, HIDDEN_JOINER, HIDDEN_SELECTOR, HIDDEN_TAG, HIDDEN_BIDI };

static const struct {
	uint32_t first, last;
	enum hidden_kind kind;
} hidden_ranges[] = {
	{0x0000, 0x0008, HIDDEN_ALWAYS},     {0x000B, 0x000C, HIDDEN_ALWAYS},	{0x000E, 0x001F, HIDDEN_ALWAYS},
	{0x007F, 0x009F, HIDDEN_ALWAYS},     {0x034F, 0x034F, HIDDEN_ALWAYS},	{0x115F, 0x1160, HIDDEN_ALWAYS},
	{0x17B4, 0x17B5, HIDDEN_ALWAYS},     {0x180B, 0x180F, HIDDEN_ALWAYS},	{0x200B, 0x200B, HIDDEN_ALWAYS},
	{0x200C, 0x200D, HIDDEN_JOINER},     {0x202A, 0x202E, HIDDEN_BIDI},	{0x2060, 0x2065, HIDDEN_ALWAYS},
	{0x2066, 0x2069, HIDDEN_BIDI},	     {0x206A, 0x206F, HIDDEN_ALWAYS},	{0x3164, 0x3164, HIDDEN_ALWAYS},
	{0xFE00, 0xFE0F, HIDDEN_SELECTOR},   {0xFEFF, 0xFEFF, HIDDEN_ALWAYS},	{0xFFA0, 0xFFA0, HIDDEN_ALWAYS},
	{0xFFF9, 0xFFFB, HIDDEN_ALWAYS},     {0x1D173, 0x1D17A, HIDDEN_ALWAYS}, {0xE0000, 0xE007F, HIDDEN_TAG},
	{0xE0100, 0xE01EF, HIDDEN_SELECTOR},
};

#define BLACK_FLAG 0x1F3F4u /* begins flags of regions, the one honest use of tag characters */

static enum hidden_kind hidden_kind(uint32_t code)
{
	for (size_t i = 0; i < ARRAY_LEN(hidden_ranges) && code >= hidden_ranges[i].first; i++)
		if (code <= hidden_ranges[i].last)
			return hidden_ranges[i].kind;
	return SHOWN;
}

/* Whether a character that is not shown is nothing but hidden where it stands. Joiners have their place
 * in scripts and emoji, selectors behind one character. */
static unsigned judge_hidden(enum hidden_kind kind, uint32_t before, bool in_flag)
{
	switch (kind) {
	case SHOWN:
		return 0;
	case HIDDEN_JOINER:
		return before < 0x80 ? SUSPICION(HIDDEN) : 0;
	case HIDDEN_SELECTOR:
		return hidden_kind(before) == HIDDEN_SELECTOR ? SUSPICION(HIDDEN) : 0;
	case HIDDEN_TAG:
		return in_flag ? 0 : SUSPICION(HIDDEN);
	case HIDDEN_BIDI:
		return SUSPICION(BIDI);
	case HIDDEN_ALWAYS:
		break;
	}
	return SUSPICION(HIDDEN);
}

static unsigned scan_characters(struct str text)
{
	const uint8_t *at = (const uint8_t *)text.p, *end = at + text.n;
	uint32_t before = 0;
	bool in_flag = false;
	unsigned flags = 0;

	while (at < end) {
		uint32_t code;
		size_t n = utf8_take(at, end, &code);

		flags |= judge_hidden(hidden_kind(code), before, in_flag);
		in_flag = code == BLACK_FLAG || (in_flag && hidden_kind(code) == HIDDEN_TAG);
		before = code;
		at += n;
	}
	return flags;
}

void suspicion_show(struct buf *out, struct str s)
{
	const uint8_t *at = (const uint8_t *)(s.n == 0 ? "" : s.p), *end = at + s.n, *shown = at;

	buf_put_byte(out, '"');
	while (at < end) {
		AUTO_BUF quoted = {0};
		uint32_t code;
		size_t n = utf8_take(at, end, &code);

		if (code < 0x80 || hidden_kind(code) == SHOWN) {
			at += n;
			if (at < end)
				continue;
			n = 0;
		}
		buf_put_json(&quoted, (struct str){(const char *)shown, (size_t)(at - shown)});
		buf_put(out, (struct str){quoted.p + 1, quoted.n - 2});
		if (n > 0 && code >= 0x10000)
			buf_put_fmt(out, "\\u%04x\\u%04x", 0xD7C0 + (code >> 10), 0xDC00 + (code & 0x3FF));
		else if (n > 0)
			buf_put_fmt(out, "\\u%04x", code);
		at += n;
		shown = at;
	}
	buf_put_byte(out, '"');
}

/* ---- words ----------------------------------------------------------------------- */

#define PHRASE_WORDS_MAX 4
#define PHRASES_OPEN_MAX 64 /* beginnings of phrases that are followed at once in one text */

/* Words in this order with at most `gap` others between two; | separates alternatives. As
 * search_text.c cuts them: lower case, without the s of plurals. */
static const struct phrase {
	unsigned flag;
	unsigned gap;
	const char *words[PHRASE_WORDS_MAX];
} phrases[] = {
	{SUSPICION(OVERRIDE),
	 3,
	 {"ignore|disregard|forget", "previous|prior|earlier|preceding|above",
	  "instruction|rule|prompt|guideline|direction"}},
	{SUSPICION(OVERRIDE),
	 1,
	 {"ignore|disregard|forget", "your|system|user|safety", "instruction|rule|prompt|guideline"}},
	{SUSPICION(SECRECY), 4, {"not|never|don", "tell|mention|reveal|inform|disclose", "user|human"}},
	{SUSPICION(SECRECY), 3, {"without", "telling|mentioning|informing|alerting", "user|human"}},
	{SUSPICION(SECRECY), 1, {"hide|conceal", "this|it|that", "from", "user|human"}},
	{SUSPICION(SECRECY), 1, {"user", "must|should", "not", "know|see|notice|learn"}},
	{SUSPICION(EXFILTRATION),
	 2,
	 {"reveal|print|output|include|repeat|return", "system|developer|hidden", "prompt|instruction"}},
	{SUSPICION(EXFILTRATION), 1, {"entire|full|whole|complete", "conversation|chat", "history"}},
};

static const struct {
	unsigned flag;
	const char *text; /* lower case */
} literals[] = {
	{SUSPICION(EXFILTRATION), "id_rsa"},
	{SUSPICION(EXFILTRATION), "id_ed25519"},
	{SUSPICION(EXFILTRATION), ".ssh/"},
	{SUSPICION(EXFILTRATION), ".aws/credentials"},
	{SUSPICION(EXFILTRATION), "/etc/shadow"},
	{SUSPICION(EXFILTRATION), ".cursor/mcp.json"},
	{SUSPICION(EXFILTRATION), "claude_desktop_config"},
	{SUSPICION(MARKUP), "<important>"},
	{SUSPICION(MARKUP), "<system>"},
	{SUSPICION(MARKUP), "<secret>"},
	{SUSPICION(MARKUP), "<instructions>"},
	{SUSPICION(MARKUP), "<system-reminder>"},
	{SUSPICION(MARKUP), "<|im_start|>"},
	{SUSPICION(MARKUP), "<|system|>"},
	{SUSPICION(MARKUP), "[inst]"},
	{SUSPICION(MARKUP), "<<sys>>"},
};

static bool is_one_of(const char *alternatives, struct str word)
{
	struct str rest = str_of(alternatives), one;

	do {
		bool more = str_cut(rest, '|', &one, &rest);

		if (str_eq(one, word))
			return true;
		if (!more)
			return false;
	} while (true);
}

/* A phrase whose first words have been met. */
struct open_phrase {
	const struct phrase *phrase;
	unsigned next, gap_left;
};

/*   returns    the phrase's flag when this word was its last */
static unsigned follow(struct open_phrase *open, struct str word)
{
	if (is_one_of(open->phrase->words[open->next], word)) {
		open->next++;
		open->gap_left = open->phrase->gap;
		if (open->next == PHRASE_WORDS_MAX || open->phrase->words[open->next] == NULL) {
			unsigned flag = open->phrase->flag;

			open->phrase = NULL;
			return flag;
		}
		return 0;
	}
	if (open->gap_left-- == 0)
		open->phrase = NULL;
	return 0;
}

static unsigned scan_words(struct str text)
{
	struct open_phrase open[PHRASES_OPEN_MAX];
	struct search_words words;
	unsigned flags = 0;
	size_t count = 0;
	struct str word;

	search_words_begin(&words, text);
	while (search_words_next(&words, &word)) {
		size_t kept = 0;

		for (size_t i = 0; i < count; i++) {
			flags |= follow(&open[i], word);
			if (open[i].phrase != NULL)
				open[kept++] = open[i];
		}
		count = kept;
		for (size_t i = 0; i < ARRAY_LEN(phrases) && count < PHRASES_OPEN_MAX; i++)
			if (is_one_of(phrases[i].words[0], word))
				open[count++] = (struct open_phrase){&phrases[i], 1, phrases[i].gap};
	}
	return flags;
}

/* First bytes of the literals: most of a text is passed over by looking at one byte. */
static const bool begins_literal[256] = {
	['i'] = true, ['I'] = true, ['.'] = true, ['/'] = true, ['c'] = true, ['C'] = true, ['<'] = true, ['['] = true};

static unsigned scan_literals(struct str text)
{
	unsigned flags = 0;

	for (size_t at = 0; at < text.n; at++) {
		if (!begins_literal[(uint8_t)text.p[at]])
			continue;
		for (size_t i = 0; i < ARRAY_LEN(literals); i++) {
			struct str literal = str_of(literals[i].text);

			if (at + literal.n <= text.n && str_eq_nocase((struct str){text.p + at, literal.n}, literal))
				flags |= literals[i].flag;
		}
	}
	return flags;
}

unsigned suspicion_of_text(struct str text)
{
	return text.n == 0 ? 0 : scan_characters(text) | scan_words(text) | scan_literals(text);
}

/* ---- tools ----------------------------------------------------------------------- */

/* Every text below a value, keys too: a model reads them all. The tree is walked as it lies in memory. */
static unsigned scan_tree(yyjson_val *root)
{
	yyjson_val *end = root == NULL ? NULL : unsafe_yyjson_get_next(root);
	unsigned flags = 0;

	for (yyjson_val *value = root; value < end; value++)
		if (yyjson_is_str(value))
			flags |= suspicion_of_text(json_str(value));
	return flags;
}

unsigned suspicion_of_tool(yyjson_val *tool)
{
	static const char *const read[] = {"title", "description", "inputSchema", "outputSchema", "annotations"};
	unsigned flags = suspicion_of_text(json_str(json_get(tool, "name")));

	for (size_t i = 0; i < ARRAY_LEN(read); i++)
		flags |= scan_tree(json_get(tool, read[i]));
	return flags | suspicion_of_name(json_str(json_get(tool, "name")));
}

const char *suspicion_explain(struct str name)
{
	for (int i = 0; i < SUSPICIONS; i++)
		if (str_eq(name, str_of(suspicion_rows[i].name)))
			return suspicion_rows[i].meaning;
	return "looks suspicious";
}

void suspicion_names(unsigned flags, const char *separator, struct buf *out)
{
	bool first = true;

	for (int i = 0; i < SUSPICIONS; i++) {
		if ((flags & 1u << i) == 0)
			continue;
		buf_put_fmt(out, "%s%s", first ? "" : separator, suspicion_rows[i].name);
		first = false;
	}
}
