/* What stands in a note: headings, tags, links, blocks. Markdown as Obsidian reads it, as far as notes are found and
 * cut by it; headings are those with # signs. All slices are of the note's text. */
#ifndef GATEHOUSE_NOTES_TEXT_H
#define GATEHOUSE_NOTES_TEXT_H

#include "notes/front.h"

#define NOTE_HEADINGS_MAX 1024 /* what a note has more of is text, and no more */
#define NOTE_TAGS_MAX 256
#define NOTE_LINKS_MAX 1024
#define NOTE_LINK_BYTES_MAX 512

struct note_heading {
	unsigned level; /* 1 to 6 */
	struct str text;
	size_t from, body; /* where its line begins, and the one after it */
};

struct note_link {
	struct str target;   /* as written, %20 decoded, without #fragment and |name; empty: the note itself */
	struct str fragment; /* without # */
	bool embed;
};

struct note_text {
	struct str text;
	struct front front;
	struct conf_node *properties; /* NULL: none, or not to be read */
	bool unreadable;	      /* the front matter */
	struct note_heading *headings;
	struct str *tags; /* without #, as first written, each once; those of the front matter first */
	struct note_link *links;
	size_t heading_count, tag_count, link_count;
};

/*   Runs on    any thread, as all of these */
void note_text_read(struct arena *arena, struct str text, struct note_text *ret_note);

/* A property as a list of texts: a list's scalars, or the one; tags and aliases in one text may be separated by
 * commas.
 *   ret_items  in `arena` */
size_t note_property_texts(struct arena *arena, const struct note_text *note, const char *name, struct str **ret_items);

/* What stands under a heading, its line included, up to the next one of its level or above. `heading` may lead down:
 * "Plans#May".
 *   Errors     ERR_NOT_FOUND */
NODISCARD enum err note_section(struct arena *arena, const struct note_text *note, struct str heading,
				struct str *ret_section);

/* The paragraph or list item that ends with ^id.   Errors     ERR_NOT_FOUND */
NODISCARD enum err note_block(const struct note_text *note, struct str id, struct str *ret_block);

/* The number of the line, from 1, in which an offset lies. */
size_t note_line(struct str text, size_t offset);

#endif
