/* The cookies of this gateway, for the rooms that serve pages. */
#ifndef GATEHOUSE_SIGNIN_COOKIE_H
#define GATEHOUSE_SIGNIN_COOKIE_H

#include "identity/visit.h"

enum cookie {
	COOKIE_SESSION,
	COOKIE_FLOW,	/* a sign-in under way: sealed, minutes */
	COOKIE_DEVICE,	/* this browser has signed in as somebody before: see throttle.c */
	COOKIE_CONNECT, /* this browser has begun to connect an account: see connect/flow.h */
	COOKIE_COUNT,
};

/* Whether a cookie can be kept from others on this origin: https, or http that never leaves the machine. */
bool cookies_are_safe(struct str origin);

/* The value that the browser sent; STR_NONE when none, or twice. */
struct str cookie_read(const struct visit *visit, enum cookie cookie);

/* Append a Set-Cookie line.
 *   value      empty: forget it
 *   life_ms    0: until the browser is closed */
void cookie_put(struct buf *headers, struct str origin, enum cookie cookie, struct str value, int64_t life_ms);

#endif
