/* What operations share: their arguments, the pieces of their results, names of messages.
 *
 * Results are written as JSON text in the order of their schema; whether a comma is due is seen from the last byte. A
 * message's name holds what it takes to find it again, and is not a secret: it opens nothing without the account. */
#include "email/op.h"

#include "base/random.h"

#define REF_BYTES_MAX 2048

struct str op_text(const struct op *op, const char *name)
{
	return json_str(json_get(op->call->with, name));
}

int64_t op_int(const struct op *op, const char *name, int64_t otherwise)
{
	int64_t value;

	return json_int(json_get(op->call->with, name), &value) ? value : otherwise;
}

bool op_flag(const struct op *op, const char *name)
{
	return yyjson_is_true(json_get(op->call->with, name));
}

void out_next(struct buf *out)
{
	if (out->n > 0 && strchr("{[", out->p[out->n - 1]) == NULL)
		buf_put_byte(out, ',');
}

void out_key(struct buf *out, const char *name)
{
	out_next(out);
	buf_put_json(out, str_of(name));
	buf_put_byte(out, ':');
}

void out_text(struct buf *out, const char *name, struct str text)
{
	out_key(out, name);
	buf_put_json(out, text);
}

void out_number(struct buf *out, const char *name, uint64_t number)
{
	out_key(out, name);
	buf_put_u64(out, number);
}

void out_flag(struct buf *out, const char *name, bool value)
{
	out_key(out, name);
	buf_put(out, value ? STR("true") : STR("false"));
}

void message_ref_put(struct buf *out, const struct message_ref *ref)
{
	AUTO_BUF plain = {0};

	buf_put_fmt(&plain, "%u.%u.%zu.", ref->validity, ref->uid, ref->account.n);
	buf_put(&plain, ref->account);
	buf_put(&plain, ref->folder);
	base64url_put(out, plain.p, plain.n);
}

static bool take_number(struct str *rest, uint64_t max, uint64_t *ret_number)
{
	struct str digits;

	return str_cut(*rest, '.', &digits, rest) && str_to_u64(digits, ret_number) == OK && *ret_number <= max;
}

enum err message_ref_read(struct arena *arena, struct str text, struct message_ref *ret_ref)
{
	uint64_t validity, uid, account;
	struct str rest;
	char *plain;
	size_t n;

	if (text.n > REF_BYTES_MAX)
		return ERR_RPC_PARAMS;
	plain = arena_alloc(arena, REF_BYTES_MAX);
	TRY(base64url_get(text, plain, REF_BYTES_MAX, &n));
	rest = (struct str){plain, n};
	if (!take_number(&rest, UINT32_MAX, &validity) || !take_number(&rest, UINT32_MAX, &uid) || uid == 0 ||
	    !take_number(&rest, rest.n, &account) || account >= rest.n)
		return ERR_RPC_PARAMS;
	*ret_ref = (struct message_ref){.account = {rest.p, account},
					.folder = str_skip(rest, account),
					.validity = (uint32_t)validity,
					.uid = (uint32_t)uid};
	return OK;
}

enum err op_message_ref(struct op *op, struct str text, struct message_ref *ret_ref)
{
	struct message_ref ref;

	if (message_ref_read(op->arena, text, &ref) != OK)
		return mail_fault_set(&op->fault, "invalid",
				      "that is no id of a message; take one from search_messages as it is");
	if (!str_eq(ref.account, op->account.alias))
		return mail_fault_set(&op->fault, "invalid",
				      "that message is in the account `%.*s`: give it as `account`",
				      STR_ARG(ref.account));
	*ret_ref = ref;
	return OK;
}
