/* Parsers of single values that need no table. */
#ifndef GATEHOUSE_GATEWAY_CONF_VALUE_H
#define GATEHOUSE_GATEWAY_CONF_VALUE_H

#include "base/str.h"

/* "100/min", "5/15min", "off": a limit of 0 means none.
 *   Errors     ERR_CONFIG */
NODISCARD enum err conf_parse_rate(struct str text, uint32_t *ret_limit, int64_t *ret_window_ms);

/* "500ms", "30s", "5min", "2h", "7d".
 *   Errors     ERR_CONFIG */
NODISCARD enum err conf_parse_ms(struct str text, int64_t *ret_ms);

/* "4096", "64KB", "16MB" (powers of 1024).
 *   Errors     ERR_CONFIG */
NODISCARD enum err conf_parse_size(struct str text, uint64_t *ret_bytes);

#endif
