/* Files of time zones (TZif) and the rules at their ends. */
#ifndef GATEHOUSE_ANALYTICS_ZONE_H
#define GATEHOUSE_ANALYTICS_ZONE_H

#include "base/str.h"

#define ZONE_NAME_BYTES_MAX 64
#define ZONE_FILE_BYTES_MAX (64 * 1024) /* the largest of 2025 has 4 KB */

/* What is added to UTC at a moment, by the text of a zone's file.
 *   file       TZif version 2 or later
 *   at_s       seconds since 1970, UTC
 *   returns    false: no such file, or one that contradicts itself
 *   Runs on    any thread
 *   Source     RFC 9636; POSIX TZ */
bool zone_offset(struct str file, int64_t at_s, int32_t *ret_offset_s);

/* Whether it may be a zone's name: "Europe/Berlin"; nothing that leaves the directory. */
bool zone_name_is_plain(struct str name);

#endif
