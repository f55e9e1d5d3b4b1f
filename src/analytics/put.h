/* Small pieces of answers that are no numbers; those are in figures.h. */
#ifndef GATEHOUSE_ANALYTICS_PUT_H
#define GATEHOUSE_ANALYTICS_PUT_H

#include "analytics/civil.h"
#include "analytics/figures.h"

static inline void put_text(struct buf *out, const char *name, struct str text)
{
	put_name(out, name);
	buf_put_json(out, text);
}

static inline void put_day(struct buf *out, const char *name, civil_day day)
{
	put_name(out, name);
	buf_put_byte(out, '"');
	civil_put(out, day);
	buf_put_byte(out, '"');
}

static inline void put_bool(struct buf *out, const char *name, bool value)
{
	put_name(out, name);
	buf_put(out, value ? STR("true") : STR("false"));
}

static inline void put_number(struct buf *out, const char *name, uint64_t value)
{
	put_name(out, name);
	buf_put_u64(out, value);
}

/* Begin an array or an object under a name. */
static inline void put_open(struct buf *out, const char *name, char bracket)
{
	put_name(out, name);
	buf_put_byte(out, bracket);
}

/* Begin the i-th object of an array. */
static inline void put_item(struct buf *out, size_t i)
{
	buf_put(out, i == 0 ? STR("{") : STR(",{"));
}

#endif
