/* Pieces of pages and what their forms prove, for the rooms that have some; the page around them is signin_page. */
#ifndef GATEHOUSE_SIGNIN_PAGE_H
#define GATEHOUSE_SIGNIN_PAGE_H

#include "http/form.h"
#include "identity/visit.h"

/* A problem is shown above the field it is about. */
void page_problem(struct buf *out, const char *problem);
void page_hidden(struct buf *out, const char *name, struct str value);
void page_text(struct buf *out, const char *format_before, struct str text, const char *after);

struct page_field {
	const char *label, *name, *type, *autocomplete;
	const char *hint;    /* NULL none */
	const char *problem; /* NULL none: what is wrong with it */
	struct str value;    /* what was typed before; never a password */
	bool focus;
};

/* Append a labelled input. */
void page_field(struct buf *out, const struct page_field *field);

/* Read a form that came from a page of our own.
 *   Errors     ERR_HTTP_ORIGIN (another site's page sent it), ERR_HTTP_TYPE, ERR_HTTP_MALFORMED ... */
NODISCARD enum err guard_form(const struct visit *visit, struct form *ret_form);

/* A path of ours to go on to: the given one, or the house's own page when it leads elsewhere. */
struct str return_to_safe(struct str path);

#endif
