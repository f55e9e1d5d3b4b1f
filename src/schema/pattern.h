/* Regular expressions of JSON Schema: ECMA-262 patterns in Unicode mode, run by PCRE2 with a
 * bound on their work, so that a pattern with runaway backtracking ends with an error. */
#ifndef GATEHOUSE_SCHEMA_PATTERN_H
#define GATEHOUSE_SCHEMA_PATTERN_H

#include "base/str.h"

/* A compiled pattern: immutable, may be matched by several threads at once. */
struct pattern;

/* Compile an ECMA-262 pattern.
 *   problem      on error: what is wrong with it, without the pattern
 *   ret_pattern  the caller frees it
 *   Errors       ERR_CONFIG: not a pattern, or one that PCRE2 cannot express (lookbehind of
 *                unbounded length)
 *   Runs on      any thread
 *   Source       ECMA-262 section 22.2, flag u; forms of annex B that are not ambiguous are taken */
NODISCARD enum err pattern_compile(struct str source, struct buf *problem, struct pattern **ret_pattern);

/* Release it; NULL is fine. */
void pattern_free(struct pattern *pattern);
DEFINE_AUTO(pattern, pattern_free);

/* Memory it holds. */
size_t pattern_bytes(const struct pattern *pattern);

/* Whether the pattern matches anywhere in `text` (valid UTF-8).
 *   work    in: units of work allowed; out: what is left of them. About 30 ns each.
 *   Errors  ERR_LIMIT: it needs more work or memory than allowed
 *   Runs on any thread, never suspends */
NODISCARD enum err pattern_match(const struct pattern *pattern, struct str text, uint64_t *work, bool *ret_matched);

/* Write `source` in PCRE2's syntax (options UTF, DOLLAR_ENDONLY, ALLOW_EMPTY_CLASS,
 * MATCH_UNSET_BACKREF). Room-internal.
 *   Errors  ERR_CONFIG with a sentence in `problem` */
NODISCARD enum err pattern_translate(struct str source, struct buf *out, struct buf *problem);

#endif
