/* The classes of failures as the language calls them. What is done about each is the runner's; what files may name is
 * this table. */
#include "connector/program.h"

static const char *const names[FAILURE_CLASSES] = {
	[CLASS_NONE] = "none",
	[CLASS_TOKEN_EXPIRED] = "token_expired",
	[CLASS_TOKEN_REVOKED] = "token_revoked",
	[CLASS_PERMISSION] = "permission",
	[CLASS_UNSUPPORTED] = "unsupported",
	[CLASS_RATE_LIMITED] = "rate_limited",
	[CLASS_QUOTA] = "quota",
	[CLASS_BLOCKED] = "blocked",
	[CLASS_TRANSIENT] = "transient",
	[CLASS_NOT_FOUND] = "not_found",
	[CLASS_INVALID] = "invalid",
	[CLASS_CONFLICT] = "conflict",
	[CLASS_DUPLICATE] = "duplicate",
	[CLASS_TOO_LARGE] = "too_large",
	[CLASS_WINDOW_CLOSED] = "window_closed",
	[CLASS_VERSION_SUNSET] = "version_sunset",
	[CLASS_UNKNOWN_OUTCOME] = "unknown_outcome",
};

const char *failure_class_name(enum failure_class class)
{
	return names[class];
}

enum failure_class failure_class_named(struct str name)
{
	for (int class = 0; class < FAILURE_CLASSES; class ++)
		if (str_eq(name, str_of(names[class])))
			return (enum failure_class) class;
	return CLASS_NONE;
}
