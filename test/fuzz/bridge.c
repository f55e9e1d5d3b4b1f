/* A registration request, and answers of Graph: what is granted is allowed, ids are ids, the next page is Graph's own.
 * The first byte says which. */
#include "base/check.h"
#include "bridge/graph_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const struct str hosts[] = {{"claude.ai", 9}};
static const struct bridge_scope scopes[] = {{{"openid", 6}, {"g", 1}, {"p", 1}}, {{"tools", 5}, {"", 0}, {"", 0}}};
static const struct bridge_settings settings = {
	.redirect_hosts = hosts, .redirect_host_count = 1, .loopback = true, .scopes = scopes, .scope_count = 2};

static void check_object(struct arena *arena, struct str json)
{
	yyjson_val *root;

	CHECK(json_read(arena, json, &root) == OK && yyjson_is_obj(root));
}

static void try_request(struct arena *arena, struct str text)
{
	AUTO_BUF problem = {0}, kept = {0}, application = {0};
	struct bridge_request request, again;

	if (bridge_request_read(arena, &settings, text, &problem, &request) != OK) {
		CHECK(problem.n > 0);
		return;
	}
	CHECK(request.scopes != 0 && request.client_name.n <= BRIDGE_CLIENT_NAME_BYTES_MAX);
	CHECK(memchr(request.redirect_uris.p, '#', request.redirect_uris.n) == NULL);
	buf_put_byte(&kept, '{');
	bridge_request_put(&request, &kept);
	buf_put_byte(&kept, '}');
	check_object(arena, buf_str(&kept));
	CHECK(bridge_request_kept(arena, buf_str(&kept), &again) == OK && again.auth == request.auth);
	CHECK(str_eq(again.redirect_uris, request.redirect_uris));
	graph_application_put(&request, &settings, STR("tag"), &application);
	check_object(arena, buf_str(&application));
}

static void check_id(struct str id)
{
	CHECK(id.n > 0 && id.n <= GRAPH_ID_BYTES_MAX && str_is_printable(id) && memchr(id.p, '/', id.n) == NULL &&
	      memchr(id.p, '\'', id.n) == NULL);
}

static void try_answers(struct arena *arena, struct str text)
{
	struct graph_application application, *items;
	struct graph_password password;
	struct graph_error error;
	struct str *ids, next;
	struct url url;
	size_t count;

	if (graph_application_read(arena, text, &application) == OK)
		check_id(application.object_id);
	if (graph_page_read(arena, text, STR("https://graph.microsoft.com"), &items, &count, &next) == OK) {
		CHECK(next.p == NULL ||
		      (url_parse(next, &url) == OK && str_eq_nocase(url.host, STR("graph.microsoft.com"))));
		for (size_t i = 0; i < count; i++)
			check_id(items[i].client_id);
	}
	if (graph_password_read(arena, text, &password) == OK)
		CHECK(str_is_printable(password.secret) && password.secret.n <= GRAPH_SECRET_BYTES_MAX);
	if (graph_passwords_read(arena, text, STR("gatehouse"), &ids, &count) == OK)
		for (size_t i = 0; i < count; i++)
			check_id(ids[i]);
	error = graph_error_read(arena, text);
	CHECK(str_is_printable(error.code) && str_is_printable(error.message));
	for (int status = 400; status < 504; status++)
		(void)graph_refusal_of(status, &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	AUTO(arena) *arena = arena_new(64 << 20);
	struct str text = {(const char *)bytes + 1, n - 1};

	if (n == 0)
		return 0;
	if (bytes[0] == 'r')
		try_request(arena, text);
	else
		try_answers(arena, text);
	return 0;
}
