/* Scopes as clients write them. The words for what a token may do are identity's; offline_access is of this room
 * alone: it asks for a refresh token and never stands in an access token. */
#include "oauth/oauth_private.h"

static bool has_word(struct str text, struct str wanted)
{
	while (text.n > 0) {
		struct str word, rest;

		str_cut(text, ' ', &word, &rest);
		if (str_eq(word, wanted))
			return true;
		text = rest;
	}
	return false;
}

enum err oauth_scopes_read(struct str text, unsigned allowed, unsigned *ret_scopes)
{
	unsigned asked = scopes_of(text) | (has_word(text, STR("offline_access")) ? OAUTH_OFFLINE : 0);

	if ((asked & SCOPE_ALL) == 0 && str_trim(text).n == (asked != 0 ? strlen("offline_access") : 0))
		asked |= OAUTH_SCOPES_USUAL;
	asked &= allowed;
	if ((asked & SCOPE_ALL) == 0)
		return ERR_OAUTH_SCOPE;
	*ret_scopes = asked;
	return OK;
}

struct str oauth_scopes_text(struct arena *arena, unsigned scopes)
{
	AUTO_BUF text = {0};

	scopes_put(scopes & SCOPE_ALL, &text);
	if ((scopes & OAUTH_OFFLINE) != 0)
		buf_put(&text, text.n > 0 ? STR(" offline_access") : STR("offline_access"));
	return arena_str(arena, buf_str(&text));
}
