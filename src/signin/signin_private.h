/* What the files of this room share: the room itself, cookies, sealed states of a flow, sessions, throttling, and the
 * pages by their paths. */
#ifndef GATEHOUSE_SIGNIN_SIGNIN_PRIVATE_H
#define GATEHOUSE_SIGNIN_SIGNIN_PRIVATE_H

#include "http/reply.h"
#include "signin/cookie.h"
#include "signin/page.h"
#include "signin/signin.h"
#include "store/web_session.h"

struct providers;

struct signin {
	uint32_t magic;
	struct signin_spec spec;
	struct gate hashing; /* loop 0's: who waits for a place to hash a password */
	struct providers *providers;
};

/* ---- flow.c: states of a sign-in that travel with the browser, sealed ----------------------------------------- */

/* Append fields as a sealed text that is good for `life_ms` and for this purpose only. */
void flow_seal(const struct signin *signin, struct str purpose, struct str fields, int64_t life_ms, struct buf *out);

/* Undo flow_seal.
 *   ret_fields in `arena`
 *   Errors     ERR_CRYPTO: not ours, altered, too old, for another purpose */
NODISCARD enum err flow_open(const struct signin *signin, struct arena *arena, struct str purpose, struct str text,
			     struct form *ret_fields);

/* ---- session.c ----------------------------------------------------------------------------------------------- */

#define CSRF_LEN 43 /* base64url of a MAC */

struct live {
	struct web_session session;
	struct user user;
	struct str csrf; /* in the visit's arena */
};

/* Who the cookie says it is, as signin_session. */
NODISCARD enum err session_current(struct signin *signin, struct visit *visit, struct live *ret_live) AWAITS;

/* A new session for a user who has proved who they are; the one the browser had ends. Appends Set-Cookie lines. */
NODISCARD enum err session_open(struct signin *signin, struct visit *visit, const struct user *user,
				struct buf *headers) AWAITS;

/* End the browser's session, if any; appends Set-Cookie lines. */
NODISCARD enum err session_close(struct signin *signin, struct visit *visit, struct buf *headers) AWAITS;

/* ---- guard.c: what a form must prove ------------------------------------------------------------------------- */

/* As guard_form, for a form of somebody who is signed in: it carries the session's token in `csrf`.
 *   Errors     as above and session_current; ERR_FORBIDDEN */
NODISCARD enum err guard_signed_in(struct signin *signin, struct visit *visit, struct form *ret_form,
				   struct live *ret_live) AWAITS;

/* ---- return_to.c --------------------------------------------------------------------------------------------- */

/* The origins that a form must be allowed to lead to so that `return_to` can send the browser on to an OAuth
 * client at once; empty: none. In `arena`. */
struct str return_to_targets(struct arena *arena, struct str return_to);

/* ---- throttle.c ---------------------------------------------------------------------------------------------- */

/* One more attempt of this address at an endpoint (a letter).
 *   ret_wait_ms 0: go on; else how long to wait */
NODISCARD enum err throttle_address(struct signin *signin, const struct visit *visit, char endpoint,
				    int64_t *ret_wait_ms) AWAITS;

/* One more attempt at an account, known or not. A browser that has signed in as this user before has a count of its
 * own, so that strangers' guesses do not lock its owner out.
 *   user_id    empty: nobody known */
NODISCARD enum err throttle_account(struct signin *signin, const struct visit *visit, char kind, struct str account,
				    struct str user_id, int64_t *ret_wait_ms) AWAITS;

/* An attempt has succeeded: those before it do not count any more. */
NODISCARD enum err throttle_forgive(struct signin *signin, const struct visit *visit, char kind, struct str account,
				    struct str user_id) AWAITS;

/* Failed sign-ins of an address at a provider: those that succeed do not count, since a whole office may share one.
 *   ret_wait_ms 0: go on; else how long to wait */
NODISCARD enum err throttle_failures(struct signin *signin, const struct visit *visit, int64_t *ret_wait_ms) AWAITS;
NODISCARD enum err throttle_note_failure(struct signin *signin, const struct visit *visit) AWAITS;

/* Append the cookie by which throttle_account knows the browser again. */
void throttle_remember(const struct signin *signin, const struct visit *visit, struct str user_id, struct buf *headers);

/* ---- proof.c: passwords and codes off the loop ----------------------------------------------------------------- */

/* Whether it is this user's password (NULL: nobody's, found out in the same time). At most HASHING_MAX at once.
 *   Errors     ERR_BUSY, ERR_SYSTEM, ERR_CANCELED ... */
NODISCARD enum err proof_password(struct signin *signin, const struct user *user, struct str password, bool *ret_right)
	AWAITS;
NODISCARD enum err proof_password_set(struct signin *signin, const struct user *user, struct str password) AWAITS;

/* The TOTP secret of a user, sealed for them alone, and back. */
void proof_totp_seal(const struct signin *signin, struct str user_id, struct str secret, struct buf *out);
NODISCARD enum err proof_totp(const struct signin *signin, const struct user *user, struct str code, int64_t *ret_step);

/* ---- page.c -------------------------------------------------------------------------------------------------- */

#define STYLE_PATH "/login/style.css"

/* Answer with the stylesheet of all pages. */
NODISCARD enum err page_style(struct visit *visit) AWAITS;

/* Answer 429 with when to come again. */
NODISCARD enum err page_wait(struct visit *visit, int64_t wait_ms) AWAITS;

/* Answer with a sentence and the way back to /login. */
NODISCARD enum err page_sorry(struct visit *visit, int status, const char *title, struct str sentence) AWAITS;

/* ---- the pages ------------------------------------------------------------------------------------------------ */

/* GET and POST of /login, /login/totp, /login/enrol, /login/password and /logout. Each answers, or says why not:
 *   Errors     ERR_UNAUTHENTICATED (sign in first), ERR_FORBIDDEN, ERR_HTTP_*, ERR_BUSY, ERR_DB ... */
NODISCARD enum err login_show(struct signin *signin, struct visit *visit) AWAITS;
NODISCARD enum err login_take(struct signin *signin, struct visit *visit) AWAITS;
NODISCARD enum err second_show(struct signin *signin, struct visit *visit) AWAITS;
NODISCARD enum err second_take(struct signin *signin, struct visit *visit) AWAITS;
NODISCARD enum err enrol_show(struct signin *signin, struct visit *visit) AWAITS;
NODISCARD enum err enrol_take(struct signin *signin, struct visit *visit) AWAITS;
NODISCARD enum err password_show(struct signin *signin, struct visit *visit) AWAITS;
NODISCARD enum err password_take(struct signin *signin, struct visit *visit) AWAITS;
NODISCARD enum err logout_show(struct signin *signin, struct visit *visit) AWAITS;
NODISCARD enum err logout_take(struct signin *signin, struct visit *visit) AWAITS;
/* login.c: the page of who is signed in. */
NODISCARD enum err account_show(struct visit *visit, const struct live *live) AWAITS;

/* second.c: the password was right, and a code is needed besides: go and ask for it. */
NODISCARD enum err second_begin(struct signin *signin, struct visit *visit, const struct user *user,
				struct str return_to) AWAITS;

/* finish.c: they have proved who they are. Open a session, write the row, go on.
 *   totp_step  0: no code was used
 *   Errors     ERR_EXISTS: the code's step was used before */
NODISCARD enum err finish(struct signin *signin, struct visit *visit, const struct user *user, struct str method,
			  int64_t totp_step, struct str return_to) AWAITS;

/* finish.c: one row in the trail. */
NODISCARD enum err finish_audit(struct signin *signin, const struct visit *visit, const char *event,
				struct str tenant_id, struct str user_id, struct str target, struct str outcome) AWAITS;

#endif
