/* The lexical pieces of JSON that the scanner and its readers share. Room-internal. */
#ifndef GATEHOUSE_BASE_JSON_TEXT_H
#define GATEHOUSE_BASE_JSON_TEXT_H

#include "base/arena.h"

/* Decode the escape at *pp (a backslash) into at most 4 bytes of UTF-8 and step past it. A
 * surrogate pair counts as one escape; half a pair is an error.
 *   returns the bytes written, 0 when the escape is not valid or runs past `end` */
size_t json_unescape(const uint8_t **pp, const uint8_t *end, char out[4]);

/* The unescaped form of a valid string's inside, in the arena; p NULL when over its cap. */
struct str json_unescape_all(struct arena *arena, struct str raw);

/* Whether the valid, maybe escaped `raw` spells `plain`. */
bool json_spells(struct str raw, struct str plain);

#endif
