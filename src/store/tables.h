/* Every table there is, as one list: for what treats all of them alike. A test holds it against both engines' schemas.
 */
#ifndef GATEHOUSE_STORE_TABLES_H
#define GATEHOUSE_STORE_TABLES_H

#include "base/str.h"

#define TABLE_PAGE_ROWS 256
#define TABLE_KEYS_MAX 3

struct store_table {
	const char *name;
	const char *columns; /* all, as both engines order them */
	const char *key;     /* the primary key's, in its order */
	bool single;	     /* PostgreSQL's migration has made its only row */
	bool anew;	     /* what it holds is got anew from elsewhere: a copy does without */

	/* all rows, by the key: the first TABLE_PAGE_ROWS, those after a key, how many there are */
	const char *first, *next, *count;
};

/* In an order in which rows may be inserted: who is referred to comes first. */
extern const struct store_table store_tables[];
extern const size_t store_table_count;

#endif
