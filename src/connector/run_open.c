/* What comes before a tool's first step: its arguments and settings are read, its rules looked at, its files fetched.
 * An argument that stands for a file becomes an object that says what is known of the file, with its number:
 *
 *     {"url": "https://..."} ─▶ {"$media": 0, "size": 1234, "mime": "image/png", ...} */
#include "base/check.h"
#include "base/clock.h"
#include "connector/chunk.h"
#include "connector/request.h"

static enum err read_object(struct run *run, struct str text, yyjson_val **ret_root)
{
	if (text.n == 0)
		text = STR("{}");
	TRY(json_read(run->arena, text, ret_root));
	return yyjson_is_obj(*ret_root) ? OK : ERR_RPC_PARAMS;
}

/* An object that is written here. */
static enum err set_root(struct run *run, enum scope_root root, struct str text)
{
	yyjson_val *object;

	TRY(read_object(run, text, &object));
	run->scope.root[root] = value_of_json(object);
	return OK;
}

static enum err read_settings(struct run *run)
{
	const struct connector_setup *setup = run->call->setup;
	const struct tool *tool = run->tool;

	TRY(setup->err);
	run->scope.root[ROOT_SET] = value_of_json(setup->values);
	for (size_t i = 0; i < tool->required_setting_count; i++) {
		struct str name = tool->required_settings[i];

		if (json_str(yyjson_obj_getn(setup->values, name.p, name.n)).n == 0)
			return run_fail(run, CLASS_UNSUPPORTED, "the setting `%.*s` is needed for this tool",
					STR_ARG(name));
	}
	if (setup->no_url.p != NULL)
		return run_fail(run, CLASS_INVALID, "the setting `%.*s` is no URL", STR_ARG(setup->no_url));
	return OK;
}

static void put_known(struct buf *out, const char *name, struct str value)
{
	if (value.n == 0)
		return;
	buf_put_fmt(out, "%s\"%s\":", out->n > 1 ? "," : "", name);
	buf_put_json(out, value);
}

static enum err read_account(struct run *run)
{
	static yyjson_val nobody = {.tag = YYJSON_TYPE_OBJ, .uni.ofs = sizeof(nobody)}; /* {} */
	AUTO_BUF text = {0};

	if (run->call->account_id.n == 0 && run->call->account_name.n == 0) {
		run->scope.root[ROOT_ACCT] = value_of_json(&nobody);
		return OK;
	}
	buf_put_byte(&text, '{');
	put_known(&text, "id", run->call->account_id);
	put_known(&text, "name", run->call->account_name);
	buf_put_byte(&text, '}');
	return set_root(run, ROOT_ACCT, buf_str(&text));
}

/* Scopes that the account is known to lack. */
static enum err check_scopes(struct run *run)
{
	const struct tool *tool = run->tool;

	if (run->call->scopes.p == NULL)
		return OK;
	for (size_t i = 0; i < tool->scope_count; i++) {
		struct str rest = run->call->scopes, word;
		bool found = false;

		while (rest.n > 0 && !found) {
			str_cut(rest, ' ', &word, &rest);
			found = str_eq(word, tool->scopes[i]);
		}
		if (!found)
			return run_fail(
				run, CLASS_PERMISSION,
				"the account was connected without the scope `%.*s`; connect it again and agree to it",
				STR_ARG(tool->scopes[i]));
	}
	return OK;
}

static enum err check_rules(struct run *run)
{
	const struct tool *tool = run->tool;
	AUTO_BUF text = {0};

	for (size_t i = 0; i < tool->check_count; i++) {
		if (!template_holds(tool->checks[i].when, &run->scope))
			continue;
		(void)template_text(tool->checks[i].error, &run->scope, &text);
		return run_fail(run, CLASS_INVALID, "%.*s", STR_ARG(buf_str(&text)));
	}
	return run_budget(run);
}

/* ---- files ---- */

void media_describe(struct media *media, size_t number, struct buf *out)
{
	int64_t size = media_size(media), bytes = chunk_tiktok_bytes(size);
	struct buf known = {0};

	buf_put_fmt(&known, "{\"$media\":%zu", number);
	if (size >= 0) {
		buf_put_fmt(&known, ",\"size\":%lld", (long long)size);
		buf_put_fmt(&known, ",\"plan\":{\"tiktok\":{\"bytes\":%lld,\"count\":%lld}}", (long long)bytes,
			    (long long)chunk_tiktok_count(size));
	}
	put_known(&known, "mime", media_mime(media));
	put_known(&known, "name", media_name(media));
	put_known(&known, "sha256", media_sha256(media));
	put_known(&known, "url", media_url(media));
	buf_put_byte(&known, '}');
	buf_put(out, buf_str(&known));
	buf_free(&known);
}

static enum err media_problem(struct run *run, struct str argument, enum err err, struct str problem)
{
	enum failure_class class = CLASS_INVALID;

	switch (err) {
	case ERR_NOT_FOUND:
		class = CLASS_NOT_FOUND;
		break;
	case ERR_LIMIT:
		class = CLASS_TOO_LARGE;
		break;
	case ERR_UPSTREAM_DOWN:
	case ERR_UPSTREAM_TIMEOUT:
	case ERR_UPSTREAM_BUSY:
	case ERR_MEDIA_AWAY:
		class = CLASS_TRANSIENT;
		break;
	case ERR_RPC_PARAMS:
	case ERR_REFUSED_ADDRESS:
	case ERR_CONFIG:
	case ERR_UPSTREAM_GARBAGE:
	case ERR_UPSTREAM_TOO_LARGE:
		break;
	default:
		return err;
	}
	if (problem.n == 0)
		problem = str_of(err_text(err));
	return run_fail(run, class, "the file `%.*s`: %.*s", STR_ARG(argument), STR_ARG(problem));
}

/* Have one file here, and say what it is. */
AWAITS static enum err open_file(struct run *run, const struct media_slot *slot, yyjson_val *given, struct buf *out)
{
	const struct connector_call *call = run->call;
	AUTO_BUF text = {0}, problem = {0};
	struct media_wish wish = {
		.tenant_id = call->tenant_id,
		.principal = call->principal,
		.bytes_max = slot->bytes_max == 0 ? MEDIA_BYTES_MAX : (int64_t)slot->bytes_max,
		.mimes = slot->mimes,
		.mime_count = slot->mime_count,
		.pull = slot->pull,
		.ca_file = call->terms.ca_file.n > 0 ? arena_str(call->arena, call->terms.ca_file).p : NULL,
		.deadline_ms = call->deadline_ms,
	};
	struct media *media;
	enum err err;

	if (run->runner->media == NULL)
		return run_fail(run, CLASS_UNSUPPORTED, "files cannot be given here");
	if (run->media_count >= RUN_MEDIA_MAX)
		return run_fail(run, CLASS_TOO_LARGE, "more than %d files were given", RUN_MEDIA_MAX);
	json_write(&text, given);
	wish.given = buf_str(&text);
	err = media_open(run->runner->media, &wish, &problem, &media);
	if (err != OK)
		return media_problem(run, slot->argument, err, buf_str(&problem));
	run_give(run, media, out);
	return OK;
}

AWAITS static enum err put_files(struct run *run, const struct media_slot *slot, yyjson_val *given, struct buf *out)
{
	if (!slot->many)
		return open_file(run, slot, given, out);
	buf_put_byte(out, '[');
	for (size_t i = 0; i < yyjson_arr_size(given); i++) {
		if (i > 0)
			buf_put_byte(out, ',');
		TRY(open_file(run, slot, yyjson_arr_get(given, i), out));
	}
	buf_put_byte(out, ']');
	return OK;
}

static const struct media_slot *slot_of(const struct tool *tool, struct str argument)
{
	for (size_t i = 0; i < tool->media_count; i++)
		if (str_eq(tool->media[i].argument, argument))
			return &tool->media[i];
	return NULL;
}

/* ---- arguments ---- */

static bool wants_default(const struct run *run, yyjson_val *arguments)
{
	for (size_t i = 0; i < run->tool->defaults.count; i++) {
		struct str name = run->tool->defaults.items[i].name;

		if (yyjson_obj_getn(arguments, name.p, name.n) == NULL)
			return true;
	}
	return false;
}

static void put_defaults(struct run *run, yyjson_val *arguments, struct buf *out)
{
	AUTO_BUF value = {0};

	for (size_t i = 0; i < run->tool->defaults.count; i++) {
		const struct named_template *member = &run->tool->defaults.items[i];

		value.n = 0;
		if (yyjson_obj_getn(arguments, member->name.p, member->name.n) != NULL ||
		    !template_json(member->value, &run->scope, &value))
			continue;
		if (out->n > 1)
			buf_put_byte(out, ',');
		buf_put_json(out, member->name);
		buf_put_byte(out, ':');
		buf_put(out, buf_str(&value));
	}
}

/* The arguments with what was left out, and with their files. */
AWAITS static enum err complete_arguments(struct run *run, yyjson_val *arguments)
{
	AUTO_BUF text = {0};
	size_t at, count;
	yyjson_val *name, *value;

	buf_put_byte(&text, '{');
	yyjson_obj_foreach(arguments, at, count, name, value)
	{
		const struct media_slot *slot = slot_of(run->tool, json_str(name));

		if (text.n > 1)
			buf_put_byte(&text, ',');
		buf_put_json(&text, json_str(name));
		buf_put_byte(&text, ':');
		if (slot != NULL && !yyjson_is_null(value))
			TRY(put_files(run, slot, value, &text));
		else
			json_write(&text, value);
	}
	put_defaults(run, arguments, &text);
	buf_put_byte(&text, '}');
	return set_root(run, ROOT_ARGS, buf_str(&text));
}

/* What makes two calls the same: all arguments but those that only say how the call is made. */
static enum err take_identity(struct run *run, yyjson_val *arguments)
{
	AUTO_BUF text = {0};
	size_t at, count;
	yyjson_val *name, *value;

	if (run->tool->read_only && run->tool->page_next == NULL)
		return OK;
	buf_put_byte(&text, '{');
	yyjson_obj_foreach(arguments, at, count, name, value)
	{
		struct str member = json_str(name);

		if (str_eq(member, STR("cursor")) || str_eq(member, STR("account")) ||
		    str_eq(member, STR("idempotency_key")))
			continue;
		if (text.n > 1)
			buf_put_byte(&text, ',');
		buf_put_json(&text, member);
		buf_put_byte(&text, ':');
		json_write(&text, value);
	}
	buf_put_byte(&text, '}');
	run->arguments = arena_try_str(run->arena, buf_str(&text));
	return run->arguments.p == NULL ? ERR_LIMIT : OK;
}

static enum err take_key(struct run *run, yyjson_val *arguments)
{
	struct str key = json_str(json_get(arguments, "idempotency_key"));

	if (run->tool->read_only || key.n == 0)
		return OK;
	if (key.n > IDEMPOTENCY_KEY_BYTES_MAX || !str_is_printable(key))
		return run_fail(run, CLASS_INVALID, "idempotency_key must have 1 to %d printable characters",
				IDEMPOTENCY_KEY_BYTES_MAX);
	run->scope.root[ROOT_IDEM] = value_of_text(key);
	return OK;
}

static enum err set_now(struct run *run)
{
	yyjson_val *now = ARENA_NEW(run->call->arena, yyjson_val);

	yyjson_set_uint(now, (uint64_t)clock_wall_ms() / 1000);
	run->scope.root[ROOT_NOW] = value_of_json(now);
	return OK;
}

AWAITS enum err run_open(struct run *run)
{
	yyjson_val *arguments;
	struct str cursor;

	TRY(read_object(run, run->call->arguments, &arguments));
	run->scope.root[ROOT_ARGS] = value_of_json(arguments);
	TRY(set_now(run));
	TRY(read_settings(run));
	TRY(read_account(run));
	TRY(check_scopes(run));
	TRY(take_identity(run, arguments));
	TRY(take_key(run, arguments));
	cursor = json_str(json_get(arguments, "cursor"));
	if (run->tool->page_next != NULL && cursor.n > 0)
		TRY(page_open(run, cursor, &run->scope.root[ROOT_CURSOR]));
	TRY(check_rules(run));
	if (run->tool->media_count == 0 && !wants_default(run, arguments))
		return OK;
	TRY(complete_arguments(run, arguments));
	return check_rules(run);
}
