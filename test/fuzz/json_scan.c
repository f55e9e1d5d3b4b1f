/* Any bytes through json_scan, and the two JSON readers must agree on what JSON is. What is
 * accepted must survive its own use: every recorded slice lies in the text and can be looked
 * up again, and removing or adding members leaves a valid document. */
#include <stdint.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/json.h"
#include "base/json_scan.h"

#define ARENA_BYTES (64u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static bool inside(struct str outer, struct str s)
{
	return s.p >= outer.p && s.p + s.n <= outer.p + outer.n;
}

static void check_members(struct arena *arena, const struct json_index *index)
{
	for (uint32_t i = 0; i < index->count; i++) {
		const struct json_member *m = &index->member[i];

		CHECK(inside(index->text, m->key) && inside(index->text, m->value) && m->value.n > 0);
		CHECK(m->end > i && m->end <= index->count && m->depth >= 1 && m->depth <= 3);
		if (m->depth == 1 && !m->escaped)
			CHECK(json_member(index, NULL, m->key) == m);
		(void)json_member_str(arena, m);
	}
}

static void check_elements(struct arena *arena, const struct json_index *index)
{
	size_t cursor = 0, count = 0;
	struct json_index inner;
	struct str element;

	while (json_element(index, &cursor, &element)) {
		CHECK(json_scan(arena, element, &inner) == OK);
		count++;
	}
	CHECK(count == index->elements);
}

/* Put one in front, remove the members that the bits of `choice` name. */
static void check_splice(struct arena *arena, const struct json_index *index, unsigned choice)
{
	struct json_splice splice = {.text = index->text};
	struct json_index again;
	AUTO_BUF out = {0};
	uint32_t left = 0, at = 0;
	struct str root = str_trim(index->text);

	if (index->kind != JSON_OBJECT)
		return;
	json_splice_insert(&splice, root, STR("\"\\u0000put in\":[1]"), arena);
	if (json_member(index, NULL, STR("\0put in")) != NULL)
		return;
	for (uint32_t i = 0; i < index->count; i = index->member[i].end, at++) {
		if (at < JSON_CUTS_MAX - 1 && (choice >> at % 8 & 1) != 0)
			json_splice_remove(&splice, index, &index->member[i]);
		else
			left++;
	}
	json_splice_write(&splice, &out);
	CHECK(json_scan(arena, buf_str(&out), &again) == OK);
	for (uint32_t i = 0; i < again.count; i = again.member[i].end)
		left--;
	CHECK(left == UINT32_MAX); /* all that stayed and the one put in */
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct arena *arena = arena_new(ARENA_BYTES);
	char *copy = malloc(n + 1); /* exactly as long as the text under a sanitizer's eyes */
	struct str text = {copy, n};
	struct json_index index;
	yyjson_val *root;
	enum err scanned, read;

	CHECK(copy != NULL);
	if (n > 0)
		memcpy(copy, bytes, n);
	copy = realloc(copy, n > 0 ? n : 1);
	CHECK(copy != NULL);
	text.p = copy;
	scanned = json_scan(arena, text, &index);
	read = json_read(arena, text, &root);
	CHECK((scanned == OK) == (read == OK));
	if (scanned == OK) {
		check_members(arena, &index);
		check_elements(arena, &index);
		check_splice(arena, &index, n > 0 ? bytes[n / 2] + (unsigned)n : 0);
	}
	free(copy);
	arena_free(arena);
	return 0;
}
