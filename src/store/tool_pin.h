/* Definitions of tools as rows: the one that is accepted beside the one last seen. What makes a
 * definition acceptable is for the gateway to judge. */
#ifndef GATEHOUSE_STORE_TOOL_PIN_H
#define GATEHOUSE_STORE_TOOL_PIN_H

#include "store/store.h"

#define PIN_DIGEST_BYTES 32		     /* SHA-256 of the canonical definition */
#define PIN_DEFINITION_BYTES_MAX (64 * 1024) /* kept to be shown; the digest is of the whole */

struct tool_pin {
	struct str upstream, tool;
	bool accepted; /* digest, definition, flags and accepted_ms say something */
	uint8_t digest[PIN_DIGEST_BYTES], seen_digest[PIN_DIGEST_BYTES];
	struct str definition, seen_definition; /* canonical JSON, cut; empty where only marks were asked for */
	int64_t flags, seen_flags;		/* enum suspicion bits */
	int64_t accepted_ms, seen_ms;
};

/* An upstream's pins without their definitions, by tool.
 *   ret_pins   in `arena`
 *   Errors     ERR_DB, ERR_LIMIT ... */
NODISCARD enum err tool_pin_marks(struct db *db, struct arena *arena, struct str upstream, struct tool_pin **ret_pins,
				  size_t *ret_count) AWAITS;

/* Pins that an operator should look at: never accepted, changed since, or with flags that were not
 * accepted. Definitions included; by upstream and tool, at most `limit`.
 *   upstream, tool  p NULL: all */
NODISCARD enum err tool_pin_open(struct db *db, struct arena *arena, struct str upstream, struct str tool, size_t limit,
				 struct tool_pin **ret_pins, size_t *ret_count) AWAITS;

/* What changes about pins, several at once: see tool_pin_write. */
enum tool_pin_change {
	TOOL_PIN_SEEN,	   /* note seen_*; a row is made where there is none */
	TOOL_PIN_ACCEPTED, /* the same, and accept it, but for its flags */
	TOOL_PIN_FLAGGED,  /* note seen_flags only */
	TOOL_PIN_RETURNED, /* what was accepted is what is seen */
	TOOL_PIN_GONE,	   /* forget a row that was never accepted */
};
struct tool_pin_write {
	enum tool_pin_change change;
	struct tool_pin pin;
};

/* Write them, in order; durable when it returns OK. */
NODISCARD enum err tool_pin_write(struct db *db, const struct tool_pin_write *writes, size_t count) AWAITS;

/* Accept what was last seen of a tool, if it is still `digest` (NULL: whatever it is).
 *   Errors     ERR_NOT_FOUND: no such row, or another digest by now */
NODISCARD enum err tool_pin_accept(struct db *db, struct str upstream, struct str tool,
				   const uint8_t digest[PIN_DIGEST_BYTES], int64_t now_ms) AWAITS;

#endif
