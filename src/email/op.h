/* One operation on its way: what all six share. Private to the room. */
#ifndef GATEHOUSE_EMAIL_OP_H
#define GATEHOUSE_EMAIL_OP_H

#include "email/account.h"
#include "email/email.h"
#include "email/sessions.h"

#define OP_ARENA_BYTES_MAX (256u * 1024 * 1024) /* IMAP_ARENA_BYTES_MAX, and twice that for what is made here */

struct op {
	struct email_room *room;
	struct native_call *call;
	struct mail_account account;
	struct mail_fault fault;
	struct arena *arena; /* the operation's own: larger than a call's may be */
	struct buf out;	     /* the result, JSON */
	void *state;	     /* its own, in `arena` */
};

/* The six. Each leaves its result in `out`.
 *   Errors     as struct native_op has it; ERR_TOOL_FAILED with `fault` */
enum err op_run_accounts(struct op *op);
enum err op_run_folders(struct op *op) AWAITS;
enum err op_run_search(struct op *op) AWAITS;
enum err op_run_read(struct op *op) AWAITS;
enum err op_run_send(struct op *op) AWAITS;
enum err op_run_draft(struct op *op) AWAITS;

/* Run `work` with a session of the account, on the loop where its sessions are.
 *   Errors     as sessions_use */
NODISCARD enum err op_with_session(struct op *op, enum err (*work)(struct imap_session *session, void *op) /* AWAITS */)
	AWAITS;
/* What a link to one of the account's servers needs. Its `tls` is held until op_spec_release.
 *   Errors     ERR_CREDENTIAL_MISSING, ERR_TOOL_FAILED */
NODISCARD enum err op_spec(struct op *op, enum mail_protocol protocol, struct mail_link_spec *ret_spec) AWAITS;
void op_spec_release(struct mail_link_spec *spec);

/* Arguments of the step: text, or none; a whole number, or `otherwise`; true. */
struct str op_text(const struct op *op, const char *name);
int64_t op_int(const struct op *op, const char *name, int64_t otherwise);
bool op_flag(const struct op *op, const char *name);

/* Members of the result. A key opens its place; commas come by themselves. */
void out_key(struct buf *out, const char *name);
void out_text(struct buf *out, const char *name, struct str text);
void out_number(struct buf *out, const char *name, uint64_t number);
void out_flag(struct buf *out, const char *name, bool value);
/* Between elements of an array. */
void out_next(struct buf *out);

/* Whose a message is: its folder's UIDVALIDITY makes an old name recognisable. As text, base64url. */
struct message_ref {
	struct str account, folder;
	uint32_t validity, uid;
};
void message_ref_put(struct buf *out, const struct message_ref *ref);
/*   Errors     ERR_RPC_PARAMS */
NODISCARD enum err message_ref_read(struct arena *arena, struct str text, struct message_ref *ret_ref);
/* The same for an argument, which must be of this account. */
NODISCARD enum err op_message_ref(struct op *op, struct str text, struct message_ref *ret_ref);

#endif
