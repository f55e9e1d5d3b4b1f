/* Structured logs: one line per event on stderr, JSON or (on a terminal) for people.
 *
 * An event is a dotted name ("upstream.restart") and fields. String values pass the
 * redactor: anything that looks like a token, key or password is replaced. Callers log at
 * the boundary only; library code returns errors instead.
 *
 *     log_warn("upstream.restart", LOG_STR("upstream", name), LOG_INT("wait_ms", ms)); */
#ifndef GATEHOUSE_BASE_LOG_H
#define GATEHOUSE_BASE_LOG_H

#include "base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_LEVELS };
enum log_format { LOG_AUTO, LOG_JSON, LOG_TEXT }; /* AUTO: text on a terminal, else JSON */

struct log_field {
	const char *name; /* static */
	enum { LOG_KIND_STR, LOG_KIND_INT, LOG_KIND_BOOL } kind;
	struct str str;
	int64_t num;
};

#define LOG_STR(name_, s_) ((struct log_field){.name = (name_), .kind = LOG_KIND_STR, .str = (s_)})
#define LOG_CSTR(name_, c_) LOG_STR(name_, str_of(c_))
#define LOG_INT(name_, v_) ((struct log_field){.name = (name_), .kind = LOG_KIND_INT, .num = (v_)})
#define LOG_BOOL(name_, v_) ((struct log_field){.name = (name_), .kind = LOG_KIND_BOOL, .num = (v_)})
#define LOG_ERR(err_) LOG_CSTR("error", err_name(err_))

/* Choose what is written and how. Call once before threads start; may be called again to
 * change the level (reload).
 *   Runs on    any thread */
void log_setup(enum log_level least, enum log_format format);

/* Whether a line at `level` would be written. */
bool log_wants(enum log_level level);

/* Write one line with a single write(2). Strings longer than LOG_VALUE_BYTES_MAX are cut.
 *   Runs on    any thread; never blocks on anything but stderr */
void log_event(enum log_level level, const char *event, const struct log_field *fields, size_t count);

#define LOG_AT(level, event, ...)                                                                                      \
	do {                                                                                                           \
		if (log_wants(level)) {                                                                                \
			const struct log_field log_fields_[] = {__VA_ARGS__};                                          \
			log_event(level, event, log_fields_, ARRAY_LEN(log_fields_));                                  \
		}                                                                                                      \
	} while (0)

#define log_debug(event, ...) LOG_AT(LOG_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...) LOG_AT(LOG_INFO, event, __VA_ARGS__)
#define log_warn(event, ...) LOG_AT(LOG_WARN, event, __VA_ARGS__)
#define log_error(event, ...) LOG_AT(LOG_ERROR, event, __VA_ARGS__)

/* Append `s` with secrets replaced by "[redacted]": gh_ keys, bearer and basic credentials,
 * JWTs, key=value and "key": "value" pairs whose name says password, secret, token or
 * api key, credentials inside URLs. Used for log lines, child stderr and error texts.
 *   Runs on    any thread */
void log_redact(struct buf *out, struct str s);
#define LOG_REDACTED "[redacted]"

/* Whether a field, parameter or header of this name holds a secret ("client_secret",
 * "X-Api-Key", "accessToken"; not "max_tokens").
 *   Runs on    any thread */
bool log_name_is_secret(struct str name);

#endif
