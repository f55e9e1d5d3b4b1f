/* What an authorization server does otherwise than the standard says. A row of data a platform, so that the code that
 * asks is one. */
#ifndef GATEHOUSE_AUTHCLIENT_DIALECT_H
#define GATEHOUSE_AUTHCLIENT_DIALECT_H

#include "base/str.h"

enum auth_pkce {
	PKCE_S256,
	PKCE_HEX, /* the digest in hexadecimal */
	PKCE_OFF, /* confuses it */
};

/* How a request for a token travels. */
enum auth_carriage {
	CARRY_FORM, /* the body of a POST */
	CARRY_JSON, /* the same as one object of texts */
	CARRY_QUERY /* of a GET */
};

/* What a request with a code holds beside the code and the client. */
enum auth_code_form {
	CODE_STANDARD,
	CODE_UNTYPED, /* no grant_type */
	CODE_BARE,    /* nothing */
};

/* A token that is exchanged for another of its owner, at a server that has grants of its own for it. */
struct auth_exchange {
	const char *grant;	     /* its grant_type; NULL: it knows no such exchange */
	const char *token;	     /* the name of the token that is exchanged */
	enum auth_carriage carriage; /* of this request */
	bool unnamed, unproven;	     /* it names no client; and proves none */
};

/* What a refusal means for what is done next. */
enum token_refusal {
	REFUSAL_OTHER,	    /* not to be mended by asking again */
	REFUSAL_GRANT,	    /* invalid_grant: the person must sign in again */
	REFUSAL_CLIENT,	    /* invalid_client: our registration is gone, or its secret is */
	REFUSAL_SCOPE,	    /* invalid_scope */
	REFUSAL_DPOP_NONCE, /* once more, with the nonce of the answer's header */
	REFUSAL_LATER,	    /* 429 and 5xx: nothing is known, what we have stays good */
};

/* What a platform's own codes mean: a number of this range, or this text. */
struct auth_refusal {
	int64_t first, last;
	const char *text; /* NULL: the numbers */
	enum token_refusal refusal;
};

/* Where a refusal has its code and its words, whatever its status is. */
struct auth_refusals {
	const char *code, *words; /* JSON pointers; NULL: "error" and "error_description" */
	int64_t fine;		  /* the number that is no refusal; with texts "ok" is none */
	const struct auth_refusal *table;
	size_t count;
};

enum auth_ending {
	END_STANDARD, /* RFC 7009, of the refresh token when there is one */
	END_ACCESS,   /* RFC 7009, but of the access token */
	END_DELETE,   /* DELETE with the access token as the credential */
};

/* All zero: as the standard says. */
struct auth_dialect {
	const char *client_id_name;	/* NULL: "client_id" */
	const char *client_secret_name; /* NULL: "client_secret" */
	const char *code_name;		/* in the answer and in the request; NULL: "code" */
	const char *scope_separator;	/* NULL: a space */
	const char *authorize_more;	/* more of the query, encoded: "access_type=offline&prompt=consent" */
	const char *token_more;		/* more of a request with a code, encoded as a form is */
	unsigned client_auths;		/* bits of enum client_auth (discovery.h); 0: what its metadata says */
	enum auth_pkce pkce;
	enum auth_carriage carriage;
	enum auth_code_form code_form;
	const char *answer; /* JSON pointer to the object with the tokens; NULL, or nothing there: all of the answer */
	struct auth_refusals refusals;
	struct auth_exchange longer; /* of the code's token, at once, for one that lives longer */
	struct auth_exchange again;  /* of the access token, for there are no refresh tokens */
	bool refresh_none;	     /* nothing is ever renewed */
	int32_t ahead_s;	     /* before a token's end its renewal begins; 0: as with all others */
	const char *token_header;    /* that carries the token in calls, alone; NULL: "Authorization: Bearer" */
	enum auth_ending ending;
	const char *revoke_name; /* of the token in a request to end it; NULL: "token" */
};

static inline struct str dialect_client_id(const struct auth_dialect *dialect)
{
	return dialect->client_id_name == NULL ? STR("client_id") : str_of(dialect->client_id_name);
}

static inline struct str dialect_client_secret(const struct auth_dialect *dialect)
{
	return dialect->client_secret_name == NULL ? STR("client_secret") : str_of(dialect->client_secret_name);
}

static inline struct str dialect_code(const struct auth_dialect *dialect)
{
	return dialect->code_name == NULL ? STR("code") : str_of(dialect->code_name);
}

#endif
