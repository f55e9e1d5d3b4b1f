/* Log lines: built in a buffer, redacted, written with one write(2).
 *
 *   JSON   {"time":"2026-11-21T01:02:03.456Z","level":"warn","event":"a.b","field":1}
 *   text   01:02:03.456 WARN  a.b field=1 other="two words"
 *
 * A line that stderr does not take (a full pipe set non-blocking) is lost: logging must never
 * stall a loop. What counts as a secret is decided in redact.c. */
#include "base/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"

static const struct log_level_row {
	const char *name, *text;
} levels[LOG_LEVELS] = {
	[LOG_DEBUG] = {"debug", "DEBUG"},
	[LOG_INFO] = {"info", "INFO "},
	[LOG_WARN] = {"warn", "WARN "},
	[LOG_ERROR] = {"error", "ERROR"},
};

/* Process-wide by nature, as stderr is. Atomic, so that a reload may change them under way. */
static atomic_int least_level = LOG_INFO;
static atomic_int line_format = LOG_JSON;

void log_setup(enum log_level least, enum log_format format)
{
	if (format == LOG_AUTO)
		format = isatty(STDERR_FILENO) ? LOG_TEXT : LOG_JSON;
	atomic_store_explicit(&least_level, (int)least, memory_order_relaxed);
	atomic_store_explicit(&line_format, (int)format, memory_order_relaxed);
}

bool log_wants(enum log_level level)
{
	return (int)level >= atomic_load_explicit(&least_level, memory_order_relaxed);
}

/* s up to about n bytes, not ending inside a UTF-8 sequence. */
static struct str cut_utf8(struct str s, size_t n)
{
	if (s.n <= n)
		return s;
	while (n > 0 && ((uint8_t)s.p[n] & 0xC0) == 0x80)
		n--;
	return (struct str){s.p, n};
}

static inline bool is_token_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
	       c == '.' || c == '+' || c == '/' || c == '=' || c == '~';
}

/* Redact into `out`, at most LOG_VALUE_BYTES_MAX bytes. The string is cut before it is redacted,
 * to bound the work, and half a token cannot be recognised: so the run of token characters at
 * the cut goes as well. */
static void put_value(struct buf *out, struct str s)
{
	struct str head = s;

	if (s.n > 2 * LOG_VALUE_BYTES_MAX) {
		head.n = 2 * LOG_VALUE_BYTES_MAX;
		while (head.n > 0 && is_token_byte(head.p[head.n - 1]))
			head.n--;
		head = cut_utf8(s, head.n);
	}
	log_redact(out, head);
	if (head.n < s.n || out->n > LOG_VALUE_BYTES_MAX) {
		out->n = cut_utf8(buf_str(out), LOG_VALUE_BYTES_MAX).n;
		buf_put(out, STR("..."));
	}
}

static bool needs_quotes(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] == '"' || s.p[i] == '=' || s.p[i] == '\\' || s.p[i] == 0x7F)
			return true; /* `<= ' '` covers bytes above 0x7F too where char is signed */
	}
	return s.n == 0;
}

static void put_field(struct buf *line, const struct log_field *field, enum log_format format)
{
	switch (field->kind) {
	case LOG_KIND_STR: {
		AUTO_BUF value = {0};

		if (log_name_is_secret(str_of(field->name)))
			buf_put(&value, STR(LOG_REDACTED));
		else
			put_value(&value, field->str);
		if (format == LOG_JSON || needs_quotes(buf_str(&value)))
			buf_put_json(line, buf_str(&value));
		else
			buf_put(line, buf_str(&value));
		return;
	}
	case LOG_KIND_INT:
		buf_put_fmt(line, "%lld", (long long)field->num);
		return;
	case LOG_KIND_BOOL:
		buf_put(line, field->num != 0 ? STR("true") : STR("false"));
		return;
	}
}

static void put_json_line(struct buf *line, enum log_level level, const char *event, const struct log_field *fields,
			  size_t count)
{
	char now[CLOCK_ISO_LEN + 1];

	clock_iso(clock_wall_ms(), now);
	buf_put_fmt(line, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":", now, levels[level].name);
	buf_put_json(line, str_of(event));
	for (size_t i = 0; i < count; i++) {
		buf_put_byte(line, ',');
		buf_put_json(line, str_of(fields[i].name));
		buf_put_byte(line, ':');
		put_field(line, &fields[i], LOG_JSON);
	}
	buf_put(line, STR("}\n"));
}

static void put_text_line(struct buf *line, enum log_level level, const char *event, const struct log_field *fields,
			  size_t count)
{
	char now[CLOCK_ISO_LEN + 1];

	clock_iso(clock_wall_ms(), now);
	buf_put_fmt(line, "%.12s %s %s", now + 11, levels[level].text, event);
	for (size_t i = 0; i < count; i++) {
		buf_put_fmt(line, " %s=", fields[i].name);
		put_field(line, &fields[i], LOG_TEXT);
	}
	buf_put_byte(line, '\n');
}

void log_event(enum log_level level, const char *event, const struct log_field *fields, size_t count)
{
	AUTO_BUF line = {0};

	CHECK((unsigned)level < LOG_LEVELS);
	if (!log_wants(level))
		return;
	if (atomic_load_explicit(&line_format, memory_order_relaxed) == LOG_JSON)
		put_json_line(&line, level, event, fields, count);
	else
		put_text_line(&line, level, event, fields, count);
	while (write(STDERR_FILENO, line.p, line.n) < 0 && errno == EINTR)
		;
}
