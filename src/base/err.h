/* Errors: one enum, one table (errors.def), one way to hand them up.
 *
 * A fallible function returns `enum err`, is NODISCARD, and fills its ret_ outputs only on
 * OK. TRY() is the only hidden return in the house. A failure is logged, answered and
 * audited once, at the boundary that owns the request; everything below only returns.
 * Foreign codes (libuv, SQLite, OpenSSL) are translated in the file that owns the library. */
#ifndef GATEHOUSE_BASE_ERR_H
#define GATEHOUSE_BASE_ERR_H

#include <stdbool.h>

#include "base/attrs.h"

enum err {
#define X(name, http, rpc, retry, text) ERR_##name,
#include "base/errors.def"
#undef X
	ERR_COUNT,
};
#define OK ERR_OK

/* One row of the table; all strings are static. */
struct err_row {
	const char *name; /* "UPSTREAM_DOWN" */
	int http_status;
	int rpc_code;
	bool retryable;
	const char *text; /* one sentence a stranger may read */
};

/* The table's row for `err`.
 *   Runs on    any thread; never NULL */
const struct err_row *err_row(enum err err);

/* Short for err_row(err)->name and ->text.
 *   Runs on    any thread */
const char *err_name(enum err err);
const char *err_text(enum err err);

#define TRY(expr)                                                                                                      \
	do {                                                                                                           \
		enum err try_err_ = (expr);                                                                            \
		if (unlikely(try_err_ != OK))                                                                          \
			return try_err_;                                                                               \
	} while (0)

#endif
