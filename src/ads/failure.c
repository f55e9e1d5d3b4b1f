/* Why a report did not come, kept beside the old one: who asks meanwhile is told without the platform being asked. The
 * text in the row is JSON: the error, the platform's class and words, and when to come again. When to ask again all the
 * same is for cache.c. */
#include "ads/private.h"

#define REST_MS 30000	      /* a platform that fails is asked again after so long */
#define REST_MS_MAX 900000    /* whatever it says: a quarter of an hour */
#define FAILURE_BYTES_MAX 600 /* of a platform's words */

static const struct {
	enum err err;
	const char *class;
} credentials[] = {
	{ERR_CREDENTIAL_MISSING, "not_connected"},
	{ERR_CREDENTIAL_REAUTH, "reauth_required"},
	{ERR_CREDENTIAL_REFUSED, "reauth_required"},
};

bool err_is_credential(enum err err)
{
	for (size_t i = 0; i < ARRAY_LEN(credentials); i++)
		if (credentials[i].err == err)
			return true;
	return false;
}

void failure_write(enum err err, const struct ads_failure *failure, struct buf *out)
{
	struct str class = failure->class, message = str_shorten(failure->message, FAILURE_BYTES_MAX);

	for (size_t i = 0; i < ARRAY_LEN(credentials); i++)
		if (credentials[i].err == err)
			class = str_of(credentials[i].class);
	if (err != ERR_TOOL_FAILED)
		message = str_of(err_text(err));
	if (class.n == 0)
		class = STR("transient");
	buf_put(out, STR("{\"err\":"));
	buf_put_json(out, str_of(err_name(err)));
	buf_put(out, STR(",\"class\":"));
	buf_put_json(out, class);
	buf_put(out, STR(",\"message\":"));
	buf_put_json(out, message);
	buf_put_fmt(out, ",\"retry_after_s\":%lld}", (long long)failure->retry_after_s);
}

enum err failure_read(struct arena *arena, struct str text, struct ads_failure *ret_failure)
{
	struct ads_failure failure = {.class = STR("transient"), .message = STR("")};
	yyjson_val *root;
	struct str name;

	*ret_failure = failure;
	if (json_read(arena, text, &root) != OK)
		return ERR_TOOL_FAILED;
	failure.class = json_str(json_get(root, "class"));
	failure.message = json_str(json_get(root, "message"));
	(void)json_int(json_get(root, "retry_after_s"), &failure.retry_after_s);
	*ret_failure = failure;
	name = json_str(json_get(root, "err"));
	for (size_t i = 0; i < ARRAY_LEN(credentials); i++)
		if (str_eq(name, str_of(err_name(credentials[i].err))))
			return credentials[i].err;
	return ERR_TOOL_FAILED;
}

int64_t failure_rest_ms(const struct ads_failure *failure)
{
	if (failure->retry_after_s <= 0)
		return REST_MS;
	return failure->retry_after_s > REST_MS_MAX / 1000 ? REST_MS_MAX : failure->retry_after_s * 1000;
}
