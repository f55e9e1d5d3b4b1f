/* The account's credential during a call: asked for before the first request that wants it, shown to templates only
 * while a request to a host of the settings is composed, and got anew once when the platform refuses it. */
#include "connector/run.h"

AWAITS enum err run_credential_take(struct run *run)
{
	const struct connector_credentials *source = &run->call->credentials;
	struct carried_credential *carried = &run->credential;

	if (source->get == NULL)
		return OK;
	if (!carried->asked) {
		carried->err = source->get(source->arg, NULL, &carried->lines, &carried->in_query, &carried->secret);
		if (carried->err == ERR_CANCELED || carried->err == ERR_TIMEOUT)
			return carried->err;
		carried->asked = true;
	}
	return carried->err;
}

static void forget(struct carried_credential *carried)
{
	secret_text_unref(carried->lines);
	secret_text_unref(carried->secret);
	carried->lines = carried->secret = NULL;
	carried->asked = false;
}

AWAITS enum err run_credential_renew(struct run *run)
{
	const struct connector_credentials *source = &run->call->credentials;
	struct carried_credential *carried = &run->credential;
	const struct secret_text *sent = carried->lines != NULL ? carried->lines : carried->secret;
	AUTO_BUF account = {0};
	bool again = false;
	enum err err;

	run_put_account(run, &account);
	memos_forget(run->runner->memos, buf_str(&account)); /* what came with it may be as dead */
	if (source->get == NULL || sent == NULL)
		return ERR_TOOL_FAILED;
	if (source->refused == NULL)
		return ERR_CREDENTIAL_REFUSED;
	err = source->refused(source->arg, 401, sent, &again);
	if (err == ERR_CANCELED || err == ERR_TIMEOUT)
		return err;
	if (!again || carried->renewed)
		return err == OK ? ERR_CREDENTIAL_REFUSED : err;
	carried->renewed = true;
	forget(carried);
	return run_credential_take(run);
}

void run_credential_show(struct run *run, bool shown)
{
	struct secret_text *secret = run->credential.secret;

	run->scope.root[ROOT_SECRET] = value_of_text(shown && secret != NULL ? secret_text_str(secret) : STR_NONE);
}

void run_credential_done(struct run *run)
{
	run_credential_show(run, false);
	forget(&run->credential);
}
