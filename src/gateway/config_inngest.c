/* `inngest`: the scheduler that drives the gateway's background work instead of its own jobs. Its keys sign calls that
 * run things here, so they are references to secrets, never written out in the file. */
#include "gateway/config.h"
#include "gateway/config_parts.h"
#include "gateway/config_tables.h"
#include "http/client.h"
#include "inngest/inngest.h"

#define AT(member) offsetof(struct config_inngest, member)

static const struct conf_field inngest_fields[] = {
	{"signing_key", CONF_STR, AT(signing_key),
	 .doc = "What Inngest signs its calls with: a reference to a secret. Without it nothing is served at "
		"/api/inngest.",
	 .example = "${secret:INNGEST_SIGNING_KEY}"},
	{"signing_key_fallback", CONF_STR, AT(signing_key_fallback),
	 .doc = "A second one that holds while keys are changed.", .example = "${secret:INNGEST_SIGNING_KEY_FALLBACK}"},
	{"event_key", CONF_STR, AT(event_key), .doc = "What events are sent to Inngest with: a reference to a secret.",
	 .example = "${secret:INNGEST_EVENT_KEY}"},
	{"serve_origin", CONF_STR, AT(serve_origin), .doc = "Where Inngest finds this gateway; else `public_url`.",
	 .example = "https://gatehouse.example"},
	{"api_url", CONF_STR, AT(api_url), .fallback = INNGEST_API_URL,
	 .doc = "Where functions are registered. Of a server of your own: its address."},
	{"event_url", CONF_STR, AT(event_url), .fallback = INNGEST_EVENT_URL, .doc = "Where events are sent."},
	{"app_id", CONF_STR, AT(app_id), .fallback = "gatehouse", .doc = "What this gateway is called there."},
};
const struct conf_table config_inngest_table = {"inngest", inngest_fields, ARRAY_LEN(inngest_fields)};

static enum err complain(struct conf_reading *reading, const struct conf_node *node, const char *what)
{
	conf_problem(&reading->problems, node, "inngest: %s", what);
	return ERR_CONFIG;
}

static bool is_reference(const struct conf_node *node)
{
	return node->kind == CONF_SCALAR && str_starts(node->text, STR("${")) && str_ends(node->text, STR("}"));
}

/* Keys are secrets of the right kind, where they are given. */
static enum err check_keys(struct conf_reading *reading, const struct conf_node *node,
			   const struct config_inngest *made)
{
	static const char *const keys[] = {"signing_key", "signing_key_fallback", "event_key"};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const struct conf_node *value = conf_get(node, keys[i]);

		if (value != NULL && !is_reference(value))
			return complain(reading, value, "keys are references, such as ${secret:INNGEST_SIGNING_KEY}");
	}
	if (!inngest_key_is_good(made->signing_key))
		return complain(reading, node,
				"needs a `signing_key`: signkey-ENV- and an even number of hexadecimal digits");
	if (made->signing_key_fallback.n > 0 && !inngest_key_is_good(made->signing_key_fallback))
		return complain(reading, node, "`signing_key_fallback` is no signing key");
	if (made->event_key.n == 0 || !str_is_printable(made->event_key))
		return complain(reading, node, "needs an `event_key`");
	return OK;
}

static bool is_origin(struct str text)
{
	struct url url;

	return url_parse(text, &url) == OK && str_eq(url.path, STR("/")) && !str_ends(text, STR("/"));
}

static enum err check_places(struct conf_reading *reading, const struct conf_node *node,
			     const struct config_inngest *made)
{
	if (made->serve_origin.n > 0 && !is_origin(made->serve_origin))
		return complain(reading, node, "`serve_origin` must be an origin such as https://gatehouse.example");
	if (!is_origin(made->api_url) || !is_origin(made->event_url))
		return complain(reading, node, "`api_url` and `event_url` must be origins such as " INNGEST_API_URL);
	if (!config_name_fits_path(made->app_id))
		return complain(reading, node, "`app_id` has 1 to 32 of a-z 0-9 -");
	return OK;
}

enum err config_read_inngest(struct conf_reading *reading, const struct conf_node *node, void *object)
{
	struct config_inngest made = {0};
	size_t before = reading->problems.count;

	if (node->kind != CONF_MAP)
		return complain(reading, node, "must be a map");
	conf_defaults(reading, &config_inngest_table, &made);
	conf_read(reading, &config_inngest_table, node, &made);
	if (reading->problems.count != before)
		return ERR_CONFIG;
	TRY(check_keys(reading, node, &made));
	TRY(check_places(reading, node, &made));
	/* Who names another address than Inngest's own knows where it is. */
	made.allow_private =
		!str_eq(made.api_url, STR(INNGEST_API_URL)) || !str_eq(made.event_url, STR(INNGEST_EVENT_URL));
	((struct config *)object)->inngest = made;
	return OK;
}
