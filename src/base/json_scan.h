/* One strict pass over a JSON message that will be forwarded: proves the grammar, UTF-8,
 * depth and unique keys, and remembers where the members are that we may change. What is
 * not named stays byte for byte as it came.
 *
 * Members are recorded down to depth 3 (message, params/result/error, and what lies in
 * those), in document order. Deeper ones are checked, not recorded.
 *
 *   {"jsonrpc":"2.0","id":7,"params":{"name":"x","_meta":{"progressToken":1}}}
 *    depth 1: jsonrpc, id, params      depth 2: name, _meta      depth 3: progressToken */
#ifndef GATEHOUSE_BASE_JSON_SCAN_H
#define GATEHOUSE_BASE_JSON_SCAN_H

#include "base/arena.h"
#include "base/str.h"

enum json_kind { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_member {
	struct str key;	  /* between the quotes, still escaped; a slice of the message */
	struct str value; /* the whole value, quotes and brackets included; a slice */
	uint8_t kind;	  /* enum json_kind */
	uint8_t depth;	  /* 1..3 */
	bool escaped;	  /* the key or the (string) value contains a backslash */
	uint32_t end;	  /* index of the first recorded member after this one's own members */
};

struct json_index {
	struct str text;	    /* the whole document, borrowed */
	enum json_kind kind;	    /* of the root value */
	struct json_member *member; /* in the arena */
	uint32_t count;
	uint32_t elements; /* of a root array */
};

/* Check `text` and index it.
 *   ret_index  filled in place; slices borrow `text`, the member table lies in `arena`
 *   Errors     ERR_JSON_SYNTAX, ERR_JSON_UTF8, ERR_JSON_DEPTH, ERR_JSON_DUPLICATE,
 *              ERR_LIMIT (arena cap)
 *   Runs on    any thread
 *   Source     RFC 8259; keys are compared after unescaping */
NODISCARD enum err json_scan(struct arena *arena, struct str text, struct json_index *ret_index);

/* The member `key` of the root (parent NULL) or of a recorded object member; NULL if absent.
 * Keys are compared after unescaping. */
const struct json_member *json_member(const struct json_index *index, const struct json_member *parent, struct str key);

/* json_key_is for a key that is spelt with escapes. */
bool json_key_spells(const struct json_member *m, struct str key);

/* Whether the member's key is `key`, however it is spelt: "\u0061" is "a". Inline: a message is
 * asked some thirty times, and most keys already differ in length. */
static inline bool json_key_is(const struct json_member *m, struct str key)
{
	return likely(!m->escaped) ? str_eq(m->key, key) : json_key_spells(m, key);
}

/* The text of a string member, unescaped (into the arena only when it has escapes).
 * STR_NONE when m is NULL or no string, or when the arena's cap does not allow the copy. */
struct str json_member_str(struct arena *arena, const struct json_member *m);

/* Walk the elements of a root array: *cursor starts at 0; false at the end. */
bool json_element(const struct json_index *index, size_t *cursor, struct str *ret_element);

/* Splices: a new document made of slices of the old one and new pieces. Cuts must be added in
 * ascending order and not overlap; at most JSON_CUTS_MAX. */
#define JSON_CUTS_MAX 16
struct json_splice {
	struct str text; /* the document being changed */
	size_t count;
	struct json_cut {
		size_t from, to; /* bytes [from, to) of text are replaced ... */
		struct str with; /* ... by these; borrowed */
	} cut[JSON_CUTS_MAX];
};

/* Replace a member's value. */
void json_splice_value(struct json_splice *splice, const struct json_member *m, struct str with);

/* Remove a member with the comma that belongs to it. */
void json_splice_remove(struct json_splice *splice, const struct json_index *index, const struct json_member *m);

/* Put `members` ("\"a\":1", no comma) at the front of an object value (a slice of text). */
void json_splice_insert(struct json_splice *splice, struct str object, struct str members, struct arena *arena);

/* Append the changed document. */
void json_splice_write(const struct json_splice *splice, struct buf *out);

#endif
