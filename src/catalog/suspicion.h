/* What in a tool's definition a person should look at before a model does: see suspicion.c. */
#ifndef GATEHOUSE_CATALOG_SUSPICION_H
#define GATEHOUSE_CATALOG_SUSPICION_H

#include "base/json.h"

/* X(NAME, "what diff, status and logs call it", "what it means"); the order is kept in the database */
#define SUSPICION_TABLE(X)                                                                                             \
	X(HIDDEN, "hidden-text", "holds characters that nobody sees")                                                  \
	X(BIDI, "reordered-text", "is shown in another order than a model reads it")                                   \
	X(OVERRIDE, "override", "tells a model to ignore its instructions")                                            \
	X(SECRECY, "secrecy", "tells a model to keep something from the user")                                         \
	X(EXFILTRATION, "exfiltration", "asks for secrets or for the conversation")                                    \
	X(MARKUP, "posing-markup", "holds tags that pose as a system's own words")                                     \
	X(MIXED_NAME, "mixed-alphabets", "has letters of other alphabets that look like Latin ones in its name")       \
	X(LOOKALIKE, "lookalike", "has a name that looks like that of another server's tool")

enum suspicion_index {
#define X(id, name, meaning) SUSPICION_INDEX_##id,
	SUSPICION_TABLE(X)
#undef X
		SUSPICIONS,
};
#define SUSPICION(id) (1u << SUSPICION_INDEX_##id)

/* What a short name means, as the end of a sentence that begins with "it"; static. */
const char *suspicion_explain(struct str name);

/* Append the names of the bits that are set, with `separator` in between. */
void suspicion_names(unsigned flags, const char *separator, struct buf *out);

/* Look at any bytes, as text that a model reads.
 *   returns    bits of SUSPICION()
 *   Runs on    any thread; linear */
unsigned suspicion_of_text(struct str text);

/* Look at a tool's name, and at every text of its definition. */
unsigned suspicion_of_name(struct str name);
unsigned suspicion_of_tool(yyjson_val *tool);

/* How a name looks: what is hard to tell apart is the same in it (0 and O; 1, l and I; rn and m;
 * Cyrillic, Greek and full width letters). Appended to `out`.
 *   Source     Unicode Technical Standard 39, section 4, for the letters of identifiers */
void suspicion_skeleton(struct str name, struct buf *out);

/* Append s as a JSON string in which characters that are not shown are written as escapes. */
void suspicion_show(struct buf *out, struct str s);

#endif
