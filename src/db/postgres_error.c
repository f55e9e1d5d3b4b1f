/* PostgreSQL's SQLSTATEs in the house's words: one table, the first row that fits. What is nobody's
 * fault but ours or the server's goes to the log here, with its code and text, which do not leave
 * this file; the details, which may hold values, are not looked at.
 *   Source     PostgreSQL manual, appendix A */
#include "base/log.h"
#include "db/postgres_private.h"

static const struct {
	const char *state; /* five characters, or the two of a class */
	enum err err;
	enum pg_remedy remedy;
	bool quiet;
} states[] = {
	{"23505", ERR_EXISTS, PG_REMEDY_NONE, true},	  /* unique_violation */
	{"23503", ERR_NOT_FOUND, PG_REMEDY_NONE, true},	  /* foreign_key_violation */
	{"40001", ERR_BUSY, PG_REMEDY_REPEAT, true},	  /* serialization_failure */
	{"40P01", ERR_BUSY, PG_REMEDY_REPEAT, true},	  /* deadlock_detected */
	{"55P03", ERR_BUSY, PG_REMEDY_NONE, true},	  /* lock_not_available */
	{"57014", ERR_TIMEOUT, PG_REMEDY_NONE, true},	  /* query_canceled: statement_timeout */
	{"42P18", ERR_DB, PG_REMEDY_RETYPE, true},	  /* indeterminate_datatype */
	{"42P08", ERR_DB, PG_REMEDY_RETYPE, true},	  /* ambiguous_parameter */
	{"0A000", ERR_DB, PG_REMEDY_REPLAN, false},	  /* a cached plan whose tables have changed */
	{"26000", ERR_DB, PG_REMEDY_REPLAN, false},	  /* a prepared statement is gone: a pooler? */
	{"42P05", ERR_DB, PG_REMEDY_REPLAN, false},	  /* it is there already: the same */
	{"53300", ERR_BUSY, PG_REMEDY_RECONNECT, true},	  /* too_many_connections */
	{"57P", ERR_CLOSED, PG_REMEDY_RECONNECT, true},	  /* the server shuts down, or starts */
	{"25P03", ERR_CLOSED, PG_REMEDY_RECONNECT, true}, /* idle_in_transaction_session_timeout */
	{"08", ERR_CLOSED, PG_REMEDY_RECONNECT, true},	  /* connection exceptions */
	{"22", ERR_LIMIT, PG_REMEDY_NONE, false},	  /* data that the column cannot hold */
	{"54", ERR_LIMIT, PG_REMEDY_NONE, false},	  /* program_limit_exceeded */
	{"XX001", ERR_DB_CORRUPT, PG_REMEDY_NONE, false},
	{"XX002", ERR_DB_CORRUPT, PG_REMEDY_NONE, false},
	{"", ERR_DB, PG_REMEDY_NONE, false},
};

enum err pg_error(const PGresult *result, enum pg_remedy *ret_remedy)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	size_t i = 0;

	if (state == NULL) { /* libpq's own words: the connection is lost */
		*ret_remedy = PG_REMEDY_RECONNECT;
		return ERR_CLOSED;
	}
	while (!str_starts(str_of(state), str_of(states[i].state)))
		i++;
	if (!states[i].quiet)
		log_error("db.failure", LOG_CSTR("sqlstate", state), LOG_CSTR("text", text == NULL ? "" : text));
	*ret_remedy = states[i].remedy;
	return states[i].err;
}
