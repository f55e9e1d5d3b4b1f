/* The table behind `enum err`: errors.def expanded once, so that a name, its HTTP status and
 * its JSON-RPC code cannot drift apart. Choosing what to show a peer is left to the boundary
 * that answers it. */
#include "base/err.h"

#include "base/check.h"

static const struct err_row table[ERR_COUNT] = {
#define X(name, http, rpc, retry, text) {#name, http, rpc, retry, text},
#include "base/errors.def"
#undef X
};

const struct err_row *err_row(enum err err)
{
	CHECK((unsigned)err < ERR_COUNT);
	return &table[err];
}

const char *err_name(enum err err)
{
	return err_row(err)->name;
}

const char *err_text(enum err err)
{
	return err_row(err)->text;
}
