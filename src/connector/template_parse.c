/* The inside of a hole: paths and literals, filters, alternatives.
 *
 *     hole    = operand { "??" operand }
 *     operand = ( path | literal ) { "|" filter [ ":" ( number | literal | path ) ] }
 *     path    = root { "." name | "['" name "']" | "[" number "]" | "[" path "]" }
 *
 * What a path may name is known from where it stands, so that a wrong name is found when the file is loaded. */
#include "connector/template_private.h"

#include <stdio.h>

#define PATH_DEPTH_MAX 3

struct parsing {
	const struct naming *naming;
	const struct conf_node *at;
	struct str all, rest;
	unsigned depth; /* paths in the brackets of paths */
	bool failed;
};

static const char *const root_names[SCOPE_ROOTS] = {
	[ROOT_ARGS] = "args",	  [ROOT_SET] = "set",	    [ROOT_ACCT] = "acct",     [ROOT_CAP] = "cap",
	[ROOT_BODY] = "body",	  [ROOT_HEADER] = "header", [ROOT_STATUS] = "status", [ROOT_PART] = "part",
	[ROOT_CURSOR] = "cursor", [ROOT_SECRET] = "secret", [ROOT_IDEM] = "idem",     [ROOT_NOW] = "now",
};

static void wrong(struct parsing *parsing, const char *what, struct str name)
{
	if (!parsing->failed)
		conf_problem(parsing->naming->problems, parsing->at, "{{%.*s}}: %s%s%.*s%s", STR_ARG(parsing->all),
			     what, name.n > 0 ? " `" : "", STR_ARG(name), name.n > 0 ? "`" : "");
	parsing->failed = true;
}

static void skip_space(struct parsing *parsing)
{
	while (parsing->rest.n > 0 && strchr(" \t\n", parsing->rest.p[0]) != NULL && parsing->rest.p[0] != '\0')
		parsing->rest = str_skip(parsing->rest, 1);
}

static bool take(struct parsing *parsing, struct str word)
{
	if (!str_starts(parsing->rest, word))
		return false;
	parsing->rest = str_skip(parsing->rest, word.n);
	return true;
}

static bool is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
	       c == '$' || c == '@';
}

static struct str take_name(struct parsing *parsing)
{
	struct str name = {parsing->rest.p, 0};

	while (name.n < parsing->rest.n && is_name_byte(name.p[name.n]))
		name.n++;
	parsing->rest = str_skip(parsing->rest, name.n);
	return name;
}

/* How many bytes a text has until its closing quote; two quotes are one inside it. */
static size_t quoted_bytes(struct str rest)
{
	for (size_t i = 0; i < rest.n; i++) {
		if (rest.p[i] != '\'')
			continue;
		if (i + 1 == rest.n || rest.p[i + 1] != '\'')
			return i;
		i++;
	}
	return rest.n;
}

/* 'text', in which '' is one quote. The first quote is taken already. */
static struct str take_quoted(struct parsing *parsing)
{
	size_t bytes = quoted_bytes(parsing->rest), n = 0;
	char *text = arena_alloc(parsing->naming->arena, bytes + 1);

	for (size_t i = 0; i < bytes; i++) {
		text[n++] = parsing->rest.p[i];
		i += parsing->rest.p[i] == '\'';
	}
	text[n] = '\0';
	if (bytes == parsing->rest.n)
		wrong(parsing, "a text without its closing quote", STR_NONE);
	parsing->rest = str_skip(parsing->rest, bytes + 1);
	return (struct str){text, n};
}

static bool at_number(const struct parsing *parsing)
{
	struct str rest = parsing->rest;

	if (rest.n > 1 && rest.p[0] == '-')
		rest = str_skip(rest, 1);
	return rest.n > 0 && rest.p[0] >= '0' && rest.p[0] <= '9';
}

static struct str take_number(struct parsing *parsing)
{
	struct str number = {parsing->rest.p, parsing->rest.p[0] == '-'};

	while (number.n < parsing->rest.n && ((number.p[number.n] >= '0' && number.p[number.n] <= '9') ||
					      (number.p[number.n] == '.' && number.n + 1 < parsing->rest.n)))
		number.n++;
	parsing->rest = str_skip(parsing->rest, number.n);
	return number;
}

/* ---- names that are known ---- */

static bool listed(const struct name_list *list, struct str name)
{
	for (size_t i = 0; list != NULL && i < list->count; i++)
		if (str_eq(list->names[i], name))
			return true;
	return false;
}

static bool is_one_of(struct str name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(name, str_of(names[i])))
			return true;
	return false;
}

/* A path into the arguments has to be one that their schemas know. */
static void check_argument(struct parsing *parsing, const struct path *path)
{
	static const char *const of_media[] = {"size", "mime", "name", "sha256", "url", "plan"};
	const struct conf_node *schema = NULL;

	for (size_t i = 0; i < path->part_count; i++) {
		const struct path_part *part = &path->parts[i];

		if (i > 0 && schema == NULL)
			return; /* the schema leaves it open */
		if (i > 0 && part->name.p == NULL) {
			schema = conf_get(schema, "items");
			continue;
		}
		if (i > 0 && conf_get(schema, "$media") != NULL) {
			if (!is_one_of(part->name, of_media, ARRAY_LEN(of_media)))
				wrong(parsing, "a file has size, mime, name, sha256, url and plan, not", part->name);
			return;
		}
		if (part->name.p == NULL) {
			wrong(parsing, "`args` is an object, not a list", STR_NONE);
			return;
		}
		schema = i == 0 ? parsing->naming->arguments : conf_get(schema, "properties");
		if (i > 0 && schema == NULL)
			return;
		schema = conf_get(schema, arena_str(parsing->naming->arena, part->name).p);
		if (schema == NULL)
			wrong(parsing, "the arguments have no", part->name);
	}
}

static void check_first(struct parsing *parsing, const struct path *path, const char *const *names, size_t count)
{
	if (path->part_count > 0 && path->parts[0].name.p != NULL && !is_one_of(path->parts[0].name, names, count))
		wrong(parsing, "there is no", path->parts[0].name);
}

/* What needs a name behind it, and whether that is one. */
static void check_parts(struct parsing *parsing, const struct path *path)
{
	static const char *const of_account[] = {"id", "name"};
	static const char *const of_part[] = {"first", "last", "size", "total", "number", "count", "is_last"};
	const struct naming *naming = parsing->naming;
	struct str first = path->part_count > 0 ? path->parts[0].name : STR_NONE;
	bool needs_name = path->root == ROOT_SET || path->root == ROOT_ACCT || path->root == ROOT_CAP ||
			  path->root == ROOT_HEADER;

	if (needs_name && first.p == NULL)
		wrong(parsing, "a name is missing behind it", STR_NONE);
	else if (path->root == ROOT_ARGS)
		check_argument(parsing, path);
	else if (path->root == ROOT_SET && naming->settings != NULL && !listed(naming->settings, first))
		wrong(parsing, "there is no setting", first);
	else if (path->root == ROOT_CAP && !listed(naming->captures, first))
		wrong(parsing, "no earlier step captures", first);
	else if (path->root == ROOT_ACCT)
		check_first(parsing, path, of_account, ARRAY_LEN(of_account));
	else if (path->root == ROOT_PART)
		check_first(parsing, path, of_part, ARRAY_LEN(of_part));
	if (path->root == ROOT_HEADER && first.p != NULL)
		for (size_t i = 0; i < first.n; i++)
			if (first.p[i] >= 'A' && first.p[i] <= 'Z')
				wrong(parsing, "headers are named in lower case", first);
}

static void check_place(struct parsing *parsing, enum scope_root root)
{
	unsigned place = parsing->naming->place;

	if (root == ROOT_SECRET && (place & PLACE_REQUEST) == 0)
		wrong(parsing, "only URLs, headers and bodies may hold the secret", STR_NONE);
	if ((root == ROOT_BODY || root == ROOT_HEADER || root == ROOT_STATUS) && (place & PLACE_ANSWER) == 0)
		wrong(parsing, "there is no answer yet", STR_NONE);
	if (root == ROOT_PART && (place & PLACE_PART) == 0)
		wrong(parsing, "only a step with `chunks` has parts", STR_NONE);
}

/* ---- paths ---- */

static enum scope_root root_of(struct parsing *parsing, struct str name)
{
	const struct element_name *element = parsing->naming->element;

	for (; element != NULL; element = element->outer)
		if (str_eq(element->name, name))
			return ROOT_NAMED;
	if (parsing->naming->element != NULL && str_eq(name, STR("index")))
		return ROOT_NAMED;
	for (int root = 0; root < SCOPE_ROOTS; root++)
		if (root_names[root] != NULL && str_eq(name, str_of(root_names[root])))
			return (enum scope_root)root;
	wrong(parsing, name.n == 0 ? "a path or a literal is missing" : "nothing here is called", name);
	return ROOT_ARGS;
}

static void take_path(struct parsing *parsing, struct path *ret_path);

/* [index] picks the element of one list that stands beside that of another. */
static const struct path *take_inner(struct parsing *parsing)
{
	struct path *path = ARENA_NEW(parsing->naming->arena, struct path);

	if (++parsing->depth > PATH_DEPTH_MAX)
		wrong(parsing, "paths inside paths inside paths", STR_NONE);
	else
		take_path(parsing, path);
	parsing->depth--;
	return path;
}

static bool take_index(struct parsing *parsing, struct path_part *ret_part)
{
	if (take(parsing, STR("'"))) {
		*ret_part = (struct path_part){.name = take_quoted(parsing)};
	} else if (at_number(parsing)) {
		*ret_part = (struct path_part){.name = STR_NONE};
		if (str_to_i64(take_number(parsing), &ret_part->index) != OK || ret_part->index < -1)
			wrong(parsing, "an element's number is 0 or more, or -1 for the last", STR_NONE);
	} else {
		*ret_part = (struct path_part){.name = STR_NONE, .by = take_inner(parsing)};
	}
	if (!parsing->failed && !take(parsing, STR("]")))
		wrong(parsing, "a ] is missing", STR_NONE);
	return !parsing->failed;
}

static void take_path(struct parsing *parsing, struct path *ret_path)
{
	struct path_part parts[PATH_PARTS_MAX];
	struct str name = take_name(parsing);
	size_t count = 0;

	*ret_path = (struct path){.root = root_of(parsing, name)};
	if (ret_path->root == ROOT_NAMED)
		ret_path->name = arena_str(parsing->naming->arena, name);
	while (!parsing->failed && parsing->rest.n > 0) {
		if (count == PATH_PARTS_MAX)
			wrong(parsing, "the path is too long", STR_NONE);
		else if (take(parsing, STR("[")))
			count += take_index(parsing, &parts[count]);
		else if (take(parsing, STR("."))) {
			parts[count] =
				(struct path_part){.name = arena_str(parsing->naming->arena, take_name(parsing))};
			if (parts[count++].name.n == 0)
				wrong(parsing, "a name is missing behind the dot", STR_NONE);
		} else
			break;
	}
	ret_path->parts = arena_alloc(parsing->naming->arena, (count + 1) * sizeof(*parts));
	memcpy(ret_path->parts, parts, count * sizeof(*parts));
	ret_path->part_count = count;
	if (parsing->failed)
		return;
	check_place(parsing, ret_path->root);
	check_parts(parsing, ret_path);
}

/* ---- filters, operands ---- */

static struct filter_argument take_argument(struct parsing *parsing, const struct filter *filter)
{
	struct filter_argument argument = {0};

	if (filter->wants == FILTER_TEXT) {
		if (take(parsing, STR("'")))
			argument.text = take_quoted(parsing);
		else
			wrong(parsing, "a 'text' is wanted behind", str_of(filter->name));
	} else if (filter->wants == FILTER_NUMBER && at_number(parsing)) {
		if (str_to_i64(take_number(parsing), &argument.number) != OK)
			wrong(parsing, "a whole number is wanted behind", str_of(filter->name));
	} else {
		struct path *path = ARENA_NEW(parsing->naming->arena, struct path);

		take_path(parsing, path);
		argument.path = path;
	}
	return argument;
}

static struct filter_use take_filter(struct parsing *parsing)
{
	struct str name;
	const struct filter *filter;

	skip_space(parsing);
	name = take_name(parsing);
	filter = filter_named(name);
	if (filter == NULL) {
		wrong(parsing, "there is no filter", name);
		return (struct filter_use){0};
	}
	if (take(parsing, STR(":"))) {
		if (filter->wants == FILTER_BARE)
			wrong(parsing, "nothing may stand behind the filter", name);
		return (struct filter_use){filter, take_argument(parsing, filter)};
	}
	if (filter->wants != FILTER_BARE)
		wrong(parsing, "something is missing behind the filter", name);
	return (struct filter_use){filter, {.text = STR_NONE}};
}

static struct value number_literal(struct parsing *parsing)
{
	struct str digits = arena_str(parsing->naming->arena, take_number(parsing));
	const struct conf_node node = {.kind = CONF_SCALAR, .plain = true, .text = digits};
	bool is_null;
	struct value value = scalar_value(parsing->naming->arena, &node, &is_null);

	if (value.kind != VALUE_JSON)
		wrong(parsing, "not a number:", digits);
	return value;
}

static struct operand take_operand(struct parsing *parsing)
{
	struct filter_use filters[FILTERS_MAX];
	struct operand operand = {.literal = true};

	skip_space(parsing);
	if (take(parsing, STR("'")))
		operand.value = value_of_text(take_quoted(parsing));
	else if (at_number(parsing))
		operand.value = number_literal(parsing);
	else if (take(parsing, STR("true")))
		operand.value = scope_bool(true);
	else if (take(parsing, STR("false")))
		operand.value = scope_bool(false);
	else {
		operand.literal = false;
		take_path(parsing, &operand.path);
	}
	for (skip_space(parsing); !parsing->failed && take(parsing, STR("|")); skip_space(parsing)) {
		if (operand.filter_count == FILTERS_MAX)
			wrong(parsing, "too many filters", STR_NONE);
		else
			filters[operand.filter_count++] = take_filter(parsing);
	}
	operand.filters = arena_alloc(parsing->naming->arena, (operand.filter_count + 1) * sizeof(*filters));
	memcpy(operand.filters, filters, operand.filter_count * sizeof(*filters));
	return operand;
}

struct hole *hole_parse(const struct naming *naming, const struct conf_node *at, struct str text)
{
	struct parsing parsing = {.naming = naming, .at = at, .all = text, .rest = text};
	struct operand operands[OPERANDS_MAX];
	struct hole *hole = ARENA_NEW(naming->arena, struct hole);

	do {
		if (hole->operand_count == OPERANDS_MAX)
			wrong(&parsing, "too many alternatives", STR_NONE);
		else
			operands[hole->operand_count++] = take_operand(&parsing);
	} while (!parsing.failed && take(&parsing, STR("??")));
	if (!parsing.failed && parsing.rest.n > 0)
		wrong(&parsing, "cannot be read from here:", parsing.rest);
	if (parsing.failed)
		return NULL;
	hole->operands = arena_alloc(naming->arena, hole->operand_count * sizeof(*operands));
	memcpy(hole->operands, operands, hole->operand_count * sizeof(*operands));
	return hole;
}
