/* The steps of a tool. What a step captures may be named by those behind it, and by its own `until` and `fail`; so the
 * list of names grows on the way. */
#include "connector/compile.h"

static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};

#define CHUNK_BYTES_MAX (256LL * 1024 * 1024) /* parts are read on the way, so only sanity bounds them */
#define WAIT_MS_MAX 3600000
#define RETRIES_MAX 20

/* ---- where a URL may lead ---- */

static bool names_host(const struct connector *connector, struct str host)
{
	for (size_t i = 0; i < connector->host_count; i++) {
		struct str allowed = connector->hosts[i];

		if (str_starts(allowed, STR("*.")) ? host.n > allowed.n - 1 && str_ends(host, str_skip(allowed, 1))
						   : str_eq(host, allowed))
			return true;
	}
	return false;
}

/* An address that the file writes out has to be one of its hosts; one from a setting needs a setting that is a URL. */
static void check_url(struct compiling *compiling, const struct conf_node *node)
{
	struct str text = node->text, host = text;
	const struct connector *connector = compiling->connector;

	if (node->kind != CONF_SCALAR) /* $if: its branches are looked at when the request is made */
		return;
	if (str_starts(text, STR("{{set."))) {
		struct str name = str_skip(text, 6);

		name.n = 0;
		while (name.n < text.n - 6 && strchr("}|[. ?", name.p[name.n]) == NULL)
			name.n++;
		for (size_t i = 0; i < connector->setting_count; i++)
			if (str_eq(connector->settings[i].name, name) && !connector->settings[i].is_url)
				conf_problem(compiling->problems, node,
					     "the setting `%.*s` needs `url: true` to begin a URL", STR_ARG(name));
		return;
	}
	if (str_starts(text, STR("{{")))
		return;
	if (!str_starts(text, STR("https://"))) {
		conf_problem(compiling->problems, node, "a URL begins with https:// or a setting");
		return;
	}
	host = str_skip(text, 8);
	for (host.n = 0; host.p + host.n < text.p + text.n && strchr("/?#:{", host.p[host.n]) == NULL;)
		host.n++;
	if (!names_host(connector, host))
		conf_problem(compiling->problems, node, "`%.*s` is not one of `hosts`", STR_ARG(host));
}

static const struct template *compile_url(struct compiling *compiling, const struct naming *naming,
					  const struct conf_node *map)
{
	const struct conf_node *node = conf_get(map, "url");
	struct naming inside = *naming;

	if (node == NULL) {
		conf_problem(compiling->problems, map, "`url` is missing");
		return NULL;
	}
	check_url(compiling, node);
	inside.place |= PLACE_REQUEST | PLACE_URL;
	return template_compile(&inside, node);
}

/* ---- requests ---- */

static void compile_part(struct compiling *compiling, const struct naming *naming, const struct conf_node *node,
			 struct form_part *part)
{
	static const char *const keys[] = {"name", "value", "file", "filename", NULL};

	*part = (struct form_part){0};
	if (!conf_map(compiling, node, "a part", keys))
		return;
	part->name = conf_template(naming, node, "name");
	part->value = conf_template(naming, node, "value");
	part->file = conf_template(naming, node, "file");
	part->filename = conf_template(naming, node, "filename");
	if (conf_get(node, "name") == NULL)
		conf_problem(compiling->problems, node, "`name` is missing");
	if ((conf_get(node, "value") != NULL) == (conf_get(node, "file") != NULL))
		conf_problem(compiling->problems, node, "a part has either `value` or `file`");
}

static void compile_multipart(struct compiling *compiling, const struct naming *naming, const struct conf_node *list,
			      struct http_step *http)
{
	struct form_part *parts;

	if (!conf_list(compiling, list, "`multipart`"))
		return;
	parts = arena_alloc(compiling->arena, (list->count + 1) * sizeof(*parts));
	for (size_t i = 0; i < list->count; i++) {
		struct element_name it = {naming->element, STR("it")};
		struct naming inside = *naming;

		inside.element = &it; /* of a file that is a list */
		compile_part(compiling, &inside, list->entries[i].value, &parts[i]);
	}
	http->parts = parts;
	http->part_count = list->count;
}

static void compile_body(struct compiling *compiling, const struct naming *naming, const struct conf_node *map,
			 struct http_step *http)
{
	static const struct {
		const char *key;
		enum body_kind kind;
	} kinds[] = {{"json", BODY_JSON}, {"form", BODY_FORM}, {"multipart", BODY_MULTIPART}, {"raw", BODY_RAW}};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct conf_node *node = conf_get(map, kinds[i].key);

		if (node == NULL)
			continue;
		if (http->body_kind != BODY_NONE)
			conf_problem(compiling->problems, node, "a request has one body");
		http->body_kind = kinds[i].kind;
		if (kinds[i].kind == BODY_FORM)
			http->form = conf_templates(naming, map, "form");
		else if (kinds[i].kind == BODY_MULTIPART)
			compile_multipart(compiling, naming, node, http);
		else
			http->body = template_compile(naming, node);
	}
}

static void check_headers(struct compiling *compiling, struct named_templates headers, const struct conf_node *at)
{
	for (size_t i = 0; i < headers.count; i++) {
		struct str name = headers.items[i].name;

		for (size_t k = 0; k < name.n; k++) {
			if (name.p[k] > ' ' && name.p[k] < 0x7F && strchr("()<>@,;:\\\"/[]?={}", name.p[k]) == NULL)
				continue;
			conf_problem(compiling->problems, at, "`%.*s` is no name of a header", STR_ARG(name));
			break;
		}
	}
}

static void compile_http(struct compiling *compiling, const struct naming *naming, const struct conf_node *map,
			 struct step *step)
{
	static const char *const keys[] = {"method",	"url", "query", "headers", "json",   "form",
					   "multipart", "raw", "auth",	"ok",	   "commit", NULL};
	struct http_step *http = &step->http;
	struct naming inside = *naming;
	struct str auth;
	bool known = false;

	if (!conf_map(compiling, map, "`http`", keys))
		return;
	http->method = conf_text(compiling, map, "method", true);
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		known = known || str_eq(http->method, str_of(methods[i]));
	if (!known && http->method.n > 0)
		conf_problem(compiling->problems, conf_get(map, "method"),
			     "the methods are GET, HEAD, POST, PUT, PATCH and DELETE");
	http->url = compile_url(compiling, naming, map);
	inside.place |= PLACE_REQUEST;
	http->query = conf_templates(&inside, map, "query");
	http->headers = conf_templates(&inside, map, "headers");
	check_headers(compiling, http->headers, conf_get(map, "headers"));
	compile_body(compiling, &inside, map, http);
	http->ok = conf_statuses(compiling, map, "ok", &http->ok_count);
	auth = conf_text(compiling, map, "auth", false);
	http->without_auth = str_eq(auth, STR("none"));
	if (auth.p != NULL && !http->without_auth)
		conf_problem(compiling->problems, conf_get(map, "auth"), "`auth` is none, or is left out");
	step->commit = conf_flag(compiling, map, "commit");
}

/* ---- what repeats a step ---- */

static void compile_chunks(struct compiling *compiling, const struct naming *naming, const struct conf_node *map,
			   struct chunks *chunks)
{
	static const char *const keys[] = {"of", "bytes", "plan", "ranges", "first", "last", NULL};
	struct element_name it = {naming->element, STR("it")};
	struct naming inside = *naming;
	struct str plan;

	if (!conf_map(compiling, map, "`chunks`", keys))
		return;
	inside.element = &it;
	chunks->of = conf_template(naming, map, "of");
	chunks->ranges = conf_template(naming, map, "ranges");
	chunks->first = conf_template(&inside, map, "first");
	chunks->last = conf_template(&inside, map, "last");
	plan = conf_text(compiling, map, "plan", false);
	if (conf_get(map, "of") == NULL)
		conf_problem(compiling->problems, map, "`of` is missing: the file");
	if (plan.p != NULL && !str_eq(plan, STR("tiktok")))
		conf_problem(compiling->problems, conf_get(map, "plan"), "the one plan is tiktok");
	if ((conf_get(map, "bytes") != NULL) + (plan.p != NULL) + (conf_get(map, "ranges") != NULL) != 1)
		conf_problem(compiling->problems, map, "one of `bytes`, `plan` and `ranges` says how the file is cut");
	if (conf_get(map, "ranges") != NULL && (conf_get(map, "first") == NULL || conf_get(map, "last") == NULL))
		conf_problem(compiling->problems, map, "`ranges` needs `first` and `last`");
	chunks->plan = plan.p != NULL ? CHUNK_TIKTOK : conf_get(map, "ranges") != NULL ? CHUNK_RANGES : CHUNK_BYTES;
	if (conf_get(map, "bytes") == NULL)
		return;
	chunks->bytes = (size_t)conf_bytes(compiling, conf_get(map, "bytes"));
	if (chunks->bytes > CHUNK_BYTES_MAX)
		conf_problem(compiling->problems, map, "a part has at most 256MB");
}

static void compile_poll(struct compiling *compiling, const struct naming *naming, const struct conf_node *map,
			 struct poll *poll)
{
	static const char *const keys[] = {"every_ms", "every", "factor", "max_ms", "until", "fail", NULL};
	struct naming inside = *naming;

	if (!conf_map(compiling, map, "`poll`", keys))
		return;
	inside.place |= PLACE_ANSWER;
	poll->every_ms = conf_integer(compiling, map, "every_ms", WAIT_MS_MAX);
	poll->every = conf_template(&inside, map, "every");
	poll->max_ms = conf_integer(compiling, map, "max_ms", WAIT_MS_MAX);
	poll->factor = conf_factor(compiling, map, "factor");
	poll->until = conf_condition(&inside, map, "until");
	poll->fail = conf_condition(&inside, map, "fail");
	if (conf_get(map, "until") == NULL || conf_get(map, "max_ms") == NULL ||
	    (conf_get(map, "every_ms") == NULL && conf_get(map, "every") == NULL))
		conf_problem(compiling->problems, map, "`poll` needs `every_ms` (or `every`), `max_ms` and `until`");
}

static void compile_retry(struct compiling *compiling, const struct naming *naming, const struct conf_node *map,
			  struct retry *retry)
{
	static const char *const keys[] = {"if", "every_ms", "factor", "max", NULL};
	struct naming inside = *naming;

	if (!conf_map(compiling, map, "`retry`", keys))
		return;
	inside.place |= PLACE_ANSWER;
	retry->when = conf_condition(&inside, map, "if");
	retry->every_ms = conf_integer(compiling, map, "every_ms", WAIT_MS_MAX);
	retry->factor = conf_factor(compiling, map, "factor");
	retry->max = (unsigned)conf_integer(compiling, map, "max", RETRIES_MAX);
	if (conf_get(map, "if") == NULL || conf_get(map, "every_ms") == NULL || conf_get(map, "max") == NULL)
		conf_problem(compiling->problems, map, "`retry` needs `if`, `every_ms` and `max`");
}

static void compile_memo(struct compiling *compiling, const struct conf_node *node, struct step *step)
{
	step->memo_ms = str_eq(node->text, STR("account")) ? WAIT_MS_MAX : conf_ms(compiling, node);
	if (step->captures.count == 0)
		conf_problem(compiling->problems, node, "a step with `memo` captures something");
	if (step->commit)
		conf_problem(compiling->problems, node, "a step with `commit` is made each time");
}

/* ---- a step ---- */

static bool add_capture(struct compiling *compiling, const struct conf_node *key, struct name_list *captures)
{
	struct str name = key->text;

	for (size_t i = 0; i < captures->count; i++)
		if (str_eq(captures->names[i], name))
			return true;
	if (captures->count == CAPTURES_MAX) {
		conf_problem(compiling->problems, key, "a tool has at most %d captures", CAPTURES_MAX);
		return false;
	}
	captures->names[captures->count++] = arena_str(compiling->arena, name);
	return true;
}

static void compile_captures(struct compiling *compiling, const struct naming *naming, const struct conf_node *node,
			     struct name_list *captures, struct step *step)
{
	const struct conf_node *map = conf_get(node, "capture");
	struct naming inside = *naming;

	inside.place |= PLACE_ANSWER;
	step->captures = conf_templates(&inside, node, "capture");
	for (size_t i = 0; map != NULL && map->kind == CONF_MAP && i < map->count; i++)
		if (!add_capture(compiling, map->entries[i].key, captures))
			return;
}

static void compile_native(struct compiling *compiling, const struct naming *naming, const struct conf_node *node,
			   struct step *step)
{
	step->kind = STEP_NATIVE;
	step->native = conf_text(compiling, node, "native", true);
	step->with = conf_templates(naming, node, "with");
	step->commit = conf_flag(compiling, node, "commit");
	if (conf_get(node, "chunks") != NULL || conf_get(node, "retry") != NULL)
		conf_problem(compiling->problems, node, "`chunks` and `retry` are for requests");
}

static void compile_step(struct compiling *compiling, const struct conf_node *node, const struct naming *naming,
			 struct name_list *captures, struct step *step)
{
	static const char *const keys[] = {"id",   "if",     "http", "native", "with", "commit", "capture",
					   "each", "chunks", "poll", "retry",  "memo", NULL};
	struct element_name it = {naming->element, STR("it")};
	struct naming inside = *naming;

	if (!conf_map(compiling, node, "a step", keys))
		return;
	step->id = conf_text(compiling, node, "id", false);
	step->when = conf_condition(naming, node, "if");
	step->each = conf_template(naming, node, "each");
	if (conf_get(node, "chunks") != NULL) {
		compile_chunks(compiling, naming, conf_get(node, "chunks"), &step->chunks);
		inside.place |= PLACE_PART;
	}
	if (step->each != NULL || conf_get(node, "chunks") != NULL)
		inside.element = &it;
	if ((conf_get(node, "http") != NULL) == (conf_get(node, "native") != NULL)) {
		conf_problem(compiling->problems, node, "a step has either `http` or `native`");
		return;
	}
	if (conf_get(node, "http") != NULL)
		compile_http(compiling, &inside, conf_get(node, "http"), step);
	else
		compile_native(compiling, &inside, node, step);
	if (step->kind == STEP_HTTP && (conf_get(node, "with") != NULL || conf_get(node, "commit") != NULL))
		conf_problem(compiling->problems, node,
			     "`with` and `commit` stand beside `native`; for a request inside `http`");
	compile_captures(compiling, &inside, node, captures, step);
	if (conf_get(node, "poll") != NULL)
		compile_poll(compiling, &inside, conf_get(node, "poll"), &step->poll);
	if (conf_get(node, "retry") != NULL)
		compile_retry(compiling, &inside, conf_get(node, "retry"), &step->retry);
	if (conf_get(node, "memo") != NULL)
		compile_memo(compiling, conf_get(node, "memo"), step);
	if (step->commit && conf_get(node, "poll") != NULL)
		conf_problem(compiling->problems, node, "a step with `commit` is sent once: it cannot poll");
}

void compile_steps(struct compiling *compiling, const struct conf_node *list, struct naming *naming,
		   struct name_list *captures, struct tool *tool)
{
	struct step *steps;

	if (!conf_list(compiling, list, "`steps`"))
		return;
	if (list->count == 0 || list->count > CONNECTOR_STEPS_MAX) {
		conf_problem(compiling->problems, list, "a tool has 1 to %d steps", CONNECTOR_STEPS_MAX);
		return;
	}
	steps = arena_zalloc(compiling->arena, list->count * sizeof(*steps));
	for (size_t i = 0; i < list->count; i++) {
		compile_step(compiling, list->entries[i].value, naming, captures, &steps[i]);
		tool->has_commit = tool->has_commit || steps[i].commit;
		naming->place |= PLACE_ANSWER; /* from now on there is one */
	}
	tool->steps = steps;
	tool->step_count = list->count;
}
