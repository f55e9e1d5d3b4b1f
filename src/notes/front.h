/* The front matter of a note: properties in YAML between two lines of dashes, from the first byte on. */
#ifndef GATEHOUSE_NOTES_FRONT_H
#define GATEHOUSE_NOTES_FRONT_H

#include "base/json.h"
#include "yaml/conf_node.h"

#define FRONT_BYTES_MAX (64 * 1024) /* of what is read as properties; a larger block is text like any other */

struct front {
	bool there;
	struct str yaml; /* between the lines of dashes */
	size_t end;	 /* where the note's body begins; 0 without front matter */
};

/* Where it lies.
 *   Runs on    any thread, as all of these */
struct front front_find(struct str note);

/* Its properties, read. A block that the YAML reader does not take (aliases, keys that stand there twice, ...) is no
 * error of the note: it has none that we know of. ret_root   in `arena`; NULL for an empty block returns    whether it
 * could be read */
bool front_read(struct arena *arena, struct front front, struct conf_node **ret_root);

/* A value as JSON. Plain scalars are what they look like: numbers, true, false, null; dates are texts. */
void front_put_json(struct buf *out, const struct conf_node *node);

/* Set members of the front matter: `null` takes one away. What is not named stays as it was written, comments included;
 * without front matter the note gets one.
 *   changes    a JSON object
 *   out        gets the whole note
 *   Errors     ERR_RPC_PARAMS: the block cannot be read, so nothing can be changed in it; ERR_LIMIT */
NODISCARD enum err front_change(struct arena *arena, struct str note, yyjson_val *changes, struct buf *out);

#endif
