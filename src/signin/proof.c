/* What people prove themselves with, checked where it costs nobody else: passwords are hashed on worker threads, a few
 * at a time in the whole process, since the same threads serve the database's readers. Places are given out on loop 0,
 * in order; who finds the queue full is told to come again. */
#include "base/check.h"
#include "base/clock.h"
#include "signin/password.h"
#include "signin/signin_private.h"
#include "signin/totp.h"

struct hashing {
	struct signin *signin;
	struct str password, encoded;
	enum err (*work)(void *arg);
	bool right;
	struct buf out;
};

AWAITS static enum err in_turn(void *arg)
{
	struct hashing *hashing = arg;
	enum err err;

	TRY(gate_enter(&hashing->signin->hashing));
	err = work_run(hashing->work, hashing);
	gate_leave(&hashing->signin->hashing);
	return err;
}

static enum err check_work(void *arg)
{
	struct hashing *hashing = arg;

	return password_matches(hashing->encoded, hashing->password, &hashing->right);
}

static enum err make_work(void *arg)
{
	struct hashing *hashing = arg;

	return password_hash(hashing->password, &hashing->out);
}

AWAITS enum err proof_password(struct signin *signin, const struct user *user, struct str password, bool *ret_right)
{
	struct hashing hashing = {.signin = signin, .password = password, .work = check_work};

	if (user != NULL)
		hashing.encoded = user->password;
	/* What nobody's password can be costs no less, or its length would tell. */
	if (password.n > PASSWORD_BYTES_MAX)
		hashing.password = STR("");
	TRY(loop_call(loop_at(0), "password", in_turn, &hashing));
	*ret_right = hashing.right && password.n <= PASSWORD_BYTES_MAX;
	return OK;
}

AWAITS enum err proof_password_set(struct signin *signin, const struct user *user, struct str password)
{
	struct hashing hashing = {.signin = signin, .password = password, .work = make_work};
	enum err err = loop_call(loop_at(0), "password", in_turn, &hashing);

	if (err == OK)
		err = user_set_password(signin->spec.db, user->tenant_id, user->id, buf_str(&hashing.out),
					clock_wall_ms());
	buf_free(&hashing.out);
	return err;
}

#define SEALED_FOR_BYTES (sizeof("totp ") + ID_LEN)

static struct str sealed_for(struct str user_id, char out[SEALED_FOR_BYTES])
{
	size_t n = (size_t)snprintf(out, SEALED_FOR_BYTES, "totp %.*s", STR_ARG(user_id));

	return (struct str){out, n < SEALED_FOR_BYTES ? n : SEALED_FOR_BYTES - 1};
}

void proof_totp_seal(const struct signin *signin, struct str user_id, struct str secret, struct buf *out)
{
	char bound[SEALED_FOR_BYTES];

	crypto_seal(signin->spec.key, secret, sealed_for(user_id, bound), out);
}

enum err proof_totp(const struct signin *signin, const struct user *user, struct str code, int64_t *ret_step)
{
	uint8_t secret[TOTP_SECRET_BYTES];
	char bound[SEALED_FOR_BYTES];
	bool right;
	size_t n;

	if (user->totp.n != TOTP_SECRET_BYTES + CRYPTO_SEAL_OVERHEAD)
		return ERR_CRYPTO;
	TRY(crypto_open(signin->spec.key, user->totp, sealed_for(user->id, bound), secret, &n));
	right = totp_matches((struct str){(const char *)secret, n}, code, clock_wall_ms(), user->totp_step, ret_step);
	crypto_wipe(secret, sizeof(secret));
	return right ? OK : ERR_UNAUTHENTICATED;
}
