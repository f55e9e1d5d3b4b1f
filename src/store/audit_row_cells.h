/* A row of the trail as cells, for the files that select it. Private to the store. */
#ifndef GATEHOUSE_STORE_AUDIT_ROW_CELLS_H
#define GATEHOUSE_STORE_AUDIT_ROW_CELLS_H

#include "store/audit_row.h"

/* Behind seq, in the order of the table. */
#define AUDIT_ROW_COLUMNS                                                                                              \
	"at_ms, event, tenant_id, principal, ip, request_id, target, upstream, outcome,"                               \
	" duration_us, bytes_in, bytes_out, mac"

/* From the cells of "seq, " AUDIT_ROW_COLUMNS; its strings are the cells'. */
struct audit_row audit_row_from(const struct db_value *cell);

#endif
