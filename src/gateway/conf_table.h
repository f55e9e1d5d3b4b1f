/* Configuration as data: a table of fields says what each key is called, what it takes, what
 * it defaults to, where it goes and what it is for. One reader fills structs from it, and the
 * reference page and the JSON Schema are printed from it. */
#ifndef GATEHOUSE_GATEWAY_CONF_TABLE_H
#define GATEHOUSE_GATEWAY_CONF_TABLE_H

#include "yaml/conf_node.h"

enum conf_type {
	CONF_STR,    /* struct str */
	CONF_BOOL,   /* bool */
	CONF_UINT,   /* unsigned; low..high */
	CONF_SIZE,   /* size_t, bytes: 4096, 64KB, 16MB; low..high */
	CONF_MS,     /* int64_t: 500ms, 30s, 5min, 2h, 7d; low..high in ms */
	CONF_RATE,   /* struct rate: 100/min, 5/15min, off */
	CONF_CHOICE, /* an enum (int), the index into `choices` */
	CONF_STRS,   /* struct str * at offset, size_t at count_offset */
	CONF_PAIRS,  /* struct upstream_pair * at offset, size_t at count_offset; values are expanded */
	CONF_TABLE,  /* a nested map: `table`, filled into the struct at offset */
	CONF_CUSTOM, /* read by a function */
};

struct conf_table;
struct conf_reading;
struct config_secret;

struct conf_field {
	const char *name;
	enum conf_type type;
	size_t offset, count_offset;
	int64_t low, high;
	const char *fallback;	    /* as one would write it; NULL: zero */
	const char *doc;	    /* one sentence */
	const char *const *choices; /* NULL-terminated */
	const struct conf_table *table;
	enum err (*custom)(struct conf_reading *reading, const struct conf_node *node, void *object);
	const char *example; /* for the reference, where the fallback says too little */
};

struct conf_table {
	const char *name; /* "limits", for problems and the reference */
	const struct conf_field *fields;
	size_t count;
};

struct conf_reading {
	struct arena *arena;
	struct conf_problems problems;
	struct str directory; /* of the file: relative paths in ${file:...} start here */
	bool production;
	bool literal;			     /* the document is of a row: it names no files and no variables */
	const struct config_secret *secrets; /* with their values; see config_secrets.h */
	size_t secret_count;
};

/* Fill `object` with the table's defaults. */
void conf_defaults(struct conf_reading *reading, const struct conf_table *table, void *object);

/* Fill `object` from a map node. Unknown keys and bad values become problems; reading goes on,
 * so that all of them are reported at once. */
void conf_read(struct conf_reading *reading, const struct conf_table *table, const struct conf_node *node,
	       void *object);

/* One value. Used for fields and by custom readers. */
NODISCARD enum err conf_read_value(struct conf_reading *reading, const struct conf_field *field,
				   const struct conf_node *node, void *object);

/* "${secret:NAME}", "${file:PATH}" and "${env:NAME}" inside a value are replaced by what they name: secrets need not
 * stand in the config. The environment is refused in production.
 *   Errors     ERR_CONFIG, reported at the node */
NODISCARD enum err conf_expand(struct conf_reading *reading, const struct conf_node *node, struct str *ret_text);

#endif
