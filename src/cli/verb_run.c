/* Running a verb: its command line becomes a call to the management API, in this process and as the operator, with the
 * same checks, audit rows and answers as over HTTP. It works beside a running gateway, which hears of changes by the
 * database. */
#include "cli/verb.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/installation.h"
#include "gateway/config_stored.h"
#include "http/form.h"
#include "authclient/redirect.h"
#include "portal/portal.h"

struct asking {
	const struct verb *verb;
	struct installation *installation;
	struct portal *portal;
	struct caller caller;
	char request_id[ID_LEN + 1];
	struct str path; /* of the list or the object */
	struct api_call call;
};

/* "/tenants/acme/roles/clerk/rotate" */
AWAITS static enum err find_path(struct asking *asking)
{
	const struct options *options = &asking->installation->invocation->options;
	const struct verb *verb = asking->verb;
	struct str tenant = options_get(options, "tenant");
	AUTO_BUF path = {0};

	if (!verb->resource->top && tenant.p == NULL && !verb->whole)
		return installation_fail(asking->installation, ERR_USAGE, "--tenant is missing");
	if (tenant.p != NULL)
		buf_put_fmt(&path, "/tenants/%.*s", STR_ARG(tenant));
	buf_put_fmt(&path, "/%s", verb->resource->path);
	if (options->operand_count > 0)
		buf_put_fmt(&path, "/%.*s", STR_ARG(options->operands[0]));
	if (verb->action != NULL)
		buf_put_fmt(&path, "/%s", verb->action->name);
	if (verb->kind == VERB_EXPORT)
		buf_put(&path, STR("/export"));
	asking->path = arena_str(asking->installation->arena, buf_str(&path));
	return OK;
}

/* What went wrong, in the API's own words. */
static enum err fail_with_problem(struct asking *asking)
{
	const struct api_call *call = &asking->call;
	enum err err = call->status == 400 || call->status == 422 ? ERR_USAGE : ERR_NOT_FOUND;
	struct str detail, pointer;
	yyjson_val *root;

	if (json_read(asking->installation->arena, call->answer, &root) != OK)
		return installation_fail(asking->installation, ERR_INTERNAL, "status %d", call->status);
	detail = json_str(json_get(root, "detail"));
	pointer = json_str(json_get(root, "pointer"));
	if (detail.p == NULL)
		detail = json_str(json_get(root, "title"));
	return installation_fail(asking->installation, err, "%.*s%s%.*s", STR_ARG(pointer), pointer.n > 0 ? ": " : "",
				 STR_ARG(detail));
}

AWAITS static enum err ask(struct asking *asking, const char *method, struct str query, struct str body,
			   struct str if_match)
{
	asking->call = (struct api_call){
		.arena = asking->installation->arena,
		.caller = &asking->caller,
		.ip = STR(""),
		.request_id = str_of(asking->request_id),
		.method = str_of(method),
		.path = asking->path,
		.query = query,
		.body = body,
		.if_match = if_match,
		.settings = &asking->installation->config->identity,
		.now_ms = clock_wall_ms(),
	};
	TRY(portal_run(asking->portal, &asking->call));
	return asking->call.status < 400 ? OK : fail_with_problem(asking);
}

static void print_json(struct str json)
{
	AUTO_BUF out = {0};

	buf_put(&out, json);
	buf_put(&out, str_ends(json, STR("\n")) ? STR("") : STR("\n"));
	command_print(&out);
}

/* The object of the last answer. */
static enum err print_object(struct asking *asking)
{
	AUTO_BUF out = {0};
	yyjson_val *root;

	if (asking->call.status == 204) {
		fprintf(stderr, "done\n");
		return OK;
	}
	if (asking->installation->invocation->json ||
	    (asking->verb->action != NULL && asking->verb->action->read != NULL)) {
		print_json(asking->call.answer);
		return OK;
	}
	TRY(json_read(asking->installation->arena, asking->call.answer, &root));
	verb_print_object(&out, asking->verb->resource, root);
	command_print(&out);
	return OK;
}

/* What must not stand on a command line, where others of the machine could read it. */
static enum err put_secret(struct asking *asking, const struct field *field, struct buf *out)
{
	AUTO_BUF text = {0};
	size_t n;

	if (isatty(STDIN_FILENO))
		fprintf(stderr, "The %s, then Ctrl-D: ", field->name);
	buf_reserve(&text, (size_t)field->max + 1);
	n = fread(text.p, 1, (size_t)field->max + 1, stdin);
	while (n > 0 && (text.p[n - 1] == '\n' || text.p[n - 1] == '\r'))
		n--;
	buf_reserve(out, 6 * n + 64); /* so that it is not copied about */
	buf_put_fmt(out, "%s\"%s\":", out->n > 1 ? "," : "", field->name);
	buf_put_json(out, (struct str){text.p, n});
	crypto_wipe(text.p, text.cap);
	return n > 0 ? OK : installation_fail(asking->installation, ERR_USAGE, "nothing came on standard input");
}

/* The options that stand for fields, as a body. */
static enum err put_body(struct asking *asking, struct buf *out)
{
	const struct options *options = &asking->installation->invocation->options;
	size_t count;
	const struct field *fields = verb_fields(asking->verb, &count);

	buf_put_byte(out, '{');
	for (size_t i = 0; i < count; i++)
		if (fields[i].traits & FIELD_SECRET)
			TRY(put_secret(asking, &fields[i], out));
	for (size_t i = 0; i < options->given_count; i++) {
		for (size_t k = 0; k < count; k++) {
			AUTO_BUF name = {0};

			buf_put(&name, str_of(fields[k].name));
			for (size_t c = 0; c < name.n; c++)
				name.p[c] = (char)(name.p[c] == '_' ? '-' : name.p[c]);
			if (!str_eq(buf_str(&name), str_of(options->given[i].option->name)))
				continue;
			buf_put_fmt(out, "%s\"%s\":", out->n > 1 ? "," : "", fields[k].name);
			TRY(verb_value(&fields[k], options->given[i].value, out, &asking->installation->problem));
		}
	}
	buf_put_byte(out, '}');
	return OK;
}

/* Filters and format, as a query. */
static void put_query(struct asking *asking, struct buf *out)
{
	const struct options *options = &asking->installation->invocation->options;
	const struct resource *resource = asking->verb->resource;

	for (size_t i = 0; i < resource->filter_count; i++) {
		AUTO_BUF name = {0};
		struct str value;

		buf_put(&name, str_of(resource->filters[i].name));
		for (size_t c = 0; c < name.n; c++)
			name.p[c] = (char)(name.p[c] == '_' ? '-' : name.p[c]);
		buf_put_byte(&name, '\0');
		value = options_get(options, name.p);
		if (value.p != NULL)
			form_put(out, str_of(resource->filters[i].name), value);
	}
	if (options_has(options, "format"))
		form_put(out, STR("format"), options_get(options, "format"));
}

/* --- the verbs --- */

#define LIST_MAX 100000 /* objects that one command lists */

struct listing {
	yyjson_val **objects;
	size_t count, limit;
	struct str next; /* cursor; p NULL: there are no more */
};

/* One page more. */
AWAITS static enum err list_page(struct asking *asking, struct str filters, struct listing *listing)
{
	struct arena *arena = asking->installation->arena;
	size_t wanted = listing->limit - listing->count, i, n;
	yyjson_val *root, *item, **objects;
	AUTO_BUF query = {0};

	buf_put(&query, filters);
	buf_put_fmt(&query, "%slimit=%zu", query.n > 0 ? "&" : "", wanted > PAGE_ITEMS_MAX ? PAGE_ITEMS_MAX : wanted);
	if (listing->next.n > 0)
		form_put(&query, STR("cursor"), listing->next);
	TRY(ask(asking, "GET", buf_str(&query), STR_NONE, STR_NONE));
	TRY(json_read(arena, asking->call.answer, &root));
	item = json_get(root, "items");
	objects = arena_try_grow(arena, listing->objects, listing->count * sizeof(*objects),
				 (listing->count + yyjson_arr_size(item)) * sizeof(*objects));
	if (objects == NULL)
		return ERR_LIMIT;
	listing->objects = objects;
	listing->next = json_str(json_get(root, "next"));
	root = item;
	yyjson_arr_foreach(root, i, n, item) listing->objects[listing->count++] = item;
	return OK;
}

AWAITS static enum err run_list(struct asking *asking)
{
	const struct invocation *invocation = asking->installation->invocation;
	struct str limit = options_get(&invocation->options, "limit");
	struct listing listing = {.limit = LIST_MAX, .next = STR("")};
	AUTO_BUF filters = {0}, out = {0};
	uint64_t number;

	if (limit.p != NULL) {
		if (str_to_u64(limit, &number) != OK || number == 0 || number > LIST_MAX)
			return installation_fail(asking->installation, ERR_USAGE, "--limit takes a number from 1 to %d",
						 LIST_MAX);
		listing.limit = (size_t)number;
	}
	put_query(asking, &filters);
	listing.objects = arena_alloc(asking->installation->arena, sizeof(*listing.objects));
	while (listing.next.p != NULL && listing.count < listing.limit)
		TRY(list_page(asking, buf_str(&filters), &listing));
	if (!invocation->json) {
		verb_print_table(&out, asking->verb->resource, listing.objects, listing.count);
		command_print(&out);
		return OK;
	}
	for (size_t i = 0; i < listing.count; i++) {
		buf_put(&out, i > 0 ? STR(",") : STR("["));
		json_write(&out, listing.objects[i]);
	}
	buf_put(&out, listing.count > 0 ? STR("]\n") : STR("[]\n"));
	command_print(&out);
	return OK;
}

/* Every page of an export, as it comes. */
AWAITS static enum err run_export(struct asking *asking)
{
	struct str mark = STR("X-Next-Cursor: "), cursor = STR_NONE;
	AUTO_BUF filters = {0};

	put_query(asking, &filters);
	do {
		AUTO_BUF query = {0};
		const char *found;

		buf_put(&query, buf_str(&filters));
		if (cursor.p != NULL)
			form_put(&query, STR("cursor"), cursor);
		TRY(ask(asking, "GET", buf_str(&query), STR_NONE, STR_NONE));
		fwrite(asking->call.answer.p, 1, asking->call.answer.n, stdout);
		found = memmem(asking->call.headers.p, asking->call.headers.n, mark.p, mark.n);
		cursor = STR_NONE;
		if (found != NULL)
			str_cut(str_skip(asking->call.headers, (size_t)(found - asking->call.headers.p) + mark.n), '\r',
				&cursor, &(struct str){0});
	} while (cursor.p != NULL);
	return OK;
}

/* Read, so that the change is made to what is there. */
AWAITS static enum err run_set(struct asking *asking)
{
	struct str mark = STR("ETag: "), etag, rest;
	const char *found;
	AUTO_BUF body = {0};

	TRY(put_body(asking, &body));
	TRY(ask(asking, "GET", STR_NONE, STR_NONE, STR_NONE));
	found = memmem(asking->call.headers.p, asking->call.headers.n, mark.p, mark.n);
	if (found == NULL)
		return ERR_INTERNAL;
	str_cut(str_skip(asking->call.headers, (size_t)(found - asking->call.headers.p) + mark.n), '\r', &etag, &rest);
	TRY(ask(asking, "PATCH", STR_NONE, buf_str(&body), etag));
	return print_object(asking);
}

AWAITS static enum err run_post(struct asking *asking)
{
	AUTO_BUF body = {0};

	TRY(put_body(asking, &body));
	TRY(ask(asking, "POST", STR_NONE, buf_str(&body), STR_NONE));
	return print_object(asking);
}

AWAITS static enum err run_verb(struct asking *asking)
{
	switch (asking->verb->kind) {
	case VERB_LIST:
		return run_list(asking);
	case VERB_EXPORT:
		return run_export(asking);
	case VERB_SET:
		return run_set(asking);
	case VERB_ACT:
		if (asking->verb->action->read != NULL)
			break;
		return run_post(asking);
	case VERB_CREATE:
		return run_post(asking);
	case VERB_REMOVE:
		TRY(ask(asking, "DELETE", STR_NONE, STR_NONE, STR_NONE));
		return print_object(asking);
	case VERB_SHOW:
		break;
	}
	TRY(ask(asking, "GET", STR_NONE, STR_NONE, STR_NONE));
	return print_object(asking);
}

AWAITS static enum err work(struct installation *installation)
{
	struct asking asking = {
		.verb = installation->invocation->command->verb,
		.installation = installation,
		.caller = {.credential = CREDENTIAL_OPERATOR, .scopes = SCOPE_ALL},
	};
	enum err err;

	snprintf(asking.caller.principal, sizeof(asking.caller.principal), "cli:uid=%u", getuid());
	random_id(asking.request_id);
	TRY(installation_audit_open(installation));
	if (asking.verb->resource->sets && asking.verb->kind == VERB_CREATE)
		TRY(installation_vault(installation));
	asking.portal = portal_new(&(struct portal_spec){.db = installation->db,
							 .audit = installation->audit,
							 .api_key = installation->keys.api_key,
							 .key = installation->keys.portal,
							 .oauth_key = installation->keys.oauth,
							 .person_key = installation->keys.seal,
							 .vault = installation->vault,
							 .check_upstream = config_check_upstream,
							 .check_toolset = config_check_toolset,
							 .check_redirect = redirect_allowed});
	err = find_path(&asking);
	if (err == OK)
		err = run_verb(&asking);
	portal_free(asking.portal);
	return err;
}

int verb_run(const struct invocation *invocation)
{
	return installation_run(invocation, INSTALLATION_USE, work, NULL);
}
