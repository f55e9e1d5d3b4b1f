/* Client id metadata documents: a client_id that is a URL, behind which the client says who it is. The document is
 * fetched by the gateway, guarded like all that strangers can make it ask for, only for people who are signed in, and
 * kept as a row for as long as its headers allow. The host of the URL is what people are shown. */
#include "oauth/oauth_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "http/fetch.h"

#define DOCUMENT_BYTES_MAX (32 * 1024)
#define DOCUMENT_TIMEOUT_MS 5000
#define DOCUMENT_KEPT_MS (3600 * 1000LL) /* when its headers name no time */
#define DOCUMENT_KEPT_MS_MIN (5 * 60 * 1000LL)
#define DOCUMENT_KEPT_MS_MAX (24 * 3600 * 1000LL)

static const struct rate document_rate = {.limit = 30, .window_ms = 60 * 1000};

/* https and a path, without anything that two parsers could read in two ways. */
bool document_is_id(const struct visit *visit, struct str id)
{
	struct url url;

	if (!visit->settings->documents || url_parse(id, &url) != OK || str_eq(url.path, STR("/")) ||
	    memmem(url.path.p, url.path.n, "/.", 2) != NULL || memchr(id.p, '\\', id.n) != NULL)
		return false;
	return url.tls || visit->settings->documents_allow_private;
}

static int64_t kept_ms(int64_t fresh_ms)
{
	if (fresh_ms == 0)
		return DOCUMENT_KEPT_MS;
	if (fresh_ms < DOCUMENT_KEPT_MS_MIN)
		return DOCUMENT_KEPT_MS_MIN;
	return fresh_ms < DOCUMENT_KEPT_MS_MAX ? fresh_ms : DOCUMENT_KEPT_MS_MAX;
}

static enum err read_document(struct visit *visit, struct str id, const struct fetched *fetched,
			      struct oauth_client *ret_client)
{
	yyjson_val *root;

	if (fetched->status != 200 || json_read(visit->arena, fetched->body, &root) != OK) {
		visit->problem = STR("the client_id leads to no JSON document");
		return ERR_OAUTH_CLIENT;
	}
	if (!str_eq(json_str(json_get(root, "client_id")), id) || json_get(root, "client_secret") != NULL) {
		visit->problem = STR("the document at the client_id is not that client's: its client_id differs");
		return ERR_OAUTH_CLIENT;
	}
	if (client_metadata_read(visit, root, true, ret_client) != OK)
		return ERR_OAUTH_CLIENT;
	return OK;
}

AWAITS enum err document_fetch(struct oauth *oauth, struct visit *visit, struct str id, struct oauth_client *ret_client)
{
	const struct fetch fetch = {.url = id,
				    .headers = STR("Accept: application/json\r\n"),
				    .bytes_max = DOCUMENT_BYTES_MAX,
				    .timeout_ms = DOCUMENT_TIMEOUT_MS,
				    .allow_private = visit->settings->documents_allow_private};
	struct oauth_client client;
	struct fetched fetched;
	enum err err;

	TRY(oauth_take(oauth, visit, 'd', &document_rate));
	err = http_fetch(visit->arena, &fetch, &fetched);
	if (err != OK) {
		/* The page says the same for every reason: it must not tell what answers inside. */
		log_info("oauth.document_unread", LOG_STR("client", id), LOG_ERR(err));
		visit->problem = STR("the document at the client_id cannot be fetched");
		return err == ERR_CANCELED || err == ERR_TIMEOUT ? err : ERR_OAUTH_CLIENT;
	}
	TRY(read_document(visit, id, &fetched, &client));
	client.id = id;
	client.kind = STR("document");
	client.tenant_id = client.user_id = STR("");
	client.created_ms = clock_wall_ms();
	client.expires_ms = client.created_ms + kept_ms(fetched.fresh_ms);
	TRY(oauth_client_put_document(oauth->spec.db, &client));
	return oauth_client_get(oauth->spec.db, visit->arena, id, ret_client);
}
