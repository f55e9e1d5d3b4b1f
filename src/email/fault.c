/* The tables that turn what mail servers say into classes of failure.
 *
 *   Source     RFC 5530 (response codes of IMAP), RFC 5321 section 4.2 and RFC 3463 (replies of SMTP) */
#include "email/fault.h"

#include <stdio.h>

enum err mail_fault_set(struct mail_fault *fault, const char *class, const char *fmt, ...)
{
	va_list args;

	fault->class = class;
	va_start(args, fmt);
	vsnprintf(fault->text, sizeof fault->text, fmt, args);
	va_end(args);
	for (char *at = fault->text; *at != '\0'; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = ' ';
	return ERR_TOOL_FAILED;
}

const char *mail_class_of_imap(struct str code, const char *refused)
{
	static const struct {
		struct str code;
		const char *class; /* NULL: the credential was refused */
	} codes[] = {
		{{"AUTHENTICATIONFAILED", 20}, NULL},
		{{"AUTHORIZATIONFAILED", 19}, NULL},
		{{"EXPIRED", 7}, NULL},
		{{"OVERQUOTA", 9}, "quota"},
		{{"LIMIT", 5}, "rate_limited"},
		{{"THROTTLED", 9}, "rate_limited"},
		{{"UNAVAILABLE", 11}, "transient"},
		{{"INUSE", 5}, "transient"},
		{{"SERVERBUG", 9}, "transient"},
		{{"CONTACTADMIN", 12}, "blocked"},
		{{"PRIVACYREQUIRED", 15}, "unsupported"},
		{{"NOPERM", 6}, "permission"},
		{{"NONEXISTENT", 11}, "not_found"},
		{{"TRYCREATE", 9}, "not_found"},
		{{"ALREADYEXISTS", 13}, "conflict"},
		{{"TOOBIG", 6}, "too_large"},
	};
	struct str word, rest;

	(void)str_cut(code, ' ', &word, &rest);
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (str_eq_nocase(word, codes[i].code))
			return codes[i].class == NULL ? refused : codes[i].class;
	return "invalid";
}

const char *mail_class_of_smtp(int reply, struct str text, const char *refused)
{
	switch (reply) {
	case 454:
		/* "temporary authentication failure", but also "TLS not available" */
	case 421:
	case 450:
	case 451:
		/* 4.7.x: of policy, which for mail that is sent is its rate */
		return str_starts(text, STR("4.7.")) && reply != 454 ? "rate_limited" : "transient";
	case 452:
	case 552:
		return str_starts(text, STR("5.3.4")) ? "too_large" : "quota";
	case 530:
	case 534:
	case 535:
	case 538:
		return refused;
	case 523:
		return "too_large";
	case 554:
		return "blocked";
	default:
		return reply >= 400 && reply < 500 ? "transient" : "invalid";
	}
}
