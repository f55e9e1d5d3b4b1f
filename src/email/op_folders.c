/* email.list_folders, and email.list_accounts, which asks no server.
 *
 * The gateway gives the accounts of the upstream in the setting `accounts`, a JSON text: name, settings and whether
 * each is connected. Secrets are not among them. */
#include "email/folders.h"
#include "email/op.h"

AWAITS static enum err list_folders(struct imap_session *session, void *arg)
{
	struct op *op = arg;
	struct mail_folders folders;

	TRY(mail_folders_list(session, true, op->arena, &op->fault, &folders));
	buf_put(&op->out, STR("{\"folders\":["));
	for (size_t i = 0; i < folders.count; i++) {
		const struct mail_folder *folder = &folders.items[i];
		struct str name = folder->path;

		for (size_t j = name.n; folder->separator != '\0' && j > 0; j--) {
			if (name.p[j - 1] == folder->separator) {
				name = str_skip(name, j);
				break;
			}
		}
		out_next(&op->out);
		buf_put_byte(&op->out, '{');
		out_text(&op->out, "name", name);
		out_text(&op->out, "path", folder->path);
		if (folder->role.n > 0)
			out_text(&op->out, "role", folder->role);
		if (folder->counted) {
			out_number(&op->out, "messages", folder->messages);
			out_number(&op->out, "unseen", folder->unseen);
		}
		out_flag(&op->out, "selectable", folder->selectable);
		buf_put_byte(&op->out, '}');
	}
	buf_put(&op->out, STR("]}"));
	return OK;
}

AWAITS enum err op_run_folders(struct op *op)
{
	return op_with_session(op, list_folders);
}

/* One account of the list; `settings` are its own and the upstream's. */
static void put_account(struct buf *out, struct str name, yyjson_val *settings, const bool *connected, bool first)
{
	struct str address = json_str(json_get(settings, "address"));

	out_next(out);
	buf_put_byte(out, '{');
	if (name.n > 0)
		out_text(out, "alias", name);
	if (address.n > 0)
		out_text(out, "address", address);
	if (json_str(json_get(settings, "display_name")).n > 0)
		out_text(out, "display_name", json_str(json_get(settings, "display_name")));
	out_flag(out, "default", first);
	if (connected != NULL)
		out_text(out, "status", *connected ? STR("connected") : STR("not connected"));
	buf_put_byte(out, '}');
}

enum err op_run_accounts(struct op *op)
{
	struct str text = json_str(json_get(op->call->settings, "accounts"));
	yyjson_val *accounts = NULL, *account;
	bool connected = op->call->secret != NULL;
	yyjson_arr_iter walk;

	if (text.n > 0)
		TRY(json_read(op->arena, text, &accounts));
	buf_put(&op->out, STR("{\"accounts\":["));
	if (yyjson_arr_size(accounts) == 0)
		put_account(&op->out, op->account.alias, op->call->settings, &connected, true);
	yyjson_arr_iter_init(accounts, &walk);
	for (size_t i = 0; (account = yyjson_arr_iter_next(&walk)) != NULL; i++) {
		bool *known = NULL;

		if (yyjson_is_bool(json_get(account, "connected"))) {
			connected = yyjson_is_true(json_get(account, "connected"));
			known = &connected;
		}
		put_account(&op->out, json_str(json_get(account, "name")), json_get(account, "settings"), known,
			    i == 0);
	}
	buf_put(&op->out, STR("]}"));
	return OK;
}
