/* Responses of IMAP: a framer that knows lines and literals only, and a reader by recursive descent over one framed
 * response, bounded in depth and nodes. Strings are slices of the response; only quoted ones with escapes are copied.
 * What the data means is left to who asked (imap_structure.c, tools). */
#include "email/imap_parse.h"

#include "base/check.h"

struct reader {
	struct arena *arena;
	const char *at, *end;
	size_t nodes;
};

/* The length that a line announces by its last bytes, "{123}" or "{123+}"; false when it does not. */
static bool announces_literal(struct str line, size_t *ret_bytes)
{
	size_t open;
	struct str digits;
	uint64_t bytes;

	if (line.n < 3 || line.p[line.n - 1] != '}')
		return false;
	for (open = line.n - 1; open > 0 && line.p[open - 1] != '{'; open--)
		if (line.n - open > 12)
			return false;
	if (open == 0)
		return false;
	digits = (struct str){line.p + open, line.n - 1 - open};
	if (digits.n > 0 && digits.p[digits.n - 1] == '+')
		digits.n--;
	if (digits.n == 0 || str_to_u64(digits, &bytes) != OK)
		return false;
	*ret_bytes = bytes > SIZE_MAX / 2 ? SIZE_MAX / 2 : (size_t)bytes;
	return true;
}

enum err imap_frame(struct imap_framer *framer, struct str bytes, size_t *ret_bytes)
{
	*ret_bytes = 0;
	while (framer->at < bytes.n) {
		const char *from = bytes.p + framer->at;
		const char *end = memchr(from, '\n', bytes.n - framer->at);
		struct str line;
		size_t literal;

		if (end == NULL)
			return bytes.n > IMAP_RESPONSE_BYTES_MAX ? ERR_LIMIT : OK;
		line = (struct str){from, (size_t)(end - from)};
		if (line.n > 0 && line.p[line.n - 1] == '\r')
			line.n--;
		if (!announces_literal(line, &literal)) {
			*ret_bytes = (size_t)(end + 1 - bytes.p);
			return *ret_bytes > IMAP_RESPONSE_BYTES_MAX ? ERR_LIMIT : OK;
		}
		if (literal > IMAP_LITERAL_BYTES_MAX)
			return ERR_LIMIT;
		framer->at = (size_t)(end + 1 - bytes.p) + literal;
		if (framer->at > IMAP_RESPONSE_BYTES_MAX)
			return ERR_LIMIT;
	}
	return OK;
}

/* --- the pieces of a response --- */

static bool is_atom_byte(char byte)
{
	return (unsigned char)byte > ' ' && byte != 0x7f && strchr("(){\"", byte) == NULL;
}

/* To the end of a word: an atom, in which brackets may hold anything, as in BODY[HEADER.FIELDS (TO)]<0>. */
static struct str take_atom(struct reader *reader)
{
	const char *from = reader->at;
	unsigned brackets = 0;

	for (; reader->at < reader->end; reader->at++) {
		char byte = *reader->at;

		if (byte == '\r' || byte == '\n')
			break;
		if (byte == '[')
			brackets++;
		else if (byte == ']' && brackets > 0)
			brackets--;
		else if (brackets == 0 && !is_atom_byte(byte))
			break;
	}
	return (struct str){from, (size_t)(reader->at - from)};
}

static enum err take_quoted(struct reader *reader, struct str *ret_text)
{
	const char *from = ++reader->at;
	bool escaped = false;
	char *copy;
	size_t n = 0;

	for (; reader->at < reader->end && *reader->at != '"'; reader->at++) {
		if (*reader->at == '\r' || *reader->at == '\n')
			return ERR_UPSTREAM_GARBAGE;
		if (*reader->at == '\\') {
			escaped = true;
			if (++reader->at == reader->end)
				return ERR_UPSTREAM_GARBAGE;
		}
	}
	if (reader->at == reader->end)
		return ERR_UPSTREAM_GARBAGE;
	*ret_text = (struct str){from, (size_t)(reader->at++ - from)};
	if (!escaped)
		return OK;
	copy = arena_try_alloc(reader->arena, ret_text->n);
	if (copy == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < ret_text->n; i++) {
		if (from[i] == '\\')
			i++;
		copy[n++] = from[i];
	}
	*ret_text = (struct str){copy, n};
	return OK;
}

/* {123}, a line end, and so many bytes. */
static enum err take_literal(struct reader *reader, struct str *ret_text)
{
	struct str rest = {reader->at, (size_t)(reader->end - reader->at)}, line, bytes;
	size_t n;

	if (!str_cut(rest, '\n', &line, &bytes))
		return ERR_UPSTREAM_GARBAGE;
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	if (!announces_literal(line, &n) || line.p[0] != '{' || n > bytes.n)
		return ERR_UPSTREAM_GARBAGE;
	*ret_text = (struct str){bytes.p, n};
	reader->at = bytes.p + n;
	return OK;
}

static enum err take_nodes(struct reader *reader, unsigned depth, struct imap_node **ret_first);

static enum err take_node(struct reader *reader, unsigned depth, struct imap_node *node)
{
	switch (*reader->at) {
	case '(':
		if (depth == IMAP_DEPTH_MAX)
			return ERR_LIMIT;
		reader->at++;
		node->kind = IMAP_LIST;
		TRY(take_nodes(reader, depth + 1, &node->first));
		if (reader->at == reader->end || *reader->at != ')')
			return ERR_UPSTREAM_GARBAGE;
		reader->at++;
		return OK;
	case '"':
		node->kind = IMAP_STRING;
		return take_quoted(reader, &node->text);
	case '~': /* of a literal with NULs: RFC 3516 */
		if (reader->at + 1 == reader->end || reader->at[1] != '{')
			break;
		reader->at++;
		__attribute__((fallthrough));
	case '{':
		node->kind = IMAP_STRING;
		return take_literal(reader, &node->text);
	default:
		break;
	}
	node->text = take_atom(reader);
	if (node->text.n == 0)
		return ERR_UPSTREAM_GARBAGE;
	node->kind = str_eq_nocase(node->text, STR("NIL")) ? IMAP_NIL : IMAP_ATOM;
	return OK;
}

/* Up to the end, or to the parenthesis that closes the list. */
static enum err take_nodes(struct reader *reader, unsigned depth, struct imap_node **ret_first)
{
	struct imap_node **link = ret_first;

	*ret_first = NULL;
	for (;;) {
		struct imap_node *node;

		while (reader->at < reader->end && strchr(" \t\r\n", *reader->at) != NULL && *reader->at != '\0')
			reader->at++;
		if (reader->at == reader->end || *reader->at == ')')
			return OK;
		node = arena_try_alloc(reader->arena, sizeof *node);
		if (node == NULL || ++reader->nodes > IMAP_NODES_MAX)
			return ERR_LIMIT;
		*node = (struct imap_node){.kind = IMAP_NIL};
		TRY(take_node(reader, depth, node));
		*link = node;
		link = &node->next;
	}
}

/* --- whole responses --- */

static enum imap_status status_of(struct str word)
{
	static const struct {
		struct str word;
		enum imap_status status;
	} words[] = {{{"OK", 2}, IMAP_OK},
		     {{"NO", 2}, IMAP_NO},
		     {{"BAD", 3}, IMAP_BAD},
		     {{"BYE", 3}, IMAP_BYE},
		     {{"PREAUTH", 7}, IMAP_PREAUTH}};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_eq_nocase(word, words[i].word))
			return words[i].status;
	return IMAP_NONE;
}

/* "[CODE ARGS] words for people" */
static void take_status_text(struct imap_response *response, struct str rest)
{
	struct str code, text;

	response->text = rest;
	if (!str_starts(rest, STR("[")) || !str_cut(str_skip(rest, 1), ']', &code, &text))
		return;
	response->code = code;
	response->text = str_trim(text);
}

static enum err take_data(struct arena *arena, struct imap_response *response, struct str word, struct str rest,
			  struct str bytes)
{
	struct reader reader = {.arena = arena, .end = bytes.p + bytes.n};
	uint64_t number;

	if (str_to_u64(word, &number) == OK) {
		if (number > UINT32_MAX)
			return ERR_UPSTREAM_GARBAGE;
		response->number = (uint32_t)number;
		(void)str_cut(rest, ' ', &word, &rest);
		word = str_trim(word);
	}
	if (word.n == 0)
		return ERR_UPSTREAM_GARBAGE;
	response->name = word;
	response->text = str_trim(rest);
	if (str_eq_nocase(word, STR("SEARCH")))
		return OK; /* may be a million numbers: no nodes for them */
	reader.at = rest.p == NULL ? reader.end : rest.p;
	TRY(take_nodes(&reader, 0, &response->first));
	return reader.at == reader.end ? OK : ERR_UPSTREAM_GARBAGE;
}

enum err imap_parse(struct arena *arena, struct str bytes, struct imap_response **ret_response)
{
	struct imap_response *response = arena_try_alloc(arena, sizeof *response);
	struct str word, rest, line = bytes;

	if (response == NULL)
		return ERR_LIMIT;
	*response = (struct imap_response){.status = IMAP_NONE};
	if (line.n > 0 && line.p[line.n - 1] == '\n') /* one line end: a literal before it may end in more */
		line.n--;
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	(void)str_cut(line, ' ', &response->tag, &rest);
	if (response->tag.n == 0)
		return ERR_UPSTREAM_GARBAGE;
	if (str_eq(response->tag, STR("+"))) {
		response->text = rest;
		*ret_response = response;
		return OK;
	}
	(void)str_cut(rest, ' ', &word, &rest);
	response->status = status_of(word);
	if (response->status != IMAP_NONE)
		take_status_text(response, rest);
	else if (str_eq(response->tag, STR("*")))
		TRY(take_data(arena, response, word, rest, line));
	else
		return ERR_UPSTREAM_GARBAGE;
	*ret_response = response;
	return OK;
}

/* --- looking --- */

const struct imap_node *imap_at(const struct imap_node *list, size_t n)
{
	const struct imap_node *at = list == NULL || list->kind != IMAP_LIST ? NULL : list->first;

	for (; at != NULL && n > 0; n--)
		at = at->next;
	return at;
}

struct str imap_text(const struct imap_node *node)
{
	return node == NULL || node->kind == IMAP_LIST || node->kind == IMAP_NIL ? STR_NONE : node->text;
}

bool imap_number(const struct imap_node *node, uint64_t *ret_number)
{
	return node != NULL && node->kind == IMAP_ATOM && str_to_u64(node->text, ret_number) == OK;
}

const struct imap_node *imap_item(const struct imap_node *list, struct str name)
{
	const struct imap_node *at = imap_at(list, 0);

	for (; at != NULL && at->next != NULL; at = at->next->next)
		if (at->kind == IMAP_ATOM && at->text.n >= name.n &&
		    str_eq_nocase((struct str){at->text.p, name.n}, name) &&
		    (at->text.n == name.n || at->text.p[name.n] == '<'))
			return at->next;
	return NULL;
}
