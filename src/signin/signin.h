/* People: how they sign in (password and TOTP, or the company's provider), their sessions in the browser, and the
 * pages for both. Serves /login, /logout and /login/{provider}/callback. */
#ifndef GATEHOUSE_SIGNIN_SIGNIN_H
#define GATEHOUSE_SIGNIN_SIGNIN_H

#include "audit/audit.h"
#include "identity/identity.h"
#include "identity/visit.h"
#include "state/state.h"
#include "store/user.h"

struct signin;

struct signin_spec {
	struct db *db;
	struct state *state;
	struct audit *audit;
	struct identity *identity;
	struct secret *key; /* of sign-in: MACs of cookies, seals of TOTP secrets and flows; all borrowed */
};
/* On loop 0, before anybody asks; what `spec` names must outlive it. */
struct signin *signin_new(const struct signin_spec *spec);
/* After every visit has ended. */
void signin_free(struct signin *signin);

/* Answer a request for a page of this room.
 *   Errors     what to answer instead: ERR_HTTP_ROUTE, ERR_HTTP_METHOD, ERR_RATE_LIMITED ... */
NODISCARD enum err signin_serve(struct signin *signin, struct visit *visit) AWAITS;

/* Who the browser's cookie says it is.
 *   ret_user   in the visit's arena; live and not disabled
 *   ret_csrf   the token that every form of this session must carry back
 *   Errors     ERR_UNAUTHENTICATED: nobody (see signin_begin); ERR_DB ... */
NODISCARD enum err signin_session(struct signin *signin, struct visit *visit, struct user *ret_user,
				  struct str *ret_csrf) AWAITS;

/* Whether a request that changes something comes from a page of our own: by Origin and Sec-Fetch-Site. What a form does
 * in somebody's name must carry ret_csrf besides.
 *   Errors     ERR_HTTP_ORIGIN */
NODISCARD enum err signin_check_origin(const struct visit *visit);

/* Answer with the way to sign in: it leads back to `return_to` (a path of ours with its query). */
NODISCARD enum err signin_begin(struct signin *signin, struct visit *visit, struct str return_to) AWAITS;

/* The caller that a cookie makes, for the portal; unsafe methods need the header X-CSRF-Token, which answers to the
 * others carry.
 *   Errors     ERR_UNAUTHENTICATED, ERR_FORBIDDEN (no or wrong CSRF token) */
NODISCARD enum err signin_caller(struct signin *signin, struct visit *visit, struct caller *ret_caller) AWAITS;

/* A page of the house: title, and a body of HTML that is already escaped.
 *   form_to    as reply_html */
NODISCARD enum err signin_page(struct visit *visit, int status, struct str headers, struct str form_to,
			       const char *title, struct str body) AWAITS;

#endif
